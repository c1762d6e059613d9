"""What pages and APIs show of releases: the very decisions that the engine acts on."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models.expressions import Combinable

from blocks.models import DeployBlock
from projects.merging import Overtaken
from projects.models import Project
from releases import facts
from releases.decision import Decision, Facts, Item, checklist, decide
from releases.models import DeployStrategy, Release


@dataclass(frozen=True)
class StrategyDecision:
    """What happens to one strategy of a project now, and the pull request that it is about.

    Without slots, so that it is decided once, and only for who asks: a calendar of a thousand asks about a few.
    """

    strategy: DeployStrategy
    facts: Facts

    @cached_property
    def decision(self) -> Decision:
        return decide(self.facts)

    @property
    def stage(self) -> str:
        return self.strategy.stage.name

    @property
    def number(self) -> int | None:
        """The number of the open pull request."""
        reading = self.facts.reading
        return reading.pull_request.number if reading and reading.pull_request else None

    @property
    def url(self) -> str | None:
        """The address of the open pull request."""
        reading = self.facts.reading
        return reading.pull_request.url if reading and reading.pull_request else None

    def checklist(self) -> list[Item]:
        """Every condition and how it stands; made only for who asks."""
        return checklist(self.facts)


def decisions(
    projects: Iterable[Project],
    now: datetime,
    blocks: dict[int, list[DeployBlock]] | None = None,
    more: Mapping[str, Combinable] | None = None,
) -> dict[int, list[StrategyDecision]]:
    """The decisions of each of these projects, by its id, in order of promotion: six queries for one or a thousand.

    `blocks` are the unresolved ones of these projects, by id, where the caller has read them already; `more` are
    annotations that the caller wants of the strategies.
    """
    projects = list(projects)
    chosen = facts.strategies_of(projects, **(more or {}))
    known = facts.facts_of(chosen, now, blocks)
    found: dict[int, list[StrategyDecision]] = {project.pk: [] for project in projects}
    for strategy in chosen:
        found[strategy.stage.project_id].append(StrategyDecision(strategy, known[strategy.pk]))
    return found


def automatic_projects(project_ids: Iterable[int]) -> set[int]:
    """Those of these projects that have an automatic strategy."""
    automatic = DeployStrategy.objects.filter(automatic=True, stage__project__in=list(project_ids))
    return set(automatic.order_by().values_list("stage__project", flat=True))


def merges_since(project_ids: Collection[int], since: datetime) -> list[Overtaken]:
    """Releases of these projects that were merged since, or whose merge was asked for and is not confirmed; those that
    wait in a merge queue among them, because GitHub may merge them before Horizon takes them out."""
    releases = Release.objects.filter(strategy__stage__project__in=project_ids).select_related(
        "strategy__stage__project__organization"
    )
    done = releases.filter(state=Release.State.MERGED, merged_at__gte=since)
    under_way = releases.filter(state__in=[Release.State.MERGING, Release.State.QUEUED])
    return [
        Overtaken(
            release.strategy.stage.project,
            release.strategy.stage.name,
            release.merged_at,
            queued=release.state == Release.State.QUEUED,
            number=release.number,
            url=release.url,
        )
        for release in [*done.order_by("merged_at"), *under_way]
    ]
