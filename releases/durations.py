"""Lengths of time as people type and read them: "24 hours", "90 minutes", "1 day 6 hours". Stored are whole seconds.

Pure: the standard library and `releases.messages` only.
"""

import re

from releases.messages import counted

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400, "year": 365 * 86400}
_SPELLINGS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hr": 3600, "d": 86400, "w": 7 * 86400} | _UNITS
_PART = re.compile(r"([0-9]{1,12})([.,][0-9]{1,3})? *([a-z]+)")
_FIRST_DAYS = 72 * 3600  # up to here people count in hours: "24 hours", "48 hours"


def seconds_of(text: str) -> int:
    """The seconds that are meant. Raises ValueError with a sentence that says how to write it."""
    plain = " ".join(text.lower().replace(" and ", " ").split())
    if plain.isascii() and plain.isdigit() and len(plain) <= 12:
        return int(plain)
    found = list(_PART.finditer(plain))
    rest = _PART.sub("", plain).replace(",", "").strip()
    sizes = [_size(match[3]) for match in found]
    if not found or rest or None in sizes:
        raise ValueError(
            f"“{text.strip()[:40]}” is no length of time: write it for example as 24 hours, 90 minutes or 1 day 6 "
            "hours."
        )
    return round(sum(_number(match) * (size or 0) for match, size in zip(found, sizes, strict=True)))


def in_words(seconds: int) -> str:
    """Exactly these seconds, so that what a form shows can be sent back: 86400 is "24 hours", 90000 "25 hours"."""
    if seconds == 0:
        return "0 seconds"
    if seconds % 3600 == 0 and (seconds <= _FIRST_DAYS or seconds % 86400):
        return _with_days(seconds) if seconds > _FIRST_DAYS else counted(seconds // 3600, "hour")
    if seconds % 60 == 0 and seconds <= 120 * 60:
        return counted(seconds // 60, "minute")
    return _with_days(seconds)


def _with_days(seconds: int) -> str:
    parts = []
    for unit in ("day", "hour", "minute", "second"):
        number, seconds = divmod(seconds, _UNITS[unit])
        if number:
            parts.append(f"{number} {unit if number == 1 else unit + 's'}")
    return " ".join(parts)


def _size(spelling: str) -> int | None:
    return _SPELLINGS.get(spelling) or _SPELLINGS.get(spelling.removesuffix("s"))


def _number(match: re.Match[str]) -> float:
    return float(match[1] + (match[2] or "").replace(",", "."))
