"""Between Horizon and the network: where a process dies, or something else happens, just before or after a request."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import OpenerDirector

import pytest
import requests

When = Literal["before", "after"]


class Died(BaseException):
    """The process is gone: nothing of it runs any more, and its transactions are rolled back."""


@dataclass
class Moment:
    """What happens once, before or after the first request that matches, e.g. "PUT .*/merge"."""

    matching: str
    when: When
    happens: Callable[[], object]
    done: bool = False


class Wire:
    """The moments that are still to come."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    def at(self, matching: str, when: When, happens: Callable[[], object]) -> None:
        self.moments.append(Moment(matching, when, happens))

    def dies(self, matching: str, when: When) -> None:
        self.at(matching, when, die)

    def clear(self) -> None:
        self.moments.clear()

    def pass_by(self, request: str, when: When) -> None:
        for moment in self.moments:
            if not moment.done and moment.when == when and re.search(moment.matching, request):
                moment.done = True
                moment.happens()


def die() -> None:
    raise Died


RELEASES = str(Path(__file__).resolve().parents[2] / "releases")


@contextmanager
def killed_at_line(number: int) -> Iterator[Callable[[], bool]]:
    """Dies at the so-manyeth line that runs of the app `releases`; gives what tells whether it came to that."""
    left = number

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(RELEASES):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise Died
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lambda: left <= 0
    finally:
        sys.settrace(before)


@contextmanager
def tapped() -> Iterator[Wire]:
    """Listens to every request that Horizon's clients of GitHub and Slack send; the latter uses urllib."""
    wire, send, open_url = Wire(), requests.Session.request, OpenerDirector.open

    def request(self: requests.Session, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        name = f"{method} {urlsplit(str(url)).path}"
        wire.pass_by(name, "before")
        answer = send(self, method, url, *args, **kwargs)
        wire.pass_by(name, "after")
        return answer

    def open_tapped(self: OpenerDirector, asked: Any, *args: Any, **kwargs: Any) -> Any:
        url, method = (asked, "GET") if isinstance(asked, str) else (asked.full_url, asked.get_method())
        name = f"{method} {urlsplit(url).path}"
        wire.pass_by(name, "before")
        answer = open_url(self, asked, *args, **kwargs)
        wire.pass_by(name, "after")
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", request)
        patch.setattr(OpenerDirector, "open", open_tapped)
        yield wire


def dying(work: Callable[[], object], matching: str, when: When, *, after: int = 0) -> None:
    """Do it in a process that dies before or after a matching request, letting so many of them pass."""
    left = after

    def pass_or_die() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            die()
        moment.done = False

    moment = Moment(matching, when, pass_or_die)
    with tapped() as wire:
        wire.moments.append(moment)
        with pytest.raises(Died):
            work()
