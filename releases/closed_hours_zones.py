"""Time zones that a calendar file defines itself, with rules that anybody may have written.

icalendar keeps such zones for the whole process, by name: what one file says would hold for all later ones. And working
out a rule that repeats by the second takes for ever. So files are read one at a time, each with zones of its own whose
rules were looked at.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any

import icalendar
from icalendar.cal import Timezone
from icalendar.timezone import tzp
from icalendar.timezone.zoneinfo import ZONEINFO

MOST_PARTS = 100  # of all zones of a file; Outlook writes two a zone, others one for each change in history
# Beside how often: what the rules of summer time are made of.
RULES = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY"}

_one_file = threading.Lock()


@contextmanager
def zones_of_one_file() -> Iterator[None]:
    """Inside, zones that are defined are those of the file that is read. Raises ValueError for one that is not safe."""
    with _one_file:
        tzp.use(_Zones())
        try:
            yield
        finally:
            tzp.use_default()


class _Zones(ZONEINFO):
    """What icalendar asks for zones."""

    def __init__(self) -> None:
        self._parts = 0

    def timezone(self, name: str) -> tzinfo | None:
        try:
            return super().timezone(name)
        except OSError:  # the name of a folder of zones, or longer than that of any file
            return None

    def create_timezone(self, tz: Timezone) -> tzinfo:  # type: ignore[override]  # as the one above it does
        self._parts += len(tz.subcomponents)
        if self._parts > MOST_PARTS:
            raise ValueError(f"its time zones have more than {MOST_PARTS} parts")
        for part in tz.subcomponents:
            if not all(_is_calm(rule) for name in ("RRULE", "EXRULE") for rule in _listed(part.get(name))):
                raise ValueError(f"its time zone {tz.tz_name} changes by a rule that is not read here")
        return super().create_timezone(tz)


def _is_calm(rule: Any) -> bool:
    """Whether a rule means few moments a year."""
    if not isinstance(rule, icalendar.vRecur):
        return False
    frequencies = [str(each).upper() for each in rule.get("FREQ") or []]
    intervals: Iterable[int] = rule.get("INTERVAL") or [1]
    return frequencies == ["YEARLY"] and min(intervals) >= 1 and {str(key).upper() for key in rule} <= RULES


def _listed(value: Any) -> list[Any]:
    """A property that may be missing, or stand there several times."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
