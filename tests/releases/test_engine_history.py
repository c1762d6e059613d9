"""Histories that no longer fit: releases squashed or rebased by people, heads rewritten, another repository."""

import pytest

from audit.models import AuditEvent
from dashboard.sentences import told
from releases import facts
from releases.decision import Facts
from releases.models import Release
from releases.situation import Squashed
from tests.releases.world import World
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
