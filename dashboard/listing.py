"""The list view: one row a project, columns that sort."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from dashboard import words
from dashboard.board import Asked, Line
from dashboard.upkeep import deployment_of
from projects.models import Project
from projects.recommendations import DeploymentType
from projects.versions import VersionStatus, status_of
from releases.queries import automatic_projects


class Value(NamedTuple):
    """A cell: its words, and whether they are good, warn, bad or neither. Colour only repeats the words."""

    text: str
    mood: str = ""


class Row(NamedTuple):
    """All that a row shows. A tuple, for a page looks a thousand of them up by all that they are."""

    id: int
    name: str
    severity: str
    state: str
    blocked: str
    criticality: str
    teams: tuple[str, ...]
    dependencies: tuple[Value, ...]
    deployment: str
    auto_deploy: Value
    renovate: Value
    orbs: str

    @property
    def html(self) -> SafeString:
        return mark_safe(_rendered(self))  # noqa: S308  (made by a template that escapes)


@lru_cache(maxsize=6000)
def _rendered(row: Row) -> str:
    return " ".join(get_template("home/_row.html").render({"row": row}).split())  # 1,000 of them are on a page


@dataclass(frozen=True, slots=True)
class Column:
    """A heading that sorts: `direction` is aria-sort's word when this column is the sorted one."""

    title: str
    address: str
    direction: str


@dataclass(frozen=True, slots=True)
class Listing:
    columns: list[Column]
    rows: list[Row]

    @property
    def html(self) -> SafeString:
        return mark_safe(" ".join([row.html for row in self.rows]))  # noqa: S308  (made by a template that escapes)


Key = Callable[[tuple[Line, Row, float]], tuple[object, ...]]
COLUMNS: dict[str, tuple[str, Key]] = {
    "severity": ("Severity", lambda each: (-each[2],)),
    "name": ("Name", lambda each: ()),
    "blocked": ("Blocked", lambda each: (not each[1].blocked,)),
    "criticality": ("Criticality", lambda each: (-_level(each[0].overview.project),)),
    "teams": ("Teams", lambda each: (not each[1].teams, [team.casefold() for team in each[1].teams])),
    "dependencies": ("Dependencies", lambda each: (_worst(each[1].dependencies),)),
    "deployment": ("Deployment", lambda each: (not each[1].deployment, each[1].deployment)),
    "auto-deploy": ("Auto-deploy", lambda each: (_worst((each[1].auto_deploy,)),)),
    "renovate": ("Renovate", lambda each: (_worst((each[1].renovate,)),)),
    "orbs": ("Orbs", lambda each: (not each[1].orbs, each[1].orbs)),
}
MOODS = ("bad", "warn", "", "good")
DEPENDENCY_MOODS = {
    VersionStatus.OUT_OF_DATE: ("bad", " (update needed)"),
    VersionStatus.UNKNOWN: ("warn", ""),
    VersionStatus.FINE: ("good", ""),
}


def listing(found: Sequence[Line], asked: Asked, now: datetime) -> Listing:
    """Rows in the order that was asked for; without one, what is not fully released first, then by name."""
    name = asked.sort.removeprefix("-")
    backwards = asked.sort.startswith("-")
    automatic = automatic_projects(line.overview.project.pk for line in found)
    entries = [
        (line, row(line, now, automatic=line.overview.project.pk in automatic), line.overview.severity(now))
        for line in found
    ]
    entries.sort(key=lambda each: each[1].name.casefold())
    if name in COLUMNS:
        entries.sort(key=COLUMNS[name][1], reverse=backwards)
        if name == "name" and backwards:
            entries.reverse()
    else:
        entries.sort(key=lambda each: each[0].overview.released)
    return Listing(_columns(asked, name, backwards=backwards), [entry[1] for entry in entries])


def _columns(asked: Asked, sorted_by: str, *, backwards: bool) -> list[Column]:
    columns = []
    for name, (title, _) in COLUMNS.items():
        current = name == sorted_by
        direction = ("descending" if backwards else "ascending") if current else ""
        following = f"-{name}" if current and not backwards else name
        columns.append(Column(title, asked.address(view="list", sort=following), direction))
    return columns


def row(line: Line, now: datetime, *, automatic: bool) -> Row:
    overview = line.overview
    project = overview.project
    deployment = deployment_of(overview)
    severity = overview.severity(now)
    return Row(
        id=project.pk,
        name=words.title_case(project.name),
        severity=words.severity_word(severity) if overview.released or severity else "unknown",
        state=_state(line, now),
        blocked=" · ".join(block.description for block in line.blocks),
        criticality=project.get_criticality_display() or "" if project.criticality is not None else "",
        teams=tuple(project.tags),
        dependencies=tuple(_dependency(name, version) for name, version in sorted(overview.runtimes.items())),
        deployment=deployment or "",
        auto_deploy=_auto_deploy(deployment, automatic=automatic),
        renovate=_renovate(overview.renovate, needed=bool(overview.orbs) or deployment is DeploymentType.KUBERNETES),
        orbs=", ".join(overview.orbs),
    )


def _state(line: Line, now: datetime) -> str:
    overview = line.overview
    if overview.error(now):
        return "Error"
    if overview.released:
        return "Up to date"
    count = sum(gap.count for gap in overview.gaps)
    return words.counted(count, "commit") if count else "Unknown"


def _dependency(name: str, version: str) -> Value:
    status = status_of(version, settings.MINIMUM_VERSIONS.get(name))
    mood, note = DEPENDENCY_MOODS[status]
    return Value(f"{name.capitalize()} {version}{note}", mood)


def _auto_deploy(deployment: DeploymentType | None, *, automatic: bool) -> Value:
    if automatic:
        return Value("Yes", "good")
    return Value("Missing", "bad") if deployment is DeploymentType.KUBERNETES else Value("N/A")


def _renovate(renovate: bool | None, *, needed: bool) -> Value:
    if renovate:
        return Value("Yes", "good")
    if not needed:
        return Value("N/A")
    return Value("Missing", "bad") if renovate is False else Value("Unknown", "warn")


def _level(project: Project) -> int:
    return -1 if project.criticality is None else project.criticality


def _worst(values: Sequence[Value]) -> int:
    return min((MOODS.index(value.mood) for value in values), default=len(MOODS))
