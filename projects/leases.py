"""Who reads which project now: never two workers at a time, and a dead one blocks nobody for longer than its lease."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import F, Q

from projects.models import Project, ProjectPoll

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
PROLONG_AFTER = 30.0  # seconds: hosts that do not answer, and first fetches of large repositories, outlast a lease


def free(now: datetime, field: str = "leased_until") -> Q:
    """Where no lease is in force. One that ends later than any does was taken while a clock was wrong."""
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + LEASE * 2})


def _unread(since: datetime, now: datetime) -> Q:
    """What nobody has read since. What was read in the future was read while a clock was wrong."""
    never_or_before = Q(refreshed_at=None) | Q(refreshed_at__lt=since) | Q(refreshed_at__gt=now + LEASE)
    return never_or_before | Q(asked_at__gt=F("refreshed_at"))


def claim(project_ids: Collection[int], lease: UUID, now: datetime, since: datetime | None = None) -> list[int]:
    """Take those projects that nobody reads, and with `since` that nobody has read since; the ids that are ours now.

    Rows that somebody else is writing are passed over: waiting for them in another order would be a deadlock.
    """
    with transaction.atomic():
        polls = ProjectPoll.objects.filter(free(now), project__in=project_ids).order_by("pk")
        if since is not None:
            polls = polls.filter(_unread(since, now))
        ids = list(polls.select_for_update(skip_locked=True).values_list("pk", flat=True))
        ProjectPoll.objects.filter(pk__in=ids).update(lease=lease, leased_until=now + LEASE)
    return ids


@contextmanager
def kept(lease: UUID, clock: Callable[[], datetime]) -> Iterator[None]:
    """Prolong this lease for as long as the work inside takes; it ends by itself where the process dies."""
    over = Event()
    keeper = Thread(target=_keep, args=(lease, clock, over), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep(lease: UUID, clock: Callable[[], datetime], over: Event) -> None:
    while not over.wait(PROLONG_AFTER):
        try:
            prolong(lease, clock())
        except DatabaseError as error:
            logger.warning("a lease could not be prolonged: %s", error)
        finally:
            connection.close()  # that of this thread


def prolong(lease: UUID, now: datetime) -> None:
    """Keep what is still ours for another while."""
    ProjectPoll.objects.filter(lease=lease).update(leased_until=now + LEASE)


def ask(project_ids: Iterable[int], at: datetime) -> None:
    """Have these projects read next, whatever the interval; those that are gone meanwhile are left out."""
    existing = Project.objects.filter(pk__in=list(project_ids)).order_by("pk").values_list("pk", flat=True)
    ProjectPoll.objects.bulk_create(
        [ProjectPoll(project_id=project_id, asked_at=at) for project_id in existing],
        update_conflicts=True,
        unique_fields=["project"],
        update_fields=["asked_at"],
    )


def finish(project_ids: Collection[int], lease: UUID, asked_at: datetime) -> None:
    """Give back projects whose hosts were asked then and had nothing new."""
    ProjectPoll.objects.filter(project__in=project_ids, lease=lease).update(
        refreshed_at=asked_at, lease=None, leased_until=asked_at
    )


def give_back(lease: UUID, now: datetime) -> None:
    """Give back whatever is still ours, unread."""
    ProjectPoll.objects.filter(lease=lease).update(lease=None, leased_until=now)


def ensure_polls(projects: Iterable[Project]) -> None:
    """A new project has no row yet."""
    ProjectPoll.objects.bulk_create([ProjectPoll(project=project) for project in projects], ignore_conflicts=True)
