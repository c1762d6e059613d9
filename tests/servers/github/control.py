"""Lets another process do with a server what a test does in its own: JSON over a second port of 127.0.0.1.

One call is POST {"repository": full name or null, "method": name, "arguments": {...}}; it answers {"result": ...} or,
with status 400, {"error": text}. What JSON has no word for comes back as its text. Public methods only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.servers.github.model import Refused
from tests.servers.github.server import GitHubServer
from tests.servers.github.store import Conflict

MOMENTS = frozenset({"date", "created_at", "expires"})  # arguments that come as ISO 8601
EXPECTED = (KeyError, ValueError, TypeError, AttributeError, Refused, Conflict)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was asked since the last reset. `bytes` counts the bodies of answers, `seconds` the server's own work."""

    requests: int
    bytes: int
    seconds: float


class Crowd:
    """Many repositories at once, for measurements; its methods are called like those of the server."""

    def __init__(self, github: GitHubServer) -> None:
        self.github = github

    def add_repositories(self, owner: str, count: int) -> None:
        """project00000 and on: two commits wait on main, one on staging."""
        for number in range(count):
            repository = self.github.add_repository(f"{owner}/project{number:05d}", branches=("staging", "release"))
            repository.commits("main", 3, author="ana")
            repository.push("staging", "main~2")

    def push_to_many(self, owner: str, numbers: Sequence[int]) -> None:
        """One more commit on main of each."""
        for number in numbers:
            self.github.repository(f"{owner}/project{number:05d}").commit("main", "One more", author="ana")

    def set_latency(self, seconds: float) -> None:
        self.github.latency = seconds

    def traffic(self) -> Traffic:
        with self.github.lock:
            seen = list(self.github.requests)
        return Traffic(len(seen), sum(one.sent for one in seen), sum(one.seconds for one in seen))


class Control(ThreadingHTTPServer):
    """The second port. `with` starts and stops it."""

    daemon_threads = True

    def __init__(self, github: GitHubServer, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), ControlHandler)
        self.github = github
        self.crowd = Crowd(github)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        Thread(target=self.serve_forever, args=(0.05,), daemon=True, name="github-control").start()

    def call(self, wish: dict[str, Any]) -> Any:
        name, given = str(wish["method"]), wish.get("arguments") or {}
        arguments = {key: datetime.fromisoformat(one) if key in MOMENTS and one else one for key, one in given.items()}
        target: object = self.github.repository(wish["repository"]) if wish.get("repository") else self.github
        if name.startswith("_"):
            raise ValueError(f"{name} is not public")
        if target is self.github and hasattr(self.crowd, name):
            target = self.crowd
        return getattr(target, name)(**arguments)


class ControlHandler(BaseHTTPRequestHandler):
    server: Control

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the parent reads the standard output."""

    def do_POST(self) -> None:
        wish = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            status, answer = 200, {"result": plain(self.server.call(wish))}
        except EXPECTED as error:
            status, answer = 400, {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def plain(value: Any) -> Any:
    """JSON as far as it goes; objects of the server by their text."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type) and type(value).__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return asdict(value)
    return str(value)
