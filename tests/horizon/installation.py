"""A whole Horizon as a person starts it, in a folder and at a port of its own."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

import psutil
from django.conf import settings

LIMIT = 60.0  # seconds for anything awaited; reached only when something is broken


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """`up` with this data folder; `lines` is what it has printed since it was last started."""

    def __init__(self, data: Path, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.lines: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        own = {"HORIZON_DATA_DIR": str(self.data), "HORIZON_PORT": str(self.port), "HORIZON_POLL_SECONDS": "3600"}
        return {**kept, **own, **more}

    def start(self, *, until: str | None = "ready at", **more: str) -> "Installation":
        """Start it in a process group of its own and read on until it says so, or (None) to its end."""
        self.lines, self._unread = [], b""
        self.process = subprocess.Popen(
            [sys.executable, settings.BASE_DIR / "manage.py", "up"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment(**more),
            process_group=0,
            cwd="/",
        )
        if until is not None:
            self.read_until(until)
        return self

    def manage(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, settings.BASE_DIR / "manage.py", *words],
            capture_output=True,
            text=True,
            env=self.environment(**more),
            timeout=LIMIT,
            cwd="/",
        )

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None
        return self.process

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def read_until(self, words: str) -> str:
        """The next line that holds these words; fails with all that was printed when none comes."""
        end = time.monotonic() + LIMIT
        with selectors.DefaultSelector() as selector:
            selector.register(self._stream, selectors.EVENT_READ)
            while True:
                while b"\n" in self._unread:
                    line, self._unread = self._unread.split(b"\n", 1)
                    self.lines.append(line.decode())
                    if words in self.lines[-1]:
                        return self.lines[-1]
                ready = selector.select(timeout=max(end - time.monotonic(), 0))
                more = os.read(self._stream.fileno(), 65536) if ready else b""
                if not more:
                    raise AssertionError(f"{words!r} was never said:\n{self.output}")
                self._unread += more

    def read_to_the_end(self) -> int:
        output, _ = self.running.communicate(timeout=LIMIT)
        self.lines += (self._unread + output).decode().splitlines()
        return self.running.returncode

    def stop(self) -> int:
        self.running.send_signal(signal.SIGTERM)
        return self.read_to_the_end()

    def family(self) -> list[psutil.Process]:
        """All processes of it, itself first."""
        mother = psutil.Process(self.running.pid)
        return [mother, *mother.children(recursive=True)]

    def child(self, words: str) -> psutil.Process:
        """The direct child with these words in its command line."""
        children = psutil.Process(self.running.pid).children()
        return next(child for child in children if words in " ".join(child.cmdline()))

    def get(self, path: str) -> tuple[int, bytes]:
        page = HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            page.request("GET", path)
            answer = page.getresponse()
            return answer.status, answer.read()
        finally:
            page.close()

    def kill(self) -> None:
        """Whatever is left of it, without any kindness."""
        if self.process is not None and self.process.poll() is None:
            for process in self.family():
                process.kill()
            self.process.communicate(timeout=LIMIT)

    @property
    def _stream(self) -> IO[bytes]:
        assert self.running.stdout is not None
        return self.running.stdout
