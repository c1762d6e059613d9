"""What people did past Horizon's pull requests: found by polls, written down once, by whom the host says."""

import pytest

from audit.models import AuditEvent
from blocks.models import DeployBlock
from projects.models import StageMove
from releases import pushes
from releases.models import DeployStrategy, Release, Watch
from tests.releases.pushing import Watched
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(github: GitHubServer) -> Watched:
    """Production is the base branch itself."""
    return Watched(github)


def told(world: Watched) -> list[AuditEvent]:
    kinds = ["release.by-hand", "release.rollback"]
    return list(AuditEvent.objects.filter(project_id=world.project.pk, kind__in=kinds).order_by("id"))


def look_later(world: Watched) -> None:
    world.wait(minutes=1)
    world.look()


class TestByHand:
    def test_a_push_to_the_base_is_a_release_with_its_commits_and_who_pushed(self, here: Watched) -> None:
        old = here.repo.sha("release")
        here.wait(minutes=1)
        new = here.repo.commit("release", "Quick fix", author="ana")

        look_later(here)
        look_later(here)

        (event,) = told(here)
        assert (event.kind, event.actor, event.actor_kind) == ("release.by-hand", "ana", "github")
        assert (event.data["from_sha"], event.data["sha"], event.data["count"]) == (old, new, 1)
        release = here.release
        assert (release.kind, release.state, release.number) == ("manual", "merged", None)
        assert (release.base_sha, release.head_sha, release.merged_by) == (old, new, "ana")
        assert [commit["message"] for commit in release.commits] == ["Quick fix"]
        assert release.live_at is not None

    def test_nobody_is_named_where_the_host_does_not_say(self, here: Watched) -> None:
        here.github.fail("GET .*/activity", status=404, times=9)
        here.wait(minutes=1)
        here.repo.commit("release", "Quick fix", author="ana")

        look_later(here)

        assert [event.actor for event in told(here)] == ["somebody"]

    def test_a_pull_request_that_was_opened_and_merged_between_two_looks_has_its_number(self, here: Watched) -> None:
        here.wait(minutes=1)
        sha = here.commit("Show prices")
        here.repo.open_pull_request("staging", "release", author="ana")
        here.repo.merge_pull_request(1, by="bo")

        look_later(here)
        look_later(here)

        (event,) = told(here)
        assert (event.actor, event.data["pull_request"]["number"]) == ("bo", 1)
        assert (here.release.number, here.release.head_sha, here.release.kind) == (1, sha, "manual")

    def test_a_merge_of_horizons_own_pull_request_by_a_person_is_told_once(self, here: Watched) -> None:
        here.commit()
        here.look()
        here.wait(minutes=1)
        here.repo.merge_pull_request(1, by="bo")

        here.poll()
        here.follow()
        here.look()
        look_later(here)

        assert [event.data["pull_request"]["number"] for event in told(here)] == [1]
        assert Release.objects.count() == 1

    def test_a_merge_by_horizon_is_none(self, here: Watched) -> None:
        here.merged()
        look_later(here)

        assert told(here) == []

    def test_a_push_onto_a_release_is_told_without_the_releases_commits(self, here: Watched) -> None:
        here.commit("Released")
        here.look()
        Release.objects.update(assigned_sha=here.repo.sha("staging"))
        here.wait(days=1)
        here.poll()
        here.advance()
        new = here.repo.commit("release", "On top", author="ana")

        look_later(here)

        (event,) = told(here)
        assert (event.data["sha"], event.data["count"]) == (new, 1)

    def test_a_force_push_to_other_commits_says_so(self, here: Watched) -> None:
        here.repo.commit("release", "One", author="ana")
        look_later(here)
        here.repo.force_push("release", "main")
        here.repo.commit("release", "Another", author="ana")

        look_later(here)

        assert [event.kind for event in told(here)] == ["release.by-hand", "release.by-hand"]
        assert told(here)[1].data["forced"] is True

    def test_is_found_where_horizon_only_watches(self, here: Watched) -> None:
        here.set(automatic=False)
        here.wait(minutes=1)
        here.repo.merge("release", "main", author="ana")
        here.repo.commit("release", "By people", author="ana")

        look_later(here)

        assert len(told(here)) == 1


