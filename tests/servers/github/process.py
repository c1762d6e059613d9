"""A GitHub server in a process of its own, so that its work is not counted with what is measured."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.servers.github.control import Traffic

ROOT = Path(__file__).resolve().parents[3]


class GitHubProcess:
    """`with` starts and ends it. `call` reaches every public method of GitHubServer, or of a repository by its name."""

    def __init__(self, folder: Path | None = None) -> None:
        self._command = [sys.executable, "-m", "tests.servers.github", *(["--data", str(folder)] if folder else [])]
        self._process: subprocess.Popen[str] | None = None
        self.url = self.api_url = self._control = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        told = json.loads(self._process.stdout.readline())
        self.url, self.api_url, self._control = told["url"], told["api_url"], told["control"]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.communicate(timeout=60)  # its standard input closes, which ends it

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def call(self, method: str, *, repository: str | None = None, **arguments: Any) -> Any:
        """RuntimeError with the server's words when it refuses."""
        wish = {"repository": repository, "method": method, "arguments": arguments}
        request = urllib.request.Request(self._control, json.dumps(wish, default=stated).encode(), method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as refused:
            with refused:
                raise RuntimeError(json.load(refused)["error"]) from None

    def remote(self, full_name: str) -> str:
        return f"{self.url}/{full_name}.git"

    def add_user(self, login: str, *, name: str | None = None, email: str | None = None) -> None:
        self.call("add_user", login=login, name=name, email=email)

    def add_token(self, secret: str, *, login: str = "horizon-bot", scopes: Sequence[str] | None = None) -> None:
        self.call("add_token", secret=secret, login=login, scopes=scopes)

    def add_repositories(self, owner: str, count: int) -> None:
        """See control.Crowd."""
        self.call("add_repositories", owner=owner, count=count)

    def push_to_many(self, owner: str, numbers: Sequence[int]) -> None:
        self.call("push_to_many", owner=owner, numbers=list(numbers))

    def set_latency(self, seconds: float) -> None:
        self.call("set_latency", seconds=seconds)

    def reset_requests(self) -> None:
        self.call("reset_requests")

    def traffic(self) -> Traffic:
        return Traffic(**self.call("traffic"))


def stated(value: object) -> str:
    """Moments as ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no form in JSON")
