"""One subscription to Valkey for each web process, and its news for every open tab. No database is asked."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import redis.asyncio
from django.conf import settings

from projects.live import CHANNEL

logger = logging.getLogger(__name__)

WAITING_NEWS = 64  # of one tab; beyond, the tab catches up with everything
REMEMBERED = 2000  # changes that a tab that comes back can catch up with
SLACK_MS = 3000  # a page is rendered a moment before it listens; clocks of two web machines differ a little
REFRESH = 600.0  # seconds after which tabs look at everything again: severities grow, and data gets old, in silence
FIRST_DELAY, LAST_DELAY = 0.25, 10.0  # seconds between attempts to reach Valkey


@dataclass(frozen=True, slots=True)
class News:
    """What a tab is told: `changed` with ids, `resync` (look at everything again), or the `state` of the stream."""

    kind: str
    data: str
    number: int | None = None

    def encode(self) -> bytes:
        """As a server-sent event."""
        number = f"id: {self.number}\n" if self.number else ""
        return f"event: {self.kind}\n{number}data: {self.data}\n\n".encode()


class Hub:
    """Fans out the changes of projects. `follow` gives a tab its queue; the first one starts the subscription."""

    def __init__(self) -> None:
        self.tabs: set[asyncio.Queue[News]] = set()
        self._recent: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)
        self._complete_since: int | None = None
        self._number = 0
        self._listener: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        """Whether Valkey is heard just now."""
        return self._complete_since is not None

    @asynccontextmanager
    async def follow(self, since: int | None) -> AsyncIterator["asyncio.Queue[News]"]:
        """The news for one tab that has seen everything up to `since` (milliseconds since 1970; None: nothing)."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        queue: asyncio.Queue[News] = asyncio.Queue(WAITING_NEWS)
        queue.put_nowait(self._state())
        for news in self._missed(since):
            _offer(queue, news)
        self.tabs.add(queue)
        try:
            yield queue
        finally:
            self.tabs.discard(queue)
            if not self.tabs and self._listener is not None:
                self._listener.cancel()
                self._listener = None
                self._complete_since = None

    def _missed(self, since: int | None) -> Iterator[News]:
        if self._complete_since is None:
            return  # it is told to catch up when Valkey is heard
        if since is None or since - SLACK_MS < self._complete_since:
            yield News("resync", "1", self._now())
            return
        yield from (News("changed", ids, number) for number, ids in self._recent if number > since - SLACK_MS)

    async def _listen(self) -> None:
        delay = FIRST_DELAY
        while True:
            try:
                await self._subscribe()
            except (redis.RedisError, OSError) as error:
                delay = FIRST_DELAY if self.live else min(delay * 2, LAST_DELAY)
                if self.live:
                    logger.warning("live pages: Valkey is not heard: %s", error)
                self._complete_since = None
                self._tell(self._state())
            await asyncio.sleep(delay)

    async def _subscribe(self) -> None:
        connection = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=10
        )
        async with connection, connection.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            refresh_at = time.monotonic() + REFRESH
            while True:
                message = await subscription.get_message(timeout=min(5.0, REFRESH))
                if message is not None:
                    self._handle(message["type"], message["data"])
                if time.monotonic() >= refresh_at:
                    refresh_at = time.monotonic() + REFRESH
                    self._tell(News("resync", "1", self._now()))

    def _handle(self, kind: str, data: bytes) -> None:
        if kind == "subscribe":
            self._heard()
        elif kind == "message":
            self._changed(data)

    def _heard(self) -> None:
        self._recent.clear()
        self._complete_since = self._now()
        self._tell(self._state())
        self._tell(News("resync", "1", self._complete_since))

    def _changed(self, data: bytes) -> None:
        try:
            ids = json.dumps([int(number) for number in json.loads(data)["projects"]], separators=(",", ":"))
        except (ValueError, KeyError, TypeError):
            logger.warning("live pages: a message on %s is not what projects.live sends", CHANNEL)
            return
        number = self._now()
        if len(self._recent) == self._recent.maxlen:
            self._complete_since = self._recent[0][0]
        self._recent.append((number, ids))
        self._tell(News("changed", ids, number))

    def _tell(self, news: News) -> None:
        for queue in self.tabs:
            _offer(queue, news)

    def _state(self) -> News:
        return News("state", "live" if self.live else "away")

    def _now(self) -> int:
        """The next number of an event: the time, and never the same twice."""
        self._number = max(self._number + 1, time.time_ns() // 1_000_000)
        return self._number


def _offer(queue: "asyncio.Queue[News]", news: News) -> None:
    """Put news into the queue of a tab; one that does not read is told to catch up instead."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        news = News("resync", "1", news.number) if news.kind != "state" else news
    queue.put_nowait(news)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of this process (of its event loop)."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def open_tabs() -> int:
    """How many tabs this process serves, for /metrics."""
    return sum(len(each.tabs) for each in list(_hubs.values()))
