"""Tells open pages which projects changed."""

import json
import logging
from collections.abc import Iterable

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

CHANNEL = "horizon:changes"


def announce(project_ids: Iterable[int]) -> None:
    """Publish, once the current transaction is committed, that these projects look different now.

    A lost message loses nothing but time: pages catch up on the next one, or when they reconnect. So an unreachable
    Valkey is logged and does not undo what was stored.
    """
    ids = sorted(set(project_ids))
    if ids:
        transaction.on_commit(lambda: _publish(ids))


def _publish(ids: list[int]) -> None:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as connection:
            connection.publish(CHANNEL, json.dumps({"projects": ids}))
    except redis.RedisError as error:
        logger.warning("open pages were not told of %d changed projects: %s", len(ids), error)
