"""The connections of Django's cache: one pool for each process and server."""

import threading
from typing import Any

import redis

_lock = threading.Lock()
_pools: dict[str, redis.ConnectionPool] = {}


class SharedPool:
    """What the cache takes as its `pool_class`.

    Django makes a cache object for each thread, and under ASGI for each request, each with a pool of its own: every
    request would connect to Valkey anew, and leave the connection to the garbage collector.
    """

    @staticmethod
    def from_url(url: str, **options: Any) -> redis.ConnectionPool:
        """The pool of this process for a server, with the options of its first caller: all come from the settings."""
        with _lock:
            if url not in _pools:
                _pools[url] = redis.ConnectionPool.from_url(url, **options)
            return _pools[url]
