"""A pull request that Horizon leaves behind says so: once, by one event."""

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from audit.record import Actor
from projects import configure
from releases import farewells
from releases.models import Farewell
from tests.releases.world import World

pytestmark = pytest.mark.django_db
ANA = Actor.person("ana")
LEFT = "Horizon does not merge this pull request any more"


@pytest.fixture(autouse=True)
def opened(world: World) -> None:
    world.opened()
    world.advance()


def text(world: World) -> str:
    return world.repo.pull(1).body or ""


def edits() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(kind="pull-request.edited"))


def say(world: World) -> None:
    farewells.say(world.clock)


def archive(world: World) -> None:
    configure.archive(world.project, actor=ANA, at=world.now)


def test_of_an_archived_project(world: World) -> None:
    assert "merges this pull request" in text(world)
    archive(world)

    say(world)
    say(world)

    assert f"**{LEFT}:** the project was archived in Horizon. People may merge it, or close it." in text(world)
    assert "merges this pull request" not in text(world)
    (event,) = edits()
    assert (event.project_id, event.data["pull_request"]["number"]) == (world.project.pk, 1)
    assert world.acts.count("pull-request.edited") == 1


def test_of_a_project_that_comes_back_is_merged_after_all(world: World) -> None:
    archive(world)
    say(world)
    configure.restore(world.project, actor=ANA, at=world.now)

    world.advance()

    assert "merges this pull request" in text(world)
    world.wait(minutes=1)
    archive(world)
    say(world)
    assert LEFT in text(world)


def test_of_a_project_that_came_back_at_once_stays(world: World) -> None:
    archive(world)
    world.github.fail("PATCH .*/pulls/1", status=403)
    say(world)
    configure.restore(world.project, actor=ANA, at=world.now)
    world.wait(hours=1)

    say(world)

    assert LEFT not in text(world)
    assert not Farewell.objects.exists()


@pytest.mark.parametrize("what", ["strategy", "stage", "project"])
def test_of_what_was_removed(world: World, what: str) -> None:
    thing = {"strategy": world.strategy, "stage": world.strategy.stage, "project": world.project}[what]
    configure.delete(thing, actor=ANA, at=timezone.now())

    world.github.freeze(timezone.now())
    say(world)

    assert f"**{LEFT}:** Horizon no longer has the strategy that released it" in text(world)
    (event,) = edits()
    assert event.organization_name == "artsy"
    assert event.data["project"] == "candela"


def test_of_branches_that_are_no_longer_released(world: World) -> None:
    world.repo.branch("live", at="release")
    world.set(base="live")
    world.advance()

    say(world)

    assert f"**{LEFT}:** it releases staging to live of artsy/candela now." in text(world)


def test_of_a_strategy_that_is_not_automatic_any_more_says_that_people_merge_it(world: World) -> None:
    world.set(automatic=False)

    world.advance()
    world.advance()

    assert "does not merge this pull request by itself: people release `staging`" in text(world)
    assert "To stop it" not in text(world)
    assert len(edits()) == 1


def test_whose_answer_was_lost_is_told_once(world: World) -> None:
    archive(world)
    world.github.fail("PATCH .*/pulls/1", drop="after")
    say(world)
    assert edits() == []
    world.wait(minutes=2)

    say(world)

    assert LEFT in text(world)
    assert len(edits()) == 1
    assert world.acts.count("pull-request.edited") == 1


def test_that_is_refused_is_tried_again(world: World) -> None:
    archive(world)
    world.github.fail("PATCH .*/pulls/1", status=403)
    say(world)
    assert Farewell.objects.get().error
    assert edits() == []
    world.wait(hours=1)

    say(world)

    assert LEFT in text(world)


def test_of_people_keeps_what_they_wrote(world: World) -> None:
    world.repo.edit_pull_request(1, body="By hand")
    archive(world)

    say(world)

    assert text(world) == "By hand"
    assert edits() == []


def test_of_what_was_closed_or_merged_is_not_said(world: World) -> None:
    world.repo.close_pull_request(1)
    world.advance()
    archive(world)

    say(world)

    assert LEFT not in text(world)
