"""What every request passes before Django sees it: how large and how slow it may be, and whom it comes from."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST = 20.0  # seconds that a body may take to arrive
LARGE_AT_ONCE = 2


def with_whole_bodies(
    application: Application, most: int, seconds: float = LONGEST, *, larger: Mapping[str, int] | None = None
) -> Application:
    """Hands on a request when its body is there; answers 413 to one of more bytes, 408 to one that does not arrive.

    Django would write any body to a temporary file before it asks who sent it, and a slow one would hold one of the
    places in which requests are answered. The paths in `larger` take bodies of so many bytes, when they say beforehand
    how many, and only a few at a time: they are in memory before anybody knows who sent them.
    """
    places = asyncio.Semaphore(LARGE_AT_ONCE)
    limits = larger or {}

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        announced = _announced(scope)
        if announced <= most:
            await answered(scope, receive, send, most)
        elif announced > limits.get(scope.get("path", ""), most):
            await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            async with places:
                await answered(scope, receive, send, announced)

    async def answered(scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        try:
            async with asyncio.timeout(seconds):
                body = await _body(receive, limit)
        except TimeoutError:
            await _refuse(send, HTTPStatus.REQUEST_TIMEOUT)
            return
        if body is None:
            return  # whoever asked has gone
        if len(body) > limit:
            await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        await application(scope, _again(body, receive), send)

    return site


def behind_proxy(application: Application) -> Application:
    """Takes the last address in X-Forwarded-For for the sender: the proxy wrote that one; who wrote the others?"""

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        told = _headers(scope, b"x-forwarded-for")
        address = told[-1].decode("latin-1").rpartition(",")[2].strip() if told else ""
        await application({**scope, "client": (address, 0)} if address else scope, receive, send)

    return site


async def _body(receive: Receive, most: int) -> bytes | None:
    """The body as far as it is within the limit; None when the sender has gone."""
    body, more = bytearray(), True
    while more and len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Tells the body that was read already, then what comes after it."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _headers(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope.get("headers", ()) if key == name]


def _announced(scope: Scope) -> int:
    told = _headers(scope, b"content-length")
    return int(told[-1]) if told and told[-1].isdigit() and len(told[-1]) < 19 else 0


async def _refuse(send: Send, status: HTTPStatus) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": f"{status.phrase}\n".encode()})
