"""The stream that open pages listen to: server-sent events at /live/.

It stands before Django's own handler: that one keeps a thread, and with it a database connection, for each request as
long as it is answered, and these are answered for an hour.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse

from dashboard.access import may_read
from dashboard.hub import News, hub

PATH = "/live/"
BEAT = 15.0  # seconds of silence after which the stream says that it is still there
AT_ONCE = 24  # requests that are answered at a time; the others wait in a row
LIFE = 3600.0  # seconds; then the page connects again, and whether it may read is asked again

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def with_live(application: Callable[..., Awaitable[None]]) -> Application:
    """The site, with /live/ answered here.

    The other requests wait for one of a number of places: a change makes every open tab ask for its part at once, and
    each request that is answered has a connection to PostgreSQL, which allows 100.
    """

    places = asyncio.Semaphore(AT_ONCE)

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            await stream(scope, receive, send)
        else:
            async with places:
                await application(scope, receive, send)

    return site


def without_asgi(request: HttpRequest) -> HttpResponse:
    """What a server without ASGI answers; it also gives the address its name."""
    return HttpResponse("Live pages need an ASGI server.\n", status=503, content_type="text/plain")


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """One tab, from its first question until it leaves."""
    if scope["method"] != "GET":
        await _refuse(send, 405)
        return
    status = await sync_to_async(_status_for, thread_sensitive=False)(scope)
    if status != 200:
        await _refuse(send, status)
        return
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    telling = asyncio.create_task(_tell(_since(scope), send))
    leaving = asyncio.create_task(_leave(receive))
    try:
        done, _ = await asyncio.wait({telling, leaving}, timeout=LIFE, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        return  # the server ends, and with it the stream: nothing went wrong
    finally:
        telling.cancel()
        leaving.cancel()
    if telling in done:
        telling.result()  # it never ends by itself: raises what went wrong
    if leaving not in done:
        await send({"type": "http.response.body", "body": b""})


async def _tell(since: int | None, send: Send) -> None:
    async with hub().follow(since) as queue:
        while True:
            try:
                news = await asyncio.wait_for(queue.get(), BEAT)
            except TimeoutError:
                news = News("beat", "1")
            await send({"type": "http.response.body", "body": news.encode(), "more_body": True})


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _status_for(scope: Scope) -> int:
    """Whether this person may listen: asked once, in a thread that keeps no connection to the database."""
    request = ASGIRequest(scope, BytesIO())
    try:
        request.get_host()
        sessions = import_module(settings.SESSION_ENGINE)
        request.session = sessions.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        request.user = get_user(request)
        return 200 if may_read(request) else 403
    except DisallowedHost:
        return 400
    finally:
        connections.close_all()


def _since(scope: Scope) -> int | None:
    """The last event that the page has seen: of its stream when it comes back by itself, else of its address."""
    words = [value.decode("latin-1") for name, value in scope["headers"] if name == b"last-event-id"]
    words += parse_qs(scope["query_string"].decode("latin-1")).get("since", [])
    return next((int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 19), None)


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Not live: sign in first.\n"})
