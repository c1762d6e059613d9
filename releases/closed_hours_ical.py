"""Holidays from an iCalendar file (RFC 5545).

The file is data of a stranger: its size, its events and how they repeat are limited, and a repetition that could keep a
processor busy is refused by name.
"""

import hashlib
import time as stopwatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from projects.cleaning import clean_line
from releases.closed_hours_zones import zones_of_one_file

LARGEST_FILE = 1_000_000  # bytes
MOST_LINES = 50_000
MOST_EVENTS = 1_000
MOST_REPEATING = 100
LONGEST_READING = 5.0  # seconds for all events
EARLIEST = 1970
LAST_YEAR = 2126
AHEAD = timedelta(days=730)  # repeated events are written out so far
LONGEST_EVENT = timedelta(days=366)
LAST_MINUTE = time(23, 59)
# What may stand in a repetition, by its frequency. Others could match never, which is found out only at year 9999.
REPETITIONS = {
    "YEARLY": {"BYMONTH", "BYMONTHDAY", "BYDAY"},
    "MONTHLY": {"BYMONTHDAY", "BYDAY"},
    "WEEKLY": {"BYDAY"},
    "DAILY": {"BYDAY"},
}
ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
# What the libraries raise where a file is not as they expect; OSError for a zone's name that is that of no file.
STUMBLES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, RecursionError)


class CalendarUnreadable(Exception):
    """The file cannot be taken. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class ReadHoliday:
    """One event: whole days, the last one included; or with times on the first and the last day, in a zone."""

    uid: str
    name: str
    first_day: date
    last_day: date
    begins_at: time | None
    ends_at: time | None
    zone: str


@dataclass(frozen=True, slots=True)
class ReadCalendar:
    """What a file has from today on. `name` is the calendar's own, `left_out` counts what is over or was cancelled."""

    name: str
    holidays: tuple[ReadHoliday, ...]
    left_out: int


# What RFC 5545, 3.6.1, allows once in an event.
ONCE = ("DTSTART", "DTEND", "DURATION", "SUMMARY", "STATUS", "UID")


def read_calendar(content: bytes, zone: ZoneInfo, today: date) -> ReadCalendar:
    """The events of a file from today on, repeated ones for two years. Days and times without a zone are in `zone`.

    Raises CalendarUnreadable.
    """
    if len(content) > LARGEST_FILE:
        raise CalendarUnreadable(f"This file has {len(content):,} bytes; up to {LARGEST_FILE:,} are read. Export less.")
    if (lines := content.count(b"\n")) > MOST_LINES:
        raise CalendarUnreadable(f"This file has {lines:,} lines; up to {MOST_LINES:,} are read. Export less of it.")
    with zones_of_one_file():
        return _read(_parsed(content), zone, today)


def _read(calendar: Any, zone: ZoneInfo, today: date) -> ReadCalendar:
    left_out = 0
    found: dict[tuple[str, date], ReadHoliday] = {}
    for event in _occurrences(calendar, _events(calendar), today):
        holiday = None if _text(event, "STATUS").upper() == "CANCELLED" else _holiday(event, zone)
        if holiday is None or holiday.last_day < today:
            left_out += 1
        else:
            found[holiday.uid, holiday.first_day] = holiday
        if len(found) > MOST_EVENTS:
            raise CalendarUnreadable(f"This file means more than {MOST_EVENTS:,} closed stretches. Export less of it.")
    days = sorted(found.values(), key=lambda each: (each.first_day, each.name, each.uid))
    return ReadCalendar(clean_line(_text(calendar, "X-WR-CALNAME"), 200), tuple(days), left_out)


