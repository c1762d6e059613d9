"""The stream of changes: what a tab is told, and what it costs."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from dashboard.hub import Hub, News
from projects.live import CHANNEL, announce

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages"), pytest.mark.django_db(transaction=True)]

LIMIT = 10.0  # seconds


@dataclass
class Tab:
    """One open connection to /live/."""

    stream: Any

    def next(self, kind: str) -> tuple[str, str]:
        """The id and data of the next event of this kind."""
        event: dict[str, str] = {}
        while True:
            line = self.stream.readline().decode().rstrip("\r\n")
            name, _, value = line.partition(": ")
            if name in {"event", "data", "id"}:
                event[name] = value
            if name == "data" and event.pop("event", "") == kind:
                return event.get("id", ""), value

    def status(self) -> int:
        return int(self.stream.readline().split()[1])


@contextmanager
def tab(site: str, cookie: str, since: str = "", last: str = "") -> Iterator[Tab]:
    parts = urlsplit(site)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=LIMIT) as connection:
        lines = [f"GET /live/?since={since} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"Cookie: {settings.SESSION_COOKIE_NAME}={cookie}"] if cookie else []
        lines += [f"Last-Event-ID: {last}"] if last else []
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        with connection.makefile("rb") as stream:
            yield Tab(stream)


@pytest.fixture
def cookie() -> str:
    client = Client()
    client.force_login(User.objects.create_user("bo"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def live(found: Tab) -> Tab:
    """Wait until the tab hears Valkey."""
    while found.next("state")[1] != "live":
        pass
    return found


def test_strangers_are_refused(live_site: str) -> None:
    with tab(live_site, "") as stranger:
        assert stranger.status() == 403


def test_everybody_listens_to_a_public_dashboard(live_site: str, settings: Any) -> None:
    settings.PUBLIC_DASHBOARD = True

    with tab(live_site, "") as anybody:
        live(anybody)


def test_a_change_reaches_every_tab(live_site: str, cookie: str) -> None:
    with tab(live_site, cookie) as first, tab(live_site, cookie) as second:
        live(first)
        live(second)

        announce([3, 1])

        assert [json.loads(each.next("changed")[1]) for each in (first, second)] == [[1, 3], [1, 3]]


def test_a_tab_from_before_this_process_catches_up_with_everything(live_site: str, cookie: str) -> None:
    with tab(live_site, cookie, since="1000") as old:
        assert old.next("resync")


def test_a_hundred_tabs_hold_no_thread_and_no_connection(live_site: str, cookie: str) -> None:
    def connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    with ExitStack() as stack:
        live(stack.enter_context(tab(live_site, cookie)))
        threads, before = threading.active_count(), connections()

        tabs = [live(stack.enter_context(tab(live_site, cookie))) for _ in range(100)]
        announce([7])

        for each in tabs:
            while 7 not in json.loads(each.next("changed")[1]):  # what other tests announced may still be on its way
                continue
        assert connections() <= before + 8  # those of the pool that asks who may listen, closed or just closing
        assert threading.active_count() <= threads + 8


def test_two_hundred_tabs_may_ask_for_their_part_at_once(live_site: str, cookie: str) -> None:
    """PostgreSQL allows 100 connections."""
    parts = urlsplit(live_site)
    question = (
        f"GET /?changed=1&v=1 HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Cookie: {settings.SESSION_COOKIE_NAME}={cookie}\r\nConnection: close\r\n\r\n"
    )
    with ExitStack() as stack:
        address = (parts.hostname or "", parts.port or 0)
        tabs = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(200)]
        for each in tabs:
            each.sendall(question.encode())

        assert {each.makefile("rb").readline().split()[1] for each in tabs} == {b"200"}


def in_its_own_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a thread: the browser of other tests keeps a loop running in this one."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, test(*arguments, **named)).result()

    return run


def _cut_off() -> None:
    """Those that listen in the database of this test process: others may be tested beside it."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        mine = str(client.get_connection_kwargs()["db"])
        for one in client.client_list(_type="pubsub"):
            if one["db"] == mine:
                client.client_kill_filter(_id=one["id"])


class TestHub:
    @in_its_own_loop
    async def test_a_tab_that_does_not_read_is_told_to_catch_up(self) -> None:
        hub = Hub()
        async with hub.follow(None) as queue:
            for number in range(200):
                hub._changed(json.dumps({"projects": [number]}).encode())

            kinds = [queue.get_nowait().kind for _ in range(queue.qsize())]

        assert "resync" in kinds
        assert len(kinds) <= 64

    @in_its_own_loop
    async def test_a_tab_that_comes_back_is_told_what_it_missed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dashboard.hub.SLACK_MS", 0)
        hub = Hub()
        async with hub.follow(None) as stays:
            while (await _next(stays)).kind != "resync":
                pass
            hub._changed(b'{"projects": [1]}')
            seen = (await _next(stays)).number
            hub._changed(b'{"projects": [2]}')

            async with hub.follow(seen) as back:
                told = [back.get_nowait() for _ in range(back.qsize())]

        assert [(news.kind, news.data) for news in told] == [("state", "live"), ("changed", "[2]")]

    @in_its_own_loop
    async def test_says_when_valkey_is_away_and_catches_up_when_it_is_back(self, settings: Any) -> None:
        real, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
        hub = Hub()

        async with hub.follow(None) as queue:
            assert await _next(queue) == News("state", "away")
            settings.REDIS_URL = real

            while (news := await _next(queue)).kind != "resync":
                assert news.kind == "state"
            assert hub.live

    @in_its_own_loop
    async def test_a_lost_connection_is_made_again(self) -> None:
        hub = Hub()
        async with hub.follow(None) as queue:
            while (await _next(queue)).kind != "resync":
                pass

            _cut_off()

            kinds = [(await _next(queue)) for _ in range(3)]
            assert [(news.kind, news.data) for news in kinds] == [("state", "away"), ("state", "live"), ("resync", "1")]

    @in_its_own_loop
    async def test_nonsense_on_the_channel_is_passed_over(self) -> None:
        hub = Hub()
        async with hub.follow(None) as queue:
            while (await _next(queue)).kind != "resync":
                pass

            with redis.Redis.from_url(settings.REDIS_URL) as client:
                for nonsense in ("{", "[]", '{"projects": ["x"]}', '{"projects": [5]}'):
                    client.publish(CHANNEL, nonsense)

            assert (await _next(queue)).data == "[5]"

    @in_its_own_loop
    async def test_tabs_look_at_everything_again_from_time_to_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dashboard.hub.REFRESH", 0.05)
        hub = Hub()
        async with hub.follow(None) as queue:
            kinds = [(await _next(queue)).kind for _ in range(5)]

        assert kinds == ["state", "state", "resync", "resync", "resync"]

    @in_its_own_loop
    async def test_the_last_tab_ends_the_subscription(self) -> None:
        hub = Hub()
        async with hub.follow(None):
            pass

        assert not hub.tabs
        assert not hub.live


async def _next(queue: "asyncio.Queue[News]") -> News:
    return await asyncio.wait_for(queue.get(), LIMIT)
