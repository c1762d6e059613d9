"""One running Horizon for each data folder: its lock, and the record of its processes for the start after a crash."""

import fcntl
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

LOCK = "up.lock"
RECORD = "processes.json"
CLOCK_ERROR = 1.0  # seconds: two readings of a process's start may differ by less


class AlreadyRunning(Exception):
    """Another Horizon has this data folder; the message says so and what to do."""


class Instance:
    """The right to run on a data folder; freed by the kernel when the process dies, however it dies."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._lock_file = _lock(data)

    def record(self, pids: list[int]) -> None:
        """Remember the processes that run, so that the next start can end them if this one is killed."""
        found = []
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                found.append([pid, psutil.Process(pid).create_time()])
        draft = self.data / f".{RECORD}"
        draft.write_text(json.dumps(found))
        draft.replace(self.data / RECORD)

    def end_orphans(self) -> int:
        """End what a killed start left running; returns how many processes that were."""
        try:
            record = json.loads((self.data / RECORD).read_text())
        except (FileNotFoundError, ValueError):
            return 0
        groups = {pid for pid, created in record if not _given_to_another(pid, created)}
        orphans = [process for process in psutil.process_iter() if _group(process.pid) in groups]
        alive = orphans
        for number in (signal.SIGINT, signal.SIGKILL):  # SIGINT is PostgreSQL's "fast" shutdown
            for process in alive:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            _, alive = psutil.wait_procs(alive, timeout=4)
        return len(orphans)

    def close(self) -> None:
        (self.data / RECORD).unlink(missing_ok=True)
        (self.data / LOCK).unlink(missing_ok=True)
        os.close(self._lock_file)


def _lock(data: Path) -> int:
    """Take the lock. Its file is removed at the end, so what was locked may be no longer what is there: look again."""
    path = data / LOCK
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(file, 20).decode(errors="replace").strip()
            os.close(file)
            raise AlreadyRunning(
                f"Horizon already runs on {data} (process {pid or 'unknown'}). Stop that one first, "
                "or choose another folder with HORIZON_DATA_DIR and another port with HORIZON_PORT."
            ) from None
        if path.exists() and os.fstat(file).st_ino == path.stat().st_ino:
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
            return file
        os.close(file)


def _given_to_another(pid: int, created: float) -> bool:
    """Was the number given to a new process? As long as a member of the group lives, the system gives it to nobody."""
    try:
        return abs(psutil.Process(pid).create_time() - created) > CLOCK_ERROR
    except psutil.NoSuchProcess:
        return False


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return -1
