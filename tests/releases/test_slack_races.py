"""Notices while others do something at the same time: real transactions, threads with connections of their own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from releases.models import Notice
from tests.releases.telling import slack_events, tell_webhooks, until_the_notice
from tests.releases.test_races import LIMIT, together, waits_for_a_lock
from tests.releases.wire import Wire, tapped
from tests.releases.world import World
from tests.servers.github import GitHubServer
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["slack"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def world(github: GitHubServer, slack: SlackServer, transactional_db: None) -> World:
    world = World(github)
    tell_webhooks(world, slack.webhook("#dev"), slack.webhook("#ops"))
    return world


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tapped() as wire:
        yield wire


@pytest.mark.parametrize("attempt", range(5))
def test_engines_give_one_notice(world: World, slack: SlackServer, attempt: int) -> None:
    until_the_notice(world)

    together(*[world.advance] * 4)

    assert [len(slack.texts(channel)) for channel in ("#dev", "#ops")] == [1, 1]
    assert slack_events(world) == ["notice.sent", "notice.sent"]
    assert Notice.objects.count() == 1


def test_a_block_that_cannot_be_seen_yet_stops_the_notice(world: World, slack: SlackServer) -> None:
    """The engine waits for it to be saved, and looks then."""
    until_the_notice(world)
    begun = threading.Event()

    def block() -> None:
        with transaction.atomic():
            world.block("Needs QA")
            begun.set()
            until(waits_for_a_lock)

    def advance() -> str:
        assert begun.wait(LIMIT)
        return world.advance().code

    _, code = together(block, advance)

    assert code == "blocked"
    assert slack.messages == []
    assert slack_events(world) == []
    assert not Notice.objects.exists()


def until(happened: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(LIMIT * 50):
        if happened():
            return
        pause.wait(0.02)
    raise AssertionError("it never happened")


def test_a_block_waits_until_the_notice_is_out_and_is_then_told(world: World, slack: SlackServer, wire: Wire) -> None:
    until_the_notice(world)
    with ThreadPoolExecutor(1) as pool:
        waiting = []
        wire.at("POST /services/", "before", lambda: waiting.append(pool.submit(saved, world)))
        world.advance()
        waiting[0].result(LIMIT)
    world.advance()

    assert [text.split()[0] for text in slack.texts("#dev")] == ["The", "Not"]


def saved(world: World) -> None:
    try:
        world.block("Needs QA")
    finally:
        connections.close_all()
