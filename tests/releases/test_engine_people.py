"""What people do with a release on GitHub: squash, rebase, rewrite, reopen, retarget, lock, merge by hand; and whom it
was."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from audit.record import Actor
from dashboard.sentences import told
from projects.models import Profile
from projects.secrets import Secret
from releases import facts, interventions
from releases.decision import Facts
from releases.models import Release
from releases.situation import Squashed
from tests.releases.world import BOT, DAY, World
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db


def known(world: World) -> Facts:
    strategy = facts.strategies_with_all().get(pk=world.strategy.pk)
    return facts.facts_of([strategy], world.now)[strategy.pk]


class TestBrokenHistory:
    @pytest.mark.parametrize("commits", [1, 3])
    @pytest.mark.parametrize(("method", "how"), [("squash", "squashed"), ("rebase", "rebased")])
    def test_of_a_copied_release_is_recognised_named_and_holds(
        self, world: World, method: str, how: str, commits: int
    ) -> None:
        world.repo.commit("release", "Hotfix", author="ana")
        for number in range(commits - 1):
            world.commit(f"Change {number}")
        world.opened()
        world.repo.merge("staging", "main", author="ana")  # the newest commit of head is a merge, as nearly always
        world.wait(minutes=5)
        world.repo.merge_pull_request(1, by="ana", method=method)

        decision = world.advance()

        assert (world.release.squashed, world.release.rebased) == (True, how == "rebased")
        assert decision.code == "history-broken"
        assert f"The last release (#1) was {how} instead of merged" in decision.reason
        world.commit("Next")
        assert world.advance().code == "history-broken"
        assert world.moves == ["pull-request.opened"]
        event = AuditEvent.objects.get(kind="release.by-hand")
        assert told(event).what == f"{how} by hand pull request #1 from staging to release"

    def test_is_called_squashed_where_github_does_not_tell(self, world: World) -> None:
        world.repo.commit("release", "Hotfix", author="ana")
        world.opened()
        world.repo.merge_pull_request(1, by="ana", method="rebase")
        world.github.fail("GRAPHQL Copies", status=502, times=9)

        assert "was squashed instead of merged" in world.advance().reason

    def test_is_healed_by_merging_the_base_into_the_head(self, world: World) -> None:
        world.opened()
        world.repo.merge_pull_request(1, by="ana", method="squash")
        world.advance()
        world.commit("Next")
        world.repo.merge("staging", "release", author="ana")

        assert world.advance().code == "too-young"
        assert known(world).squashed is None

    def test_is_not_suspected_of_a_merge_commit_or_a_push(self, world: World) -> None:
        world.opened()
        world.repo.merge_pull_request(1, by="ana")
        world.advance()
        world.commit("Next")
        world.advance()
        world.repo.push("release", "staging") if world.repo.log("staging..release") == [] else None
        world.commit("And next")
        world.advance()

        assert not Release.objects.filter(squashed=True).exists()

    @pytest.mark.parametrize(("method", "how"), [("squash", "squashed"), ("rebase", "rebased")])
    def test_of_a_strategy_that_copies_holds_up_nothing_new(self, world: World, method: str, how: str) -> None:
        world.set(merge_method=method)
        world.due()
        world.advance()
        assert world.release.squashed
        assert known(world).squashed == Squashed(1, how)

        world.commit("Next")
        world.advance()

        assert known(world).squashed is None


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
        assert world.advance().code == "closed"
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


class TestAnotherRepository:
    """An admin gives the strategy another repository, whose pull requests have the same numbers."""

    def other(self, world: World) -> World:
        other = World(world.github, "force")
        other.strategy.delete()
        other.commit()
        return other

    def test_has_its_own_release_of_the_same_number(self, world: World) -> None:
        self.other(world)
        world.opened()
        world.repo.close_pull_request(1, by="ana")
        world.commit()
        world.advance()
        world.wait(days=1)
        world.advance()
        world.set(repository="artsy/force")

        assert world.advance().code == "too-young"
        world.github.reset_requests()
        assert world.advance().code == "too-young"
        assert world.github.sent("GET .*/compare/.*") == []
        addresses = [release.url.split("/artsy/")[1] for release in Release.objects.order_by("id")]
        assert addresses == ["candela/pull/1", "candela/pull/2", "force/pull/1"]

    def test_gives_its_pull_request_no_age_of_the_old_one(self, world: World) -> None:
        other = self.other(world)
        world.due()
        world.wait(hours=1)
        other.repo.open_pull_request("staging", "release", author="ana")
        world.set(repository="artsy/force")
        world.advance()

        assert world.advance().code == "too-young"
        assert not other.repo.pull(1).merged
        assert world.story == ["pull-request.opened", "pull-request.closed", "pull-request.adopted"]

    def test_is_none_where_it_was_only_renamed(self, world: World) -> None:
        world.due()
        world.repo.rename("artsy/lantern")

        world.advance()

        assert world.repo.pull(1).merged
        assert world.release.url.endswith("/artsy/lantern/pull/1")


class TestRewrittenHead:
    @pytest.fixture
    def world(self, github: GitHubServer, db: None) -> World:
        """No stage is the head: only the strategy's repository can tell."""
        world = World(github)
        world.project.stages.exclude(name="production").delete()
        return world

    def rewritten(self, world: World, at: str) -> None:
        world.repo.force_push("staging", at)
        world.commit("Anew")

    def test_that_lost_what_was_released_is_held_until_it_is_healed(self, world: World) -> None:
        world.due()
        world.advance()
        world.wait(hours=1)
        self.rewritten(world, "staging~1")

        assert world.advance().code == "history-broken"
        assert known(world).squashed == Squashed(1, "rewritten")

        world.repo.merge("staging", "release", author="ana")
        assert world.advance().code == "too-young"

    def test_that_kept_it_goes_on_and_is_asked_once(self, world: World) -> None:
        world.due()
        world.advance()
        world.commit("To be amended")
        world.wait(hours=1)
        self.rewritten(world, "staging~1")

        assert world.advance().code == "too-young"
        heads = (world.repo.sha("staging"), Release.objects.get(state="merged").head_sha)
        assert len(world.github.sent(f"GET .*/compare/{heads[0]}...{heads[1]}")) == 1
        world.github.reset_requests()
        world.advance()
        assert world.github.sent("GET .*/compare/.*") == []

    def test_that_lost_it_twice_and_got_it_back_is_released_again(self, world: World) -> None:
        world.due()
        world.advance()
        kept = world.repo.sha("staging")
        self.rewritten(world, "staging~1")
        assert world.advance().code == "history-broken"
        self.rewritten(world, "staging~1")
        assert world.advance().code == "history-broken"
        self.rewritten(world, kept)

        assert world.advance().code == "too-young"

    def test_is_asked_again_while_github_cannot_tell(self, world: World) -> None:
        world.due()
        world.advance()
        self.rewritten(world, "staging~1")
        world.github.fail("GET .*/compare/.*", status=502, times=9)
        world.advance()
        world.github.clear_faults()

        assert world.advance().code == "history-broken"

    def test_is_not_suspected_where_the_strategy_releases_another_branch_now(self, world: World) -> None:
        world.due()
        world.advance()
        world.repo.branch("next", at="main")
        world.repo.commit("next", "Another", author="ana")
        world.set(head="next")

        assert world.advance().code == "too-young"
