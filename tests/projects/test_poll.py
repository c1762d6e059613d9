"""Polling many projects: lanes, leases, limits, errors that stay their own; against the GitHub server."""

from datetime import datetime, timedelta
from threading import Event
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.record import Actor
from projects import budgets, configure, leases, poll, tasks
from projects.models import Comparison, Organization, Profile, Project, ProjectPoll, Repository, Snapshot, StageMove
from projects.poll import Tally
from projects.prune import prune_snapshots
from projects.reading import StageUnreadable, Trouble
from projects.secrets import Secret
from tests import worlds
from tests.servers.github import GitHubServer
from tests.worlds import NOW, TOKEN

pytestmark = pytest.mark.django_db(transaction=True)
A_MINUTE = timedelta(minutes=1)


def released(github: GitHubServer, profile: Profile, name: str = "candela") -> Project:
    """A project on the server whose three branches are the same."""
    github.add_repository(f"artsy/{name}", branches=("main", "staging", "release"))
    return worlds.project(name, profile=profile, remote=github.remote(f"artsy/{name}"))


def polled(*projects: Project, at: datetime = NOW) -> Tally:
    tally = Tally()
    poll.poll([project.pk for project in projects], clock=lambda: at, until=at + A_MINUTE, tally=tally)
    return tally


def current(project: Project) -> Snapshot:
    return project.snapshots.get(is_current=True)


