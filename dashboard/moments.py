"""Moments as people type them: a day, or a day and a time, on the clock of a zone that is shown."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest

LAST_YEAR = 9998  # so that a day later, in any zone, is a date, too
DAY_LENGTH = len("2026-11-24")


def zone_named(name: str) -> ZoneInfo | None:
    """The IANA zone of this name, None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The zone that the address names, else the reader's own as their browser told it, else UTC."""
    asked = request.GET.get("zone", ""), request.COOKIES.get("zone", "")
    return next((zone for name in asked if (zone := zone_named(name[:64]))), ZoneInfo("UTC"))


def begin_of(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment that a text names, the first of a day; None where it names none. A missing hour moves forward, of a
    repeated one it is the first."""
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if not 1 < wall.year <= LAST_YEAR:
        return None
    return (wall if wall.tzinfo else wall.replace(tzinfo=zone)).astimezone(UTC)


def end_of(text: str, zone: ZoneInfo) -> datetime | None:
    """The first moment after what a text names: after the whole day, or after the minute."""
    if begin_of(text, zone) is None:
        return None
    if len(text.strip()) > DAY_LENGTH:
        begin = begin_of(text, zone)
        return begin + timedelta(minutes=1) if begin else None
    return begin_of((datetime.fromisoformat(text.strip()) + timedelta(days=1)).isoformat(), zone)


def wall(moment: datetime, zone: ZoneInfo) -> str:
    """As the browser's field for a date and a time takes it."""
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"
