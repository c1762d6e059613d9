"""What people say to a release, and what the engine makes of it."""

from datetime import timedelta
from typing import Any

import pytest

from audit.record import Actor
from projects.models import StageHead
from releases import interventions
from releases.interventions import HeadMoved, NotPossible
from releases.models import Intervention
from tests.releases.world import World

pytestmark = pytest.mark.django_db
ANA = Actor.person("ana")


def now(world: World, **changed: Any) -> Intervention:
    values: dict[str, Any] = {"reason": "the fix", "actor": ANA, "clock": world.clock}
    return interventions.release_now(world.strategy, world.repo.sha("staging"), **values | changed)


def postpone(world: World, **span: float) -> Intervention:
    until = world.now + timedelta(**span)
    return interventions.postpone(
        world.strategy, world.repo.sha("staging"), until, reason="fair", actor=ANA, clock=world.clock
    )


def skip(world: World) -> Intervention:
    return interventions.skip(world.strategy, world.repo.sha("staging"), reason="broken", actor=ANA, clock=world.clock)


def held(world: World) -> list[str]:
    return list(Intervention.objects.filter(strategy=world.strategy, ended_at=None).values_list("kind", flat=True))


class TestReleaseNow:
    def test_is_merged_whatever_its_age_by_the_next_pass_and_used_up(self, world: World) -> None:
        world.opened()
        now(world)
        assert not world.repo.pull(1).merged

        world.advance()

        assert world.repo.pull(1).merged
        assert [kind for kind in world.events if kind.startswith("release.")] == ["release.now", "release.merged"]
        world.advance()
        assert held(world) == []
        assert Intervention.objects.get().ended_by == "Horizon"

    def test_passes_over_no_block_that_was_not_named(self, world: World) -> None:
        world.opened()
        world.block()
        now(world)

        assert world.advance().code == "blocked"
        assert not world.repo.pull(1).merged

    def test_in_spite_of_a_named_block_is_merged_and_another_block_holds_it(self, world: World) -> None:
        world.opened()
        block, other = world.block(), world.block("another")
        now(world, spite_blocks=[block.pk])
        assert world.advance().code == "blocked"

        world.unblock(other)
        world.advance()
        assert world.repo.pull(1).merged

    def test_passes_over_no_failing_check(self, world: World) -> None:
        world.opened()
        world.repo.check_run("ci", at="staging", status="completed", conclusion="failure")
        now(world)

        assert world.advance().code == "checks-failing"

    def test_is_for_one_commit_and_over_when_there_is_another(self, world: World) -> None:
        world.opened()
        world.block()
        now(world)
        world.commit("Another")
        world.advance()

        assert held(world) == []
        assert world.events.count("release.resumed") == 0

    def test_of_another_commit_than_head_says_what_head_is(self, world: World) -> None:
        world.opened()
        old = world.repo.sha("staging")
        new = world.commit("Another")
        world.advance()

        with pytest.raises(HeadMoved, match=f"you saw {old[:7]}, now it is at {new[:7]}"):
            interventions.release_now(world.strategy, old, reason="x", actor=ANA, clock=world.clock)
        assert held(world) == []

    def test_can_name_no_block_that_never_was(self, world: World) -> None:
        world.opened()

        with pytest.raises(NotPossible, match="does not exist"):
            now(world, spite_blocks=[999_999])

    def test_of_a_stage_that_people_release_opens_and_merges(self, world: World) -> None:
        world.opened()
        world.set(automatic=False)
        world.strategy.refresh_from_db()
        stage = world.project.stages.get(branch="staging")
        StageHead.objects.create(stage=stage, sha=world.repo.sha("staging"), since=world.now)
        now(world)
        world.advance()
        world.advance()

        assert world.repo.pull(1).merged


class TestPostponing:
    def test_holds_until_its_moment_and_is_used_up(self, world: World) -> None:
        world.opened()
        postpone(world, days=3)
        world.wait(days=2)
        assert world.advance().code == "postponed"

        world.wait(days=1)
        world.advance()
        assert world.repo.pull(1).merged
        world.advance()
        assert held(world) == []

    @pytest.mark.parametrize("days", [-1, 0, 367])
    def test_must_end_in_the_future_and_within_a_year(self, world: World, days: int) -> None:
        world.opened()

        with pytest.raises(NotPossible):
            postpone(world, days=days)

    def test_again_moves_the_moment(self, world: World) -> None:
        world.opened()
        postpone(world, days=1)
        postpone(world, days=2)

        assert held(world) == ["postpone"]
        assert world.events.count("release.postponed") == 2


class TestSkipping:
    def test_holds_this_commit_and_no_other(self, world: World) -> None:
        world.due()
        skip(world)
        assert world.advance().code == "skipped"

        world.commit("Mended")
        world.advance()
        world.advance()
        assert world.repo.pull(1).merged
        assert held(world) == []

    def test_that_is_taken_back_holds_no_more(self, world: World) -> None:
        world.due()
        row = skip(world)
        world.advance()
        interventions.withdraw(row, actor=ANA, clock=world.clock)
        world.advance()

        assert world.repo.pull(1).merged
        assert world.events.count("release.resumed") == 1

    def test_of_what_is_merged_comes_too_late(self, world: World) -> None:
        world.due()
        sha = world.repo.sha("staging")
        world.advance()

        with pytest.raises(NotPossible, match="too late for this"):
            interventions.skip(world.strategy, sha, reason="x", actor=ANA, clock=world.clock)


class TestTakingBackAReleaseNow:
    def test_that_was_made_comes_too_late(self, world: World) -> None:
        world.opened()
        row = now(world)
        world.advance()

        with pytest.raises(NotPossible, match="too late for this"):
            interventions.withdraw(row, actor=ANA, clock=world.clock)
        assert "release.resumed" not in world.events

    def test_holds_the_release(self, world: World) -> None:
        world.opened()
        interventions.withdraw(now(world), actor=ANA, clock=world.clock)

        assert world.advance().code == "too-young"
