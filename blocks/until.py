"""The ends of a block that people choose by name. Pure: a moment and a zone in, a moment out."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Until(StrEnum):
    OPEN = "open"
    TWO_HOURS = "two-hours"
    TOMORROW = "tomorrow"
    MONDAY = "monday"
    CUSTOM = "custom"


UNTIL_WORDS = {
    Until.OPEN: "no end: until somebody ends it",
    Until.TWO_HOURS: "in 2 hours",
    Until.TOMORROW: "tomorrow at 9:00",
    Until.MONDAY: "Monday at 9:00",
    Until.CUSTOM: "another time",
}
MORNING = time(9)
LONGEST_PLAN = timedelta(days=36525)
TOO_FAR = "This is more than a hundred years away."


def moment_there(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a naive wall time; of a repeated hour, the first. Raises ValueError where clocks leave it out."""
    moment = wall.replace(tzinfo=zone)
    shown = moment.astimezone(UTC).astimezone(zone)
    if shown.replace(tzinfo=None) != wall:
        raise ValueError(
            f"There is no {wall:%H:%M} on {wall:%d %b %Y} in {zone}: the clocks go forward. "
            f"Give {shown:%H:%M} or another time."
        )
    return moment


def end_of(until: Until, begins_at: datetime, zone: ZoneInfo) -> datetime | None:
    """When a block that begins then ends; None for no end. Not for `Until.CUSTOM`, which has a time of its own."""
    there = begins_at.astimezone(zone)
    match until:
        case Until.TWO_HOURS:
            return begins_at + timedelta(hours=2)
        case Until.TOMORROW:
            return datetime.combine(there.date() + timedelta(days=1), MORNING, zone)
        case Until.MONDAY:
            return datetime.combine(there.date() + timedelta(days=7 - there.weekday()), MORNING, zone)
    return None
