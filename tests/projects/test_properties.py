"""Reading what repositories say of projects: when it is due, what is stored, and that nobody holds up the others."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from projects import tasks
from projects.models import Profile, ProfileBudget, Project, ProjectProperties, Repository, Stage, StageHead
from projects.properties import RUNNING, due, read_due_properties, read_properties
from projects.queries_runtimes import RuntimeStatus, runtime_statuses
from projects.secrets import Secret
from tests import worlds
from tests.servers.githost import GitHost
from tests.servers.github import GitHubServer
from tests.worlds import NOW, TOKEN, sha

pytestmark = pytest.mark.django_db

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
GEMFILE = {"Gemfile": 'ruby "3.2.2"'}


def head(project: Project, commit: str) -> None:
    """The project's first stage was last seen at this commit."""
    first = project.stages.order_by("position").first()
    StageHead.objects.update_or_create(stage=first, defaults={"sha": commit, "since": NOW})


def git_project(host: GitHost, name: str, files: dict[str, str], path: str = "") -> Project:
    """A project on a plain git host whose first stage was seen at a commit with these files."""
    path = path or f"artsy/{name}"
    repository = host.repository(path)
    for file, content in files.items():
        blob = repository.git("hash-object", "-w", "--stdin", stdin=content.encode())
        repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}")
    project = worlds.project(name, remote=host.remote(path))
    head(project, repository.commit(tree=repository.git("write-tree")))
    return project


def github_profile(github: GitHubServer) -> Profile:
    github.add_token(TOKEN, login="horizon-bot")
    return worlds.github_profile(api_url=github.api_url)


def github_project(github: GitHubServer, profile: Profile, name: str, files: dict[str, str]) -> Project:
    """A project on GitHub whose repository was seen by a poll."""
    found = github.add_repository(f"artsy/{name}")
    tip = found.commit("main", "Add files", files=dict(files))
    path = f"artsy/{name}"
    values = {"path": path, "current_path": path, "host_id": found.id, "default_branch_sha": tip}
    Repository.objects.create(api_url=profile.api_url, **values)
    return worlds.project(name, remote=github.remote(path), profile=profile)


def read(now: datetime = NOW, held_up: tuple[str, ...] = ()) -> list[str] | None:
    return read_due_properties(clock=lambda: now, until=now + MINUTE, held_up=held_up)


def names(now: datetime = NOW) -> list[str]:
    return [each.project.name for each in due(now)]


def stored(project: Project) -> ProjectProperties:
    return ProjectProperties.objects.get(project=project)


# --- storing ----------------------------------------------------------------------------------------------------


def test_what_the_files_of_a_plain_git_repository_say_is_stored(host: GitHost) -> None:
    config = "orbs: {node: circleci/node@5}"
    project = git_project(host, "candela", {**GEMFILE, ".circleci/config.yml": config, "renovate.json": "{}"})

    assert read() is None

    found = stored(project)
    assert (found.ci_provider, found.renovate, found.orbs) == ("circleci", True, ["circleci/node"])
    assert found.runtimes == {"ruby": "3.2.2"}
    assert (found.read_at, found.error) == (NOW, "")
    assert found.read_sha == project.stages.get(name="main").head.sha


def test_many_repositories_on_github_cost_one_request(github: GitHubServer) -> None:
    profile = github_profile(github)
    projects = [github_project(github, profile, f"app{n}", {"package.json": "{}", ".nvmrc": f"v{n}"}) for n in range(9)]
    github.reset_requests()

    read()

    assert [stored(project).runtimes for project in projects] == [{"node": f"v{n}"} for n in range(9)]
    assert len(github.requests) == 1
    assert names() == []
    assert ProfileBudget.objects.get(profile=profile).graphql_remaining is not None


