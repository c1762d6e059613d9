"""What requests pass before Django sees them."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from horizon.entrance import Message, Receive, Scope, Send, behind_proxy, with_whole_bodies

MOST = 10  # bytes


class Site:
    """An application that reads the whole body, notes it and who sent it, and answers."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.senders: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.senders.append(scope["client"][0])
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def asked(application: Any, parts: Iterable[bytes] = (b"",), *, stuck: bool = False, **headers: str) -> int:
    """The status that a request with a body in these parts gets; one that is stuck never comes to its end."""
    left = list(parts)
    sent: list[Message] = []

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()  # the rest never comes
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or stuck}

    async def send(message: Message) -> None:
        sent.append(message)

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await application({"type": "http", "client": ("10.0.0.1", 1), "headers": pairs}, receive, send)
    return int(sent[0]["status"])


async def test_a_body_within_the_limit_comes_through() -> None:
    site = Site()

    assert await asked(with_whole_bodies(site, MOST), [b"12345", b"67890"], content_length="10") == 200
    assert site.bodies == [b"1234567890"]


async def test_a_body_that_says_that_it_is_too_large_is_not_read() -> None:
    site = Site()

    assert await asked(with_whole_bodies(site, MOST), [], content_length="11") == 413
    assert site.senders == []


async def test_a_body_that_does_not_say_so_is_cut_off() -> None:
    site = Site()

    assert await asked(with_whole_bodies(site, MOST), [b"12345", b"67890", b"1", b"never read"]) == 413
    assert site.bodies == []


async def test_a_body_that_does_not_arrive_holds_nothing_up() -> None:
    site = Site()

    assert await asked(with_whole_bodies(site, MOST, seconds=0.01), [b"1"], stuck=True, content_length="10") == 408
    assert site.senders == []


@pytest.mark.parametrize(
    ("told", "sender"),
    [("203.0.113.7", "203.0.113.7"), ("1.2.3.4, 203.0.113.7", "203.0.113.7"), ("", "10.0.0.1")],
)
async def test_the_sender_is_whom_the_proxy_saw_and_not_what_the_sender_wrote(told: str, sender: str) -> None:
    site = Site()

    await asked(behind_proxy(site), x_forwarded_for=told)

    assert site.senders == [sender]
