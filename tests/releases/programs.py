"""Horizon's own programs on the database of the running test: web, worker and beat, as processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from threading import Event
from types import TracebackType
from typing import Self
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from tests.horizon.installation import free_port

LIMIT = 60.0  # seconds for anything awaited; reached only when something is broken


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        Event().wait(0.05)


class Programs:
    """Those that are started end with the `with`. `port` is where web listens."""

    def __init__(self, **environment: str) -> None:
        database = connection.settings_dict
        port = f"&port={database['PORT']}" if database["PORT"] else ""
        address = f"postgresql://{quote(database['USER'])}:{quote(database['PASSWORD'] or '')}@/{database['NAME']}"
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "horizon.settings",
            "DATABASE_URL": f"{address}?host={quote(database['HOST'], safe='')}{port}",
            **environment,
        }
        self.port = free_port()
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(LIMIT)

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", *words]
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=self.environment, process_group=0)
        self.running.append(process)
        return process

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """With its pool, as the supervisor does: those would go on with what they began."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT)

    def start_web(self) -> None:
        self.start("web", "--port", str(self.port))
        wait_until(self._answers)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _answers(self) -> bool:
        web = HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            web.request("GET", "/healthz")
            return web.getresponse().status == 200
        except OSError:
            return False
        finally:
            web.close()
