"""Hosts that fail, lie or keep silent, and a disk that is full: one sentence, the last good state, and nobody else is
held up."""

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from django.test import Client

from projects import poll as polling
from projects.git import GitReader, Limits
from projects.models import Comparison, Profile, Project, Snapshot
from projects.poll import lanes
from projects.sources import Reader
from tests import worlds
from tests.bad_input.looking import A_MINUTE, compared, comparison_of, current, look, polled
from tests.servers.githost import GitHost, git_host
from tests.servers.github import GitHubServer
from tests.worlds import NOW

pytestmark = pytest.mark.django_db
State = Comparison.State


def messages(reader: Client, project: Project) -> list[str]:
    return [each["message"] for each in look(reader, project).commits]


# --- GitHub -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 502, "body": "<html><script>alert(1)</script></html>"},
        {"status": 503},
        {"status": 418, "body": '{"message": "<script>alert(1)</script>\\u0000\\u001b[31m"}'},
        {"drop": "before"},
        {"garbage": True},
        {"truncate": True},
        {"body": ""},
        {"body": "[" * 100_000},
        {"body": '{"data": null}'},
        {"redirect": "http://localhost:9/elsewhere"},
        {"endless": True},
    ],
)
def test_github_broken_for_a_poll_is_said_and_over_with_the_next(
    github: GitHubServer, waiting: Project, reader: Client, fault: dict[str, Any]
) -> None:
    github.fail(".*", times=100, **fault)

    polled(waiting, at=NOW + A_MINUTE)

    seen = look(reader, waiting)
    assert seen.api["error"].startswith("main")
    assert "127.0.0.1" in seen.api["error"] or 'the profile "github"' in seen.api["error"]
    assert "<script>alert" not in seen.page + seen.home
    assert not seen.api["released"]
    assert [each["message"] for each in seen.commits] == ["Add maps"]
    assert current(waiting).read_at == NOW

    github.clear_faults()
    github.repository("artsy/candela").commit("main", "Meanwhile", author="ana")
    polled(waiting, at=NOW + 2 * A_MINUTE)
    assert look(reader, waiting).api["error"] is None
    assert messages(reader, waiting) == ["Meanwhile", "Add maps"]


@pytest.mark.parametrize("kind", ["RESOURCE_LIMITS_EXCEEDED", "FORBIDDEN", "NOT_FOUND", None])
def test_errors_and_data_together_concern_only_the_repository_that_they_name(
    github: GitHubServer, waiting: Project, profile: Profile, reader: Client, kind: str | None
) -> None:
    github.add_repository("artsy/good", branches=("main", "staging", "release"))
    good = worlds.project("good", profile=profile, remote=github.remote("artsy/good"))
    polled(good)
    github.repository("artsy/good").commit("main", "News", author="ana")
    github.graphql_error("artsy/candela", type=kind, message="<script>alert(1)</script> failed", times=10)

    polled(waiting, good, at=NOW + A_MINUTE)

    assert messages(reader, good) == ["News"]
    assert look(reader, good).api["error"] is None
    assert look(reader, waiting).api["error"]
    assert messages(reader, waiting) == ["Add maps"]
    assert "<script>alert" not in look(reader, waiting).page


FACTS = {"databaseId": 1001, "nameWithOwner": "artsy/candela", "isArchived": False, "isEmpty": False}


