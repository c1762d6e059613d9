"""What every request passes before Django sees it: how large it may be, and whom it comes from."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TOO_LARGE = b"The request is too large.\n"


def limited(application: Application, most: int) -> Application:
    """Answers 413 to a body of more bytes. Django writes any body to a temporary file before it asks who sent it."""

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        if _announced(scope) > most:
            await _refuse(send)
            return
        received, answered = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message if received <= most else {"type": "http.disconnect"}

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await application(scope, counted, noted)
        if received > most and not answered:
            await _refuse(send)

    return site


def behind_proxy(application: Application) -> Application:
    """Takes the last address in X-Forwarded-For for the sender: the proxy wrote that one; who wrote the others?"""

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        told = _headers(scope, b"x-forwarded-for")
        address = told[-1].decode("latin-1").rpartition(",")[2].strip() if told else ""
        await application({**scope, "client": (address, 0)} if address else scope, receive, send)

    return site


def _headers(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope.get("headers", ()) if key == name]


def _announced(scope: Scope) -> int:
    told = _headers(scope, b"content-length")
    return int(told[-1]) if told and told[-1].isdigit() and len(told[-1]) < 19 else 0


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": TOO_LARGE})
