"""What pages read of releases."""

from datetime import timedelta
from typing import Any

import pytest

from projects.models import Project
from releases.decision import Mark
from releases.queries import decisions
from tests.releases.world import World

pytestmark = pytest.mark.django_db


def test_pages_show_the_decision_that_the_engine_acts_on(world: World) -> None:
    world.opened()

    (shown,) = decisions([world.project], world.now)[world.project.pk]

    assert shown.decision == world.advance()
    assert (shown.stage, shown.number) == ("production", 1)
    assert shown.url == f"{world.github.url}/artsy/candela/pull/1"
    assert {item.name: item.mark for item in shown.checklist()}["too_young"] is Mark.NOT_MET


def test_a_project_without_strategy_has_no_decision(world: World) -> None:
    world.strategy.delete()

    assert decisions([world.project], world.now) == {world.project.pk: []}


def test_decisions_come_in_order_of_promotion(world: World) -> None:
    world.release_to("staging", base="staging", head="main")

    found = decisions([world.project], world.now)[world.project.pk]

    assert [each.stage for each in found] == ["staging", "production"]


@pytest.mark.parametrize("others", [0, 5])
def test_the_number_of_queries_does_not_grow_with_the_projects(
    world: World, others: int, django_assert_num_queries: Any
) -> None:
    worlds = [world, *(World(world.github, f"other{number}") for number in range(others))]
    for each in worlds:
        each.opened()
        each.block()
    projects = list(Project.objects.select_related("organization"))

    with django_assert_num_queries(6):
        found = decisions(projects, world.now)

    assert {each.decision.code for several in found.values() for each in several} == {"blocked"}


def test_old_facts_are_shown_as_old(world: World) -> None:
    world.opened()

    (shown,) = decisions([world.project], world.now + timedelta(minutes=30))[world.project.pk]

    assert shown.decision.code == "stale"
