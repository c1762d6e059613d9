"""The cache: its connections to Valkey."""

from threading import Thread

import redis
from django.conf import settings
from django.core.cache import cache


def connections() -> int:
    """Those of this test process: each has a database of its own."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        mine = str(client.get_connection_kwargs()["db"])
        return sum(one["db"] == mine for one in client.client_list())


def in_another_thread(key: str) -> None:
    thread = Thread(target=cache.set, args=(key, "known"))
    thread.start()
    thread.join()


class TestConnections:
    def test_threads_and_requests_share_them(self) -> None:
        cache.set("first", "known")
        before = connections()

        for number in range(5):
            in_another_thread(f"key-{number}")

        assert connections() == before
        assert cache.get("key-4") == "known"
