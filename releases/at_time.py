"""What ran where at a moment, and what changed between two: from the moves of stages, which are kept for ever.

Production is the last stage of a project as it is now. A bounded number of queries for any number of projects.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from projects.models import Project, Stage, StageMove
from releases.models import Release

KEPT_RELEASES = 500  # of a page


@dataclass(frozen=True, slots=True)
class Then:
    """One stage at a moment. `sha` is empty where it was not there; `watched_since` tells from when on that is known:
    None where the stage was never seen. `release` brought it there, as far as that was written down."""

    project_id: int | None
    name: str
    stage: str
    sha: str = ""
    label: str = ""
    since: datetime | None = None
    watched_since: datetime | None = None
    release: Release | None = None
    known: bool = False
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the production of a project between two moments."""

    before: Then
    after: Then
    releases: list[Release] = field(default_factory=list)


def production_stages(projects: "QuerySet[Project]") -> "QuerySet[Stage]":
    """The last stage of each of these projects."""
    last = Stage.objects.filter(project=OuterRef("project")).order_by("-position")
    return Stage.objects.filter(project__in=projects.order_by().values("pk"), pk=Subquery(last.values("pk")[:1]))


def stages_at(stages: "QuerySet[Stage]", at: datetime) -> list[Then]:
    """Where each of these stages was: three queries."""
    rows = list(
        stages.select_related("project__organization")
        .annotate(move_id=Subquery(_moves_of().filter(seen_at__lte=at).values("pk")[:1]), first=_first_sight())
        .order_by("project__name", "project_id", "position")
    )
    moves = StageMove.objects.in_bulk([row.move_id for row in rows if row.move_id])
    releases = releases_by_sha({row.project_id for row in rows}, {move.to_sha for move in moves.values()})
    return [_then(row, moves.get(row.move_id or 0), releases) for row in rows]


def _moves_of() -> "QuerySet[StageMove]":
    moves = StageMove.objects.filter(project=OuterRef("project"), stage_name=OuterRef("name"))
    return moves.order_by("-seen_at", "-id")


def _first_sight() -> Subquery:
    return Subquery(_moves_of().order_by("seen_at", "id").values("seen_at")[:1])


def _then(stage: Stage, move: StageMove | None, releases: dict[tuple[int, str], Release]) -> Then:
    first: datetime | None = vars(stage)["first"]
    remote, project = stage.git_remote, stage.project
    if move is None:
        return Then(project.pk, str(project), stage.name, watched_since=first, remote=remote)
    return Then(
        project.pk, str(project), stage.name, move.to_sha, move.label, move.seen_at, first,
        releases.get((project.pk, move.to_sha)), known=True, remote=remote,
    )  # fmt: skip


def releases_by_sha(projects: Collection[int], shas: Collection[str]) -> dict[tuple[int, str], Release]:
    """The newest merged release that is known by each of these commits, by project and commit: one query."""
    wanted = [sha for sha in shas if sha]
    if not wanted:
        return {}
    rows = Release.objects.filter(
        Q(merge_sha__in=wanted) | Q(head_sha__in=wanted),
        strategy__stage__project__in=projects, state=Release.State.MERGED,
    ).defer("commits").annotate(project_id=F("strategy__stage__project"))  # fmt: skip
    found: dict[tuple[int, str], Release] = {}
    for release in rows.order_by("merged_at", "pk"):
        for sha in (release.merge_sha, release.head_sha):
            found[vars(release)["project_id"], sha] = release
    return found


def deleted_at(at: datetime) -> list[Then]:
    """The same for projects that were deleted since: the last of their stages that moved is not known to be
    production, so all of them are told."""
    latest = StageMove.objects.filter(project=None, seen_at__lte=at).order_by(
        "project_name", "stage_name", "-seen_at", "-id"
    )
    rows = latest.distinct("project_name", "stage_name")[:KEPT_RELEASES]
    return [
        Then(None, move.project_name, move.stage_name, move.to_sha, move.label, move.seen_at, known=True)
        for move in rows
    ]


def changed_between(
    projects: "QuerySet[Project]", since: datetime, until: datetime, *, offset: int = 0, limit: int = 100
) -> list[Change]:
    """The projects whose production moved or had a release after `since` and not after `until`, by name."""
    moved = StageMove.objects.filter(
        project=OuterRef("project"), stage_name=OuterRef("name"), seen_at__gt=since, seen_at__lte=until
    ).exclude(from_sha="")
    released = Release.objects.filter(
        strategy__stage__project=OuterRef("project"), merged_at__gt=since, merged_at__lte=until
    )
    changed = (
        production_stages(projects).filter(Exists(moved) | Exists(released)).order_by("project__name", "project_id")
    )
    ids = list(changed.values_list("pk", flat=True)[offset : offset + limit])
    stages = Stage.objects.filter(pk__in=ids)
    befores, afters = stages_at(stages, since), stages_at(stages, until)
    releases = _releases_between([each.project_id for each in afters if each.project_id], since, until)
    return [
        Change(before, after, releases.get(after.project_id or 0, []))
        for before, after in zip(befores, afters, strict=True)
    ]


def _releases_between(projects: Sequence[int], since: datetime, until: datetime) -> dict[int, list[Release]]:
    """Newest first."""
    found: dict[int, list[Release]] = {}
    rows = Release.objects.filter(
        strategy__stage__project__in=projects, state=Release.State.MERGED, merged_at__gt=since, merged_at__lte=until
    ).annotate(project_id=F("strategy__stage__project"))
    for release in rows.order_by("-merged_at", "-pk")[:KEPT_RELEASES]:
        found.setdefault(vars(release)["project_id"], []).append(release)
    return found


@dataclass(frozen=True, slots=True)
class Earlier:
    """A commit that a stage was at before, from when to when, and the release that brought it."""

    sha: str
    label: str
    since: datetime
    until: datetime
    release: Release | None
    left_by_rollback: bool = False


def earlier_of(stage: Stage, current: str, merged: Sequence[Release], limit: int = 10) -> list[Earlier]:
    """What a stage ran before, the latest first, each commit once: one query. `merged` are the project's releases."""
    moves = StageMove.objects.filter(project=stage.project_id, stage_name=stage.name).order_by("-seen_at", "-id")
    releases = by_sha(merged)
    rolled_back = {release.base_sha for release in merged if release.kind == Release.Kind.ROLLBACK}
    found: list[Earlier] = []
    seen = {current, ""}
    for later, move in pairwise(moves[: 5 * limit]):
        if move.to_sha not in seen and len(found) < limit:
            seen.add(move.to_sha)
            found.append(
                Earlier(
                    move.to_sha, move.label, move.seen_at, later.seen_at, releases.get(move.to_sha),
                    move.to_sha in rolled_back,
                )
            )  # fmt: skip
    return found


def by_sha(merged: Sequence[Release]) -> dict[str, Release]:
    """Releases, newest first, by the commits that they are known by; what went back is not what brought it."""
    found: dict[str, Release] = {}
    for release in reversed(merged):
        if release.kind != Release.Kind.ROLLBACK:
            found |= dict.fromkeys({release.merge_sha, release.head_sha} - {""}, release)
    return found
