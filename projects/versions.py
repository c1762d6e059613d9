"""Whether a declared version of a runtime is supported, from what its files say: `3.2.2`, `v13`, `^18`, `>=3.11,<4`.

Pure: the standard library only.
"""

import re
from enum import StrEnum

LONGEST_DECLARATION = 100  # characters

# An operator and the first two parts of a number. What follows a word is another implementation's (`jruby-9.4`,
# `pypy3.9-7.3.9`), but for the runtime's own name.
_NUMBER = re.compile(
    r"(?<![\w.+-])(?P<operator>[<>=~!^]*)\s*(?:v|ruby-|node-|python-)?(?P<major>[0-9]{1,6})(?:\.(?P<minor>[0-9]{1,6}))?",
    re.ASCII | re.IGNORECASE,
)
# Node's names of long-term releases (nodejs.org/en/about/previous-releases), as an .nvmrc may write them.
_LTS = re.compile(r"lts/(\w+)", re.ASCII | re.IGNORECASE)
_LTS_MAJORS = {
    "argon": 4,
    "boron": 6,
    "carbon": 8,
    "dubnium": 10,
    "erbium": 12,
    "fermium": 14,
    "gallium": 16,
    "hydrogen": 18,
    "iron": 20,
    "jod": 22,
    "krypton": 24,
}


class VersionStatus(StrEnum):
    """How a declared version stands to the minimum."""

    UNKNOWN = "unknown"
    OUT_OF_DATE = "out of date"
    FINE = "fine"


def status_of(declared: str, minimum: str | None) -> VersionStatus:
    """Compare by major, then minor; what is not said (`18` has no minor) is never below. Without a minimum every
    version that names a number is fine, and one that names none is unknown, never out of date."""
    found = numbers_of(declared)
    if found is None:
        return VersionStatus.UNKNOWN
    least = numbers_of(minimum) if minimum else None
    if least is None:
        return VersionStatus.FINE
    major, minor = found
    if major != least[0]:
        return VersionStatus.OUT_OF_DATE if major < least[0] else VersionStatus.FINE
    below = minor is not None and minor < (least[1] or 0)
    return VersionStatus.OUT_OF_DATE if below else VersionStatus.FINE


def numbers_of(declared: str) -> tuple[int, int | None] | None:
    """Major and minor of the first number that is no mere upper bound (`<4`), else of the first; None where none is."""
    text = declared[:LONGEST_DECLARATION]
    lts = _LTS.search(text)
    if lts:
        major = _LTS_MAJORS.get(lts[1].lower())
        return None if major is None else (major, None)
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    chosen = next((each for each in found if not each["operator"].startswith(("<", "!"))), found[0])
    return int(chosen["major"]), None if chosen["minor"] is None else int(chosen["minor"])
