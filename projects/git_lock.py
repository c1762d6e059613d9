"""Where mirrors lie, and the lock that each of them has across threads and processes."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from projects.reading import StageUnreadable, Trouble
from projects.remotes import Remote

RETRY_SECONDS = 0.05


class Content(StrEnum):
    """What a mirror holds."""

    HISTORY = "history"
    TAGS = "tags"


def mirror_folder(data_dir: Path, remote: Remote, content: Content) -> Path:
    return data_dir / "mirrors" / f"{hashlib.sha256(remote.url.encode()).hexdigest()}.{content}.git"


@contextmanager
def held(folder: Path, remote: Remote, seconds: float) -> Iterator[None]:
    """Hold the lock of a remote's mirror; raise `StageUnreadable` when it does not come free in this time."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + seconds
    while (lock := _try_lock(folder)) is None:
        if time.monotonic() > deadline:
            raise StageUnreadable(
                Trouble.TOO_LARGE,
                f"The repository on {remote.host} is being fetched since {seconds:g} seconds: this is tried again.",
            )
        time.sleep(RETRY_SECONDS)
    try:
        yield
    finally:
        os.close(lock)


def prune(data_dir: Path, kept: Iterable[Remote]) -> int:
    """Delete the mirrors of all other remotes but those that are being read now; tell how many went."""
    kept_folders = {mirror_folder(data_dir, remote, content) for remote in kept for content in Content}
    deleted = 0
    for folder in (data_dir / "mirrors").glob("*.git"):
        if folder in kept_folders or (lock := _try_lock(folder)) is None:
            continue
        try:
            shutil.rmtree(folder)
            _lock_file(folder).unlink()
            deleted += 1
        finally:
            os.close(lock)
    return deleted


def _lock_file(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _try_lock(folder: Path) -> int | None:
    """An open file that holds the lock until it is closed, or None while somebody else has it."""
    path = _lock_file(folder)
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A lock file that was deleted meanwhile excludes nobody.
        if path.exists() and os.fstat(opened).st_ino == path.stat().st_ino:
            return opened
    except (BlockingIOError, FileNotFoundError):
        pass  # held, or deleted between the two looks: both mean "not now"
    os.close(opened)
    return None
