"""Whether Horizon works: /healthz for whoever restarts it, /readyz for whoever routes to it or wonders about it."""

from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import words
from projects.queries import latest_poll, oldest_unpolled

LATE_AFTER_POLLS = 10
LATE_AT_LEAST = timedelta(minutes=3)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as soon as pages can be served; asks nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part works, else 503 and which does not. No names, no addresses: everybody may ask."""
    database = _database()
    parts = {"database": database, "valkey": _valkey()}
    parts["polling"] = _polling(timezone.now()) if database == "ok" else "unknown while the database is away"
    ready = all(part == "ok" for part in parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "away: PostgreSQL does not answer"
    return "ok"


def _valkey() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, OSError):
        return "away: Valkey does not answer"
    return "ok"


def _polling(now: datetime) -> str:
    """The worker's heartbeat: some project was read not long ago, if there is any to read."""
    limit = max(settings.POLL_INTERVAL * LATE_AFTER_POLLS, LATE_AT_LEAST)
    latest = latest_poll()
    if latest is not None:
        late = now - latest > limit
        return f"late: nothing was read for {words.duration(now - latest)}; is the worker running?" if late else "ok"
    waiting_since = oldest_unpolled()
    late = waiting_since is not None and now - waiting_since > limit
    return "late: no project was read yet; is the worker running?" if late else "ok"
