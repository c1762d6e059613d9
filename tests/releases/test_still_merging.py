"""Pages that wait for a merge under way: where it does not end, they say so and lose nothing that was typed."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from audit.record import Actor
from projects import merging as merging_lock
from releases import interventions
from releases.models import Intervention, Release, Repair
from tests.releases.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def merging(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another process holds the lock of a merge, and does not let go of it."""
    monkeypatch.setattr(merging_lock, "LONGEST_MERGE", "50ms")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [merging_lock.LOCK, world.project.organization_id])
    yield
    other.close()


def typed(world: World, **more: Any) -> dict[str, Any]:
    return {"sha": world.repo.sha("staging"), "reason": "the fair"} | more


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize("name", ["postpone", "skip"])
def test_whoever_says_no_is_told_and_keeps_what_was_typed(
    world: World, staff: Client, merging: None, name: str
) -> None:
    world.opened()
    address = f"/projects/{world.project.pk}/releases/{world.strategy.pk}/{name}/"

    answer = staff.post(address, typed(world, until="monday", zone="UTC"))

    assert answer.status_code == 409
    assert "Nothing was saved yet" in text(answer)
    assert "the fair" in text(answer)
    assert not Intervention.objects.exists()


def test_whoever_takes_a_release_now_back_is_told(world: World, staff: Client, merging: None) -> None:
    world.opened()
    row = interventions.release_now(
        world.strategy, world.repo.sha("staging"), reason="the fix", actor=Actor.person("bo"), clock=world.clock
    )
    address = f"/projects/{world.project.pk}/releases/{world.strategy.pk}/resume/"

    answer = staff.post(address, {"intervention": row.pk}, follow=True)

    assert "Nothing was saved yet" in text(answer)
    row.refresh_from_db()
    assert row.ended_at is None


def test_whoever_goes_back_is_told_and_keeps_what_was_typed(world: World, staff: Client, merging: None) -> None:
    world.opened()
    Release.objects.update(state="merged", merged_at=world.now, merge_sha=world.repo.sha("staging"))

    answer = staff.post(
        f"/projects/{world.project.pk}/back/", {"release": Release.objects.get().pk, "reason": "it loses orders"}
    )

    assert answer.status_code == 400
    assert "Nothing was saved yet" in text(answer)
    assert "it loses orders" in text(answer)
    assert not Repair.objects.exists()
