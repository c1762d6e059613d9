"""The engine against a real GitHub server: release pull requests are opened, or adopted from people."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from projects.models import Project
from releases import engine
from releases.decision import Action
from tests.releases.world import DAY, World

pytestmark = pytest.mark.django_db


class TestOpening:
    def test_nothing_is_done_where_nothing_waits(self, world: World) -> None:
        assert world.advance().code == "nothing-waits"
        assert world.moves == []
        assert world.story == []

    def test_commits_that_wait_are_put_into_a_pull_request(self, world: World) -> None:
        sha = world.commit("Show prices")

        decision = world.advance()

        assert decision.code == "too-young"
        pull = world.repo.pull(1)
        assert (pull.state, pull.head_sha, pull.title) == ("open", sha, "Deploy staging to release")
        assert world.story == ["pull-request.opened"] == world.moves
        release = world.release
        assert (release.state, release.number, release.head_sha) == ("open", 1, sha)

    def test_the_text_says_what_will_happen_and_how_to_stop_it(self, world: World) -> None:
        world.commit("Show <b>prices</b> to @everybody")

        world.advance()

        body = world.repo.pull(1).body or ""
        assert "24 hours after its opening, on Tuesday 24 November 2026 at 08:00 UTC" in body
        assert f"/blocks/new/?project={world.project.pk}" in body
        assert "do not squash or rebase" in body
        assert "Show &lt;b&gt;prices&lt;/b&gt; to @\u200beverybody" in body
        assert str(world.release.key) in body

    def test_happens_once(self, world: World) -> None:
        world.opened()

        assert world.advance().code == "too-young"

        assert world.moves == ["pull-request.opened"]

    def test_does_not_happen_while_somebody_blocks(self, world: World) -> None:
        world.commit()
        block = world.block()

        assert world.advance().code == "blocked"
        assert world.moves == []

        world.unblock(block)
        assert world.advance().code == "too-young"

    def test_does_not_happen_for_a_strategy_that_people_drive(self, world: World) -> None:
        world.commit()
        world.set(automatic=False)

        assert world.advance().code == "released-by-people"
        assert world.github.requests == []

    def test_does_not_happen_for_an_archived_project(self, world: World) -> None:
        world.commit()
        Project.objects.update(archived_at=world.now)

        assert engine.advance(engine.releasable(), world.clock) == []

    def test_is_no_act_of_a_dry_run(self, world: World) -> None:
        world.commit()

        assert world.advance(dry_run=True).action is Action.OPEN
        assert world.moves == []
        assert world.story == []

    @pytest.mark.parametrize("hours", [-2, 2])
    def test_gives_the_release_its_whole_age_where_githubs_clock_is_wrong(self, world: World, hours: int) -> None:
        world.ahead = timedelta(hours=hours)
        world.commit()

        assert world.advance().until == world.now + timedelta(seconds=DAY)

    def test_is_in_a_renamed_repository(self, world: World) -> None:
        world.commit()
        world.advance(dry_run=True)
        world.repo.rename("artsy/candela-two")

        assert world.advance().code == "too-young"
        assert world.repo.pull(1).state == "open"


class TestPullRequestsOfPeople:
    def test_are_adopted(self, world: World) -> None:
        world.commit()
        world.repo.open_pull_request("staging", "release", title="By hand", author="ana")

        assert world.advance().code == "too-young"

        assert world.moves == []
        assert world.story == ["pull-request.adopted"]
        assert AuditEvent.objects.get(kind="pull-request.adopted").data["opened_by"] == "ana"

    def test_age_counts_from_their_opening(self, world: World) -> None:
        world.commit()
        world.repo.open_pull_request("staging", "release", author="ana")
        world.wait(seconds=DAY)

        world.advance()

        assert world.repo.pull(1).merged

    def test_are_adopted_when_they_come_between_look_and_opening(self, world: World) -> None:
        world.commit()
        world.advance(dry_run=True)
        world.repo.open_pull_request("staging", "release", author="ana")
        world.github.fail("GRAPHQL Releases", status=502, times=3)

        world.advance()
        world.wait(minutes=1)
        world.advance()

        assert world.story == ["pull-request.adopted"]

    def test_of_a_fork_are_never_the_release(self, world: World) -> None:
        world.commit()
        world.github.add_user("eve")
        fork = world.repo.fork("eve")
        world.repo.open_pull_request("staging", "release", author="eve", head_repository=fork)

        world.advance()

        assert world.release.number == 2
        assert world.moves == ["pull-request.opened"]

    def test_from_another_branch_are_never_the_release(self, world: World) -> None:
        world.commit()
        world.commit("Hotfix", branch="main")
        world.repo.open_pull_request("main", "release", author="ana")

        world.advance()

        assert world.release.number == 2

    def test_that_were_closed_are_respected_until_there_are_new_commits(self, world: World) -> None:
        world.opened()
        world.repo.close_pull_request(1, by="ana")

        assert world.advance().code == "closed"
        assert world.advance().code == "closed"
        assert world.story == ["pull-request.opened", "pull-request.closed"]

        world.commit("Another")
        assert world.advance().code == "too-young"
        assert world.release.number == 2

    def test_that_were_reopened_are_the_release_again(self, world: World) -> None:
        world.opened()
        world.repo.close_pull_request(1, by="ana")
        world.advance()
        world.repo.reopen_pull_request(1)

        assert world.advance().code == "too-young"
        assert world.story[-1] == "pull-request.reopened"

    def test_that_were_merged_by_hand_are_written_down_as_such(self, world: World) -> None:
        world.opened()
        world.repo.merge_pull_request(1, by="ana")

        assert world.advance().code == "nothing-waits"

        event = AuditEvent.objects.latest("id")
        assert (event.kind, event.actor, event.actor_kind) == ("release.by-hand", "ana", "github")
        assert (world.release.state, world.release.merged_by) == ("merged", "ana")

    def test_that_were_pointed_elsewhere_are_no_release_any_more(self, world: World) -> None:
        world.opened()
        world.repo.edit_pull_request(1, base="main")

        world.advance()

        assert world.story[:2] == ["pull-request.opened", "pull-request.closed"]
        assert "to main" in AuditEvent.objects.filter(kind="pull-request.closed").get().data["why"]

    def test_of_branches_that_the_strategy_had_before_are_left(self, world: World) -> None:
        world.opened()
        world.set(base="main")

        world.advance()
        world.advance()

        event = AuditEvent.objects.get(kind="pull-request.closed")
        assert (event.actor, event.data["base"]) == ("Horizon", "release")
        assert event.data["why"] == "the strategy releases staging to main now"
        assert (world.repo.pull(2).base_ref, world.repo.pull(2).state) == ("main", "open")

    def test_that_are_drafts_wait_for_their_author(self, world: World) -> None:
        world.due()
        world.repo.edit_pull_request(1, draft=True)

        assert world.advance().code == "draft"

        world.repo.edit_pull_request(1, draft=False)
        world.advance()
        assert world.repo.pull(1).merged
