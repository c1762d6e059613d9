"""What `/` shows: which projects were asked for, in which order, as cards or as rows of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.safestring import SafeString

from blocks.models import DeployBlock
from blocks.queries import unresolved_blocks
from dashboard.cards import Placed, joined, placed
from dashboard.words import title_case
from projects.models import Organization, Project
from projects.queries import Filters, Overview, numbers, overviews
from releases.queries import decisions

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
    """A project with the blocks in force."""

    overview: Overview
    blocks: Sequence[DeployBlock]


def lines(asked: Asked, organizations: Sequence[Organization], now: datetime) -> list[Line]:
    """The projects that were asked for, in a number of queries that does not grow with them."""
    wanted = asked.filters.of(Project.objects.active())
    if asked.changed is not None:
        wanted = wanted.filter(pk__in=asked.changed)
    found = overviews(wanted, organizations)
    blocks = unresolved_blocks([overview.project for overview in found], now)
    return [Line(overview, blocks[overview.project.pk]) for overview in found]


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

    @property
    def out_of_sync_html(self) -> SafeString:
        return joined(self.out_of_sync)

    @property
    def up_to_date_html(self) -> SafeString:
        return joined(self.up_to_date)


def board(found: Sequence[Line], now: datetime, *, several_organizations: bool) -> Board:
    """Only what a card shows is worked out: what is up to date, or shown in brief, has no decision to tell."""
    rank = {line.overview.project.pk: line.overview.severity(now) for line in found}
    out = [line for line in found if not line.overview.released]
    out.sort(key=lambda line: (-rank[line.overview.project.pk], _name(line)))
    full = out if len(found) <= CROWDED else out[:IN_FULL]
    blocks = {line.overview.project.pk: list(line.blocks) for line in full}
    decided = decisions([line.overview.project for line in full], now, blocks)

    def card(line: Line, *, brief: bool = False) -> Placed:
        pk = line.overview.project.pk
        return placed(
            line.overview,
            line.blocks,
            decided.get(pk, ()),
            now,
            severity=rank[pk],
            several_organizations=several_organizations,
            brief=brief,
        )

    return Board(
        [*map(card, full), *(card(line, brief=True) for line in out[len(full) :])],
        [card(line) for line in sorted(found, key=_name) if line.overview.released],
    )


def _name(line: Line) -> str:
    return title_case(line.overview.project.name).casefold()


def _is_id(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 19
