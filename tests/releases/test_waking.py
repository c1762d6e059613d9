"""What holds a release or frees it has the engine look at once, and not with the next poll."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.record import Actor
from blocks.change import change_block, wish_of
from projects.models import Project, Snapshot
from releases import engine
from releases.closed_hours import Change, change_calendar
from releases.models import ClosedHours, DeployStrategy, StrategyReading
from tests import worlds
from tests.releases.world import World

pytestmark = pytest.mark.django_db
MARY = Actor.person("mary")


@pytest.fixture
def at_rest(world: World) -> World:
    """Everything was just looked at."""
    Snapshot.objects.all().delete()
    world.opened()
    world.wait(seconds=5)
    assert woken(world) == []
    return world


def woken(world: World) -> list[DeployStrategy]:
    return list(engine.changed(world.now))


def look(world: World) -> None:
    world.advance()
    world.wait(seconds=5)
    assert woken(world) == []


def change(world: World, block: Any, **changed: Any) -> None:
    change_block(
        block, block.organization, lambda stored: replace(wish_of(stored), **changed), actor=MARY, clock=world.clock
    )


@pytest.mark.parametrize("scope", [{}, {"scope": "organization", "projects": []}])
def test_a_block_that_is_made_changed_and_ended(at_rest: World, scope: dict[str, Any]) -> None:
    block = at_rest.block(**scope)
    assert woken(at_rest) == [at_rest.strategy]
    look(at_rest)

    change(at_rest, block, resolved_at=at_rest.now + timedelta(hours=2))
    assert woken(at_rest) == [at_rest.strategy]
    look(at_rest)

    at_rest.unblock(block)
    assert woken(at_rest) == [at_rest.strategy]


def test_a_block_that_a_project_was_taken_out_of(at_rest: World) -> None:
    block = at_rest.block()
    look(at_rest)

    change(at_rest, block, projects=[worlds.project("force")])

    assert woken(at_rest) == [at_rest.strategy]


def test_a_block_of_another_project_wakes_nobody(at_rest: World) -> None:
    at_rest.block(projects=[worlds.project("force")])

    assert woken(at_rest) == []


def test_closed_hours(at_rest: World) -> None:
    hours = ClosedHours(name="lunch", weekdays=[0], begins_at=time(12), ends_at=time(13))
    change_calendar(Change(at_rest.project.organization, put=(hours,)), actor=MARY, clock=at_rest.clock)

    assert woken(at_rest) == [at_rest.strategy]


def test_a_release_in_the_merge_queue_is_taken_out_at_once(world: World) -> None:
    world.repo.add_ruleset("release", merge_queue=True)
    world.due()
    assert world.advance().code == "queued"
    world.wait(seconds=5)

    world.block()
    engine.advance(engine.changed(world.now), world.clock)
    world.repo.process_merge_queue("release")

    assert not world.repo.pull(1).merged


def test_costs_no_more_queries_for_many_projects(at_rest: World) -> None:
    def made() -> int:
        with CaptureQueriesContext(connection) as queries:
            at_rest.block(scope="organization", projects=[])
        return len(queries)

    few = made()
    for _ in range(5):
        project = worlds.project()
        strategy = DeployStrategy.objects.create(
            stage=project.stages.get(name="production"), base="release", head="staging"
        )
        StrategyReading.objects.create(strategy=strategy, tried_at=at_rest.now)

    assert made() == few
    assert Project.objects.count() == StrategyReading.objects.filter(asked_at=at_rest.now).count() == 6
