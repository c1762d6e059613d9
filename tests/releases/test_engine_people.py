"""What people do with a release on GitHub: reopen, retarget, lock, merge by hand; and whom it was."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from audit.record import Actor
from projects.models import Profile
from projects.secrets import Secret
from releases import interventions
from tests.releases.world import BOT, DAY, World

pytestmark = pytest.mark.django_db


class TestWhatItBrings:
    def test_is_kept_from_its_opening(self, world: World) -> None:
        base = world.repo.sha("release")
        sha = world.commit("Show prices")
        world.advance()

        release = world.release
        assert (release.base_sha, release.commit_count) == (base, 1)
        (commit,) = release.commits
        assert (commit["sha"], commit["message"], commit["login"]) == (sha, "Show prices", "ana")

    def test_follows_the_head_and_asks_only_when_it_moved(self, world: World) -> None:
        world.opened()
        world.commit("Late")
        world.advance()
        assert [commit["message"] for commit in world.release.commits] == ["Late", "Change it"]
        world.github.reset_requests()

        world.advance()

        assert world.github.sent("GET .*/compare/.*") == []

    def test_is_asked_again_where_it_could_not_be_read(self, world: World) -> None:
        world.github.fail("GET .*/compare/.*", status=502, times=99)
        world.opened()
        assert world.release.base_sha == ""
        world.github.clear_faults()

        world.advance()

        assert world.release.commit_count == 1

    def test_is_kept_of_an_adopted_one_too(self, world: World) -> None:
        world.commit()
        world.repo.open_pull_request("staging", "release", author="ana")
        world.advance()
        world.advance()

        assert world.release.commit_count == 1

    def test_counts_without_merges(self, world: World) -> None:
        world.commit("Hotfix", branch="release")
        world.commit()
        world.repo.merge("staging", "release", author="ana")
        world.advance()

        assert world.release.commit_count == 1


class TestPeople:
    def test_who_close_it_are_named(self, world: World) -> None:
        world.opened()
        world.repo.close_pull_request(1, by="ana")

        world.advance()

        event = AuditEvent.objects.get(kind="pull-request.closed")
        assert (event.actor, event.actor_kind) == ("ana", "github")
        assert world.release.closed_by == "ana"

    def test_who_merge_it_make_it_a_release_by_hand(self, world: World) -> None:
        world.opened()
        world.repo.merge_pull_request(1, by="ana")
        world.advance()

        assert (world.release.kind, world.release.merged_by) == ("manual", "ana")

    def test_who_lock_it_do_not_hold_it(self, world: World) -> None:
        world.due()
        world.repo.edit_pull_request(1, locked=True)

        world.advance()

        assert world.repo.pull(1).merged

    def test_who_reopen_it_bring_it_back_with_its_age(self, world: World) -> None:
        world.due()
        world.repo.close_pull_request(1, by="ana")
        world.advance()
        world.repo.reopen_pull_request(1)

        world.advance()

        assert world.repo.pull(1).merged
        assert world.story == [
            "pull-request.opened",
            "pull-request.closed",
            "pull-request.reopened",
            "release.merged",
        ]

    def test_who_point_it_back_are_followed(self, world: World) -> None:
        world.opened()
        world.repo.edit_pull_request(1, base="main")
        world.advance()
        decision = world.advance()
        assert decision.code == "closed"
        assert "took pull request #1 to other branches" in decision.reason
        assert "until it goes from staging to release again" in decision.reason
        world.repo.edit_pull_request(1, base="release")

        assert world.advance().code == "too-young"
        assert world.release.number == 1

    @pytest.mark.parametrize("branch", ["staging", "release"])
    def test_who_delete_and_restore_a_branch_get_a_new_one(self, world: World, branch: str) -> None:
        world.opened()
        tip = world.repo.sha(branch)
        world.repo.delete_branch(branch)
        assert world.advance().code == "branch-gone"
        assert world.release.state == "closed"
        world.repo.branch(branch, at=tip)
        world.commit("New")

        assert world.advance().code == "too-young"
        assert world.release.number == 2

    def test_who_take_out_the_marker_of_a_lost_opening_do_not_make_it_theirs(self, world: World) -> None:
        world.commit()
        world.github.fail("POST .*/pulls", drop="after")
        world.github.fail("GRAPHQL LatestPulls", status=502, times=9)
        world.advance()
        world.github.clear_faults()
        world.repo.edit_pull_request(1, body="No marker any more.")

        world.advance()

        assert world.story == ["pull-request.opened"] == world.moves

    def test_who_turn_automatic_off_see_their_merge_written_down(self, world: World) -> None:
        world.opened()
        world.set(automatic=False)
        assert world.advance().code == "released-by-people"
        world.repo.merge_pull_request(1, by="ana")

        world.advance()

        assert world.story[-1] == "release.by-hand"


class TestReleaseNow:
    def now(self, world: World, **spite: object) -> None:
        sha = world.repo.sha("staging")
        interventions.release_now(
            world.strategy,
            sha,
            reason="fix",
            actor=Actor.person("ana"),
            clock=world.clock,
            **spite,  # type: ignore[arg-type]
        )

    def test_does_not_wait_for_the_age(self, world: World) -> None:
        world.opened()
        self.now(world)

        world.advance()

        assert world.repo.pull(1).merged
        assert world.story == ["pull-request.opened", "release.now", "release.merged"]

    def test_releases_what_people_drive(self, world: World) -> None:
        world.opened()
        world.set(automatic=False)
        self.now(world)

        world.advance()

        assert world.repo.pull(1).merged

    def test_in_spite_of_a_block_is_stopped_by_another_one(self, world: World) -> None:
        world.opened()
        block = world.block()
        self.now(world, spite_blocks=[block.pk])
        world.block("another")

        assert world.advance().code == "blocked"
        assert world.github.sent("PUT .*/merge") == []

    def test_in_spite_of_a_block_passes_over_it(self, world: World) -> None:
        world.opened()
        block = world.block()
        self.now(world, spite_blocks=[block.pk])

        world.advance()

        assert world.repo.pull(1).merged

    def test_is_for_the_commit_that_the_person_saw(self, world: World) -> None:
        world.opened()
        self.now(world)
        world.commit("Late")

        assert world.advance().code == "too-young"


class TestRefusals:
    def test_of_a_token_that_may_not_touch_workflows_are_shown_and_not_repeated(self, world: World) -> None:
        world.github.add_token("ghp_horizon", login=BOT, scopes=("repo",))
        world.repo.commit("staging", "CI", author="ana", files={".github/workflows/ci.yml": "on: push"})
        world.advance()
        world.wait(seconds=DAY)

        decision = world.advance()

        assert decision.code == "refused"
        assert "workflow" in decision.reason
        for _ in range(10):
            world.advance()
        assert len(world.github.sent("PUT .*/merge")) == 1
        assert decision.until == world.now + timedelta(minutes=1)

    def test_pauses_grow_to_an_hour(self, world: World) -> None:
        world.due()
        world.github.refuse("PUT .*/merge", 403, "Resource not accessible by integration", times=99)
        pauses = []
        for _ in range(9):
            until = world.advance().until
            assert until is not None
            pauses.append(until - world.now)
            world.wait(seconds=(until - world.now).total_seconds())

        assert pauses == [timedelta(minutes=m) for m in (1, 2, 4, 8, 16, 32, 60, 60, 60)]

    def test_of_a_suspended_app_wait_and_are_over_when_it_is_back(self, world: World) -> None:
        world.github.freeze(None)  # an App's key signs by the real clock
        app = world.github.add_app(17)
        installation = world.github.add_installation(17, "artsy")
        Profile.objects.filter(pk=world.profile.pk).update(
            kind="github-app", app_id="17", installation_id=str(installation.id), secret=Secret.of(app.private_key)
        )
        world.set(merge_after=0)
        block = world.block()
        world.commit()
        world.github.suspend_installation(installation.id)
        world.unblock(block)

        decision = world.advance()

        assert decision.code == "unreadable"
        assert "suspended" in decision.reason.lower()
        installation.suspended_at = None
        world.advance()
        assert world.repo.pull(1).merged


class TestOwnStatus:
    def test_that_is_required_does_not_hold_horizons_own_merge(self, world: World) -> None:
        world.set(commit_status=True)
        world.repo.protect("release", checks=("horizon/release",))
        world.due()
        block = world.block()
        world.advance()
        assert AuditEvent.objects.filter(kind="status.set").latest("id").data["state"] == "failure"
        world.unblock(block)

        world.advance()

        assert world.repo.pull(1).merged
        assert world.story == ["pull-request.opened", "release.merged"]
