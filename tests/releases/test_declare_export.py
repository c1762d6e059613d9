"""`export`: what is configured, in the format that `apply` reads."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import AuditEvent
from audit.record import Actor
from projects.models import Organization, Project
from releases.declare import apply, export
from tests import worlds
from tests.releases.test_declare_apply import DESIGN, TOKEN, WEBHOOK, run

pytestmark = pytest.mark.django_db
Config = dict[str, Any]


class TestExport:
    def test_holds_everything_but_secrets(self) -> None:
        run(DESIGN)

        exported = export()

        expected = yaml.safe_load(DESIGN)
        del expected["organizations"][0]["profiles"][0]["secret"]
        strategy = expected["organizations"][0]["projects"][0]["stages"][2]["strategies"][0]
        for left_out in ("slack_webhook_urls", "required_checks", "merge_method", "merge_prior_warning"):
            del strategy[left_out]
        assert yaml.safe_load(exported) == expected
        assert TOKEN not in exported
        assert WEBHOOK not in exported

    def test_leaves_archived_projects_out(self) -> None:
        run(DESIGN)
        Project.objects.update(archived_at=worlds.NOW)

        assert "candela" not in export()

    def test_applied_where_nothing_is_asks_for_the_secrets(self, tmp_path: Path) -> None:
        run(DESIGN)
        file = tmp_path / "horizon.yml"
        file.write_text(export())
        Project.objects.all().delete()
        Organization.objects.all().delete()

        with pytest.raises(CommandError) as refused:
            call_command("apply", str(file))

        assert "Give the token (secret)" in str(refused.value)


class TestCommands:
    def test_apply_reads_a_file_and_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        file = tmp_path / "horizon.yml"
        file.write_text(DESIGN)

        assert (
            said("apply", str(file), "--offline", "--dry-run")[-1] == "Dry run: 7 changes planned, nothing was changed."
        )
        assert said("apply", str(file), "--offline")[-1] == "7 changes made."
        assert said("apply", str(file)) == ["Nothing to change."]
        assert {event.actor_kind for event in AuditEvent.objects.all()} == {"command"}

    def test_export_prints_what_apply_reads(self, tmp_path: Path) -> None:
        run(DESIGN)
        file = tmp_path / "horizon.yml"
        file.write_text("\n".join(said("export")))

        assert said("apply", str(file), "--prune") == ["Nothing to change."]

    def test_apply_lists_the_mistakes_with_their_lines(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        file = tmp_path / "horizon.yml"
        file.write_text(DESIGN.replace("criticality: 2", "criticality: two"))

        with pytest.raises(CommandError) as refused:
            call_command("apply", str(file))

        assert str(refused.value).splitlines() == [
            f"{file}: 2 errors, nothing was changed.",
            "  line 4: secret takes the environment variable GITHUB_TOKEN, which is not set: set it, then apply.",
            "  line 9: criticality must be a whole number from 0 on, and no larger than 2,147,483,647.",
        ]

    def test_a_file_that_is_not_there_is_said(self) -> None:
        with pytest.raises(CommandError, match="No such file"):
            call_command("apply", "/nowhere/horizon.yml")


def said(*words: str) -> list[str]:
    output = StringIO()
    call_command(*words, stdout=output)
    return output.getvalue().splitlines()


# --- any configuration, there and back --------------------------------------------------------------------------

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Co", "Cn"))
WORDS = st.sampled_from(
    ["no", "~", "null", "1.0", "#x", "- a", "a: b", "{a}", "*a", "&a", "!b", "@c", "%d", "'", '"', "="]
)
NAMES = (st.text(LETTERS, min_size=1, max_size=12) | WORDS).filter(
    lambda name: "/" not in name and name == name.strip()
)
BRANCHES = st.from_regex(r"[a-z0-9][a-z0-9/_#%-]{0,10}[a-z0-9]", fullmatch=True).filter(lambda name: "//" not in name)
TEXTS = st.text(LETTERS | st.just(" "), max_size=30).map(str.strip)


def optional(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Config]:
    return st.fixed_dictionaries({}, optional=keys)


def unique(things: st.SearchStrategy[Config], most: int) -> st.SearchStrategy[list[Config]]:
    return st.lists(things, max_size=most, unique_by=lambda thing: thing["name"].lower())


@st.composite
def stages(draw: Callable[..., Any], repository: int) -> Config:
    remote = f"https://github.com/artsy/repository{repository}.git"
    source = draw(st.sampled_from(["branch", "tag_pattern", "hokusai"]))
    stage: Config = {"name": draw(NAMES), "git_remote": remote}
    if source == "hokusai":
        image = optional(registry_repository=st.just("artsy/candela"), profile=st.just("registry"))
        stage |= draw(image)
        return stage | {"hokusai": draw(st.sampled_from(["staging", "production"]))}
    if source == "tag_pattern":
        return stage | {"tag_pattern": draw(st.sampled_from(["v*", "release/**", "[0-9]*"]))}
    return stage | {"branch": draw(BRANCHES), "profile": "github", "strategies": draw(st.just([]) | strategies())}


@st.composite
def strategies(draw: Callable[..., Any]) -> list[Config]:
    heads = draw(st.lists(BRANCHES, max_size=2, unique=True))
    return [{"base": f"release-{draw(st.uuids())}", "head": head, **draw(STRATEGIES)} for head in heads]


STRATEGIES = optional(
    provider=st.just("github pull request"),
    automatic=st.booleans(),
    merge_after=st.integers(0, 365 * 86400),
    slack_channels=st.lists(st.sampled_from(["#dev", "#ops"]), unique=True),
    slack_webhook_urls=st.just(["https://hooks.slack.com/services/T/B/X"]),
    blocked_time_buckets=st.lists(st.sampled_from(["* 1-2 * * *", "*/5 9-17 * * mon-fri"]), unique=True),
    time_zone=st.sampled_from(["UTC", "America/New_York"]),
    required_checks=st.lists(TEXTS.filter(bool), max_size=2),
    merge_method=st.sampled_from(["merge", "squash", "rebase"]),
    profile=st.just("github"),
)


@st.composite
def organizations(draw: Callable[..., Any]) -> Config:
    profiles = [
        {"name": "github", "kind": "github-token", "secret": "ghp_1"} | draw(optional(api_url=st.just("https://api.github.com"))),
        {"name": "registry", "kind": "aws", "secret": "key", "region": "us-east-1", "key_id": "AKIA1"},
    ]  # fmt: skip
    names = draw(st.lists(NAMES, max_size=3, unique_by=str.lower))
    about = optional(
        description=TEXTS, criticality=st.integers(0, 3), tags=st.lists(NAMES.filter(_is_a_tag), max_size=3)
    )
    return {
        "name": draw(NAMES),
        "profiles": profiles,
        "projects": [
            {"name": name, **draw(about), "stages": draw(unique(stages(number), 3))}
            for number, name in enumerate(names)
        ],
    }


def _is_a_tag(name: str) -> bool:
    return "," not in name and name == " ".join(name.split())


CONFIGURATIONS = unique(organizations(), 2).map(lambda found: {"organizations": found})
LEFT_OUT = ("secret", "slack_webhook_urls")
DEFAULTS = {"automatic": None, "time_zone": "UTC", "merge_method": "merge"}


def normalised(configuration: Config) -> Config:
    """What an export of this configuration must be: sorted, complete where it matters, without secrets and defaults."""
    found = configuration["organizations"]
    return {"organizations": sorted((_organization(one) for one in found), key=lambda one: str(one["name"]))}


def _organization(one: Config) -> Config:
    profiles = [_short(profile | _api_url(profile)) for profile in one["profiles"]]
    projects = [
        _short(
            project | {"tags": _tags(project.get("tags", [])), "stages": [_stage(stage) for stage in project["stages"]]}
        )
        for project in one["projects"]
    ]
    return _short(one | {"profiles": profiles, "projects": sorted(projects, key=lambda project: str(project["name"]))})


def _api_url(profile: Config) -> Config:
    return {"api_url": "https://api.github.com"} if profile["kind"] == "github-token" else {}


def _tags(tags: list[str]) -> list[str]:
    kept: dict[str, str] = {}
    for tag in (unicodedata.normalize("NFC", tag) for tag in tags):
        kept.setdefault(tag.casefold(), tag)
    return list(kept.values())


def _stage(stage: Config) -> Config:
    always = {"provider": "github pull request", "automatic": False}
    found = [_short(always | strategy) for strategy in stage.get("strategies", [])]
    return _short(stage | {"strategies": found})


def _short(thing: Config) -> Config:
    return {
        key: value
        for key, value in thing.items()
        if key not in LEFT_OUT and value not in (None, "", []) and value != DEFAULTS.get(key, "")
    }


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@given(CONFIGURATIONS)
@settings(max_examples=60, deadline=None)
def test_any_configuration_comes_back_as_it_was_and_applying_it_changes_nothing(configuration: Config) -> None:
    with undone():
        declare(yaml.safe_dump(configuration, allow_unicode=True))

        exported = export()

        assert yaml.safe_load(exported) == normalised(configuration)
        assert declare(exported, prune=True) == []
        assert export() == exported


def declare(text: str, **options: Any) -> list[str]:
    lines: list[str] = []
    who = Actor.command("ana")
    apply(text.encode(), environment=os.environ, actor=who, at=worlds.NOW, say=lines.append, **options)
    return lines
