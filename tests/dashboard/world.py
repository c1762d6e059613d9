"""Projects as pages see them now: the pages' clock is the real one."""

import base64
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from blocks.models import DeployBlock
from projects.models import Comparison, Project, ProjectPoll, Snapshot
from releases.models import DeployStrategy
from tests import worlds


def waiting(count: int = 1, *, hours: float = 1, **changed: Any) -> list[dict[str, Any]]:
    """Commits that wait, the oldest of them for so many hours."""
    oldest = timezone.now() - timedelta(hours=hours)
    return [
        worlds.commit(number, date=(oldest + timedelta(seconds=count - number)).isoformat(), **changed)
        for number in range(1, count + 1)
    ]


def shown(name: str = "candela", *waits: list[dict[str, Any]], error: str = "", **changed: Any) -> Project:
    """A project that was read a moment ago."""
    project = worlds.project(name, **changed)
    read(project)
    worlds.snapshot(project, *waits, error=error, at=timezone.now())
    return project


def read(project: Project, at: datetime | None = None) -> None:
    ProjectPoll.objects.filter(project=project).update(refreshed_at=at or timezone.now())


def comparison(of: Project, behind: str = "production") -> Comparison:
    return Comparison.objects.get(snapshot__project=of, snapshot__is_current=True, behind=behind)


def current(of: Project) -> Snapshot:
    return of.snapshots.get(is_current=True)


def strategy(of: Project, **changed: Any) -> DeployStrategy:
    values: dict[str, Any] = {"base": "release", "head": "staging", "automatic": True, "merge_after": 86400} | changed
    return DeployStrategy.objects.create(stage=of.stages.get(name="production"), **values)


def blocked(of: Project, reason: str = "needs QA") -> DeployBlock:
    now = timezone.now()
    block = DeployBlock.objects.create(
        organization=of.organization,
        description=reason,
        created_by="mary",
        begins_at=now,
        created_at=now,
        updated_at=now,
    )
    block.projects.add(of)
    return block


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