class TestNothing:
    def test_is_told_of_the_first_sight(self, here: Watched) -> None:
        assert StageMove.objects.filter(stage_name="production").exists()
        assert told(here) == []

    def test_is_told_of_what_was_before_the_strategy(self, here: Watched) -> None:
        DeployStrategy.objects.all().delete()
        here.repo.commit("release", "Long ago", author="ana")
        here.wait(minutes=1)
        here.poll()
        here.strategy = here.release_to("production", merge_after=86400)

        look_later(here)

        assert told(here) == []

    def test_is_told_of_a_branch_that_was_gone_and_came_back(self, here: Watched) -> None:
        sha = here.repo.sha("release")
        here.wait(minutes=1)
        here.repo.delete_branch("release")
        look_later(here)
        here.repo.branch("release", at=sha)

        look_later(here)

        assert told(here) == []

    def test_is_written_twice_by_two_workers(self, here: Watched) -> None:
        before = Watch.objects.get().until
        here.wait(minutes=1)
        here.repo.commit("release", "Quick fix", author="ana")
        look_later(here)
        assert len(told(here)) == 1

        # A second worker that read the watch before the first one wrote finds it moved.
        strategy = DeployStrategy.objects.get()
        assert pushes._write(strategy, before, here.now, [], here.clock) is False

    def test_is_lost_while_the_host_cannot_be_asked(self, here: Watched) -> None:
        here.wait(minutes=1)
        here.repo.commit("release", "Quick fix", author="ana")
        here.poll()
        here.github.fail("GET .*/compare/.*", status=502, times=9)
        here.follow()
        assert told(here) == []

        here.github.clear_faults()
        here.look()

        assert len(told(here)) == 1

    def test_costs_a_request_while_nothing_moves(self, here: Watched) -> None:
        here.github.reset_requests()

        here.follow()

        assert here.github.requests == []


class TestRollback:
    def test_is_a_force_push_to_an_ancestor(self, here: Watched) -> None:
        good = here.repo.sha("release")
        here.merged("Bad idea")
        merge = here.repo.sha("release")
        here.wait(minutes=1)
        here.repo.force_push("release", good, by="bo")

        look_later(here)
        look_later(here)

        (event,) = told(here)
        assert (event.kind, event.actor) == ("release.rollback", "bo")
        assert (event.data["from_sha"], event.data["sha"], event.data["count"]) == (merge, good, 1)
        release = Release.objects.get(kind="rollback")
        assert [commit["message"] for commit in release.commits] == ["Bad idea"]

    def test_is_blocked_from_being_released_again(self, here: Watched) -> None:
        good = here.repo.sha("release")
        bad = here.merged("Bad idea")
        here.wait(minutes=1)
        here.repo.force_push("release", good, by="bo")

        look_later(here)
        here.wait(days=2)
        here.look()

        block = DeployBlock.objects.get()
        assert (block.bad_commits, block.created_by, block.resolved_at) == ([bad], "Horizon", None)
        assert here.decide().code == "blocked"
        assert here.repo.sha("release") == good

    def test_is_an_image_that_goes_back(self, github: GitHubServer) -> None:
        there = Watched(github, elsewhere=True)
        first, second = there.merged("First"), ""
        there.deploy(first)
        look_later(there)
        second = there.merged("Second")
        there.deploy(second)
        look_later(there)

        there.deploy(first)
        look_later(there)
        look_later(there)

        (event,) = told(there)
        assert (event.kind, event.actor, event.data["stage"]) == ("release.rollback", "somebody", "production")
        assert (event.data["from_sha"], event.data["sha"]) == (second, first)

    def test_of_base_and_image_together_is_told_once(self, github: GitHubServer) -> None:
        there = Watched(github, elsewhere=True)
        first = there.merged("First")
        merge = there.repo.sha("release")
        there.deploy(first)
        look_later(there)
        second = there.merged("Second")
        there.deploy(second)
        look_later(there)

        there.repo.force_push("release", merge, by="bo")
        look_later(there)
        there.deploy(first)
        look_later(there)

        assert [event.kind for event in told(there)] == ["release.rollback"]
        assert Release.objects.get(kind="rollback").live_at is not None

    def test_and_forward_again_is_by_hand(self, here: Watched) -> None:
        good = here.repo.sha("release")
        here.merged("Good after all")
        merge = here.repo.sha("release")
        here.repo.force_push("release", good, by="bo")
        look_later(here)

        here.repo.push("release", merge, by="bo")
        look_later(here)

        assert [event.kind for event in told(here)] == ["release.rollback", "release.by-hand"]
