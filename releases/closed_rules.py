"""Closed hours from where people write them: cron expressions, and the closed hours and holidays of an organization."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from croniter import croniter
from croniter.croniter import CroniterError

from releases.calendar import ClosedRule, Days, Rules, Span
from releases.models import ClosedHours, DeployStrategy, Holiday

_DAY = 1440  # minutes
_MINUTE, _HOUR, _MONTH_DAY, _MONTH, _WEEKDAY = range(5)
FIELDS = 5
# What croniter also takes (L, #, hashed and random fields) means another day for each month, or for each start.
_FIXED = re.compile(
    r"(?:[0-9*,/?\s-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)+", re.IGNORECASE
)
_EXAMPLE = "write five fields, for example * 1-2 * * * for 01:00 to 02:59"


def of_strategy(strategy: DeployStrategy, shared: Rules) -> Rules:
    """All that a strategy keeps closed: its own blocked minutes, and what its organization says.

    An expression that cannot be read closes nothing: validation tells people, and decisions must go on.
    """
    return _with_own(tuple(strategy.blocked_time_buckets), strategy.time_zone, shared)


@lru_cache(maxsize=1024)
def _with_own(buckets: tuple[str, ...], zone: str, shared: Rules) -> Rules:
    return Rules([*(rule for bucket in buckets if (rule := _readable(bucket, zone))), *shared])


def of_hours(row: ClosedHours) -> ClosedRule:
    """A weekly span, over midnight where it does not end after it begins."""
    return weekly(row.name, row.time_zone, row.begins_at, row.ends_at, tuple(row.weekdays))


def of_holiday(row: Holiday) -> ClosedRule:
    """From its first day's beginning to its last day's end, or between its times."""
    return days(row.name, row.time_zone, row.first_day, row.last_day, row.begins_at, row.ends_at)


# One object for what is the same: the releases of an organization share its rules, and what is known of a rule is
# looked up by it thousands of times for a page.


@lru_cache(maxsize=4096)
def weekly(name: str, zone: str, begins_at: time, ends_at: time, weekdays: tuple[int, ...]) -> ClosedRule:
    """Closed hours by their columns."""
    span = Span(_minutes(begins_at), _minutes(ends_at))
    if span.ends <= span.begins:
        span = replace(span, ends=span.ends + _DAY)
    return ClosedRule(name, zone, (span,), Days(weekdays=frozenset(weekdays)))


@lru_cache(maxsize=4096)
def days(
    name: str, zone: str, first_day: date, last_day: date, begins_at: time | None, ends_at: time | None
) -> ClosedRule:
    """A holiday by its columns."""
    begins = datetime.combine(first_day, begins_at or time())
    ends = datetime.combine(last_day, ends_at or time())
    if ends_at is None or ends <= begins:
        ends += timedelta(days=1)
    return ClosedRule(name, zone, stretches=((begins, ends),))


@lru_cache(maxsize=4096)
def of_cron(expression: str, zone: str) -> ClosedRule:
    """The minutes that a cron expression of five fields matches. Raises ValueError with a sentence.

    Where day of the month and weekday are both limited, either is enough, as cron has it.
    """
    fields = _fields(expression)
    months, month_days, weekdays = (_limited(fields[index]) for index in (_MONTH, _MONTH_DAY, _WEEKDAY))
    if weekdays is not None:
        weekdays = frozenset((day - 1) % 7 for day in weekdays)  # cron: 0 and 7 are Sunday
    return ClosedRule(
        name=" ".join(expression.split()),
        zone=zone,
        spans=_spans(_limited(fields[_MINUTE]), _limited(fields[_HOUR])),
        days=Days(months, month_days, weekdays, either=True),
    )


def _readable(bucket: str, zone: str) -> ClosedRule | None:
    try:
        return of_cron(bucket, zone)
    except ValueError:
        return None


def _fields(expression: str) -> Sequence[Sequence[object]]:
    if len(expression.split()) != FIELDS:
        raise ValueError(f"“{expression[:50]}” is no cron expression: {_EXAMPLE}.")
    if not _FIXED.fullmatch(expression):
        raise ValueError(
            f"“{expression[:50]}” uses what closed hours do not know, such as L, W, # or H: name days and minutes."
        )
    try:
        fields: Sequence[Sequence[object]] = croniter(expression).expanded
    except (CroniterError, ValueError, KeyError):
        raise ValueError(f"“{expression[:50]}” is no cron expression: {_EXAMPLE}.") from None
    return fields


def _limited(field: Sequence[object]) -> frozenset[int] | None:
    """The values of a field; None: all of them."""
    return None if "*" in field else frozenset(value for value in field if isinstance(value, int))


def _spans(minutes: frozenset[int] | None, hours: frozenset[int] | None) -> tuple[Span, ...]:
    """Minutes that follow each other are one span."""
    closed = sorted(
        hour * 60 + minute
        for hour in (range(24) if hours is None else hours)
        for minute in (range(60) if minutes is None else minutes)
    )
    spans: list[Span] = []
    for minute in closed:
        if spans and spans[-1].ends == minute:
            spans[-1] = Span(spans[-1].begins, minute + 1)
        else:
            spans.append(Span(minute, minute + 1))
    return tuple(spans)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
