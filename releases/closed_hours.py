"""Change the closed hours and holidays of an organization: its calendar.

Whoever changes it holds the lock that merges take, as blocks do: a merge either saw the change, or is told to have been
earlier.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from audit.record import Actor, record
from projects.live import announce
from projects.merging import Overtaken, hold_back_merges, too_late
from projects.models import Organization, Project
from releases.calendar import Rules, closed_by, first_open
from releases.closed_rules import of_holiday, of_hours, of_strategy
from releases.models import ClosedHours, DeployStrategy, Holiday
from releases.waking import wake_projects

Row = ClosedHours | Holiday
TOLD_ROWS = 50  # of a file with more, history tells the first ones and the number


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of one organization to be written, new ones among them, and rows to be taken away.

    `source` is the calendar file that they came from.
    """

    organization: Organization
    put: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()
    source: str = ""

    def before(self) -> list[Row]:
        """The calendar as it is stored."""
        mine = {"organization": self.organization}
        return [*ClosedHours.objects.filter(**mine), *Holiday.objects.filter(**mine)]

    def after(self, before: Iterable[Row]) -> list[Row]:
        gone = {(type(row), row.pk) for row in [*self.removed, *self.put] if row.pk}
        return [*(row for row in before if (type(row), row.pk) not in gone), *self.put]


class CannotChange(Exception):
    """Nothing was written; the message says why, and what to do."""


class Gone(CannotChange):
    """Somebody else has taken a row away meanwhile: writing it would bring it back."""

    def __init__(self, row: Row) -> None:
        super().__init__(f"Somebody has taken “{row.name}” away meanwhile. Nothing was saved: look at what is left.")


class NeverOpen(CannotChange):
    """With this change no minute would be open. The text says for whom, and what to do."""


def rules_of(rows: Iterable[Row]) -> Rules:
    return Rules(of_hours(row) if isinstance(row, ClosedHours) else of_holiday(row) for row in rows)


def never_open(organization: Organization, rows: Sequence[Row], now: datetime) -> str:
    """Why this calendar would stop releases for good; empty where each of them has open minutes."""
    shared = rules_of(rows)
    if first_open(shared, now) is None:
        return (
            "These closed hours leave no minute open for more than a year: nothing could ever be merged. "
            "Shorten them, or take others away first."
        )
    own = DeployStrategy.objects.filter(
        stage__project__organization=organization, stage__project__archived_at=None, automatic=True
    ).exclude(blocked_time_buckets=[])
    for strategy in own.select_related("stage__project"):
        if first_open(of_strategy(strategy, shared), now) is None:
            return (
                f"With its own blocked minutes, {strategy.stage.project.name} ({strategy.stage.name}) would have no "
                "minute open for more than a year. Leave some of its open minutes, or change its strategy first."
            )
    return ""


def change_calendar(change: Change, *, actor: Actor, clock: Callable[[], datetime]) -> tuple[Overtaken, ...]:
    """Write it; the answer are the merges that hours which are closed from now on came too late for.

    Raises CannotChange. `clock` is read again once no merge is under way, because that may take a while.
    """
    asked_at = clock()
    with transaction.atomic():
        hold_back_merges(change.organization.pk)
        now = clock()
        stored = change.before()
        there = {(type(row), row.pk) for row in stored}
        for row in [*change.put, *change.removed]:
            if row.pk and (type(row), row.pk) not in there:
                raise Gone(row)
        if change.put and (trouble := never_open(change.organization, change.after(stored), now)):
            raise NeverOpen(trouble)
        _write(change, actor, now)
        _tell(change, stored, actor, now)
        mine = Project.objects.active().filter(organization=change.organization)
        touched = list(mine.values_list("pk", flat=True))
        announce(touched)
        wake_projects(touched, now)
        return too_late(touched, asked_at) if closed_by(rules_of(change.put), now) else ()


def _write(change: Change, actor: Actor, now: datetime) -> None:
    for row in change.removed:
        row.delete()
    new = [row for row in change.put if not row.pk]
    known = [row for row in change.put if row.pk]
    for row in new:
        row.organization, row.created_at, row.created_by = change.organization, now, actor.name
    ClosedHours.objects.bulk_create(row for row in new if isinstance(row, ClosedHours))
    Holiday.objects.bulk_create(row for row in new if isinstance(row, Holiday))
    for row in known:
        row.save()


def _tell(change: Change, stored: list[Row], actor: Actor, now: datetime) -> None:
    """One event for the whole change."""
    touched = {(type(row), row.pk) for row in [*change.put, *change.removed]}
    before = [row for row in stored if (type(row), row.pk) in touched]
    record(
        "closed-hours.changed",
        actor=actor,
        at=now,
        organization_name=change.organization.name,
        data={
            "source": change.source,
            "before": [row_words(row) for row in before[:TOLD_ROWS]],
            "after": [row_words(row) for row in change.put[:TOLD_ROWS]],
            "put": len(change.put),
            "removed": len(change.removed),
        },
    )


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def row_words(row: Row) -> str:
    """One row in words: weekend: Sat, Sun 00:00-00:00 Europe/Berlin."""
    if isinstance(row, ClosedHours):
        days = ", ".join(WEEKDAYS[day] for day in sorted(row.weekdays))
        return f"{row.name}: {days} {row.begins_at:%H:%M}-{row.ends_at:%H:%M} {row.time_zone}"
    begins = f" {row.begins_at:%H:%M}" if row.begins_at else ""
    ends = f" {row.ends_at:%H:%M}" if row.ends_at else ""
    if row.first_day == row.last_day:
        times = f"{begins}-{ends.strip()}" if begins else ""
        return f"{row.name}: {row.first_day}{times} {row.time_zone}"
    return f"{row.name}: {row.first_day}{begins} to {row.last_day}{ends} {row.time_zone}"