def test_a_renamed_repository_is_read_under_its_present_name(github: GitHubServer) -> None:
    profile = github_profile(github)
    project = github_project(github, profile, "candela", GEMFILE)
    github.repository("artsy/candela").rename("artsy/lumen")
    github.add_repository("artsy/candela")  # somebody else's now
    Repository.objects.update(current_path="artsy/lumen")
    read()
    assert stored(project).runtimes == {"ruby": "3.2.2"}


def test_a_project_without_git_remotes_is_looked_for_under_its_own_name(github: GitHubServer) -> None:
    profile = github_profile(github)
    github.add_repository("artsy/pulse").commit("main", "Add", files=dict(GEMFILE))
    project = worlds.project("pulse", stages={})
    Stage.objects.create(project=project, position=1, name="staging", hokusai="staging", profile=profile)
    read()
    assert stored(project).runtimes == {"ruby": "3.2.2"}


def test_the_keys_of_a_registry_open_no_git_repository(host: GitHost) -> None:
    project = git_project(host, "candela", GEMFILE)
    values = {"kind": Profile.Kind.AWS, "region": "us-east-1", "key_id": "AKIA", "secret": Secret.of("x")}
    aws = Profile.objects.create(organization=project.organization, name="aws", **values)
    project.stages.filter(name="main").update(branch="", hokusai="main", profile=aws)
    read()
    assert stored(project).runtimes == {"ruby": "3.2.2"}


