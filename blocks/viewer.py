"""In whose time zone a page speaks: that of whoever reads it."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.http import HttpRequest

COOKIE = "zone"  # set by static/js/times.js from what the browser knows
FALLBACK = ZoneInfo("UTC")


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The zone that this person typed last, else their browser's, else UTC."""
    for name in (request.session.get("zone"), request.COOKIES.get(COOKIE)):
        if name and (zone := zone_named(name)):
            return zone
    return FALLBACK


def remember_zone(request: HttpRequest, zone: ZoneInfo) -> None:
    request.session["zone"] = str(zone)


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of this IANA name; None where there is none."""
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_names() -> list[str]:
    """Names to choose from, as Area/City; the historical ones are understood, too, but not listed."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]
