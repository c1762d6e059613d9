"""Closed hours: which minutes of wall time are closed for releases, and when the next open one comes.

Wall times become moments at their edges, so that a span is one stretch on the days on which clocks change, too: an edge
in an hour that does not exist moves forward, one in a repeated hour means the first of the two.

Pure: the standard library only.
"""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes of a day, the first included and the last excluded; more than 1440 reaches into the next day."""

    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Days:
    """The days on which spans begin; None means every. `weekdays`: 0 is Monday.

    `either`: where days of the month and weekdays are both limited, one of them is enough, as cron has it.
    """

    months: frozenset[int] | None = None
    month_days: frozenset[int] | None = None
    weekdays: frozenset[int] | None = None
    dates: frozenset[date] | None = None
    either: bool = False


@dataclass(frozen=True, slots=True)
class ClosedRule:
    """One reason why hours are closed: spans of certain days, or stretches of naive wall time from and to; in a zone.

    `name` is what people call it: "weekend", "Christmas", or the cron expression.
    """

    name: str
    zone: str
    spans: tuple[Span, ...] = ()
    days: Days = field(default_factory=Days)
    stretches: tuple[tuple[datetime, datetime], ...] = ()
