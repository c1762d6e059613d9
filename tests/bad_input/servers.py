"""A PostgreSQL and a Valkey of a test's own, which it stops and starts as it likes."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from horizon import embedded, postgres, processes, valkey
from horizon.processes import Account
from tests.services import PREFIX, START_LIMIT


class Server:
    """One server process; `stop` and `start` as often as wanted, the data stay."""

    def __init__(
        self,
        command: Sequence[str | Path],
        answers: Callable[[], bool],
        *,
        ends_with: signal.Signals,
        account: Account | None = None,
    ) -> None:
        self._command, self._answers = command, answers
        self._ends_with, self._account = ends_with, account
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = processes.start(
            self._command, ends_with=self._ends_with, account=self._account, output=subprocess.DEVNULL
        )
        for _ in range(START_LIMIT * 20):
            if self._answers():
                return
            time.sleep(0.05)
        raise AssertionError(f"{self._command[0]} did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(self._ends_with)
            self._process.wait(timeout=20)
            self._process = None

    def freeze(self) -> None:
        """It is there and says nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


class OwnServers:
    """Both in a folder that is gone afterwards."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir="/tmp"))  # short: it has sockets
        self._folder.chmod(0o711)
        self.places = places = embedded.addresses(self._folder)
        account = postgres.prepare(places)
        self.postgres = Server(
            postgres.command(places, postgres.FAST_FOR_TESTS), lambda: postgres.answers(places),
            ends_with=signal.SIGINT, account=account,
        )  # fmt: skip
        self.valkey = Server(valkey.command(places), lambda: valkey.answers(places), ends_with=signal.SIGKILL)

    def close(self) -> None:
        for server in (self.postgres, self.valkey):
            server.thaw()
            server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