def test_what_did_not_change_is_not_written_again(
    host: GitHost, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    project = git_project(host, "candela", GEMFILE)
    with django_capture_on_commit_callbacks() as announced:
        read()
    assert len(announced) == 1

    with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks() as announced:
        read(NOW + 8 * DAY)

    updates = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert len(updates) == 1
    assert updates[0].startswith('UPDATE "projects_projectproperties" SET "read_at" = \'2026-12-02')
    assert updates[0].count(" = ") == 2  # the column and the project
    assert announced == []
    assert stored(project).read_at == NOW + 8 * DAY


def test_a_change_replaces_all_that_was_known(host: GitHost) -> None:
    project = git_project(host, "candela", {**GEMFILE, "renovate.json": "{}"})
    read()
    repository = host.repository("artsy/candela")
    head(project, repository.commit(tree=repository.tree(b"no Gemfile any more")))

    read(NOW + DAY)

    found = stored(project)
    assert (found.renovate, found.runtimes) == (False, {})


def test_an_error_is_stored_beside_the_last_good_reading(host: GitHost) -> None:
    project = git_project(host, "candela", GEMFILE)
    read()
    project.stages.update(git_remote=host.remote("artsy/nothing"))

    read(NOW + 8 * DAY)

    found = stored(project)
    assert found.error.startswith("127.0.0.1")
    assert (found.runtimes, found.read_at) == ({"ruby": "3.2.2"}, NOW + 8 * DAY)


def test_an_error_goes_when_reading_works_again(host: GitHost) -> None:
    project = git_project(host, "candela", GEMFILE)
    ProjectProperties.objects.create(project=project, read_at=NOW - DAY, error="away", read_sha=sha(1))
    read()
    assert (stored(project).error, stored(project).runtimes) == ("", {"ruby": "3.2.2"})


def test_one_project_can_be_read_at_once_though_it_is_not_due(host: GitHost) -> None:
    project = git_project(host, "candela", GEMFILE)
    read()
    read_properties(project, NOW + MINUTE)
    assert stored(project).read_at == NOW + MINUTE


def test_a_project_without_repository_has_no_properties() -> None:
    project = worlds.project("empty", stages={})
    read_properties(project, NOW)
    assert not ProjectProperties.objects.filter(project=project).exists()


# --- one project's trouble is its own ------------------------------------------------------------------------------


def test_a_host_that_does_not_answer_is_left_alone_and_the_others_are_read(host: GitHost, github: GitHubServer) -> None:
    profile = github_profile(github)
    away = [github_project(github, profile, f"away{n}", {}) for n in range(12)]
    well = git_project(host, "well", GEMFILE)
    github.fail("GRAPHQL", times=100, status=502)

    read()

    assert stored(well).runtimes == {"ruby": "3.2.2"}
    assert stored(away[0]).error
    assert not ProjectProperties.objects.filter(project=away[11]).exists()  # not even asked for
    assert names() == ["away10", "away11"]


def test_a_project_that_is_not_found_does_not_touch_those_of_the_same_profile(github: GitHubServer) -> None:
    profile = github_profile(github)
    lost, well = (github_project(github, profile, name, GEMFILE) for name in ("lost", "well"))
    github.repository("artsy/lost").delete()
    read()
    assert "artsy/lost" in stored(lost).error
    assert (stored(well).error, stored(well).runtimes) == ("", {"ruby": "3.2.2"})


def test_a_limit_pauses_the_profile_and_is_no_error_of_the_project(github: GitHubServer) -> None:
    profile = github_profile(github)
    project = github_project(github, profile, "candela", GEMFILE)
    github.secondary_limit(times=1, retry_after=600, status=403)

    read()

    assert not ProjectProperties.objects.filter(project=project).exists()
    assert ProfileBudget.objects.get(profile=profile).paused_until is not None
    assert names() == []


def test_a_limit_on_the_way_to_an_apps_token_pauses_the_profile_too(github: GitHubServer) -> None:
    app = github.add_app(17)
    installation = github.add_installation(17, "artsy", permissions={"contents": "read", "metadata": "read"})
    values: dict[str, Any] = {"kind": Profile.Kind.GITHUB_APP, "app_id": "17", "installation_id": str(installation.id)}
    profile = worlds.github_profile(api_url=github.api_url, secret=Secret.of(app.private_key), **values)
    project = github_project(github, profile, "candela", GEMFILE)
    github.secondary_limit(times=1, retry_after=600, status=403, matching=".*access_tokens")

    read()

    assert not ProjectProperties.objects.filter(project=project).exists()
    assert ProfileBudget.objects.get(profile=profile).paused_until is not None


def test_when_the_time_is_up_the_rest_is_left_with_the_hosts_that_had_trouble(host: GitHost) -> None:
    first, second = (git_project(host, name, GEMFILE) for name in ("first", "second"))
    assert read_due_properties(clock=lambda: NOW, until=NOW) == []
    assert (stored(first).runtimes, names()) == ({"ruby": "3.2.2"}, ["second"])
    assert read() is None
    assert stored(second).runtimes == {"ruby": "3.2.2"}


def test_one_worker_at_a_time_reads(host: GitHost) -> None:
    project = git_project(host, "candela", GEMFILE)
    cache.add(RUNNING, "")
    assert read() is None
    assert not ProjectProperties.objects.filter(project=project).exists()
    cache.delete(RUNNING)
    read()
    assert stored(project).runtimes == {"ruby": "3.2.2"}
    assert cache.get(RUNNING) is None


def test_a_run_takes_so_many_projects_and_says_that_there_are_more(
    host: GitHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second", "third"):
        git_project(host, name, GEMFILE)
    monkeypatch.setattr("projects.properties.MOST_OF_A_RUN", 2)
    assert read() == []
    assert names() == ["third"]
    assert read() is None


def test_the_task_reads_all_that_is_due_and_then_ends(host: GitHost) -> None:
    project = git_project(host, "candela", GEMFILE)
    tasks.read_properties()
    assert stored(project).runtimes == {"ruby": "3.2.2"}


def test_a_host_that_is_held_up_is_not_asked(host: GitHost) -> None:
    git_project(host, "candela", GEMFILE)
    host.seen.clear()
    assert read(held_up=("host 127.0.0.1",)) is None
    assert host.seen == []


# --- when -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "moved", "error", "expected"),
    [
        (timedelta(days=7), False, "", True),
        (timedelta(days=6, hours=23), False, "", False),
        (timedelta(minutes=60), True, "", True),
        (timedelta(minutes=59), True, "", False),  # a busy branch is read hourly, not at each push
        (timedelta(minutes=60), False, "not found", True),
        (timedelta(minutes=59), False, "not found", False),
    ],
)
def test_a_project_is_due_weekly_or_when_its_branch_moved(
    age: timedelta, moved: bool, error: str, expected: bool
) -> None:
    project = worlds.project("candela")
    head(project, sha(2 if moved else 1))
    ProjectProperties.objects.create(project=project, read_at=NOW - age, read_sha=sha(1), error=error)
    assert names() == (["candela"] if expected else [])


def test_on_github_the_default_branch_counts_not_the_first_stage() -> None:
    project = worlds.project("candela", profile=worlds.github_profile())
    path = {"api_url": Profile.DEFAULT_API_URL, "path": "artsy/candela", "current_path": "artsy/candela", "host_id": 1}
    Repository.objects.create(**path, default_branch_sha=sha(1))
    ProjectProperties.objects.create(project=project, read_at=NOW - DAY, read_sha=sha(1))
    head(project, sha(9))
    assert names() == []
    Repository.objects.update(default_branch_sha=sha(2))
    assert names() == ["candela"]


def test_the_longest_unread_come_first() -> None:
    for name, days in (("new", None), ("old", 9), ("older", 10)):
        project = worlds.project(name)
        head(project, sha(1))
        if days:
            ProjectProperties.objects.create(project=project, read_at=NOW - days * DAY, read_sha=sha(1))
    assert names() == ["new", "older", "old"]


def test_a_project_that_no_poll_has_found_yet_is_not_due() -> None:
    worlds.project("plain")
    worlds.project("github", profile=worlds.github_profile())
    assert names() == []


def test_an_archived_project_is_not_due() -> None:
    head(worlds.project("old", archived_at=NOW), sha(1))
    assert names() == []


def test_a_paused_profile_is_not_asked_until_the_pause_ends(github: GitHubServer) -> None:
    profile = github_profile(github)
    github_project(github, profile, "candela", {})
    ProfileBudget.objects.create(profile=profile, paused_until=NOW + MINUTE)
    assert names() == []
    assert names(NOW + 2 * MINUTE) == ["candela"]


def test_looking_for_what_is_due_costs_the_same_for_one_project_and_for_many(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    profile = worlds.github_profile()
    for count in (1, 20):
        for number in range(count):
            worlds.project(f"app{count}-{number}", profile=profile)
        with django_assert_num_queries(4):
            due(NOW)


# --- the gauge --------------------------------------------------------------------------------------------------


def test_the_gauge_has_a_line_for_each_runtime_of_each_project(settings: Settings) -> None:
    settings.MINIMUM_VERSIONS = {"ruby": "3.2", "node": "", "python": ""}
    project = worlds.project("candela", tags=["auctions"], criticality=2)
    runtimes = {"ruby": "3.1.0", "node": "unknown version", "python": "3.12"}
    ProjectProperties.objects.create(project=project, runtimes=runtimes)
    gone = worlds.project("gone", archived_at=NOW)
    ProjectProperties.objects.create(project=gone, runtimes=runtimes)

    found = list(runtime_statuses())

    assert found[0] == RuntimeStatus("artsy", "candela", 2, ("auctions",), "node", "unknown version", 0)
    assert [(each.runtime, each.value) for each in found] == [("node", 0), ("python", 1), ("ruby", -1)]


def test_metrics_show_the_gauge(client: Client) -> None:
    ProjectProperties.objects.create(project=worlds.project("candela", tags=["a", "b"]), runtimes={"ruby": "3.2"})
    client.force_login(User.objects.create_user("ana"))
    lines = client.get("/metrics").content.decode().splitlines()
    labels = 'organization="artsy",project="candela",criticality="",tags="a,b",runtime="ruby",version="3.2"'
    assert f"horizon_runtime_version_status{{{labels}}} 1" in lines
