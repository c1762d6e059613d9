"""Who reads which project now: never two workers at a time, and a dead one blocks nobody for longer than its lease."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from projects.models import Project, ProjectPoll

LEASE = timedelta(seconds=90)


def free(now: datetime, field: str = "leased_until") -> Q:
    """Where no lease is in force. One that ends later than any does was taken while a clock was wrong."""
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + LEASE * 2})


def claim(project_ids: Collection[int], lease: UUID, now: datetime) -> list[int]:
    """Take those projects that nobody reads; the ids that are ours now."""
    polls = ProjectPoll.objects.filter(free(now), project__in=project_ids)
    polls.update(lease=lease, leased_until=now + LEASE)
    return list(ProjectPoll.objects.filter(project__in=project_ids, lease=lease).values_list("project_id", flat=True))


def prolong(lease: UUID, now: datetime) -> None:
    """Keep what is still ours for another while."""
    ProjectPoll.objects.filter(lease=lease).update(leased_until=now + LEASE)


def finish(project_ids: Collection[int], lease: UUID, now: datetime) -> None:
    """Give back projects that were read and had nothing new."""
    ProjectPoll.objects.filter(project__in=project_ids, lease=lease).update(
        refreshed_at=now, lease=None, leased_until=now
    )


def give_back(lease: UUID, now: datetime) -> None:
    """Give back whatever is still ours, unread."""
    ProjectPoll.objects.filter(lease=lease).update(lease=None, leased_until=now)


def ensure_polls(projects: Iterable[Project]) -> None:
    """A new project has no row yet."""
    ProjectPoll.objects.bulk_create([ProjectPoll(project=project) for project in projects], ignore_conflicts=True)
