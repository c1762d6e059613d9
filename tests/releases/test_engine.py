"""A pass of the engine over many releases: their order, their limit, and what it costs."""

from typing import Any

import pytest

from audit.models import AuditEvent
from audit.record import Actor
from releases import engine, interventions
from releases.models import Release
from tests.releases.world import DAY, World

pytestmark = pytest.mark.django_db


class TestManyReleases:
    def test_of_an_organization_go_oldest_first(self, world: World) -> None:
        younger, older = world, World(world.github, "force")
        older.opened()
        world.wait(hours=1)
        younger.opened()
        world.wait(seconds=DAY)

        engine.advance(engine.releasable(), world.clock)

        merged = Release.objects.filter(state="merged").order_by("id")
        events = AuditEvent.objects.filter(kind="release.merged").order_by("id").values_list("project_name", flat=True)
        assert merged.count() == 2
        assert list(events) == ["force", "candela"]

    def test_of_an_organization_are_held_up_by_those_that_are_unconfirmed(self, world: World) -> None:
        worlds = [world, World(world.github, "force"), World(world.github, "pulse")]
        for each in worlds:
            each.opened()
        world.wait(seconds=DAY)
        world.github.fail("PUT .*/merge", drop="before", times=3)

        engine.advance(engine.releasable(), world.clock)

        assert len(world.github.sent("PUT .*/merge")) == 2
        assert sorted(each.decide().code for each in worlds) == ["merging", "merging", "others-first"]

    def test_of_one_profile_are_read_in_one_batch(self, world: World) -> None:
        for name in ("force", "pulse", "eigen"):
            World(world.github, name)
        world.github.reset_requests()

        engine.advance(engine.releasable(), world.clock)

        assert world.github.count("GRAPHQL Releases") == 1

    @pytest.mark.parametrize("number", [1, 6])
    def test_that_are_at_rest_cost_the_same_few_queries(
        self, world: World, number: int, django_assert_num_queries: Any
    ) -> None:
        for each in [world, *(World(world.github, f"other{place}") for place in range(1, number))]:
            each.opened()

        with django_assert_num_queries(13):
            outcomes = engine.advance(engine.releasable(), world.clock)

        assert {outcome.decision.code for outcome in outcomes} == {"too-young"}

    @pytest.mark.parametrize("number", [1, 6])
    def test_that_are_skipped_cost_no_query_more(
        self, world: World, number: int, django_assert_num_queries: Any
    ) -> None:
        for each in [world, *(World(world.github, f"other{place}") for place in range(1, number))]:
            each.opened()
            sha = each.repo.sha("staging")
            interventions.skip(each.strategy, sha, reason="no", actor=Actor.person("mary"), clock=each.clock)
        engine.advance(engine.releasable(), world.clock)

        with django_assert_num_queries(13):
            outcomes = engine.advance(engine.releasable(), world.clock)

        assert {outcome.decision.code for outcome in outcomes} == {"skipped"}
