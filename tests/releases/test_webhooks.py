"""What GitHub tells: who is believed that it is GitHub, what is remembered, and what is looked at because of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from horizon.celery import app
from projects import poll
from projects.models import Profile, ProfileBudget, Project, ProjectPoll, Repository
from releases import tasks, webhooks_look
from releases.models import DeployStrategy, Release, StrategyReading, WebhookDelivery
from tests import worlds
from tests.projects.admin_site import AdminSite
from tests.releases.webhook_sender import SECRET, deliver, said, signature
from tests.worlds import NOW

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
LATER = NOW + timedelta(seconds=30)


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.GITHUB_WEBHOOK_SECRETS = [SECRET]


@pytest.fixture
def candela() -> Project:
    """Read at NOW, with a strategy that was asked for at NOW."""
    made = worlds.project("candela", profile=worlds.github_profile())
    release(made)
    return made


def release(project: Project, **changed: Any) -> DeployStrategy:
    values: dict[str, Any] = {"automatic": True, "base": "release", "head": "staging"} | changed
    strategy = DeployStrategy.objects.create(stage=project.stages.get(name="production"), **values)
    StrategyReading.objects.create(strategy=strategy, read_at=NOW, tried_at=NOW)
    return strategy


def asked_projects() -> set[str]:
    return set(ProjectPoll.objects.filter(asked_at__gte=LATER).values_list("project__name", flat=True))


def asked_strategies() -> set[int]:
    return set(StrategyReading.objects.filter(asked_at__gte=LATER).values_list("pk", flat=True))


def looked(payload: dict[str, Any] | None = None, event: str = "push") -> tuple[set[str], bool]:
    """What is looked at after this event: the names of the projects, and whether any release is."""
    ProjectPoll.objects.update(asked_at=None)
    StrategyReading.objects.update(asked_at=None)
    assert deliver(payload, event).status_code == 202
    webhooks_look.take_in(LATER)
    return asked_projects(), bool(asked_strategies())


class TestWhoSendsIt:
    def test_what_is_signed_is_taken(self, candela: Project) -> None:
        assert deliver().status_code == 202
        row = WebhookDelivery.objects.get()
        assert (row.event, row.path, row.host_id, row.ref) == ("push", "artsy/candela", 17, "refs/heads/main")
        assert row.processed_at is None

    @pytest.mark.parametrize("secret", ["old-secret", "new-secret"])
    def test_each_secret_counts_while_they_are_changed(self, settings: Any, secret: str) -> None:
        settings.GITHUB_WEBHOOK_SECRETS = ["new-secret", "old-secret"]

        assert deliver(secret=secret).status_code == 202

    @pytest.mark.parametrize(
        "forged",
        [
            "",
            "sha256=",
            "sha256=" + "0" * 64,
            signature(b"another body"),
            signature(b"{}", "another secret"),
            signature(b"{}").removeprefix("sha256="),
            signature(b"{}").upper(),
            "sha256=\xff\xfe",
            "sha1=" + "0" * 40,
        ],
    )
    def test_what_is_not_signed_is_refused(self, forged: str) -> None:
        answer = deliver(b"{}", x_hub_signature_256=forged)

        assert answer.status_code == 401
        assert "X-Hub-Signature-256" in answer.json()["detail"]
        assert not WebhookDelivery.objects.exists()

    def test_what_has_no_signature_is_refused(self) -> None:
        assert deliver(secret=None).status_code == 401
        assert deliver(secret=None, x_hub_signature=signature(b"{}")).status_code == 401

    def test_a_truncated_body_is_refused(self) -> None:
        whole = b'{"repository": {"id": 17}}'

        assert deliver(whole[:-5], x_hub_signature_256=signature(whole)).status_code == 401

    def test_nothing_is_taken_without_a_secret(self, settings: Any) -> None:
        settings.GITHUB_WEBHOOK_SECRETS = []

        answer = deliver(secret="")

        assert answer.status_code == 503
        assert "HORIZON_GITHUB_WEBHOOK_SECRETS" in answer.json()["detail"]

    @pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
    def test_other_methods_are_refused(self, method: str) -> None:
        answer = getattr(Client(), method)("/webhooks/github")

        assert (answer.status_code, answer["allow"]) == (405, "POST")

    def test_no_answer_tells_a_secret(self) -> None:
        for answer in (deliver(), deliver(secret=None), deliver(b"no json"), deliver(b"{}", content_type="text/plain")):
            assert SECRET not in answer.content.decode()


class TestWhatIsNoDelivery:
    def test_a_body_that_says_that_it_is_too_large_is_not_read(self, settings: Any) -> None:
        answer = deliver(b"{}", content_length=str(26 * 1024 * 1024))

        assert answer.status_code == 413

    def test_a_body_that_is_too_large_is_refused(self, settings: Any) -> None:
        settings.GITHUB_WEBHOOK_MOST_BYTES = 100

        assert deliver(b'{"a": "' + b"x" * 100 + b'"}').status_code == 413
        assert deliver(b'{"a": "' + b"x" * 80 + b'"}').status_code == 202

    def test_one_of_twenty_megabytes_is_taken(self) -> None:
        assert deliver(said(pad="x" * 20 * 1024 * 1024)).status_code == 202

    @pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
    def test_other_content_types_are_refused(self, content_type: str) -> None:
        answer = deliver(b"{}", content_type=content_type)

        assert answer.status_code == 415
        assert "application/json" in answer.json()["detail"]

    def test_the_form_that_github_offers_is_understood(self, candela: Project) -> None:
        assert deliver(said(), content_type=FORM).status_code == 202
        assert WebhookDelivery.objects.get().path == "artsy/candela"

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b" ", "no JSON"),
            (b"{", "no JSON"),
            (b"\xff\xfe{}", "not UTF-8"),
            (b"[]", "no object"),
            (b"null", "no object"),
            (b'"text"', "no object"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"a":' * 100_000, "nested too deeply"),
            (b'{"repository": []}', None),
            (b'{"repository": [1]}', "repository is no object"),
            (b'{"repository": "artsy/candela"}', "repository is no object"),
            (b'{"repository": {"id": "17"}}', "repository.id is no number"),
            (b'{"repository": {"id": true}}', "repository.id is no number"),
            (b'{"repository": {"id": -1}}', "repository.id is no number"),
            (b'{"repository": {"id": 1e3}}', "repository.id is no number"),
            (b'{"repository": {"id": 9223372036854775808}}', "repository.id is no number"),
            (b'{"repository": {"id": ' + b"9" * 5000 + b"}}", "no JSON"),
            (b'{"repository": {"full_name": 17}}', "repository.full_name is no text"),
            (b'{"repository": {"full_name": "a\\u0000/b"}}', "repository.full_name is no text"),
            (b'{"repository": {"full_name": "../../etc"}}', "repository.full_name is not owner/name"),
            (b'{"repository": {"full_name": "artsy"}}', "repository.full_name is not owner/name"),
            (b'{"ref": ["refs/heads/main"]}', "ref is no text"),
            (b'{"ref": "\\ud800"}', "ref is no text"),
            (b'{"action": {}}', "action is no text"),
        ],
    )
    def test_what_has_another_form_is_named(self, body: bytes, words: str | None) -> None:
        answer = deliver(body)

        assert answer.status_code == (202 if words is None else 400)
        assert words is None or words in answer.json()["detail"]
        assert WebhookDelivery.objects.exists() is (words is None)

    @pytest.mark.parametrize("body", [b"&", b"payload=", b"payload=%7B", b"other=1", b"&".join([b"a=1"] * 20)])
    def test_a_form_without_a_payload_is_named(self, body: bytes) -> None:
        assert deliver(body, content_type=FORM).status_code == 400

    @pytest.mark.parametrize("header", ["x_github_event", "x_github_delivery"])
    @pytest.mark.parametrize("value", ["", "x" * 101])
    def test_what_does_not_say_what_it_is_is_refused(self, header: str, value: str) -> None:
        assert deliver(None, **{header: value}).status_code == 400

    def test_a_ref_that_is_too_long_to_keep_has_everything_looked_at(self, candela: Project) -> None:
        assert looked(said(ref="refs/heads/" + "x" * 400)) == ({"candela"}, True)


class TestRepeats:
    def test_one_that_was_processed_does_nothing(self, candela: Project) -> None:
        deliver(delivery="one")
        webhooks_look.take_in(LATER)
        ProjectPoll.objects.update(asked_at=None)

        answer = deliver(delivery="one")
        webhooks_look.take_in(LATER)

        assert (answer.status_code, answer.json()["detail"]) == (200, "This delivery was processed before.")
        assert (WebhookDelivery.objects.count(), asked_projects()) == (1, set())

    def test_one_whose_work_was_lost_is_done_again(self, candela: Project, messages: "Messages") -> None:
        deliver(delivery="one")
        messages.lose()

        assert deliver(delivery="one").status_code == 202

        assert messages.waiting() == 1
        assert WebhookDelivery.objects.count() == 1

    def test_the_same_id_of_another_app_is_another_one(self, candela: Project) -> None:
        deliver(delivery="one")
        deliver(delivery="one", x_github_hook_installation_target_id="18")
        deliver(delivery="one", x_github_hook_id="2")

        assert WebhookDelivery.objects.count() == 3

    def test_what_fails_in_the_middle_is_not_called_processed(
        self, candela: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deliver()

        def dies(*_: object) -> None:
            raise SystemExit

        with monkeypatch.context() as broken:
            broken.setattr(webhooks_look, "wake", dies)
            with pytest.raises(SystemExit):
                webhooks_look.take_in(LATER)
        assert (WebhookDelivery.objects.get().processed_at, asked_projects()) == (None, set())

        webhooks_look.take_in(LATER)
        assert (WebhookDelivery.objects.get().processed_at, asked_projects()) == (LATER, {"candela"})

    def test_old_ones_are_forgotten(self, candela: Project) -> None:
        deliver()
        deliver()
        WebhookDelivery.objects.filter(pk=WebhookDelivery.objects.latest("pk").pk).update(
            received_at=timezone.now() - timedelta(days=31)
        )

        tasks.prune_deliveries()

        assert WebhookDelivery.objects.count() == 1


class TestWhatIsLookedAt:
    def test_a_push_to_a_stage_has_the_project_read(self, candela: Project) -> None:
        assert looked(said(ref="refs/heads/main")) == ({"candela"}, False)

    @pytest.mark.parametrize("branch", ["staging", "release"])
    def test_a_push_to_head_or_base_has_the_release_looked_at_too(self, candela: Project, branch: str) -> None:
        assert looked(said(ref=f"refs/heads/{branch}")) == ({"candela"}, True)

    def test_a_push_to_any_other_branch_costs_nothing(self, candela: Project) -> None:
        assert looked(said(ref="refs/heads/feature")) == (set(), False)

    def test_a_tag_concerns_stages_that_are_found_by_tags(self, candela: Project) -> None:
        assert looked(said(ref="refs/tags/v1")) == (set(), False)
        candela.stages.filter(name="main").update(branch="", tag_pattern="v*")

        assert looked(said(ref="refs/tags/v1")) == ({"candela"}, False)

    @pytest.mark.parametrize("event", ["create", "delete"])
    def test_branches_that_come_and_go_are_looked_at(self, candela: Project, event: str) -> None:
        assert looked(said(ref="staging", ref_type="branch"), event) == ({"candela"}, True)
        assert looked(said(ref="other", ref_type="branch"), event) == (set(), False)

    @pytest.mark.parametrize(
        "event",
        [
            "pull_request",
            "pull_request_review",
            "check_suite",
            "check_run",
            "status",
            "merge_group",
            "branch_protection_rule",
            "repository_ruleset",
        ],
    )
    def test_what_a_release_waits_for_has_it_looked_at(self, candela: Project, event: str) -> None:
        assert looked(said(ref=None), event) == (set(), True)

    @pytest.mark.parametrize("action", ["renamed", "transferred", "deleted", "archived"])
    def test_what_becomes_of_the_repository_has_all_looked_at(self, candela: Project, action: str) -> None:
        assert looked(said(ref=None, action=action), "repository") == ({"candela"}, True)

    def test_a_renamed_repository_is_known_by_its_id(self, candela: Project) -> None:
        Repository.objects.create(
            api_url="https://api.github.com", path="artsy/candela", host_id=17, current_path="artsy/candela"
        )
        there = {"id": 17, "full_name": "other/Lantern"}

        assert looked(said(repository=there, ref=None, action="renamed"), "repository") == ({"candela"}, True)

    def test_a_renamed_repository_is_known_by_the_name_that_was_read(self, candela: Project) -> None:
        Repository.objects.create(
            api_url="https://api.github.com", path="artsy/candela", host_id=17, current_path="other/Lantern"
        )

        assert looked(said(repository={"id": 18, "full_name": "Other/lantern"})) == ({"candela"}, False)

    def test_names_are_compared_whatever_their_letters(self, candela: Project) -> None:
        assert looked(said(repository={"full_name": "ARTSY/Candela"})) == ({"candela"}, False)

    def test_projects_of_the_same_repository_are_all_read(self, candela: Project) -> None:
        worlds.project("twin", remote="git@github.com:artsy/candela.git")
        worlds.project("other", remote="https://github.com/artsy/candela-two.git")
        worlds.project("gone", remote="https://github.com/artsy/candela.git", archived_at=NOW)

        assert looked()[0] == {"candela", "twin"}

    def test_a_strategy_with_a_repository_of_its_own_is_looked_at_for_that(self, candela: Project) -> None:
        DeployStrategy.objects.update(repository="artsy/elsewhere")

        assert looked(said(ref="refs/heads/staging")) == ({"candela"}, False)
        assert looked(said(ref="refs/heads/staging", repository={"full_name": "artsy/elsewhere"})) == (set(), True)

    def test_an_installation_of_the_app_has_all_that_is_read_through_it_looked_at(self, candela: Project) -> None:
        Profile.objects.update(kind=Profile.Kind.GITHUB_APP, app_id="3", installation_id="5")
        worlds.project("other")

        assert looked({"action": "suspend", "installation": {"id": 5}}, "installation") == ({"candela"}, True)
        assert looked({"installation": {"id": 6}}, "installation_repositories") == (set(), False)

    def test_a_forged_name_costs_a_look_at_nothing(self, candela: Project) -> None:
        assert looked(said(repository={"id": 99, "full_name": "artsy/nowhere"})) == (set(), False)
        assert looked({}) == (set(), False)

    @pytest.mark.parametrize("event", ["ping", "star", "workflow_job", "something_new"])
    def test_events_from_which_nothing_follows_are_remembered(self, candela: Project, event: str) -> None:
        answer = deliver({"zen": "Half measures are as bad as nothing at all."}, event)

        assert answer.status_code == 202
        assert WebhookDelivery.objects.get().processed_at is not None
        webhooks_look.take_in(LATER)
        assert asked_projects() == set()

    def test_the_number_of_queries_does_not_grow_with_that_of_events(
        self, candela: Project, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(30):
            deliver(said(repository={"id": number, "full_name": f"artsy/repository{number}"}))
        deliver()

        with django_assert_max_num_queries(14):
            webhooks_look.take_in(LATER)
        assert asked_projects() == {"candela"}


class Messages:
    """What waits for workers in the queue of events."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def waiting(self) -> int:
        return int(self.client.llen("events"))

    def lose(self) -> None:
        """As when Valkey was restarted."""
        self.client.flushdb()