@pytest.mark.parametrize(
    "repository",
    [
        None,
        {},
        FACTS | {"defaultBranchRef": None, "b0": None, "b1": None, "b2": None},
        FACTS | {"databaseId": None},
        FACTS | {"databaseId": 10**30},
        FACTS | {"databaseId": -1},
        FACTS | {"nameWithOwner": "artsy/" + "x" * 400},
        FACTS | {"nameWithOwner": "artsy/can\0dela"},
        FACTS | {"defaultBranchRef": {"name": "x" * 400, "target": {"oid": "y" * 100}}},
        FACTS | {"b0": {"target": None}, "b1": {"target": {"oid": None}}, "b2": {"target": {"oid": "--x"}}},
        FACTS | {"b0": [], "b1": "x", "b2": 5},
    ],
)
def test_a_null_or_nonsense_where_something_was_takes_nothing_away(
    github: GitHubServer, waiting: Project, reader: Client, repository: object
) -> None:
    error = {"message": "Something went wrong", "type": "INTERNAL"}
    github.fail("GRAPHQL Heads", body=json.dumps({"data": {"r0": repository}, "errors": [error]}), times=10)

    polled(waiting, at=NOW + A_MINUTE)

    assert look(reader, waiting).api["error"]
    assert messages(reader, waiting) == ["Add maps"]
    assert not waiting.moves.filter(to_sha="").exists()

    github.clear_faults()
    polled(waiting, at=NOW + 2 * A_MINUTE)
    assert look(reader, waiting).api["error"] is None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"total_commits": 10**30},
        {"total_commits": -5},
        {"behind_by": 1e300},
        {"behind_by": None},
        {"commits": None},
        {"commits": [None]},
        {"commits": [{"sha": "x"}]},
    ],
)
def test_a_comparison_that_makes_no_sense_is_said_and_asked_again(
    github: GitHubServer, waiting: Project, reader: Client, spoilt: dict[str, object]
) -> None:
    github.repository("artsy/candela").commit("main", "More", author="ana")
    answer = comparison_of(github, "artsy/candela", "release", "main") | spoilt
    github.fail("GET .*/compare/", body=json.dumps(answer), times=10)

    polled(waiting, at=NOW + A_MINUTE)
    assert "main to staging: " in look(reader, waiting).api["error"]
    assert messages(reader, waiting) == ["Add maps"]

    github.clear_faults()
    polled(waiting, at=NOW + 2 * A_MINUTE)
    assert messages(reader, waiting) == ["More", "Add maps"]
    assert look(reader, waiting).api["error"] is None


@pytest.mark.parametrize("value", ["99999999999999999999", "-1"])
def test_a_budget_that_makes_no_sense_stops_no_poll(
    github: GitHubServer, waiting: Project, reader: Client, value: str
) -> None:
    repository = github.repository("artsy/candela")
    facts = {"databaseId": repository.id, "nameWithOwner": "artsy/candela", "isArchived": False, "isEmpty": False}
    heads = {
        f"b{place}": {"target": {"oid": repository.sha(branch), "tree": None}}
        for place, branch in enumerate(("main", "staging", "release"))
    }
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
    github.fail("GRAPHQL Heads", body=json.dumps({"data": {"r0": facts | heads}}), headers=dict.fromkeys(names, value))

    tally = polled(waiting, at=NOW + A_MINUTE)

    assert tally.unchanged | tally.changed == {waiting.pk}
    assert look(reader, waiting).api["error"] is None


# --- git hosts --------------------------------------------------------------------------------------------------------


def impatient(credentials: Any, **options: Any) -> Reader:
    """Plain git that gives up soon."""
    return GitReader(credentials, **options, limits=Limits(question_seconds=1))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("moved/candela", "another"),
        ("status/500/candela", "reports an error of its own"),
        ("status/404/candela", "no such repository"),
        ("page/candela", "answered something that is not git"),
    ],
)
def test_a_git_host_that_misbehaves_is_said_and_the_last_good_state_stays(
    host: GitHost, on_git: Project, reader: Client, path: str, words: str
) -> None:
    host.repository().commit("Add maps")
    polled(on_git)
    good = host.remote("artsy/candela")
    on_git.stages.update(git_remote=host.remote(path))

    polled(on_git, at=NOW + A_MINUTE)

    error = look(reader, on_git).api["error"]
    assert words in error.lower() or words in error, error
    assert messages(reader, on_git) == ["Add maps"]

    on_git.stages.update(git_remote=good)
    polled(on_git, at=NOW + 2 * A_MINUTE)
    assert look(reader, on_git).api["error"] is None


