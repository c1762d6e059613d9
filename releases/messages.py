"""Sentences that people read: moments in words, and the text of the release pull request.

Pure: the standard library only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# "Validation Failed: body is too long (maximum is 65536 characters)"; room is left for what people add.
BODY_LIMIT = 60_000
COMMITS_LISTED = 100
# Only what stands between these is Horizon's; the key tells its own pull request from everybody else's.
BEGIN = "<!-- horizon:begin {key} -->"
END = "<!-- horizon:end -->"

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# After these GitHub would mention people, refer to issues, or make links (docs.github.com, "Autolinked references").
_ALIVE = re.compile(r"[@#]|:(?=//)|\bwww(?=\.)|\bGH(?=-\d)", re.IGNORECASE)
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]~|!"})


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
    """One commit that the release brings; `pull_request` is that which brought it into the head's history."""

    sha: str
    subject: str
    author: str
    login: str | None
    url: str | None
    pull_request: int | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the text of a release pull request is made of. `count` may exceed the commits that are known.

    `merge_at` is the moment that people are told, None where there is none to be told; `late` are the commits that came
    after the notice; `titles` those of merged pull requests, as far as they are known; `pull_url` leads to any of them,
    by its number.
    """

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
    automatic: bool = True
    warned_before: int | None = None
    late: frozenset[str] = frozenset()
    titles: Mapping[int, str] = field(default_factory=dict)
    pull_url: str = ""


def title(base: str, head: str) -> str:
    """The title says what the pull request does; GitHub's limit is 256 characters."""
    return f"Deploy {head} to {base}"[:256]


def body(announcement: Announcement) -> str:
    """The body: what will happen and when, how to stop it, and the commits by pull request."""
    parts = [
        BEGIN.format(key=announcement.key),
        _plan(announcement),
        _how_to_stop(announcement),
        "**Merge it, do not squash or rebase:** the branches must keep their common history.",
        _late(announcement),
        _commits(announcement),
    ]
    return _limited("\n\n".join(part for part in parts if part))


def with_body(text: str, ours: str) -> str | None:
    """The text of a pull request with Horizon's part of it replaced; None where there are no markers of ours.

    What people wrote before and after it stays as it is.
    """
    begin, _, _ = BEGIN.partition("{key}")
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(END)
    return f"{before}{ours}{after}" if found and ended else None


def part_of(text: str) -> str:
    """Horizon's part of the text of a pull request, markers included; empty where there is none."""
    begin, _, _ = BEGIN.partition("{key}")
    _, found, rest = text.partition(begin)
    inside, ended, _ = rest.partition(END)
    return f"{begin}{inside}{END}" if found and ended else ""


def comment(text: str, key: str) -> str:
    """A comment of Horizon's: its key, by which it is found again, and text in which strangers' words are harmless."""
    return f"<!-- horizon:note {key} -->\n" + "\n\n".join(plain(line) for line in text.splitlines())


def farewell(why: str, key: str) -> str:
    """Horizon's part of the text of a pull request that it leaves behind."""
    words = f"**Horizon does not merge this pull request any more:** {plain(why)}. People may merge it, or close it."
    return "\n\n".join([BEGIN.format(key=key), words, END])


def _plan(announcement: Announcement) -> str:
    link = f"[Horizon]({announcement.project_url})"
    if not announcement.automatic:
        return f"{link} does not merge this pull request by itself: people release `{announcement.head}`."
    if announcement.merge_after is None:
        return f"{link} releases `{announcement.head}` with this pull request. People merge it."
    conditions = "if its checks are green and nobody says no."
    age = f"{link} merges this pull request {span(announcement.merge_after)} after its opening"
    if announcement.merge_at is None:
        return f"{age}. That time has come: it is merged as soon as nothing holds it, {conditions}"
    notice = f" It is announced {span(announcement.warned_before)} before." if announcement.warned_before else ""
    return f"{age}, {exactly(announcement.merge_at, announcement.zone)} at the earliest, {conditions}{notice}"


def _how_to_stop(announcement: Announcement) -> str:
    if not announcement.automatic:
        return ""
    return f"**To stop it**, [block it]({announcement.block_url}), or close it: Horizon then waits for new commits."


def _late(announcement: Announcement) -> str:
    late = [commit for commit in announcement.commits if commit.sha in announcement.late]
    if not late:
        return ""
    lines = [f"### {counted(len(late), 'commit')} came after the notice"]
    return "\n".join([*lines, "", *(_line(commit) for commit in late[:COMMITS_LISTED])])


def _commits(announcement: Announcement) -> str:
    """Commits of one pull request stand together, in the order of their newest one; then those without any."""
    if not announcement.commits:
        return ""
    groups: dict[int | None, list[Waiting]] = {}
    for commit in announcement.commits[:COMMITS_LISTED]:
        groups.setdefault(commit.pull_request, []).append(commit)
    single = groups.pop(None, [])
    lines = [f"### {counted(announcement.count, 'commit')}", ""]
    for number, commits in groups.items():
        lines += _group(announcement, number or 0, commits)
    lines += [_line(commit) for commit in single]
    rest = announcement.count - min(len(announcement.commits), COMMITS_LISTED)
    return "\n".join([*lines, *([f"\n… and {counted(rest, 'more commit', 'more commits')}."] if rest > 0 else [])])


def _group(announcement: Announcement, number: int, commits: Sequence[Waiting]) -> list[str]:
    url = announcement.pull_url.format(number=number) if announcement.pull_url else ""
    link = f"[#{number}]({url})" if url else f"#{number}"
    name = f" {plain(announcement.titles[number])}" if announcement.titles.get(number) else ""
    if len(commits) == 1 and commits[0].subject == f"{announcement.titles.get(number)} (#{number})":
        return [f"- **{link}**{name} by {plain(commits[0].author)} {_linked(commits[0])}"]  # it was squashed
    people = listed([plain(author) for author in dict.fromkeys(commit.author for commit in commits)])
    return [f"- **{link}**{name} by {people}", *(f"  - {_what(commit)}" for commit in commits)]


def _line(commit: Waiting) -> str:
    return f"- {_what(commit)} by {plain(commit.author)}"


def _what(commit: Waiting) -> str:
    return f"{plain(commit.subject)} {_linked(commit)}"


def _linked(commit: Waiting) -> str:
    return f"([{commit.sha[:7]}]({commit.url}))" if commit.url else f"({commit.sha[:7]})"


def plain(text: str) -> str:
    """Text of strangers as plain text: no HTML or Markdown, no mention that notifies anybody, no reference that closes
    an issue (#1, GH-1, or its address), no link, no marker of ours."""
    safe = text.translate(_MARKDOWN).translate(_HTML).replace("\n", " ")
    return _ALIVE.sub(lambda found: f"{found[0]}\u200b", safe)


def _limited(text: str) -> str:
    if len(text) > BODY_LIMIT:
        text = text[: BODY_LIMIT - 100].rsplit("\n", 1)[0] + "\n…"
    return f"{text}\n\n{END}"


def later(at: datetime, seconds: float) -> datetime:
    """`at` and so many seconds; the end of time where that lies beyond it."""
    try:
        return at + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=at.tzinfo)
