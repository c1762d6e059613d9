"""Sentences that people read: moments in words, and the text of the release pull request.

Pure: the standard library only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# "Validation Failed: body is too long (maximum is 65536 characters)"; room is left for what people add.
BODY_LIMIT = 60_000
COMMITS_LISTED = 100
# Only what stands between these is Horizon's; the key tells its own pull request from everybody else's.
BEGIN = "<!-- horizon:begin {key} -->"
END = "<!-- horizon:end -->"

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def zone_of(name: str) -> tuple[ZoneInfo, str]:
    """The zone of this IANA name and its name for people; UTC for a name that the machine does not know."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC"), "UTC"
    if name in {"UTC", "Etc/UTC"}:
        return zone, "UTC"
    return zone, f"{name.rpartition('/')[2].replace('_', ' ')} time"


def moment(at: datetime, now: datetime, zone_name: str) -> str:
    """A moment as people say it: "today at 14:05 UTC", "tomorrow at 09:00 New York time", "on Monday 7 May at ..."."""
    zone, words = zone_of(zone_name)
    there, here = at.astimezone(zone), now.astimezone(zone)
    time = f"{there:%H:%M} {words}"
    match (there.date() - here.date()).days:
        case 0:
            return f"today at {time}"
        case 1:
            return f"tomorrow at {time}"
        case -1:
            return f"yesterday at {time}"
    year = f" {there.year}" if there.year != here.year else ""
    return f"on {there:%A} {there.day} {there:%B}{year} at {time}"


def exactly(at: datetime, zone_name: str, *, seconds: bool = False) -> str:
    """A moment that stays true when it is read later: "on Tuesday 24 November 2026 at 08:00 UTC"."""
    zone, words = zone_of(zone_name)
    there = at.astimezone(zone)
    time = f"{there:%H:%M:%S}" if seconds else f"{there:%H:%M}"
    return f"on {there:%A} {there.day} {there:%B} {there.year} at {time} {words}"


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit: "45 seconds", "90 minutes", "24 hours", "10 days"."""
    for unit, size, from_size in (("day", 86400, 3 * 86400), ("hour", 3600, 2 * 3600), ("minute", 60, 120)):
        if seconds >= from_size:
            return counted(round(seconds / size), unit)
    return counted(round(seconds), "second")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """ "a", "a and b", "a, b, c and 4 more"."""
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def sentence(text: str) -> str:
    """The text on one line, with a full stop where it has no end."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."


@dataclass(frozen=True, slots=True)
class Waiting:
    """One commit that the release brings."""

    sha: str
    subject: str
    author: str
    login: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the text of a release pull request is made of. `count` may exceed the commits that are known."""

    key: str
    base: str
    head: str
    commits: Sequence[Waiting]
    count: int
    merge_after: int | None
    merge_at: datetime | None
    now: datetime
    zone: str
    project_url: str
    block_url: str


def title(base: str, head: str) -> str:
    """The title says what the pull request does; GitHub's limit is 256 characters."""
    return f"Deploy {head} to {base}"[:256]


def body(announcement: Announcement) -> str:
    """The body: what will happen and when, how to stop it, and the commits by author."""
    parts = [
        BEGIN.format(key=announcement.key),
        _plan(announcement),
        f"**To stop it**, [block it]({announcement.block_url}), or close it: Horizon then waits for new commits.",
        "**Merge it, do not squash or rebase:** the branches must keep their common history.",
        _commits(announcement),
    ]
    return _limited("\n\n".join(part for part in parts if part))


def _plan(announcement: Announcement) -> str:
    link = f"[Horizon]({announcement.project_url})"
    if announcement.merge_after is None or announcement.merge_at is None:
        return f"{link} opened this pull request to release `{announcement.head}`. People merge it."
    when = moment(announcement.merge_at, announcement.now, announcement.zone)
    return (
        f"{link} merges this pull request {span(announcement.merge_after)} after its opening, {when} at the earliest, "
        "if its checks are green and nobody says no."
    )


def _commits(announcement: Announcement) -> str:
    if not announcement.commits:
        return ""
    by_author: dict[str, list[Waiting]] = {}
    for commit in announcement.commits[:COMMITS_LISTED]:
        by_author.setdefault(commit.author, []).append(commit)
    lines = [f"### {counted(announcement.count, 'commit')}"]
    for author, commits in sorted(by_author.items(), key=lambda item: -len(item[1])):
        lines.append(f"\n**{_plain(author)}**\n")
        lines += [f"- {_plain(commit.subject)} {_linked(commit)}" for commit in commits]
    rest = announcement.count - min(len(announcement.commits), COMMITS_LISTED)
    return "\n".join([*lines, *([f"\n… and {counted(rest, 'more commit', 'more commits')}."] if rest > 0 else [])])


def _linked(commit: Waiting) -> str:
    return f"([{commit.sha[:7]}]({commit.url}))" if commit.url else f"({commit.sha[:7]})"


def _plain(text: str) -> str:
    """Text of strangers as plain text: no HTML, no mention that notifies anybody, no marker of ours."""
    return text.translate(_HTML).replace("@", "@\u200b").replace("\n", " ")


def _limited(text: str) -> str:
    if len(text) > BODY_LIMIT:
        text = text[:BODY_LIMIT].rsplit("\n", 1)[0] + "\n…"
    return f"{text}\n\n{END}"


def later(at: datetime, seconds: float) -> datetime:
    """`at` and so many seconds; the end of time where that lies beyond it."""
    try:
        return at + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=at.tzinfo)