class TestPoll:
    def test_a_push_to_main_waits_for_staging(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        polled(project)
        assert current(project).released

        sha = github.repository("artsy/candela").commit("main", "Add maps", author="ana")
        tally = polled(project, at=NOW + A_MINUTE)

        comparison = current(project).comparisons.get(ahead="main")
        assert tally.changed == {project.pk}
        assert (comparison.count, comparison.commits[0]["sha"], comparison.contributors) == (1, sha, ["Ana Lee"])
        assert comparison.commits[0]["message"] == "Add maps"

    def test_one_with_nothing_new_is_one_request_and_writes_only_the_time(
        self, github: GitHubServer, profile: Profile
    ) -> None:
        projects = [released(github, profile, f"project{number}") for number in range(20)]
        polled(*projects)
        github.reset_requests()

        with CaptureQueriesContext(connection) as queries:
            tally = polled(*projects, at=NOW + A_MINUTE)

        assert len(github.requests) == 1
        assert len(tally.unchanged) == 20
        assert set(ProjectPoll.objects.values_list("refreshed_at", flat=True)) == {NOW + A_MINUTE}
        written = {q["sql"].split('"')[1] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))}
        assert written <= {"projects_projectpoll", "projects_profilebudget"}
        assert Snapshot.objects.count() == 20

    def test_the_number_of_queries_does_not_grow_with_the_projects(
        self, github: GitHubServer, profile: Profile
    ) -> None:
        projects = [released(github, profile, f"project{number}") for number in range(30)]
        polled(*projects)

        with CaptureQueriesContext(connection) as few:
            polled(*projects[:2], at=NOW + A_MINUTE)
        with CaptureQueriesContext(connection) as many:
            polled(*projects, at=NOW + 2 * A_MINUTE)

        assert len(few) == len(many)

    def test_a_project_that_changed_costs_at_most_three_requests(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        repo = github.repository("artsy/candela")
        repo.commits("main", 5, author="ana")
        repo.push("staging", "main")
        polled(project)
        github.reset_requests()

        repo.commit("main", "One more", author="ana")
        polled(project, at=NOW + A_MINUTE)
        assert len(github.requests) <= 1 + 3

        github.reset_requests()
        repo.merge("release", "staging", author="ana")
        polled(project, at=NOW + 2 * A_MINUTE)
        assert len(github.requests) <= 1 + 3
        assert current(project).comparisons.get(behind="production").drift == 0

    def test_one_broken_project_does_not_stop_the_others(self, github: GitHubServer, profile: Profile) -> None:
        good = released(github, profile, "good")
        bad = worlds.project("bad", profile=profile, remote=github.remote("artsy/nothing"))

        polled(bad, good)

        assert current(good).error == ""
        assert "production: " in current(bad).error
        assert TOKEN not in current(bad).error

    def test_github_down_for_a_poll_keeps_the_last_good_state(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        github.repository("artsy/candela").commit("main", "Add maps", author="ana")
        polled(project)

        github.fail(".*", times=100, status=503)
        polled(project, at=NOW + A_MINUTE)
        broken = current(project)
        assert (broken.read_at, broken.comparisons.get(ahead="main").count) == (NOW, 1)
        assert broken.error

        github.clear_faults()
        polled(project, at=NOW + 2 * A_MINUTE)
        assert current(project).error == ""

    def test_a_renamed_repository_is_followed_and_remembered(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        polled(project)
        repo = github.repository("artsy/candela")
        repo.rename("artsy/candle")
        repo.commit("main", "After the rename", author="ana")

        polled(project, at=NOW + A_MINUTE)

        assert current(project).comparisons.get(ahead="main").count == 1
        remembered = Repository.objects.get(path="artsy/candela")
        assert (remembered.current_path, remembered.renamed, remembered.host_id) == ("artsy/candle", True, repo.id)

    def test_a_squashed_release_pull_request_is_recognised_beside_a_hot_fix(
        self, github: GitHubServer, profile: Profile
    ) -> None:
        project = released(github, profile)
        repo = github.repository("artsy/candela")
        repo.commit("release", "Hot fix", author="ana")
        repo.commits("staging", 2, author="ana")
        pull = repo.open_pull_request("staging", "release", author="ana")
        repo.merge_pull_request(pull.number, by="ana", method="squash")
        repo.commit("staging", "After the release", author="ana")

        polled(project)

        comparison = current(project).comparisons.get(behind="production")
        assert comparison.state == Comparison.State.SQUASHED
        assert [each["message"] for each in comparison.commits] == ["After the release"]

    def test_a_changed_configuration_is_read_anew(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        github.repository("artsy/candela").branch("hotfix", at="main")
        polled(project)

        project.stages.filter(name="staging").delete()
        polled(project, at=NOW + A_MINUTE)

        assert [(c.ahead, c.behind) for c in current(project).comparisons.all()] == [("main", "production")]


class TestLimits:
    def test_a_limit_pauses_its_profile_and_no_other(self, github: GitHubServer, profile: Profile) -> None:
        github.add_user("bo")
        github.add_token("other", login="bo", scopes=("repo",))
        owner = Organization.objects.create(name="other")
        other = worlds.github_profile(owner, secret=Secret.of("other"), api_url=github.api_url)
        limited, free = released(github, profile, "limited"), released(github, other, "free")
        polled(limited, free)
        github.limit(TOKEN, remaining=0, reset_in=600, resource="graphql")

        tally = polled(limited, free, at=NOW + A_MINUTE)

        assert tally.waiting == {limited.pk}
        assert tally.unchanged == {free.pk}
        profile.budget.refresh_from_db()
        assert profile.budget.paused_until is not None
        assert profile.budget.pause_reason
        assert current(limited).error == ""
        assert poll.lanes(NOW + 2 * A_MINUTE) == [[free.pk]]

    def test_a_limit_met_while_comparing_pauses_the_profile_too(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        polled(project)
        github.repository("artsy/candela").commit("main", "Add maps", author="ana")
        github.limit(TOKEN, remaining=0, reset_in=600, resource="core")

        tally = polled(project, at=NOW + A_MINUTE)

        assert tally.waiting == {project.pk}
        profile.budget.refresh_from_db()
        assert profile.budget.pauses(NOW + A_MINUTE)
        assert profile.budget.pause_reason

    def test_a_paused_profile_is_not_asked(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        budgets.pause(profile, StageUnreadable(Trouble.LIMITED, "Limited.", retry_at=NOW + A_MINUTE), NOW)
        github.reset_requests()

        assert polled(project).waiting == {project.pk}
        assert github.requests == []
        assert polled(project, at=NOW + A_MINUTE).changed == {project.pk}

    def test_an_answer_to_another_question_ends_no_pause(self, profile: Profile) -> None:
        budgets.pause(profile, StageUnreadable(Trouble.LIMITED, "Limited.", retry_at=NOW + A_MINUTE), NOW)

        budgets.remember(profile, budgets.Budget(graphql_limit=5000, graphql_remaining=4000), NOW)

        profile.budget.refresh_from_db()
        assert profile.budget.pauses(NOW)

    def test_other_credentials_end_the_pause(self, github: GitHubServer, profile: Profile) -> None:
        project = released(github, profile)
        github.limit(TOKEN, remaining=0, reset_in=3600, resource="graphql")
        polled(project)
        assert poll.lanes(NOW + A_MINUTE) == []

        github.add_user("bo")
        github.add_token("fresh", login="bo", scopes=("repo",))
        profile.secret = Secret.of("fresh")
        configure.save(profile, actor=Actor.person("ana"), at=NOW)

        assert poll.lanes(NOW + A_MINUTE) == [[project.pk]]

    def test_what_is_left_of_the_budget_is_kept(self, github: GitHubServer, profile: Profile) -> None:
        polled(released(github, profile))

        assert profile.budget.graphql_remaining is not None
        assert profile.budget.measured_at is not None


class TestLanes:
    def test_projects_with_the_same_hosts_share_one(self) -> None:
        profile = worlds.github_profile()
        two = [worlds.project(profile=profile), worlds.project(profile=profile)]
        plain = worlds.project(remote="https://git.example.com/artsy/plain.git")

        assert sorted(poll.lanes(NOW + A_MINUTE)) == sorted([[each.pk for each in two], [plain.pk]])

    def test_hosts_that_may_take_long_wait_in_a_queue_of_their_own(self) -> None:
        profile = worlds.github_profile()
        quick, plain = worlds.project(profile=profile), worlds.project(remote="https://git.example.com/artsy/plain.git")
        mixed = worlds.project(profile=profile)
        mixed.stages.filter(name="production").update(profile=None)

        assert [poll.queue_of([each.pk]) for each in (quick, plain, mixed)] == ["polls", "hosts", "hosts"]
        asked = [poll.queue_of([each.pk], asked=True) for each in (quick, plain, mixed)]
        assert asked == ["events", "hosts", "hosts"]

    def test_one_that_was_just_read_is_not_due(self) -> None:
        worlds.project()

        assert poll.lanes(NOW + timedelta(seconds=10)) == []

    def test_one_that_was_asked_for_is_due_at_once(self) -> None:
        worlds.project()
        asked = worlds.project()
        ProjectPoll.objects.filter(project=asked).update(asked_at=NOW + timedelta(seconds=5))

        assert poll.lanes(NOW + timedelta(seconds=10), only_asked=True) == [[asked.pk]]

    def test_what_was_asked_for_last_comes_first(self) -> None:
        profile = worlds.github_profile()
        early, late = worlds.project(profile=profile), worlds.project(profile=profile)
        ProjectPoll.objects.filter(project=early).update(asked_at=NOW + timedelta(seconds=5))
        ProjectPoll.objects.filter(project=late).update(asked_at=NOW + timedelta(seconds=6))

        assert poll.lanes(NOW + timedelta(seconds=10), only_asked=True) == [[late.pk, early.pk]]

    def test_few_that_were_asked_for_wait_for_no_sweep_and_many_are_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        profile = worlds.github_profile()
        for _ in range(5):
            worlds.project(profile=profile)
        ProjectPoll.objects.update(asked_at=timezone.now())
        monkeypatch.setattr(poll, "CHUNK", 3)

        tasks.poll_asked()

        with redis.Redis.from_url(settings.REDIS_URL) as client:
            assert (client.llen("events"), client.llen("polls")) == (1, 1)

    def test_a_new_project_is_due_before_its_first_interval(self) -> None:
        project = Project.objects.create(organization=worlds.organization(), name="new")

        assert poll.lanes(NOW, only_asked=True) == [[project.pk]]

    def test_archived_ones_are_never_due(self) -> None:
        worlds.project(archived_at=NOW)

        assert poll.lanes(NOW + A_MINUTE) == []

    def test_what_is_not_begun_in_time_comes_back(self) -> None:
        projects = [worlds.project(stages={}).pk for _ in range(3)]

        assert poll.poll(projects, clock=lambda: NOW, until=NOW) == projects


class TestLeases:
    @pytest.fixture
    def project(self) -> Project:
        return worlds.project(stages={})

    def test_only_one_worker_has_a_project(self, project: Project) -> None:
        assert leases.claim([project.pk], uuid4(), NOW) == [project.pk]
        assert leases.claim([project.pk], uuid4(), NOW) == []

    @pytest.mark.parametrize(
        ("read", "asked", "taken"),
        [(-60, None, True), (1, None, False), (1, 2, True), (4000 * 24 * 3600, None, True)],
        ids=["before", "since", "since, and asked for again", "by a wrong clock"],
    )
    def test_a_message_that_comes_late_leaves_alone_what_was_read_since(
        self, project: Project, read: int, asked: int | None, taken: bool
    ) -> None:
        second = timedelta(seconds=1)
        asked_at = None if asked is None else NOW + asked * second
        ProjectPoll.objects.update(refreshed_at=NOW + read * second, asked_at=asked_at)

        assert leases.claim([project.pk], uuid4(), NOW + 9 * second, since=NOW) == ([project.pk] if taken else [])

    def test_a_dead_worker_blocks_for_one_lease_only(self, project: Project) -> None:
        leases.claim([project.pk], uuid4(), NOW)

        assert leases.claim([project.pk], uuid4(), NOW + leases.LEASE) == [project.pk]

    def test_a_poll_gives_back_what_it_took(self, project: Project) -> None:
        polled(project)

        assert leases.claim([project.pk], uuid4(), NOW) == [project.pk]

    def test_what_is_asked_for_while_a_project_is_read_is_read_again(self, project: Project) -> None:
        moments: list[datetime] = []

        def clock() -> datetime:
            moments.append(NOW + len(moments) * timedelta(seconds=1))
            return moments[-1]

        poll.poll([project.pk], clock=clock, until=NOW + A_MINUTE)
        ProjectPoll.objects.update(asked_at=moments[-1])

        assert poll.lanes(moments[-1] + A_MINUTE / 60, only_asked=True) == [[project.pk]]

    def test_a_lease_is_prolonged_while_hosts_are_waited_for(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leases, "PROLONG_AFTER", 0.01)
        prolonged = Event()
        lease = uuid4()
        leases.claim([project.pk], lease, NOW)

        def clock() -> datetime:
            later = ProjectPoll.objects.filter(project=project, leased_until__gt=NOW + leases.LEASE).exists()
            if later:
                prolonged.set()
            return NOW + A_MINUTE

        with leases.kept(lease, clock):
            assert prolonged.wait(30)

        assert leases.claim([project.pk], uuid4(), NOW + leases.LEASE) == []

    def test_a_project_that_another_worker_reads_is_left_alone(self, project: Project) -> None:
        leases.claim([project.pk], uuid4(), NOW)

        assert polled(project).done == 0


class TestPrune:
    def test_the_newest_five_and_one_a_day_stay(self) -> None:
        project = worlds.project(stages={})
        for hours in range(0, 24 * 4, 3):
            worlds.snapshot(project, at=NOW - timedelta(days=4) + timedelta(hours=hours))

        prune_snapshots(NOW)

        kept = list(project.snapshots.values_list("created_at", flat=True))
        assert len({at.date() for at in kept}) == 5
        assert len(kept) == 5 + 4 - 1
        assert project.snapshots.filter(is_current=True).exists()

    def test_after_ninety_days_only_the_newest_stay(self) -> None:
        project = worlds.project(stages={})
        for days in range(200, 100, -1):
            worlds.snapshot(project, at=NOW - timedelta(days=days))

        prune_snapshots(NOW)

        assert project.snapshots.count() == 5

    def test_moves_are_kept_for_ever(self) -> None:
        project = worlds.project(stages={})
        StageMove.objects.create(
            project=project, project_name=str(project), stage_name="main", to_sha=worlds.sha(1),
            seen_at=NOW - timedelta(days=900),
        )  # fmt: skip

        prune_snapshots(NOW)

        assert StageMove.objects.count() == 1
