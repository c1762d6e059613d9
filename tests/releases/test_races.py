"""Engines and people at the same time, in threads with connections of their own: real transactions, real locks."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from audit.models import AuditEvent
from blocks.models import DeployBlock
from releases import engine
from releases.models import Release
from tests.releases.wire import Wire, tapped
from tests.releases.world import World
from tests.servers.github import GitHubServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LIMIT = 60  # seconds that a thread may take before the test fails


@pytest.fixture
def world(github: GitHubServer, transactional_db: None) -> World:
    return World(github)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tapped() as wire:
        yield wire


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run these at the same time, each with a database connection of its own; what they return."""
    begin = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            begin.wait(LIMIT)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(LIMIT) for future in [pool.submit(run, work) for work in works]]


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks"
            " WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return bool(cursor.fetchone()[0])


class TestEngines:
    @pytest.mark.parametrize("attempt", range(5))
    def test_open_one_pull_request(self, world: World, attempt: int) -> None:
        world.commit()

        together(*[world.advance] * 4)
        world.advance()

        assert world.moves == ["pull-request.opened"] == world.story
        assert Release.objects.count() == 1

    @pytest.mark.parametrize("attempt", range(5))
    def test_merge_once(self, world: World, attempt: int) -> None:
        world.due()

        together(*[world.advance] * 4)
        world.advance()

        assert world.moves == ["pull-request.opened", "pull-request.merged"]
        assert world.story == ["pull-request.opened", "release.merged"]
        assert len(world.github.sent("PUT .*/merge")) == 1

    def test_and_a_person_who_merges_by_hand_tell_one_story(self, world: World) -> None:
        world.due()

        together(world.advance, world.advance, lambda: world.repo.merge_pull_request(1, by="ana") and None)
        world.advance()

        assert world.story in (
            ["pull-request.opened", "release.merged"],
            ["pull-request.opened", "release.by-hand"],
        )
        assert (world.moves[1:] == ["pull-request.merged"]) == (world.story[-1] == "release.merged")

    def test_obey_the_limit_of_unconfirmed_merges(self, world: World, wire: Wire) -> None:
        projects = [world, *(World(world.github, name) for name in ("force", "pulse", "eigen"))]
        for each in projects:
            each.opened()
        world.wait(days=1)
        most: list[int] = []
        for _ in projects:
            wire.at("PUT .*/merge", "before", lambda: most.append(_merging()))

        together(*[each.advance for each in projects])
        for _ in projects:
            engine.advance(engine.releasable(), world.clock)

        assert AuditEvent.objects.filter(kind="release.merged").count() == len(projects)
        assert max(most) <= 2


def _merging() -> int:
    return Release.objects.filter(state=Release.State.MERGING).count()


class TestBlockAndMerge:
    def test_a_block_that_was_saved_stops_the_merge(self, world: World, wire: Wire) -> None:
        """It is saved by another process while the engine waits for what GitHub says."""
        world.due()
        blocked = threading.Event()

        def look_late() -> None:
            assert blocked.wait(LIMIT)

        def block() -> None:
            world.block()
            blocked.set()

        wire.at("POST .*/graphql", "before", look_late)
        together(world.advance, block)

        assert world.github.sent("PUT .*/merge") == []
        assert world.decide().code == "blocked"

    def test_a_block_waits_for_a_merge_under_way_and_is_told_that_it_came_too_late(
        self, world: World, wire: Wire
    ) -> None:
        world.due()
        sent, order = threading.Event(), list[str]()

        def while_the_merge_is_under_way() -> None:
            sent.set()
            for _ in range(LIMIT * 20):
                if waits_for_a_lock():
                    break
                threading.Event().wait(0.05)
            threading.Event().wait(0.3)
            order.append("merged")

        def block() -> Any:
            assert sent.wait(LIMIT)
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '200ms'")  # of pages; the wait for a merge is longer
            saved = world.save_block()
            order.append("blocked")
            return saved

        wire.at("PUT .*/merge", "before", while_the_merge_is_under_way)
        _, saved = together(world.advance, block)

        assert order == ["merged", "blocked"]
        assert world.repo.pull(1).merged
        (overtaken,) = saved.too_late
        assert (overtaken.project, overtaken.stage) == (world.project, "production")
        assert overtaken.at == world.now

    @pytest.mark.parametrize("attempt", range(10))
    def test_that_race_freely_end_in_one_of_two_ways(self, world: World, attempt: int) -> None:
        world.due()

        _, saved = together(world.advance, world.save_block)
        world.advance()

        merged = world.repo.pull(1).merged
        assert bool(saved.too_late) == merged
        assert DeployBlock.objects.count() == 1
        assert ("release.merged" in world.story) == merged
