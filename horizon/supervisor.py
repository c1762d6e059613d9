"""Keeps the processes of an installation on one machine running, and ends them in order."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

LONGEST_PAUSE = 30.0  # seconds before a child that keeps dying is started again
HEALTHY_AFTER = 30.0  # seconds after which a child's earlier deaths are forgotten
TICK = 0.1  # seconds between two looks at the children


@dataclass(slots=True)
class Child:
    """One process that is to be there always.

    `launch` starts it (anew); `stop` asks it to end, and `patience` is how many seconds it then has. Those of a
    lower `layer` are used by those of a higher one: they are started first and ended last.
    """

    name: str
    launch: Callable[[], subprocess.Popen[bytes]]
    stop: signal.Signals
    patience: float
    layer: int
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    again_at: float = 0.0


class Supervisor:
    """Starts, watches and ends children. `say` tells people; `changed` is given the numbers of the processes after
    every change of them."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.children: list[Child] = []
        self.stopping = False
        self.changed: Callable[[list[int]], None] = lambda _: None
        self._say = say

    def obey_signals(self) -> None:
        """From now on Ctrl-C, SIGTERM and a closed terminal ask for an end in order."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def start(self, child: Child) -> None:
        self.children.append(child)
        self._launch(child)

    def wait(self, ready: Callable[[], bool], *, limit: float) -> bool:
        """Watch until `ready` says so (true), or the end was asked for or the time in seconds is over (false)."""
        end = time.monotonic() + limit
        while not self.stopping and time.monotonic() < end:
            if ready():
                return True
            self.look_after()
            time.sleep(TICK)
        return False

    def watch(self) -> None:
        """Return when the end is asked for."""
        while not self.stopping:
            self.look_after()
            time.sleep(TICK)

    def look_after(self) -> None:
        """Notice the dead; start those again whose pause is over."""
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, child.process)
            elif child.process is None and time.monotonic() >= child.again_at:
                self._launch(child)

    def stop(self) -> None:
        """End all children, the highest layer first. Whatever does not listen is killed."""
        self.stopping = True
        for layer in sorted({child.layer for child in self.children}, reverse=True):
            self._end([child for child in self.children if child.layer == layer])
        self._tell_changed()

    def _launch(self, child: Child) -> None:
        child.started = time.monotonic()
        try:
            child.process = child.launch()
        except OSError as error:  # no memory, no space: as if it had died at once
            self._pause(child, f"could not be started ({error.strerror})")
        self._tell_changed()

    def _bury(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        code = process.returncode
        _end_group(process.pid)
        child.process = None
        if time.monotonic() - child.started > HEALTHY_AFTER:
            child.deaths = 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        self._pause(child, how)

    def _pause(self, child: Child, how: str) -> None:
        pause = min(2.0**child.deaths, LONGEST_PAUSE)
        child.deaths += 1
        child.again_at = time.monotonic() + pause
        self._say(f"{child.name} {how}; starting it again in {pause:.0f} s")

    def _end(self, children: list[Child]) -> None:
        alive = {child.name: child.process for child in children if child.process is not None}
        for child in children:
            if child.process is not None:
                with suppress(ProcessLookupError):
                    child.process.send_signal(child.stop)
        end = time.monotonic() + max((child.patience for child in children), default=0)
        while time.monotonic() < end and any(process.poll() is None for process in alive.values()):
            time.sleep(TICK / 2)
        for name, process in alive.items():
            if process.poll() is None:
                self._say(f"{name} did not end by itself and is killed")
            _end_group(process.pid)
            process.wait()

    def _asked_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _tell_changed(self) -> None:
        self.changed([child.process.pid for child in self.children if child.process is not None])


def _end_group(pid: int) -> None:
    """Kill what a child left behind: each child leads a process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
