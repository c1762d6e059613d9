"""The lock that stands between a merge and everything that could stop it: blocks, closed hours, people, configuration.

A merge holds the lock of its organization shared, from its claim and its last look until the host has answered and that
is written down. Whoever saves something that could stop it holds it alone, and takes it before the first row that they
lock. So what was saved either stops the merge, or is told that it came too late.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import chain

from django.db import OperationalError, connection

from projects.models import Project

LOCK = 0x484F52  # the first of PostgreSQL's two lock numbers; the second is the organization
LONGEST_MERGE = "120s"  # its last look, its request, and the look whether it happened, each tried again
QUERY_CANCELED = "57014"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
# A merge this short before is told, too: the page of whoever saves may not have shown it yet.
JUST_NOW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A release that what was saved came too late for. `at` is None while it is not known whether the merge happened.

    `queued`: the host has it in its merge queue, which nothing is too late for: Horizon takes it out.
    """

    project: Project
    stage: str
    at: datetime | None
    queued: bool = False
    number: int | None = None  # of its pull request
    url: str = ""

    def words(self, what: str, zone: tzinfo) -> str:
        """For whoever saved `what`: "this block", "these closed hours"."""
        where = f"{self.project.name} ({self.stage})"
        if self.queued:
            return f"{where} is in GitHub's merge queue: Horizon takes it out, unless GitHub merges it first."
        if self.at is None:
            return f"{where} was being merged when you saved {what}: whether it was released is not known yet."
        return f"{where} was released at {self.at.astimezone(zone):%H:%M:%S} {zone}, too late for {what}."


# The app `releases`, which this one may not import, puts its answer here when it starts: which merges of these projects
# were done since, or are under way?
MERGES_SINCE: list[Callable[[Collection[int], datetime], Iterable[Overtaken]]] = []


# The app `blocks` puts its answer here when it starts: why must this project, as it is stored, not leave its
# organization at this moment? Empty where it may.
TIES: list[Callable[[Project, datetime], str]] = []


# And this: have the releases of these projects looked at next, because what holds them has changed at this moment.
WAKES: list[Callable[[Collection[int], datetime], None]] = []


class Tied(Exception):
    """A project must not leave its organization; the message says why, and what to do."""


class StillMerging(Exception):
    """A merge of the organization takes longer than anybody should wait for; nothing was saved."""

    def __init__(self) -> None:
        super().__init__(
            "A merge has been under way for two minutes, and nothing can be saved before it ends. "
            "Nothing was saved yet: try it again in a minute."
        )


@contextmanager
def changes_held_back(organization_id: int) -> Iterator[None]:
    """Let nothing be saved meanwhile that could stop a merge of the organization; merges do not hinder each other.

    The lock belongs to the connection, not to a transaction, so that what happens inside can be committed step by step;
    whatever dies lets go of it. A pool that hands out connections by transaction must not stand in between.
    """
    _lock("pg_advisory_lock_shared", organization_id)
    try:
        yield
    finally:
        _lock("pg_advisory_unlock_shared", organization_id)


def hold_back_merges(organization_id: int) -> None:
    """Wait until no merge of the organization is under way, and let none begin before this transaction ends.

    A merge takes as long as GitHub does, which is longer than other questions of a page may take. Raises StillMerging
    where even that is over.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [LONGEST_MERGE])
    try:
        _lock("pg_advisory_xact_lock", organization_id)
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") == QUERY_CANCELED:
            raise StillMerging from None
        raise


def _lock(function: str, organization_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [LOCK, organization_id % 2**31])


def wake(project_ids: Collection[int], at: datetime) -> None:
    """Have the releases of these projects looked at once this transaction is committed, whatever the interval."""
    for each in WAKES:
        each(project_ids, at)


def too_late(project_ids: Collection[int], asked_at: datetime) -> tuple[Overtaken, ...]:
    """The merges of these projects that what was asked for at this moment comes too late for."""
    return tuple(chain.from_iterable(merges(project_ids, asked_at - JUST_NOW) for merges in MERGES_SINCE))
