"""No secret is shown anywhere: recognisable ones are put into every secret field, then every page, answer, log line,
export and error is searched for them.

New pages are covered by themselves: their addresses come from the URL resolver (tests/addresses.py).
"""

import io
import logging
from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from audit.models import AuditEvent
from blocks.models import DeployBlock
from projects.models import Profile, Project
from projects.poll import poll
from projects.reading import StageUnreadable
from projects.secrets import Secret, SecretField
from projects.sources import test_profile as ask_profile
from releases.declare import export
from releases.models import ClosedHours, DeployStrategy, Holiday, Release
from tests import worlds
from tests.addresses import addresses
from tests.projects.admin_site import AdminSite
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db
CANARY = "canary7f3a"
# What Fernet's texts begin with: not even an encrypted secret leaves the database.
FERNET = "gAAAAA"

KINDS: dict[str, dict[str, str]] = {
    "github-token": {"secret": f"ghp_{CANARY}0123456789"},
    "github-app": {"app_id": "12", "installation_id": "34"},
    "basic": {"secret": f"{CANARY}-password", "host": "127.0.0.1:1", "user": "me"},
    "aws": {"secret": f"{CANARY}AWS", "region": "us-east-1", "key_id": "AKIA1"},
    "slack-bot": {"secret": f"xoxb-{CANARY}"},
}
WEBHOOK = f"https://hooks.slack.com/services/T0/B0/{CANARY}wxyz"


class Aviary:
    """A small company whose every secret sings."""

    def __init__(self, client: Client, github: GitHubServer) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        self.songs = [CANARY, FERNET, *self.pem.splitlines()[1:-1]]
        self.site = AdminSite(client)
        self.github = github
        github.add_token(KINDS["github-token"]["secret"], login="artsyit")
        repo = github.add_repository("artsy/candela", branches=("main", "staging", "release"))
        repo.commit("main", "Change it", author="ana")
        self.profiles = {kind: self._profile(kind, fields) for kind, fields in KINDS.items()}
        self._projects()

    def _profile(self, kind: str, fields: dict[str, Any]) -> Profile:
        fields = {"secret": self.pem} | fields
        api_url = self.github.api_url if kind.startswith("github") else ""
        secret = Secret.of(fields.pop("secret"))
        return worlds.github_profile(name=kind, kind=kind, api_url=api_url, secret=secret, **fields)

    def _projects(self) -> None:
        remote = self.github.remote("artsy/candela")
        read = worlds.project("candela", remote=remote, profile=self.profiles["github-token"])
        lost = worlds.project("lost", remote="https://127.0.0.1:1/a/b.git", profile=self.profiles["basic"])
        worlds.project("app", remote=remote, profile=self.profiles["github-app"])
        strategy = DeployStrategy.objects.create(
            stage=read.stages.get(name="production"), base="release", head="staging", automatic=True,
            slack_webhook_urls=Secret.of(WEBHOOK),
        )  # fmt: skip
        Release.objects.create(strategy=strategy, state="open", number=1, head_sha=worlds.sha(1), begun_at=worlds.NOW)
        block = DeployBlock.objects.create(
            organization=read.organization, description="QA", created_by="ana", begins_at=worlds.NOW,
            created_at=worlds.NOW, updated_at=worlds.NOW,
        )  # fmt: skip
        block.projects.set([read, lost])
        at_night = {"begins_at": time(22), "ends_at": time(6)}
        same: dict[str, Any] = {"organization": read.organization, "created_at": worlds.NOW, "created_by": "ana"}
        ClosedHours.objects.create(name="nights", weekdays=[0], **at_night, **same)
        Holiday.objects.create(name="fair", first_day=worlds.NOW.date(), last_day=worlds.NOW.date(), **same)

    def hears(self, text: str) -> str | None:
        """What of a secret is in a text."""
        return next((song for song in self.songs if song in text), None)

    def assert_silent(self, text: str, where: str) -> None:
        song = self.hears(text)
        assert song is None, f"{where} shows a secret: …{text[max(0, text.index(song) - 200) :][:300]}…"


@pytest.fixture
def aviary(client: Client, github: GitHubServer) -> Aviary:
    return Aviary(client, github)


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every logger at its loudest, third parties included, without the filter that strikes secrets out."""
    names = ["", "urllib3", "github", "django", "git", "projects", "releases", "boto3"]
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    # It tells at length of each variable that a template looks for in vain.
    logging.getLogger("django.template").setLevel(logging.INFO)
    with caplog.at_level(logging.DEBUG):
        yield
    logging.getLogger("django.template").setLevel(logging.NOTSET)
    for logger, level in before:
        logger.setLevel(level)


FOR_HTMX: tuple[dict[str, str], ...] = ({}, {"HX-Request": "true"})


def _body(answer: Any) -> str:
    content = answer.getvalue() if answer.streaming else answer.content
    return f"{dict(answer.headers)}\n{content.decode(errors='replace')}"


def _polled(aviary: Aviary) -> None:
    now = aviary.github.now()
    poll([project.pk for project in Project.objects.all()], clock=lambda: now, until=now + timedelta(minutes=1))


# --- the tests --------------------------------------------------------------------------------------------------


def test_every_secret_field_holds_a_canary(aviary: Aviary) -> None:
    """A new SecretField must get its own before the other tests mean anything."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, SecretField):
                found = [secret for secret in model._default_manager.values_list(field.name, flat=True) if secret]
                assert any(aviary.hears(secret.reveal()) for secret in found), f"{model.__name__}.{field.name}"