@pytest.fixture
def messages() -> Any:
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        yield Messages(client)


class TestBursts:
    def test_have_one_message_wait_for_the_workers(self, candela: Project, messages: Messages) -> None:
        for _ in range(20):
            deliver()

        assert messages.waiting() == 1
        webhooks_look.message_arrived()
        deliver()
        assert messages.waiting() == 2

    def test_have_a_project_read_once(self, candela: Project) -> None:
        moment = timezone.now()
        ProjectPoll.objects.update(refreshed_at=moment - timedelta(minutes=1))
        for _ in range(20):
            deliver()
        webhooks_look.take_in(moment)

        assert poll.lanes(moment, only_asked=True) == [[candela.pk]]

        ProjectPoll.objects.update(refreshed_at=moment)
        webhooks_look.take_in(moment)
        assert poll.lanes(moment, only_asked=True) == []

    def test_a_project_that_was_just_read_is_read_again_a_moment_later(self, candela: Project) -> None:
        ProjectPoll.objects.update(refreshed_at=LATER - poll.PAUSE / 2, asked_at=LATER)

        assert poll.lanes(LATER, only_asked=True) == []
        assert poll.lanes(LATER + poll.PAUSE / 2, only_asked=True) == [[candela.pk]]

    def test_a_release_that_was_just_asked_for_is_asked_for_again_a_moment_later(self, candela: Project) -> None:
        StrategyReading.objects.update(tried_at=LATER - poll.PAUSE / 2, asked_at=LATER)

        assert not webhooks_look.asked_releases(LATER).exists()
        assert webhooks_look.asked_releases(LATER + poll.PAUSE / 2).exists()

    def test_a_release_that_people_make_is_followed_to_its_end(self, candela: Project) -> None:
        DeployStrategy.objects.update(automatic=False)
        assert looked(said(ref=None), "check_run") == (set(), True)
        assert not webhooks_look.asked_releases(LATER).exists()

        Release.objects.create(
            strategy=DeployStrategy.objects.get(), state="open", number=1, head_sha=worlds.sha(1), begun_at=NOW
        )
        assert webhooks_look.asked_releases(LATER).exists()

    def test_many_releases_are_looked_at_a_request_at_a_time_the_latest_first(
        self, candela: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(webhooks_look, "CHUNK", 2)
        others = [release(worlds.project(f"other{number}")) for number in range(3)]
        StrategyReading.objects.update(asked_at=LATER - timedelta(seconds=10))
        StrategyReading.objects.filter(strategy=others[2]).update(asked_at=LATER)

        first = list(webhooks_look.asked_releases(LATER))

        assert (len(first), others[2] in first) == (2, True)

    def test_only_one_engine_runs_for_them(self, candela: Project) -> None:
        assert webhooks_look.claim_engine()
        assert not webhooks_look.claim_engine()
        webhooks_look.engine_ended()
        assert webhooks_look.claim_engine()

    def test_releases_that_nobody_asked_for_or_whose_profile_pauses_are_left_alone(self, candela: Project) -> None:
        assert not webhooks_look.asked_releases(LATER).exists()
        StrategyReading.objects.update(asked_at=LATER)
        assert webhooks_look.asked_releases(LATER).exists()

        ProfileBudget.objects.create(profile=Profile.objects.get(), paused_until=LATER + timedelta(minutes=5))

        assert not webhooks_look.asked_releases(LATER).exists()


class TestWithoutABroker:
    def test_the_delivery_is_remembered_all_the_same(self, candela: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
        monkeypatch.setattr(webhooks_look, "claim_message", _refused)

        assert deliver().status_code == 202
        assert WebhookDelivery.objects.get().processed_at is None


def _refused() -> bool:
    raise redis.ConnectionError("Connection refused")


class TestProfilePage:
    """What the admin's page of a profile says about webhooks."""

    @pytest.fixture
    def page(self, candela: Project, client: Client) -> Callable[[], str]:
        site = AdminSite(client)
        address = f"projects/profile/{Profile.objects.get().pk}/change/"
        return lambda: site.text(address)

    def test_says_that_none_ever_came_and_what_to_do(self, page: Callable[[], str], settings: Any) -> None:
        assert "None ever came for the repositories of this profile" in page()
        assert "/webhooks/github is their address; <code>docs/github.md</code>" in page()
        assert "HORIZON_GITHUB_WEBHOOK_SECRETS" not in page()

        settings.GITHUB_WEBHOOK_SECRETS = []
        assert "Horizon takes none: HORIZON_GITHUB_WEBHOOK_SECRETS is not set." in page()

    def test_says_when_the_last_one_came(self, page: Callable[[], str]) -> None:
        deliver(said(ref=None, action="completed"), "check_run")
        deliver(said(repository={"full_name": "artsy/other"}))

        assert "check_run completed of artsy/candela" in page()

    def test_knows_the_repository_by_its_new_name(self, page: Callable[[], str]) -> None:
        Repository.objects.create(
            api_url="https://api.github.com", path="artsy/candela", host_id=17, current_path="other/Lantern"
        )
        deliver(said(repository={"full_name": "other/lantern"}))

        assert "push of other/lantern" in page()

    def test_counts_repositories_that_only_a_strategy_names(self, page: Callable[[], str]) -> None:
        DeployStrategy.objects.update(profile=Profile.objects.get(), repository="elsewhere")
        deliver(said(repository={"full_name": "artsy/elsewhere"}))

        assert "push of artsy/elsewhere" in page()

    def test_is_not_for_other_hosts(self, page: Callable[[], str]) -> None:
        Profile.objects.update(kind=Profile.Kind.BASIC, host="git.example.com", user="ana")

        assert "Only GitHub sends webhooks." in page()


def test_figures_tell_how_old_the_last_one_is_and_how_many_wait(candela: Project, client: Client) -> None:
    client.force_login(User.objects.create_user("reader"))
    assert "horizon_webhooks_undone 0" in client.get("/metrics").content.decode()
    deliver()

    text = client.get("/metrics").content.decode()

    assert "horizon_webhooks_undone 1" in text
    assert "\nhorizon_webhook_age_seconds " in text