def _parsed(content: bytes) -> Any:
    try:
        return icalendar.Calendar.from_ical(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CalendarUnreadable("This is no text in UTF-8, so no calendar file. Export it as .ics again.") from None
    except STUMBLES as error:
        words = clean_line(str(error), 150)
        raise CalendarUnreadable(f"This is no calendar file that can be read ({words}). Export it as .ics.") from None


def _events(calendar: Any) -> list[Any]:
    events = [each for each in calendar.walk("VEVENT") if "DTSTART" in each]
    if not events:
        raise CalendarUnreadable("There is no event in this file. Export the calendar with its events.")
    if len(events) > MOST_EVENTS:
        raise CalendarUnreadable(f"This file has {len(events):,} events; up to {MOST_EVENTS:,} are read. Export less.")
    for event in events:
        twice = [name for name in ONCE if isinstance(event.get(name), list)]
        if twice:
            raise CalendarUnreadable(f"{_named(event)} has more than one {twice[0]}. Mend it, or take it out.")
    return events


def _occurrences(calendar: Any, events: Sequence[Any], today: date) -> Iterator[Any]:
    """Events as they are, and repeated ones written out; what changes one repetition goes with its event."""
    repeating = {_text(event, "UID") for event in events if "RRULE" in event or "RDATE" in event}
    if len(repeating) > MOST_REPEATING:
        raise CalendarUnreadable(
            f"This file has {len(repeating)} repeated events; up to {MOST_REPEATING} are read. Export less of it."
        )
    zones = [each for each in calendar.subcomponents if each.name == "VTIMEZONE"]
    groups: list[list[Any]] = [[event] for event in events if _text(event, "UID") not in repeating]
    groups += [[event for event in events if _text(event, "UID") == uid] for uid in sorted(repeating)]
    begun = stopwatch.monotonic()
    for group in groups:
        yield from _written_out(group, zones, today) if _text(group[0], "UID") in repeating else group
        if stopwatch.monotonic() - begun > LONGEST_READING:
            raise CalendarUnreadable("The times of this file take too long to work out. Export less of it.")


def _written_out(group: Sequence[Any], zones: Sequence[Any], today: date) -> Iterable[Any]:
    for event in group:
        _check_repetition(event)
    small = icalendar.Calendar()
    for each in [*zones, *group]:
        small.add_component(each)
    try:
        found: list[Any] = recurring_ical_events.of(small).between(today - timedelta(days=1), today + AHEAD)
    except STUMBLES as error:
        words = clean_line(str(error), 150)
        raise CalendarUnreadable(f"{_named(group[0])} repeats in a way that cannot be read: {words}.") from None
    return found


def _check_repetition(event: Any) -> None:
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if not isinstance(rule, icalendar.vRecur):
            raise CalendarUnreadable(f"How {_named(event)} repeats cannot be read. Mend it, or take it out.")
        frequency = str((rule.get("FREQ") or [""])[0]).upper()
        allowed = REPETITIONS.get(frequency)
        interval = (rule.get("INTERVAL") or [1])[0]  # an interval of nothing never ends
        if allowed is None or interval < 1 or not {str(key).upper() for key in rule} <= ALWAYS | allowed:
            words = clean_line(rule.to_ical().decode(), 100)  # type: ignore[no-untyped-call]
            raise CalendarUnreadable(
                f"{_named(event)} repeats by a rule that is not read here ({words}). "
                "Take it out of the file and enter its days by hand."
            )
    start = event.decoded("DTSTART")
    if not isinstance(start, date):
        raise CalendarUnreadable(f"The times of {_named(event)} cannot be read. Mend it, or take it out.")
    if start.year < EARLIEST:
        raise CalendarUnreadable(f"{_named(event)} repeats since {start.year}: let it begin after {EARLIEST}.")


def _holiday(event: Any, zone: ZoneInfo) -> ReadHoliday | None:
    """None for an event without any length."""
    try:
        found = _from_event(event, zone)
    except STUMBLES:
        raise CalendarUnreadable(f"The times of {_named(event)} cannot be read. Mend it, or take it out.") from None
    if found is not None and found.last_day.year > LAST_YEAR:
        raise CalendarUnreadable(f"{_named(event)} is after {LAST_YEAR}. Mend its year, or take it out.")
    if found is not None and found.last_day - found.first_day > LONGEST_EVENT:
        raise CalendarUnreadable(f"{_named(event)} lasts longer than a year. Take it out, or shorten it.")
    return found


def _from_event(event: Any, zone: ZoneInfo) -> ReadHoliday | None:
    begins, ends = _edges(event)
    name = clean_line(_text(event, "SUMMARY"), 200) or "Holiday"
    if not isinstance(begins, datetime) or not isinstance(ends, datetime):
        last = ends - timedelta(days=1) if ends > begins else begins  # the day on which it ends is not part of it
        return ReadHoliday(_uid(event), name, begins, last, None, None, str(zone))
    if ends <= begins:
        return None
    own = _iana(begins, zone)
    first, over = _minute(_wall(begins, own)), _full_minute(_wall(ends, own))
    if first.time() == over.time() == time():  # midnight to midnight: whole days
        return ReadHoliday(_uid(event), name, first.date(), over.date() - timedelta(days=1), None, None, str(own))
    return ReadHoliday(_uid(event), name, first.date(), over.date(), first.time(), over.time(), str(own))


def _edges(event: Any) -> tuple[date, date]:
    """Begin and end: both days, or both moments, with a zone or both without one. Raises what `STUMBLES` names."""
    begins = event.decoded("DTSTART")
    if "DTEND" in event:
        ends = event.decoded("DTEND")
    elif "DURATION" in event:
        ends = begins + event.decoded("DURATION")
    else:
        ends = begins if isinstance(begins, datetime) else begins + timedelta(days=1)
    if not isinstance(begins, date) or not isinstance(ends, date):
        raise TypeError("no days")
    if isinstance(begins, datetime) != isinstance(ends, datetime):
        raise ValueError("a day and a time")
    if isinstance(begins, datetime) and isinstance(ends, datetime) and (begins.tzinfo is None) != (ends.tzinfo is None):
        raise ValueError("one with a zone and one without")
    return begins, ends


def _iana(moment: datetime, fallback: ZoneInfo) -> ZoneInfo:
    """The moment's zone where it has a name that everybody knows; a file's own zones are turned into the fallback."""
    if isinstance(moment.tzinfo, ZoneInfo):
        return moment.tzinfo
    return ZoneInfo("UTC") if moment.tzinfo is UTC else fallback


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    there = moment if moment.tzinfo is None else moment.astimezone(zone)
    return there.replace(tzinfo=None)


def _minute(wall: datetime) -> datetime:
    return wall.replace(second=0, microsecond=0)


def _full_minute(wall: datetime) -> datetime:
    """An end within a minute closes all of it. 23:59 ends the day: those who write it leave the seconds away."""
    is_full = wall == _minute(wall) and wall.time() != LAST_MINUTE
    return wall if is_full else _minute(wall) + timedelta(minutes=1)


def _uid(event: Any) -> str:
    """An event without one is known by what it says; a very long one by its digest."""
    uid = (
        clean_line(_text(event, "UID"), 1000) or f"{_text(event, 'SUMMARY')} {event.get('DTSTART').to_ical().decode()}"
    )
    return uid if len(uid) <= 300 else hashlib.sha256(uid.encode()).hexdigest()


def _named(event: Any) -> str:
    return f"“{clean_line(_text(event, 'SUMMARY'), 60) or 'An event'}”"


def _text(component: Any, name: str) -> str:
    """One property as text; of several, the first."""
    value = component.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value)
