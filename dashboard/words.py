"""How pages say things: ages, people, counts, names."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

UNITS = (
    ("year", timedelta(days=365.25)),
    ("month", timedelta(days=365.25) / 12),
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)
NAMED_AT_MOST = 3
AVATAR_COLOURS = 12
WORD = re.compile(r"[^\s_-]+")


def duration(length: timedelta) -> str:
    """The largest unit only: "3 days"; less than a minute is "a moment"."""
    for unit, size in UNITS:
        if length >= size:
            return counted(int(length / size), unit)
    return "a moment"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def ago(moment: datetime, now: datetime) -> str:
    """The age of a moment; what is dated in the future (a clock that is wrong) counts as now."""
    length = now - moment
    return "just now" if length < timedelta(minutes=1) else f"{duration(length)} ago"


def title_case(name: str) -> str:
    """The name of a project as cards show it: candela -> Candela, my-app -> My App; inner capitals stay."""
    return " ".join(word[0].upper() + word[1:] for word in WORD.findall(name)) or name


def first_name(name: str) -> str:
    """The first word of a name. One that is written from right to left is kept from turning its neighbours round."""
    first = (name.split() or ["?"])[0]
    if first.isascii():
        return first
    turns = any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in first)
    return f"\N{FIRST STRONG ISOLATE}{first}\N{POP DIRECTIONAL ISOLATE}" if turns else first


def in_words(names: Sequence[str]) -> str:
    """First names of people: Ana, Bo, and Cy; the first three of many, then "and 5 more"."""
    firsts = [first_name(name) for name in names]
    if len(firsts) > NAMED_AT_MOST + 1:
        firsts = [*firsts[:NAMED_AT_MOST], f"{len(names) - NAMED_AT_MOST} more"]
    if len(firsts) <= 2:
        return " and ".join(firsts)
    return f"{', '.join(firsts[:-1])}, and {firsts[-1]}"


def initials(name: str) -> str:
    """One or two letters for an avatar."""
    words = name.split()
    letters = [word[0] for word in ([words[0], words[-1]] if len(words) > 1 else words)]
    return "".join(letters).upper() or "?"


def colour_of(email: str) -> int:
    """A number for the colour of a person's avatar: always the same, asked of nobody."""
    return hashlib.blake2b(email.lower().encode(), digest_size=2).digest()[0] % AVATAR_COLOURS


def severity_word(severity: float) -> str:
    """The class of a severity: the limits are the Rails Horizon's."""
    if severity >= 500:
        return "aged"
    if severity >= 10:
        return "hot"
    return "warm" if severity >= 1 else "fresh"
