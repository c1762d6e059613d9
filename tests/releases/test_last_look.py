"""What happens between the decision and the act: the last look sees it, and nothing is sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from projects.models import Project
from releases.models import Attempt
from tests.releases.world import World

pytestmark = pytest.mark.django_db

LOCK = "pg_advisory_lock_shared"  # taken after the decision and before the last look


@contextmanager
def after_the_decision(happens: Callable[[], object]) -> Iterator[None]:
    """Runs it once, just before the act takes the lock that blocks wait for."""
    done: list[bool] = []

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        if LOCK in sql and not done:
            done.append(True)
            happens()
        return execute(sql, *rest)

    with connection.execute_wrapper(wrapper):
        yield
    assert done, "no act was tried"


CHANGES: dict[str, tuple[Callable[[World], object], str]] = {
    "a block": (lambda world: world.block(), "blocked"),
    "a block of the organization": (lambda world: world.block(scope="organization", projects=[]), "blocked"),
    "a draft": (lambda world: world.repo.edit_pull_request(1, draft=True), "draft"),
    "a red check": (lambda world: world.repo.check_run("ci", at="staging", conclusion="failure"), "checks-failing"),
    "a running check": (
        lambda world: world.repo.check_run("ci", at="staging", status="in_progress", conclusion=None),
        "checks-running",
    ),
    "a required check": (lambda world: world.repo.protect("release", checks=("ci",)), "checks-missing"),
    "a longer wait": (lambda world: world.set(merge_after=10**7), "too-young"),
    "a strategy for people": (lambda world: world.set(automatic=False), "released-by-people"),
    "a closed pull request": (lambda world: world.repo.close_pull_request(1, by="ana"), "closed"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_after_the_decision_to_merge_stops_the_merge(world: World, change: str) -> None:
    happens, code = CHANGES[change]
    world.due()

    with after_the_decision(lambda: happens(world)):
        decision = world.advance()

    assert decision.code == code
    assert world.github.sent("PUT .*/merge") == []
    assert not Attempt.objects.filter(act="merge").exists()
    assert world.release.state in ("open", "closed")


def test_a_push_after_the_decision_is_decided_on_anew(world: World) -> None:
    first = world.due().head_sha

    with after_the_decision(lambda: world.commit("Late")):
        world.advance()

    assert first not in str([request.body for request in world.github.sent("PUT .*/merge")])
    assert world.story == ["pull-request.opened"]
    world.advance()
    assert world.story == ["pull-request.opened", "release.merged"]


def test_an_archived_project_is_not_merged(world: World) -> None:
    world.due()

    with after_the_decision(lambda: Project.objects.update(archived_at=world.now)):
        world.advance()

    assert world.github.sent("PUT .*/merge") == []


def test_a_block_after_the_decision_to_open_stops_the_opening(world: World) -> None:
    world.commit()

    with after_the_decision(world.block):
        assert world.advance().code == "blocked"

    assert world.moves == []


def test_a_person_who_opens_it_first_is_adopted(world: World) -> None:
    world.commit()

    with after_the_decision(lambda: world.repo.open_pull_request("staging", "release", author="ana")):
        world.advance()

    assert world.moves == []
    assert world.story == ["pull-request.adopted"]


def test_another_pull_request_is_not_judged_in_place_of_the_one_that_is_merged(world: World) -> None:
    """The strategy got another base, for which a person's pull request is open, and #1 cannot be looked at."""
    world.due()
    world.repo.open_pull_request("staging", "main", author="ana", created_at=world.now - timedelta(days=2))
    world.set(base="main")
    world.github.fail("GRAPHQL Pull", times=4, status=502)

    world.advance()

    assert world.github.sent("PUT .*/merge") == []
