"""What Slack is told of a release: text in Slack's markup, in which nothing of people means anything but itself.

Pure: the standard library only. https://docs.slack.dev/messaging/formatting-message-text
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from projects.cleaning import clean_line
from releases.messages import counted, exactly, sentence

COMMITS: Final = 10
LONGEST: Final = 3000  # characters of a message: Slack cuts longer paragraphs
_MARKUP: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Story:
    """What all messages about one release are made of. `commits` as `projects.models.Comparison.commits`."""

    project: str
    organization: str
    stage: str
    base: str
    head: str
    zone: str
    url: str
    project_url: str
    block_url: str
    number: int | None = None
    commits: Sequence[Mapping[str, Any]] = field(default=())
    count: int = 0


def plain(text: object, limit: int = 200) -> str:
    """Text of people: escaped, on one line; no address in it becomes a link."""
    return clean_line(str(text), limit).replace("://", ":\u200b//").translate(_MARKUP)


def distance(seconds: float) -> str:
    """A length of time as the predecessor told it: "about 1 hour", "45 minutes", "a few minutes" when it is over."""
    minutes = round(seconds / 60)
    if minutes <= 1:
        return "a few minutes"
    if minutes < 45:
        return f"{minutes} minutes"
    if minutes < 90:
        return "about 1 hour"
    hours = round(seconds / 3600)
    if hours < 24:
        return f"about {hours} hours"
    if hours < 42:
        return "1 day"
    return f"{round(seconds / 86400)} days"


def date(at: datetime, zone: str) -> str:
    """A moment in the zone of whoever reads it; where Slack cannot show that, in the strategy's."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{plain(exactly(at, zone))}>"


def notice(story: Story, merge_at: datetime, now: datetime) -> str:
    """The warning before a merge."""
    first = f"The following changes will be released in {distance((merge_at - now).total_seconds())}: {story.url}"
    return _limited(
        first, f"{_what(story)}\n{_commits(story)}", f"When: {date(merge_at, story.zone)}. {_how_to_stop(story)}"
    )


def status(story: Story, headline: str, *, stoppable: bool = False) -> str:
    """What a message says after its first state: the headline, in Slack's markup, and what it is about."""
    return _limited(headline, f"{_what(story)}\n{_commits(story)}", _how_to_stop(story) if stoppable else _see(story))


def _what(story: Story) -> str:
    commits = f" · {counted(story.count, 'commit')}" if story.count else ""
    way = f"{plain(story.head)} → {plain(story.base)}"
    return f"*{plain(story.project)}* of {plain(story.organization)}: {way} for {plain(story.stage)}{commits}"


def _commits(story: Story) -> str:
    by_author: dict[str, list[str]] = {}
    for commit in story.commits[:COMMITS]:
        by_author.setdefault(plain(commit.get("author") or "somebody", 80), []).append(_commit(commit))
    lines = [f"• {author}: {'; '.join(subjects)}" for author, subjects in by_author.items()]
    rest = story.count - min(len(story.commits), COMMITS)
    return "\n".join([*lines, *([f"… and {counted(rest, 'more commit')}"] if rest > 0 else [])])


def _commit(commit: Mapping[str, Any]) -> str:
    return plain(commit.get("message") or str(commit.get("sha") or "")[:7], 100)


def _how_to_stop(story: Story) -> str:
    return f"To stop it: <{story.block_url}|block it>. {_see(story)}"


def _see(story: Story) -> str:
    return f"<{story.project_url}|Why and when>"


def _limited(first: str, middle: str, last: str) -> str:
    """The middle gives way, line by line."""
    room = LONGEST - len(first) - len(last) - 8
    lines: list[str] = []
    for line in middle.strip().split("\n"):
        if room - len(line) - 1 < 0:
            lines.append("…")
            break
        room -= len(line) + 1
        lines.append(line)
    return "\n".join([first, *lines, last])


def because(words: str) -> str:
    """A reason of people or hosts as the end of a sentence."""
    return plain(sentence(words), 500)
