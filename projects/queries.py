"""What pages and the API show of projects: ready values in a number of queries that does not grow with the projects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, FilteredRelation, Func, OuterRef, Q, QuerySet

from projects.compare import score
from projects.models import Comparison, Organization, Profile, Project, Snapshot, Stage, StageHead

UNCOMPARED = {
    Comparison.State.AHEAD_GONE,
    Comparison.State.BEHIND_GONE,
    Comparison.State.EMPTY,
    Comparison.State.UNRELATED,
    Comparison.State.UNREADABLE,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which projects somebody asked for; an empty part does not filter. `organization` is a name or a number."""

    organization: str = ""
    tags: tuple[str, ...] = ()
    criticality: tuple[int, ...] = ()
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.organization or self.tags or self.criticality or self.text)

    def of(self, projects: "QuerySet[Project]") -> "QuerySet[Project]":
        if self.organization:
            projects = projects.filter(self._organization())
        if self.tags:
            projects = projects.filter(tags__overlap=list(self.tags))
        if self.criticality:
            projects = projects.filter(criticality__in=self.criticality)
        for word in self.text.split():
            projects = projects.filter(
                Q(name__icontains=word) | Q(description__icontains=word) | Q(tags__icontains=word)
            )
        return projects

    def _organization(self) -> Q:
        named = Q(organization__name__iexact=self.organization)
        # A number that no bigint holds is nobody's, and the database would refuse it.
        numbered = self.organization.isascii() and self.organization.isdigit() and len(self.organization) < 19
        return named | Q(organization_id=int(self.organization)) if numbered else named


@dataclass(frozen=True, slots=True)
class Gap:
    """A comparison without its commits: what stands between two neighbouring stages."""

    ahead: str
    behind: str
    state: str
    explanation: str
    count: int
    at_least: bool
    drift: int
    oldest_at: datetime | None
    contributors: list[str]

    @property
    def released(self) -> bool:
        return self.count == 0 and self.state not in UNCOMPARED

    def score(self, at: datetime) -> float:
        return score(self.count, len(self.contributors), self.oldest_at, at)


class StageOfProject(NamedTuple):
    """What lists tell of a stage."""

    name: str
    hokusai: str
    git_remote: str
    profile: str | None
    paused_until: datetime | None
    pause_reason: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """A project as the dashboard lists it. `refreshed_at` is the last poll, `read_at` the last good one if in error."""

    project: Project
    snapshot_id: int | None
    released: bool
    stored_error: str
    read_at: datetime | None
    refreshed_at: datetime | None
    properties_read_at: datetime | None
    renovate: bool | None
    orbs: list[str]
    runtimes: dict[str, str]
    ci_provider: str
    gaps: list[Gap] = field(default_factory=list)
    stages: list[StageOfProject] = field(default_factory=list)

    def severity(self, at: datetime) -> float:
        return max((gap.score(at) for gap in self.gaps), default=0.0)

    def error(self, at: datetime) -> str:
        """Why the project is not known as it should be: a failed reading, a limit of its host, a branch gone."""
        if self.stored_error:
            return self.stored_error
        for stage in self.stages:
            if stage.paused_until and stage.paused_until > at:
                return stage.pause_reason or f"The host's limit is reached until {stage.paused_until:%H:%M} UTC."
        return next((gap.explanation for gap in self.gaps if gap.state in UNCOMPARED and gap.explanation), "")


def overviews(projects: "QuerySet[Project]", organizations: Iterable[Organization]) -> list[Overview]:
    """All of these projects, in three queries. `organizations` are all of them: one object each is enough."""
    by_id = {organization.pk: organization for organization in organizations}
    found: dict[int, Overview] = {}
    for project in _with_snapshot(projects):
        if project.organization_id in by_id:
            project.organization = by_id[project.organization_id]
        found[project.pk] = _overview(project)
    for snapshot_project, *gap in _gaps(projects):
        if snapshot_project in found:
            found[snapshot_project].gaps.append(Gap(*gap))
    for stage_project, *stage in _stages(projects):
        if stage_project in found:
            found[stage_project].stages.append(StageOfProject._make(stage))
    return list(found.values())


def _with_snapshot(projects: "QuerySet[Project]") -> "QuerySet[Project]":
    return projects.order_by("name", "pk").annotate(
        now=FilteredRelation("snapshots", condition=Q(snapshots__is_current=True)),
        snapshot_id=F("now__id"),
        snapshot_released=F("now__released"),
        snapshot_error=F("now__error"),
        snapshot_read_at=F("now__read_at"),
        polled_at=F("poll__refreshed_at"),
        properties_read_at=F("properties__read_at"),
        renovate=F("properties__renovate"),
        orbs=F("properties__orbs"),
        runtimes=F("properties__runtimes"),
        ci_provider=F("properties__ci_provider"),
    )


def _overview(row: Project) -> Overview:
    values = vars(row)
    return Overview(
        project=row,
        snapshot_id=values["snapshot_id"],
        released=bool(values["snapshot_released"]),
        stored_error=values["snapshot_error"] or "",
        read_at=values["snapshot_read_at"],
        refreshed_at=values["polled_at"],
        properties_read_at=values["properties_read_at"],
        renovate=values["renovate"],
        orbs=values["orbs"] or [],
        runtimes=values["runtimes"] or {},
        ci_provider=values["ci_provider"] or "",
    )


def _gaps(projects: "QuerySet[Project]") -> Iterable[tuple[Any, ...]]:
    rows = Comparison.objects.filter(snapshot__is_current=True, snapshot__project__in=projects.order_by().values("pk"))
    return rows.order_by("snapshot_id", "position").values_list(
        "snapshot__project_id",
        "ahead",
        "behind",
        "state",
        "explanation",
        "count",
        "at_least",
        "drift",
        "oldest_at",
        "contributors",
    )


