"""What `/` shows: which projects were asked for, in which order, as cards or as rows of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import QueryDict

from blocks.models import DeployBlock
from blocks.queries import unresolved_blocks
from dashboard.cards import Placed, placed
from projects.models import Organization, Project
from projects.queries import Filters, Overview, numbers, overviews
from releases.queries import StrategyDecision, decisions

# A page of more cards than this says less of those that are not among the most severe, or it would be too large.
CROWDED = 500
IN_FULL = 250


@dataclass(frozen=True, slots=True)
class Asked:
    """The state of the page, all of it from the address.

    `parts` asks for the cards alone, as an open page does that was told of changes: of projects `changed`, or of all.
    """

    filters: Filters
    as_list: bool
    sort: str
    parts: bool
    changed: tuple[int, ...] | None

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        """Also understands the names that the Rails Horizon used: organization_id, tags[]."""
        tags = [*query.getlist("tag"), *query.getlist("tags[]")]
        filters = Filters(
            organization=(query.get("organization") or query.get("organization_id") or "").replace("\0", "").strip(),
            tags=tuple(dict.fromkeys(tag.replace("\0", "") for tag in tags if tag)),
            criticality=numbers(query.getlist("criticality")),
            text=query.get("q", "").replace("\0", "").strip()[:200],
        )
        changed = query.get("changed", "all")
        ids = None if changed == "all" else tuple(int(word) for word in changed.split(",") if _is_id(word))
        return cls(filters, query.get("view") == "list", query.get("sort", ""), "changed" in query, ids)

    def address(self, **changes: str) -> str:
        """The query string of the same page with other parts; an empty part goes."""
        parts: dict[str, str | list[str]] = {
            "organization": self.filters.organization,
            "tag": list(self.filters.tags),
            "criticality": [str(number) for number in self.filters.criticality],
            "q": self.filters.text,
            "view": "list" if self.as_list else "",
            "sort": self.sort,
        }
        kept = {name: value for name, value in {**parts, **changes}.items() if value}
        return f"?{urlencode(kept, doseq=True)}" if kept else "?"


@dataclass(frozen=True, slots=True)
class Line:
    """A project with all that speaks of it."""

    overview: Overview
    blocks: Sequence[DeployBlock]
    decisions: Sequence[StrategyDecision]


def lines(asked: Asked, organizations: Sequence[Organization], now: datetime) -> list[Line]:
    """The projects that were asked for, in a number of queries that does not grow with them."""
    wanted = asked.filters.of(Project.objects.active())
    if asked.changed is not None:
        wanted = wanted.filter(pk__in=asked.changed)
    found = overviews(wanted, organizations)
    blocks = unresolved_blocks([overview.project for overview in found], now)
    # The list shows no decisions, and what is up to date has none to speak of.
    undecided = [] if asked.as_list else [overview.project for overview in found if not overview.released]
    decided = decisions(undecided, now, blocks)
    return [
        Line(overview, blocks.get(overview.project.pk, []), decided.get(overview.project.pk, [])) for overview in found
    ]


@dataclass(frozen=True, slots=True)
class Board:
    """Both groups of cards: the most severe first, and those that are up to date by name."""

    out_of_sync: list[Placed]
    up_to_date: list[Placed]

    @property
    def crowded(self) -> bool:
        return any(each.card.brief for each in self.out_of_sync)

    @property
    def in_full(self) -> int:
        return IN_FULL

    @property
    def all(self) -> list[Placed]:
        return self.out_of_sync + self.up_to_date


def board(found: Sequence[Line], now: datetime, *, several_organizations: bool) -> Board:
    cards = [
        placed(line.overview, line.blocks, line.decisions, now, several_organizations=several_organizations)
        for line in found
    ]
    out_of_sync = sorted((each for each in cards if not each.card.released), key=_most_severe_first)
    if len(cards) > CROWDED:
        out_of_sync[IN_FULL:] = [each.in_brief() for each in out_of_sync[IN_FULL:]]
    return Board(out_of_sync, sorted((each for each in cards if each.card.released), key=_by_name))


def _most_severe_first(each: Placed) -> tuple[float, str]:
    return -each.rank, each.card.name.casefold()


def _by_name(each: Placed) -> str:
    return each.card.name.casefold()


def _is_id(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 19
