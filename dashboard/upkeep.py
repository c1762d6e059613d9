"""What projects should change to be maintained well, from the rows that pages hold anyway."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

from projects import repositories
from projects.models import ProjectProperties
from projects.queries import Detail, Overview
from projects.recommendations import (
    DeploymentType,
    KnownRepository,
    Recommendation,
    Target,
    Upkeep,
    deployment_type,
    recommendations,
)
from releases.queries import StrategyDecision


def deployment_of(overview: Overview) -> DeploymentType | None:
    return deployment_type(
        Target(bool(stage.hokusai), stage.profile, _host(stage.git_remote)) for stage in overview.stages
    )


def deployment_of_detail(detail: Detail) -> DeploymentType | None:
    return deployment_type(
        Target(bool(stage.hokusai), stage.profile.name if stage.profile else None, _host(stage.git_remote))
        for stage in detail.stages
    )


def _host(remote: str) -> str | None:
    """Remotes are checked when they are stored; only Heroku's matter here."""
    return urlsplit(remote).hostname if "heroku" in remote else None


def recommended(detail: Detail, decisions: Sequence[StrategyDecision]) -> list[Recommendation]:
    """All recommendations for a project; its properties count from their first reading on."""
    properties: ProjectProperties | None = getattr(detail.project, "properties", None)
    return recommendations(
        Upkeep(
            deployment_type=deployment_of_detail(detail),
            automatic=any(each.strategy.automatic for each in decisions),
            renovate=properties.renovate if properties else None,
            orbs=properties.orbs if properties else [],
            runtimes=properties.runtimes if properties else {},
            minimums=settings.MINIMUM_VERSIONS,
            repositories=[
                KnownRepository(each.path, each.current_path, each.archived)
                for each in repositories.of_stages(detail.stages)
            ],
        )
    )
