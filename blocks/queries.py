"""Blocks in force, for many projects at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from blocks.models import DeployBlock
from projects.models import Project

FORGOTTEN_AFTER = timedelta(days=7)
# What a block names: an organization, and there everything (None), a tag, or a project's id.
Reach = tuple[int, str | int | None]


def unresolved_blocks(projects: Iterable[Project], at: datetime) -> dict[int, list[DeployBlock]]:
    """The blocks that cover each of these projects at this moment, oldest first: one query for one or a thousand."""
    projects = list(projects)
    if not projects:
        return {}
    blocks = with_project_ids(DeployBlock.objects.unresolved(at)).filter(
        organization_id__in={project.organization_id for project in projects}
    )
    by_reach: dict[Reach, list[DeployBlock]] = {}
    for block in blocks.order_by("created_at", "id"):
        for reach in _reaches(block):
            by_reach.setdefault(reach, []).append(block)
    return {project.pk: _of(project, by_reach) for project in projects}


def _reaches(block: Any) -> list[Reach]:
    match block.scope:
        case DeployBlock.Scope.ORGANIZATION:
            return [(block.organization_id, None)]
        case DeployBlock.Scope.TAG:
            return [(block.organization_id, block.tag)]
    return [(block.organization_id, project_id) for project_id in block.project_ids]


def _of(project: Project, by_reach: Mapping[Reach, Sequence[Any]]) -> list[DeployBlock]:
    """The blocks that cover a project, oldest first."""
    reaches = ((project.organization_id, of) for of in dict.fromkeys([None, project.pk, *project.tags]))
    found = [block for reach in reaches for block in by_reach.get(reach, ()) if project.pk not in block.exception_ids]
    return sorted(found, key=lambda block: (block.created_at, block.pk))


def with_project_ids(blocks: Any) -> Any:
    """The blocks with `project_ids` and `project_names`, the projects that each of them names, and the same of its
    exceptions. `distinct`, because both are joined in one query."""
    named, spared = Q(projects__isnull=False), Q(exceptions__isnull=False)
    return blocks.annotate(
        project_ids=ArrayAgg("projects__id", filter=named, default=[], distinct=True),
        project_names=ArrayAgg("projects__name", filter=named, default=[], distinct=True, order_by=["projects__name"]),
        exception_ids=ArrayAgg("exceptions__id", filter=spared, default=[], distinct=True),
        exception_names=ArrayAgg(
            "exceptions__name", filter=spared, default=[], distinct=True, order_by=["exceptions__name"]
        ),
    )


def listed(blocks: Any) -> Any:
    """The blocks as their list shows them: with organization, and id and name of each project, in one query."""
    of_project = JSONObject(pk="projects__id", name="projects__name")
    linked = ArrayAgg(of_project, filter=Q(projects__isnull=False), default=[], distinct=True)
    return with_project_ids(blocks.select_related("organization")).annotate(project_links=linked)


def covers(block: Any, project: Project) -> bool:
    """Whether a block that was read `with_project_ids` covers this project: `covering`, without another query."""
    if block.organization_id != project.organization_id or project.pk in block.exception_ids:
        return False
    match block.scope:
        case DeployBlock.Scope.ORGANIZATION:
            return True
        case DeployBlock.Scope.TAG:
            return block.tag in project.tags
    return project.pk in block.project_ids


def covered_projects(block: DeployBlock) -> list[Project]:
    """The active projects that this block covers, with their organization, by name."""
    projects = Project.objects.active().filter(organization_id=block.organization_id).select_related("organization")
    match block.scope:
        case DeployBlock.Scope.TAG:
            projects = projects.tagged(block.tag)
        case DeployBlock.Scope.PROJECTS:
            projects = projects.filter(blocks=block)
    return list(projects.exclude(pk__in=block.exceptions.values("pk")).order_by("name"))


def tie(project: Project, at: datetime) -> str:
    """Why a project must not leave its organization: a block that covers it there, now or soon, does not move along."""
    blocks = DeployBlock.objects.unresolved(at) | DeployBlock.objects.planned(at)
    block = blocks.covering(project).order_by("begins_at", "id").first()
    if block is None:
        return ""
    blocked = "is blocked" if block.has_begun(at) else "will be blocked"
    return (
        f"{project.name} cannot leave {project.organization}: it {blocked} there by {block.created_by} ({block}), and "
        "would be released elsewhere. End that block, or take the project out of it, first."
    )


def forgotten_blocks(at: datetime) -> QuerySet[DeployBlock]:
    """Blocks in force without an end that began more than a week ago, oldest first: their owners are reminded."""
    forgotten = DeployBlock.objects.unresolved(at).filter(resolved_at=None, begins_at__lte=at - FORGOTTEN_AFTER)
    return forgotten.filter(holds_something()).order_by("begins_at", "id")


def holds_something() -> Q:
    """Not of a block whose projects were all deleted or archived. A tag or an organization may get new ones."""
    links = DeployBlock.projects.through.objects.filter(deployblock=OuterRef("pk"), project__archived_at=None)
    return ~Q(scope=DeployBlock.Scope.PROJECTS) | Q(Exists(links))
