"""The cards of the dashboard: what each shows is worked out first, as plain values, and equal cards are rendered once.

A card is keyed by all that it shows, so the memory can never be out of date, and a page of 1,000 projects renders only
those that changed since the page before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from blocks.models import DeployBlock
from dashboard import words
from projects.models import Comparison
from projects.queries import UNCOMPARED, Gap, Overview
from releases.decision import Action
from releases.queries import StrategyDecision

REMEMBERED = 6000
STALE_AFTER_POLLS = 5
STALE_AT_LEAST = timedelta(minutes=5)


class Link(NamedTuple):
    """The line between two stages, drawn on the card, and what is said of it below."""

    stage: str
    label: str
    severity: str
    sentence: str
    people: str
    oldest: int | None
    age: str


class Card(NamedTuple):
    """All that a card shows. A tuple, for a page looks a thousand of them up by all that they are."""

    id: int
    name: str
    organization: str
    description: str
    severity: str
    released: bool
    first_stage: str
    links: tuple[Link, ...]
    blocked: str
    error: str
    stale: str
    decision: str
    brief: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A card in its place: `rank` is its severity, which grows all the time and so is no part of the card."""

    card: Card
    rank: float

    @property
    def html(self) -> SafeString:
        return mark_safe(_rendered(self.card).replace("RANK", f"{self.rank:.0f}", 1))  # noqa: S308  (a number)


def joined(cards: Iterable[Placed]) -> SafeString:
    """One a line. A loop in the template would look a thousand of them up."""
    return mark_safe("\n".join([each.html for each in cards]))  # noqa: S308  (made by a template that escapes)


@lru_cache(maxsize=REMEMBERED)
def _rendered(card: Card) -> str:
    return " ".join(get_template("home/_card.html").render({"card": card}).split())  # 1,000 of them are on a page


def stale_after() -> timedelta:
    return max(settings.POLL_INTERVAL * STALE_AFTER_POLLS, STALE_AT_LEAST)


def placed(
    overview: Overview,
    blocks: Sequence[DeployBlock],
    decisions: Sequence[StrategyDecision],
    now: datetime,
    *,
    severity: float,
    several_organizations: bool,
    brief: bool,
) -> Placed:
    """`brief`: the name, the pipeline and what is wrong only."""
    project = overview.project
    error = overview.error(now)
    card = Card(
        id=project.pk,
        name=words.title_case(project.name),
        organization=project.organization.name if several_organizations else "",
        description="" if brief else project.description,
        severity=words.severity_word(severity) if overview.released or severity else "unknown",
        released=overview.released,
        first_stage=overview.stages[0].name if overview.stages else "",
        links=tuple(_links(overview, now, brief=brief)),
        blocked=_blocked(blocks),
        error=error,
        stale=_stale(overview, now),
        decision="" if brief else _decision(decisions, overview, blocks, error),
        brief=brief,
    )
    return Placed(card, severity)


def _links(overview: Overview, now: datetime, *, brief: bool) -> list[Link]:
    gaps = {gap.behind: gap for gap in overview.gaps}
    return [_link(stage.name, gaps.get(stage.name), now, brief=brief) for stage in overview.stages[1:]]


def _link(stage: str, gap: Gap | None, now: datetime, *, brief: bool) -> Link:
    if gap is None:
        return Link(stage, "?", "unknown", "not compared yet", "", None, "")
    if gap.state in UNCOMPARED:
        return Link(stage, "?", "unknown", _uncompared(gap), "", None, "")
    drift = f"{words.counted(gap.drift, 'commit')} of its own" if gap.drift else ""
    if not gap.count:
        return Link(stage, "", "fresh", drift, "", None, "")
    sentence = f"{'at least ' if gap.at_least else ''}{words.counted(gap.count, 'commit')} behind"
    oldest = None if brief else gap.oldest_at
    return Link(
        stage=stage,
        label=f"{gap.count}+" if gap.at_least else str(gap.count),
        severity=words.severity_word(gap.score(now)),
        sentence=f"{sentence}, {drift}" if drift else sentence,
        people="" if brief else words.in_words(gap.contributors),
        oldest=int(oldest.timestamp()) if oldest else None,
        age=words.duration(now - oldest) if oldest else "",
    )


def _uncompared(gap: Gap) -> str:
    """In a word; the explanation is the error of the card."""
    match gap.state:
        case Comparison.State.AHEAD_GONE:
            return f"cannot be compared: {gap.ahead} is gone"
        case Comparison.State.BEHIND_GONE:
            return "is gone"
        case Comparison.State.EMPTY:
            return "has no commit yet"
        case Comparison.State.UNRELATED:
            return f"shares no history with {gap.ahead}"
    return "was not read"


def _blocked(blocks: Sequence[DeployBlock]) -> str:
    """Every reason with its date, one a line."""
    return "\n".join(
        f"{block.description} ({block.created_by}, since {block.begins_at:%d %b %Y %H:%M} UTC)" for block in blocks
    )


def _stale(overview: Overview, now: datetime) -> str:
    """How old what is shown is, when it is old."""
    if not overview.stages:
        return ""
    if overview.refreshed_at is None:
        return "" if overview.snapshot_id else "Not read yet"
    good = overview.read_at if overview.stored_error and overview.read_at else overview.refreshed_at
    old = now - good > (stale_after() if not overview.stored_error else timedelta(minutes=1))
    return f"As of {words.ago(good, now)}" if old else ""


def _decision(
    decisions: Sequence[StrategyDecision], overview: Overview, blocks: Sequence[DeployBlock], error: str
) -> str:
    """One sentence: of the first strategy that has more to say than the error, else why people should not release."""
    reasons = (each.decision.reason for each in decisions if each.decision.action is not Action.NOTHING)
    told = [reason for reason in reasons if reason not in error]
    if told and not overview.released:
        return told[0]
    return f"Blocked by {blocks[0].created_by}: {blocks[0].description}" if blocks else ""
