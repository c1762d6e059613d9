"""What requests pass before Django sees them."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from horizon.entrance import LARGE_AT_ONCE, Message, Receive, Scope, Send, behind_proxy, with_whole_bodies

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


async def asked(
    application: Any, parts: Iterable[bytes] = (b"",), *, stuck: bool = False, path: str = "/", **headers: str
) -> int:
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
    scope = {"type": "http", "path": path, "client": ("10.0.0.1", 1), "headers": pairs}
    await application(scope, receive, send)
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


class TestLargerPaths:
    def site(self, seconds: float = 20) -> tuple[Site, Any]:
        site = Site()
        return site, with_whole_bodies(site, MOST, seconds, larger={"/large": 3 * MOST})

    async def test_take_a_body_up_to_their_own_limit_and_no_other_path_does(self) -> None:
        site, entrance = self.site()

        assert await asked(entrance, [b"x" * 30], path="/large", content_length="30") == 200
        assert await asked(entrance, [], path="/large", content_length="31") == 413
        assert await asked(entrance, [], path="/large/", content_length="30") == 413
        assert await asked(entrance, [], content_length="30") == 413
        assert site.bodies == [b"x" * 30]

    async def test_take_no_large_body_that_does_not_say_how_large_it_is(self) -> None:
        site, entrance = self.site()

        assert await asked(entrance, [b"x" * 10, b"x", b"never read"], path="/large") == 413
        assert site.bodies == []

    async def test_cut_off_a_body_that_is_longer_than_it_says(self) -> None:
        site, entrance = self.site()

        assert await asked(entrance, [b"x" * 20, b"x", b"never read"], path="/large", content_length="20") == 413
        assert site.bodies == []

    async def test_read_a_few_large_bodies_at_a_time_and_small_ones_always(self) -> None:
        site, entrance = self.site(seconds=0.3)
        slow = [asyncio.create_task(self.stuck(entrance)) for _ in range(LARGE_AT_ONCE)]
        await asyncio.sleep(0)
        third = asyncio.create_task(asked(entrance, [b"x" * 20], path="/large", content_length="20"))
        assert await asked(entrance, [b"small"], path="/large", content_length="5") == 200
        assert not third.done()

        assert await asyncio.gather(*slow, third) == [*[408] * LARGE_AT_ONCE, 200]
        assert site.bodies == [b"small", b"x" * 20]

    async def stuck(self, entrance: Any) -> int:
        return await asked(entrance, [b"x"], stuck=True, path="/large", content_length="20")


@pytest.mark.parametrize(
    ("told", "sender"),
    [("203.0.113.7", "203.0.113.7"), ("1.2.3.4, 203.0.113.7", "203.0.113.7"), ("", "10.0.0.1")],
)
async def test_the_sender_is_whom_the_proxy_saw_and_not_what_the_sender_wrote(told: str, sender: str) -> None:
    site = Site()

    await asked(behind_proxy(site), x_forwarded_for=told)

    assert site.senders == [sender]
