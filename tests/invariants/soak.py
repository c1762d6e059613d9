"""`make soak`: the state machines of releases and the races of processes, with new seeds, until told to stop (Ctrl-C).

Prints steps and faults so far. `SOAK_SECONDS` ends it by itself. A failure ends it with status 1, after the output that
says how to repeat it.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Each part has servers and a database of its own, so that hours of it need no more memory than minutes.
PARTS = {
    "tests/invariants/test_releases.py": {"INVARIANTS_EXAMPLES": "20"},
    "tests/invariants/test_processes.py": {"RACES": "20"},
}
FIGURES = re.compile(r"^FIGURES (.*)$", re.MULTILINE)


def main() -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored by what it starts with "&"
    end = time.monotonic() + float(os.environ.get("SOAK_SECONDS") or "inf")
    began, figures = time.monotonic(), Counter[str]()
    try:
        while time.monotonic() < end:
            for part, more in PARTS.items():
                seed = str(random.SystemRandom().randrange(2**32))
                figures.update(_run(part, {**more, "INVARIANTS_SEED": seed, "RACES_SEED": seed}))
                told = ", ".join(f"{count:,} {name}" for name, count in figures.items())
                print(f"{timedelta(seconds=round(time.monotonic() - began))}: {told}", flush=True)
    except KeyboardInterrupt:
        print("stopped")
    except subprocess.CalledProcessError as failed:
        print(failed.stdout)
        return 1
    return 0


def _run(part: str, environment: dict[str, str]) -> dict[str, int]:
    """The figures that this part tells; raises CalledProcessError with all that it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "-q", "-p", "no:randomly", "-o", "faulthandler_timeout=0", part],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that Ctrl-C reaches it once
    )
    try:
        said, _ = process.communicate()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.communicate()
        raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, part, said)
    words = [pair.split("=") for line in FIGURES.findall(said) for pair in line.split()]
    return {name.replace("_", " "): int(count) for name, count in words}


if __name__ == "__main__":
    sys.exit(main())