@pytest.mark.parametrize("who", ["an administrator", "nobody"])
def test_no_page_or_answer_shows_one(aviary: Aviary, who: str, caplog: pytest.LogCaptureFixture) -> None:
    client = aviary.site.client if who == "an administrator" else Client()
    searched = 0
    for address in addresses():
        if address.endswith(("/logout/", "/sign-out/")):
            continue
        for extra in FOR_HTMX if not address.startswith("/admin/") else FOR_HTMX[:1]:
            answer = client.get(address, headers=extra)
            assert answer.status_code != 500, address
            aviary.assert_silent(_body(answer), address)
            searched += 1
    assert searched > 80
    aviary.assert_silent(caplog.text, "the log")


def test_no_error_page_shows_one(aviary: Aviary) -> None:
    for address in ("/nowhere/", "/admin/projects/profile/999999/change/", "/api/projects/999999/", "/projects/9999/"):
        aviary.assert_silent(_body(aviary.site.client.get(address)), address)


def test_a_crash_while_a_secret_is_saved_does_not_tell_it(
    aviary: Aviary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    profile = aviary.profiles["github-token"]
    form = aviary.site.form(f"projects/profile/{profile.pk}/change/")
    monkeypatch.setattr("projects.configure.record", _crash)
    aviary.site.client.raise_request_exception = False

    values = form.values | {"secret": f"ghp_{CANARY}typed"}
    answer = aviary.site.client.post(f"/admin/{form.action}", values)

    assert answer.status_code == 500
    aviary.assert_silent(_body(answer), "the error page")
    aviary.assert_silent(caplog.text, "the log")


def _crash(*_: Any, **__: Any) -> None:
    raise RuntimeError("no history today")


def test_typed_secrets_do_not_come_back(aviary: Aviary) -> None:
    page = aviary.site.form(f"projects/profile/{aviary.profiles['basic'].pk}/change/")
    aviary.assert_silent(aviary.site.send(page, secret=f"{CANARY}-new", name="a/b"), "the form with errors")
    strategy = DeployStrategy.objects.get()
    page = aviary.site.form(f"releases/deploystrategy/{strategy.pk}/change/")
    answer = aviary.site.send(page, slack_webhook_urls=f"{WEBHOOK}\nhttps://evil.test/{CANARY}", base="-x")
    aviary.assert_silent(answer, "the form with errors")


def test_no_event_of_the_history_tells_one(
    aviary: Aviary, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for kind, profile in aviary.profiles.items():
            page = aviary.site.form(f"projects/profile/{profile.pk}/change/")
            aviary.site.send(page, secret=aviary.pem if kind == "github-app" else f"{CANARY}-changed")
        strategy = DeployStrategy.objects.get()
        page = aviary.site.form(f"releases/deploystrategy/{strategy.pk}/change/")
        aviary.site.send(page, slack_webhook_urls=f"{WEBHOOK}2")

    assert AuditEvent.objects.filter(kind="config.changed").count() == 6
    aviary.assert_silent(str(list(AuditEvent.objects.values())), "history")


def test_reading_hosts_logs_and_stores_none(aviary: Aviary, caplog: pytest.LogCaptureFixture) -> None:
    _polled(aviary)
    for kind in ("github-token", "github-app", "basic"):
        try:
            said = ask_profile(aviary.profiles[kind])
        except StageUnreadable as error:
            said = f"{error.message} {error!r}"
        aviary.assert_silent(said, f"the test of a {kind} profile")
        aviary.site.press(f"projects/profile/{aviary.profiles[kind].pk}/test/")

    assert len(caplog.records) > 5
    aviary.assert_silent(caplog.text, "the log")
    for table in ("projects_snapshot", "projects_comparison", "projects_profilebudget", "projects_stagehead"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            aviary.assert_silent(str(cursor.fetchall()), table)


def test_no_export_holds_one(aviary: Aviary) -> None:
    aviary.assert_silent(export(), "export")
    output = io.StringIO()
    call_command("dumpdata", stdout=output)
    assert "projects.profile" in output.getvalue()
    aviary.assert_silent(output.getvalue(), "dumpdata")


def test_apply_says_none(aviary: Aviary, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("SONG", f"ghp_{CANARY}applied")
    file = tmp_path / "horizon.yml"
    declared = "organizations: [{{name: new, profiles: [{{name: p, kind: {kind}, secret: '${{SONG}}'}}]}}]"
    for kind in ("github-token", "github-app", "nonsense", "basic"):
        file.write_text(declared.format(kind=kind))
        output = io.StringIO()
        try:
            call_command("apply", str(file), stdout=output)
        except CommandError as error:
            output.write(str(error))
        aviary.assert_silent(output.getvalue(), f"apply of a {kind} profile")


def test_nothing_that_is_printed_by_accident_tells_one(aviary: Aviary) -> None:
    for thing in [*Profile.objects.all(), *DeployStrategy.objects.all()]:
        aviary.assert_silent(f"{thing!r} {thing} {vars(thing)}", "an object")
