"""`make mutation`: break the release decision in every way that a script can, and see that a test fails for each.

The rules of RULES: left out, never or always answering, passed over, swapped with their neighbours (with `--rules` only
that; `make test` does it). And each comparison, operator and number of the rules and of what they rest on, in a process
of pytest for each. Prints what survived; exit status 1 where something did. Arguments: modules, e.g. releases.timing.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.mutants import mutants

ROOT = Path(__file__).resolve().parents[2]
RELEASES = ROOT / "tests" / "releases"
# What one rule alone answers is tested there; the properties would find it too, but take longer.
UNITS = [f"tests/releases/test_decision{part}.py" for part in ("", "_people", "_times")]
CALENDAR = ["tests/releases/test_calendar.py"]
TESTS = {
    "releases.rules_opening": UNITS,
    "releases.rules_merging": UNITS,
    "releases.rules_checks": UNITS,
    "releases.rules_timing": UNITS,
    "releases.rule": UNITS,
    "releases.decision": UNITS,
    "releases.timing": UNITS,
    "releases.situation": UNITS,
    "releases.calendar": [*CALENDAR, *UNITS],
}
PYTEST = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-header"]
LONGEST = 120  # seconds; what never ends is noticed, too
# Changed without a difference that anybody could see; each with its reason.
EQUAL = {
    "releases.timing: 32 -> 33": "one window more is as good",
    "releases.timing: 0 -> 1": "the default of warning, which is always given",
}


def main(arguments: list[str]) -> int:
    if arguments != ["--rules"]:
        survivors = [*_survivors_of_modules(arguments or list(TESTS)), *([] if arguments else survivors_of_rules())]
    else:
        survivors = survivors_of_rules()
    print(f"{len(survivors)} survived")
    return 1 if survivors else 0


def survivors_of_rules() -> list[str]:
    """The ways of breaking a rule that no test notices."""
    done = subprocess.run(
        [*PYTEST, "-s", "-p", "tests.mutation.rules", *UNITS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not re.search(r"^TRIED [1-9]", done.stdout, re.MULTILINE):
        raise RuntimeError(f"the rules could not be broken:\n{done.stdout}\n{done.stderr}")
    survivors = re.findall(r"^\W*SURVIVOR (.*)$", done.stdout, re.MULTILINE)
    for survivor in survivors:
        print(f"survived: {survivor}", flush=True)
    return survivors


def _survivors_of_modules(modules: list[str]) -> list[str]:
    survivors = []
    with ThreadPoolExecutor(max_workers=int(os.environ.get("MUTATION_JOBS", "2"))) as pool:
        for module in modules:
            found = list(mutants((ROOT / (module.replace(".", "/") + ".py")).read_text()))
            for words, survived in pool.map(lambda each, name=module: _try(name, *each), found):
                if survived and f"{module}:{words.partition(':')[2]}" not in EQUAL:
                    survivors.append(f"{module}:{words}")
                    print(f"survived: {module}:{words}", flush=True)
            print(f"{module}: {len(found)} tried", flush=True)
    return survivors


def _try(module: str, words: str, source: str) -> tuple[str, bool]:
    """Whether every test passes with this source of the module."""
    with tempfile.TemporaryDirectory(prefix="mutant") as folder:
        path = Path(folder) / "mutant.py"
        path.write_text(source)
        environment = {**os.environ, "MUTANT": f"{module}={path}", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                [*PYTEST, "-p", "tests.mutation.overlay", *TESTS[module]],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                check=False,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            return words, False
    return words, done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