def _stages(projects: "QuerySet[Project]") -> Iterable[tuple[Any, ...]]:
    rows = Stage.objects.filter(project__in=projects.order_by().values("pk")).order_by("project_id", "position")
    return rows.values_list(
        "project_id",
        "name",
        "hokusai",
        "git_remote",
        "profile__name",
        "profile__budget__paused_until",
        "profile__budget__pause_reason",
    )


@dataclass(frozen=True, slots=True)
class Detail:
    """A project with its stages and comparisons, commits included, as its own page and the API show it."""

    project: Project
    stages: Sequence[Stage]
    snapshot: Snapshot | None
    comparisons: Sequence[Comparison]
    refreshed_at: datetime | None

    @property
    def released(self) -> bool:
        return self.snapshot is not None and self.snapshot.released

    def severity(self, at: datetime) -> float:
        return max((comparison.score(at) for comparison in self.comparisons), default=0.0)

    def error(self, at: datetime) -> str:
        """The same words as `Overview.error`."""
        if self.snapshot and self.snapshot.error:
            return self.snapshot.error
        for stage in self.stages:
            budget = getattr(stage.profile, "budget", None)
            if budget and budget.pauses(at):
                return budget.pause_reason or f"The host's limit is reached until {budget.paused_until:%H:%M} UTC."
        return next(
            (each.explanation for each in self.comparisons if each.state in UNCOMPARED and each.explanation), ""
        )


def details(projects: Iterable[Project]) -> list[Detail]:
    """These projects, which `with_relations` gave, in the same order: two queries more."""
    projects = list(projects)
    ids = [project.pk for project in projects]
    stages: dict[int, list[Stage]] = {pk: [] for pk in ids}
    for stage in Stage.objects.filter(project__in=ids).select_related("head", "profile__budget").order_by("position"):
        stages[stage.project_id].append(stage)
    comparisons: dict[int, list[Comparison]] = {pk: [] for pk in ids}
    current = Comparison.objects.filter(snapshot__is_current=True, snapshot__project__in=ids)
    for comparison in current.select_related("snapshot").order_by("position"):
        comparisons[comparison.snapshot.project_id].append(comparison)
    return [_detail(project, stages[project.pk], comparisons[project.pk]) for project in projects]


def with_relations(projects: "QuerySet[Project]") -> "QuerySet[Project]":
    """Projects with what `details` needs of them."""
    return _with_snapshot(projects).select_related("organization", "poll", "properties")


def _detail(project: Project, stages: list[Stage], comparisons: list[Comparison]) -> Detail:
    values = vars(project)
    snapshot = None
    if values["snapshot_id"] is not None:
        snapshot = Snapshot(
            pk=values["snapshot_id"],
            project=project,
            released=values["snapshot_released"],
            error=values["snapshot_error"],
            read_at=values["snapshot_read_at"],
        )
    return Detail(project, stages, snapshot, comparisons, values["polled_at"])


def head_of(stage: Stage) -> StageHead | None:
    return getattr(stage, "head", None)


def source_of(stage: Stage) -> str:
    """Where a stage is read: github, git or registry."""
    if stage.hokusai:
        return "registry"
    return "github" if stage.profile and stage.profile.is_github else "git"


def all_tags() -> list[str]:
    """Every tag of the projects that are shown, by name."""
    return sorted(set(_tags_of(Project.objects.active())), key=str.casefold)


def organizations_and_tags(**more: ArraySubquery) -> tuple[list[Organization], list[str]]:
    """All organizations, and every tag of the projects that are shown, both by name: one query, that fetches `more`."""
    own_tags = ArraySubquery(_tags_of(Project.objects.active().filter(organization=OuterRef("pk"))))
    organizations: list[Organization] = list(Organization.objects.order_by("name").annotate(own_tags=own_tags, **more))
    tags = {tag for organization in organizations for tag in vars(organization)["own_tags"]}
    return organizations, sorted(tags, key=str.casefold)


def project_and_tags(project_id: int, **more: ArraySubquery) -> tuple[Project | None, list[str]]:
    """One project `with_relations`, and every tag of the projects that are shown: one query, that fetches `more`."""
    every_tag = ArraySubquery(_tags_of(Project.objects.active()))
    row = with_relations(Project.objects.filter(pk=project_id)).annotate(every_tag=every_tag, **more).first()
    return row, sorted(set(vars(row)["every_tag"]), key=str.casefold) if row else []


def _tags_of(projects: "QuerySet[Project]") -> "QuerySet[Project, str]":
    return (
        projects.order_by().values_list(Func("tags", function="unnest", output_field=CharField()), flat=True).distinct()
    )


def latest_poll() -> datetime | None:
    """When any project was last read."""
    return (
        Project.objects.active()
        .order_by(F("poll__refreshed_at").desc(nulls_last=True))
        .values_list("poll__refreshed_at", flat=True)
        .first()
    )


def oldest_unpolled() -> datetime | None:
    """Since when a project waits for its first reading; None where all were read, or none can be."""
    waiting = Project.objects.active().filter(poll__refreshed_at=None).exclude(stages=None)
    return waiting.order_by("created_at").values_list("created_at", flat=True).first()


def numbers(words: Iterable[str]) -> tuple[int, ...]:
    """The criticalities among words from an address; what is none is passed over."""
    return tuple(int(word) for word in words if word in {"0", "1", "2", "3"})


def profiles_with_budgets() -> "QuerySet[Profile]":
    return Profile.objects.select_related("organization", "budget").order_by("organization__name", "name")
