"""One private PostgreSQL and Valkey for a test run, in a folder that is gone afterwards; tests/conftest.py starts them.

With pytest-xdist the first process starts the servers; the workers inherit their addresses and take a Valkey database
each (pytest-django gives them a PostgreSQL database each).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from django.conf import settings

PREFIX = "horizon-tests-"
FOLDER = "TEST_SERVICES_FOLDER"
START_LIMIT = 60  # seconds
ENVIRONMENT = {
    "HORIZON_SECRET_KEY": "a-secret-key-of-the-tests-that-protects-nothing-at-all",
    "HORIZON_ENCRYPTION_KEYS": "dGVzdHMgYW5kIG5vdGhpbmcgZWxzZSB1c2UgdGhpcyE=",
    "HORIZON_INSECURE_HOSTS": "127.0.0.1,localhost",
}


class Services:
    """The servers of a run; `stop` ends them and removes their folder."""

    def __init__(self) -> None:
        _remove_folders_of_killed_runs()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir="/tmp"))  # short: it has sockets
        self.folder.chmod(0o711)
        self.running: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []

    def start(self) -> None:
        from horizon import embedded, postgres, processes, valkey

        places = embedded.addresses(self.folder)
        account = postgres.prepare(places)
        with (self.folder / "servers.log").open("wb") as log:
            for command, user, ends_with in (
                (postgres.command(places, postgres.FAST_FOR_TESTS), account, signal.SIGQUIT),
                (valkey.command(places), None, signal.SIGKILL),
            ):
                process = processes.start(command, ends_with=ends_with, account=user, folder=self.folder, output=log)
                self.running.append((process, ends_with))
        self._wait(lambda: postgres.answers(places))
        self._wait(lambda: valkey.answers(places))
        os.environ[FOLDER] = str(self.folder)
        os.environ["DATABASE_URL"] = places.database_url
        os.environ["REDIS_URL"] = places.redis_url

    def stop(self) -> None:
        for process, ends_with in self.running:
            if process.poll() is None:
                process.send_signal(ends_with)
        for process, _ in self.running:
            process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self, answers: Callable[[], bool]) -> None:
        for _ in range(START_LIMIT * 20):
            if any(process.poll() is not None for process, _ in self.running):
                break
            if answers():
                return
            time.sleep(0.05)
        log = (self.folder / "servers.log").read_text(errors="replace")
        self.stop()
        pytest.exit(f"PostgreSQL or Valkey for the tests did not start:\n{log[-3000:]}", returncode=3)


def _remove_folders_of_killed_runs() -> None:
    """Their servers ended with them, but nobody could tidy up."""
    for folder in Path("/tmp").glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _prepare_environment(folder: Path) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    data = folder / f"data-{worker or 'main'}"
    (data / "static").mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("HORIZON_")]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT, HORIZON_DATA_DIR=str(data))
    number = int(worker.removeprefix("gw") or 0) + 1 if worker else 0
    os.environ["REDIS_URL"] = os.environ["REDIS_URL"].replace("db=0", f"db={number}")


def begin() -> Services | None:
    """Start the servers, or take those of the process that started this one, and say so in the environment. Must run
    before Horizon's settings are read. Returns what has to be stopped at the end."""
    if settings.configured:
        pytest.exit("Django's settings were read before the servers of the tests were started.", returncode=3)
    inherited = os.environ.get(FOLDER)
    if inherited and "PYTEST_XDIST_WORKER" in os.environ:
        _prepare_environment(Path(inherited))
        return None
    services = Services()
    services.start()
    _prepare_environment(services.folder)
    return services
