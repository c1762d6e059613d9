"""Child processes that end with the process that started them, whatever becomes of it."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # prctl(2)
ANY_FOLDER = "dac_override"  # capabilities(7)


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the system that a server is started as; `enter_anywhere` lets it reach its files although folders above
    them are closed to it (Horizon started by root in a folder of root's)."""

    name: str
    uid: int
    gid: int
    enter_anywhere: bool = False


def start(
    command: Sequence[str | Path],
    *,
    ends_with: signal.Signals,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, so that Ctrl-C reaches only its starter, which ends it in order.
    When the starter dies first, the kernel sends `ends_with` (Linux; elsewhere the next start finds the orphan)."""
    argv = [str(part) for part in command]
    return subprocess.Popen(
        argv if account is None else [*as_account(account, ends_with), *argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=folder,
        env=None if environment is None else dict(environment),
        process_group=0,
        preexec_fn=_tied_to_parent(ends_with),  # noqa: PLW1509  (one thread here)
    )


def end_with(supervisor: int, *, grace: float) -> None:
    """Kill this process group so many seconds after its supervisor (a process id) is gone.

    For a program that may miss the kernel's death signal: a worker that waits for a broker which is away, too.
    """

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == supervisor:
            pause.wait(1)
        pause.wait(grace)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="supervisor watch", daemon=True).start()


def run(command: Sequence[str | Path], *, account: Account | None, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end and return what it printed."""
    argv = [str(part) for part in command]
    if account is not None:
        argv = [*as_account(account, signal.SIGKILL), *argv]
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=folder, timeout=120, check=False
    )


def as_account(account: Account, ends_with: signal.Signals) -> list[str]:
    """setpriv(1) sets the death signal anew, because the kernel forgets it when the user changes."""
    program = shutil.which("setpriv") or "/usr/bin/setpriv"
    words = [program, f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--no-new-privs"]
    if account.enter_anywhere:
        words += [f"--inh-caps=-all,+{ANY_FOLDER}", f"--ambient-caps=-all,+{ANY_FOLDER}"]
    else:
        words += ["--inh-caps=-all"]
    return [*words, f"--pdeathsig={ends_with.name.removeprefix('SIG')}", "--"]


def _tied_to_parent(ends_with: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(ends_with), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return tie