def test_a_git_host_that_never_answers_is_said_and_the_last_good_state_stays(
    host: GitHost, on_git: Project, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.repository().commit("Add maps")
    polled(on_git)
    on_git.stages.update(git_remote=host.remote("never/candela"))
    monkeypatch.setattr("projects.sources.GitReader", impatient)

    polled(on_git, at=NOW + A_MINUTE)

    assert "did not answer within 1 seconds" in look(reader, on_git).api["error"]
    assert messages(reader, on_git) == ["Add maps"]


def test_a_git_host_that_sends_without_end_is_stopped(host: GitHost, on_git: Project, reader: Client) -> None:
    on_git.stages.update(git_remote=host.remote("endless/candela"))

    polled(on_git)

    assert "sent more data than is allowed" in look(reader, on_git).page


def test_a_certificate_that_is_wrong_is_named(
    on_git: Project, reader: Client, tmp_path: Path, authority: trustme.CA
) -> None:
    with git_host(tmp_path / "other", authority, certificate_for="other.example") as wrong:
        wrong.repository().commit()
        on_git.stages.update(git_remote=wrong.remote("artsy/candela"))
        polled(on_git)

        assert "certificate" in look(reader, on_git).page
        assert not wrong.seen


@pytest.mark.django_db(transaction=True)
def test_a_host_that_keeps_silent_holds_up_no_other_lane(
    host: GitHost, on_git: Project, github: GitHubServer, on_github: Project, in_a_thread: Callable[[Project], Any]
) -> None:
    on_git.stages.update(git_remote=host.remote("never/candela"))
    on_git.poll.refreshed_at = on_github.poll.refreshed_at = None
    on_git.poll.save()
    on_github.poll.save()
    assert sorted(lanes(NOW)) == sorted([[on_git.pk], [on_github.pk]])

    silent = in_a_thread(on_git)
    while not host.seen and silent.is_alive():
        silent.join(0.02)
    polled(on_github)

    assert silent.is_alive()
    assert current(on_github).released
    assert lanes(NOW + A_MINUTE) == [[on_github.pk]]
    host.stopping.set()
    silent.join(30)
    assert compared(on_git).state == State.UNREADABLE


@pytest.fixture
def in_a_thread() -> Callable[[Project], threading.Thread]:
    """Poll a project as another worker does."""
    from django.db import connection

    def work(pk: int) -> None:
        try:
            polling.poll([pk], clock=lambda: NOW, until=NOW + A_MINUTE)
        finally:
            connection.close()

    def start(project: Project) -> threading.Thread:
        thread = threading.Thread(target=work, args=[project.pk], daemon=True)
        thread.start()
        return thread

    return start


# --- disk -------------------------------------------------------------------------------------------------------------


def test_a_disk_that_is_full_is_said_and_over_when_there_is_room(
    host: GitHost, on_git: Project, reader: Client, tmp_path: Path, settings: Any
) -> None:
    polled(on_git)
    host.repository().commit("Add maps", tree=host.repository().tree(b"x"))
    disk = tmp_path / "small disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "horizon-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a disk that is full can only be made with the right to mount one")
    try:
        settings.DATA_DIR = disk
        (disk / "filling").write_bytes(b"x" * 40_000)
        polled(on_git, at=NOW + A_MINUTE)
        broken = look(reader, on_git)
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        polled(on_git, at=NOW + 2 * A_MINUTE)
        mended = look(reader, on_git)
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert "disk" in broken.api["error"] or "full" in broken.api["error"]
    assert not broken.api["released"]
    assert mended.api["error"] is None
    assert [each["message"] for each in mended.commits] == ["Add maps"]
    assert Snapshot.objects.filter(project=on_git).count() == 3
