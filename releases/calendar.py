"""Closed hours: which minutes of wall time are closed for releases, and when the next open one comes.

Wall times become moments at their edges, the first included and the last excluded, so that a span is one stretch on the
days on which clocks change, too. An edge is the first moment at which the clocks there show its time or a later one:
one in an hour that does not exist moves forward to its end, one in a repeated hour means the first of the two. A span
that lies wholly in a missing hour moves forward by it and keeps its length: it never falls out.

Pure: the standard library and each other only.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from releases.messages import zone_of

# What `closed_until` says where no open minute comes within the horizon.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
HORIZON = timedelta(days=400)
_DAY = 1440  # minutes
# Beyond these, dates cannot be counted on and back in every zone; nothing is closed there.
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)


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

    def has(self, day: date) -> bool:
        if self.dates is not None and day not in self.dates:
            return False
        if self.months is not None and day.month not in self.months:
            return False
        in_month = self.month_days is None or day.day in self.month_days
        in_week = self.weekdays is None or day.weekday() in self.weekdays
        if self.either and self.month_days is not None and self.weekdays is not None:
            return in_month or in_week
        return in_month and in_week


_EVERY_DAY = Days()


@dataclass(frozen=True, slots=True)
class ClosedRule:
    """One reason why hours are closed: spans of certain days, or stretches of naive wall time from and to; in a zone.

    `name` is what people call it: "weekend", "Christmas", or the cron expression. Days without any hours are closed
    from midnight to midnight.
    """

    name: str
    zone: str
    spans: tuple[Span, ...] = ()
    days: Days = field(default_factory=Days)
    stretches: tuple[tuple[datetime, datetime], ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Rules are looked up thousands of times for a page, and one of cron may have 720 spans.
        object.__setattr__(self, "_hash", hash((self.name, self.zone, self.spans, self.days, self.stretches)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def seen(self) -> str:
        """What stands for it as it is, in every process: another one as soon as anything of it is changed."""
        days = self.days
        limits = [each and sorted(each) for each in (days.months, days.month_days, days.weekdays, days.dates)]
        whole = repr((self.name, self.zone, self.spans, limits, days.either, self.stretches))
        return hashlib.sha256(whole.encode()).hexdigest()[:32]


class Rules(tuple[ClosedRule, ...]):  # noqa: SLOT001  (slots leave no place for the hash)
    """Several rules as one: what they close together is looked up by them, so their hash is worked out once."""

    _hash: int | None = None

    @classmethod
    def of(cls, rules: Iterable[ClosedRule]) -> "Rules":
        return rules if isinstance(rules, cls) else cls(rules)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash


@dataclass(frozen=True, slots=True)
class Closed:
    """One stretch of closed time, in UTC: the first moment and the one at which it is over."""

    name: str
    begins: datetime
    ends: datetime


Stretch = tuple[datetime, datetime]


def closed_by(rules: Sequence[ClosedRule], at: datetime) -> tuple[ClosedRule, ...]:
    """The rules that close this moment."""
    if not _FIRST < at < _LAST:
        return ()
    by_rule = _by_rule(Rules.of(rules), at.astimezone(UTC).date())
    return tuple(rule for rule, stretches in by_rule if any(begins <= at < ends for begins, ends in stretches))


def closed_until(rules: Sequence[ClosedRule], at: datetime) -> datetime | None:
    """When it opens again; None: it is open now. NEVER: not within 400 days."""
    opens = first_open(rules, at)
    if opens is None:
        return NEVER
    return None if opens == at else opens


def first_open(rules: Sequence[ClosedRule], at: datetime) -> datetime | None:
    """The first open moment, `at` itself where it is open; None: none within 400 days."""
    rules = Rules.of(rules)
    end = _end(rules, at)
    if end is None:
        return at
    opens = _open_from(rules, end)
    return opens if opens is not None and opens - at <= HORIZON else None


def occurrences(rules: Iterable[ClosedRule], since: datetime, until: datetime) -> list[Closed]:
    """What is closed in this time, by its beginning; what adjoins in one rule is one.

    A stretch is whole, not cut to the time that was asked for; one that never ends is cut a few days before and after.
    """
    found = [
        Closed(rule.name, begins, ends)
        for rule in rules
        for begins, ends in _joined(_stretches(rule, since, until))
        if begins < until and ends > since
    ]
    return sorted(found, key=lambda closed: (closed.begins, closed.ends, closed.name))


@lru_cache(maxsize=2048)
def _open_from(rules: Rules, at: datetime) -> datetime | None:
    """The first open moment from the end of a closed stretch. All releases of an organization ask for the same ones."""
    limit = min(at, _LAST) + HORIZON
    while (end := _end(rules, at)) is not None:
        at = end
        if at > limit:
            return None
    return at


def _end(rules: Rules, at: datetime) -> datetime | None:
    """When the closed stretch ends that holds `at`; what adjoins it on the next day may be another."""
    if not _FIRST < at < _LAST:
        return None
    for begins, ends in _of_utc_day(rules, at.astimezone(UTC).date()):
        if begins <= at < ends:
            return ends
    return None


@lru_cache(maxsize=8192)
def _of_utc_day(rules: Rules, day: date) -> tuple[Stretch, ...]:
    """What is closed on a day of UTC; a page of a thousand releases asks for few of them, again and again."""
    return tuple(_joined(stretch for _, stretches in _by_rule(rules, day) for stretch in stretches))


@lru_cache(maxsize=8192)
def _by_rule(rules: Rules, day: date) -> tuple[tuple[ClosedRule, tuple[Stretch, ...]], ...]:
    """The rules that close some of it, and what each of them closes then."""
    begins = datetime.combine(day, time(), UTC)
    ends = begins + timedelta(days=1)
    found = [
        (rule, tuple(each for each in _joined(_stretches(rule, begins, ends)) if each[0] < ends and each[1] > begins))
        for rule in rules
    ]
    return tuple((rule, stretches) for rule, stretches in found if stretches)


def _stretches(rule: ClosedRule, since: datetime, until: datetime) -> Iterator[Stretch]:
    """All that may touch this time, and a few more."""
    if rule.stretches:
        yield from _resolved_stretches(rule)
    spans = _spans(rule)
    if not spans or until < _FIRST or since > _LAST:
        return
    zone = zone_of(rule.zone)[0]
    # A span may begin days before; clocks that are set back over midnight show the day before it again.
    day = since.astimezone(zone).date() - timedelta(days=_reach(spans))
    last = until.astimezone(zone).date() + timedelta(days=1)
    while day <= last:
        yield from _of_day(rule, day)
        day += timedelta(days=1)


def _spans(rule: ClosedRule) -> tuple[Span, ...]:
    if rule.spans or rule.stretches or rule.days == _EVERY_DAY:
        return rule.spans
    return (Span(0, _DAY),)


def _reach(spans: tuple[Span, ...]) -> int:
    """Days before a moment on which a span that holds it may begin; one more, for a day that the clocks left out."""
    return max(span.ends - 1 for span in spans) // _DAY + 1


def _of_day(rule: ClosedRule, day: date) -> tuple[Stretch, ...]:
    """The stretches of the spans that begin on this day."""
    if not rule.days.has(day):
        return ()
    zone = zone_of(rule.zone)[0]
    midnight = datetime.combine(day, time())
    edges = [(midnight + timedelta(minutes=s.begins), midnight + timedelta(minutes=s.ends)) for s in _spans(rule)]
    return tuple(_moments(begins, ends, zone) for begins, ends in edges if begins < ends)


@lru_cache(maxsize=2048)
def _resolved_stretches(rule: ClosedRule) -> tuple[Stretch, ...]:
    zone = zone_of(rule.zone)[0]
    return tuple(_moments(begins, ends, zone) for begins, ends in rule.stretches if begins < ends)


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for begins, ends in sorted(stretches):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return joined


# --- wall time to moments -----------------------------------------------------------------------------------------


def _moments(begins: datetime, ends: datetime, zone: ZoneInfo) -> Stretch:
    """The stretch between two wall times."""
    first, last = _edge(begins, zone), _edge(ends, zone)
    if first < last:
        return first, last
    first = _as_if(begins, zone)
    return first, first + (ends - begins)


def _edge(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which the clocks show this time or a later one."""
    at = _as_if(wall, zone)
    missing = at.astimezone(zone).replace(tzinfo=None) - wall
    return at if not missing else _change(at - missing, at, zone)


def _as_if(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a wall time, the first of two; for a missing one as if the clocks had not been set forward."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between these two at which clocks were set forward, to the second."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
