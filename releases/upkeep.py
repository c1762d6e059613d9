"""What is kept true around a release: acts of their own, which never change what is decided and never stop it.

Each is claimed before it is sent, sent once, and told by exactly one event; what a crash left is settled by looking at
GitHub; what fails is tried again with growing pauses, and shown.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from projects.reading import StageUnreadable
from releases import (
    interventions,
    upkeep_attempts,
    upkeep_branch,
    upkeep_notes,
    upkeep_repairs,
    upkeep_status,
    upkeep_text,
)
from releases.decision import Decision, Facts
from releases.models import Attempt, DeployStrategy, Intervention, Notice, Release, Repair

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Kind = Intervention.Kind
Failures = Mapping[tuple[int, str], Sequence[Attempt]]

# Nothing is sent while GitHub cannot be read: it would only meet the same trouble.
SILENT = {"unreadable", "unread"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A release with what its upkeep rests on."""

    release: Release
    warned_sha: str
    has_notes: bool
    is_newest: bool


def needed(
    strategies: Collection[DeployStrategy],
    decisions: Mapping[int, Decision],
    facts: Mapping[int, Facts],
    now: datetime,
) -> set[int]:
    """The ids of those for which `keep_up` has something to do: four queries for all."""
    held = interventions.active([strategy.pk for strategy in strategies])
    over = {pk for pk, rows in held.items() if _used_up(rows, facts[pk], now)}
    speaking = [strategy for strategy in strategies if decisions[strategy.pk].code not in SILENT]
    rows = _rows(speaking, now)
    failures = upkeep_attempts.failing([row.release for row in rows], now)
    by_id = {strategy.pk: strategy for strategy in speaking}
    busy = {
        row.release.strategy_id
        for row in rows
        if _is_due(by_id[row.release.strategy_id], row, facts[row.release.strategy_id], failures, now)
    }
    return over | busy | _repairs(by_id, facts, now)


def keep_up(strategy: DeployStrategy, decision: Decision, facts: Facts, clock: Clock) -> None:
    """Do for one release what is needed around it. Trouble with GitHub is kept and shown, never raised."""
    held = interventions.active([strategy.pk]).get(strategy.pk, [])
    if over := _used_up(held, facts, clock()):
        interventions.end(over, clock())
    if decision.code in SILENT:
        return
    rows = _rows([strategy], clock())
    failures = upkeep_attempts.failing([row.release for row in rows], clock())
    for row in rows:
        row.release.strategy = strategy
        for act in (_keep_status, _keep_text, _keep_branch):
            _without_stopping(strategy, partial(act, strategy, row, facts, failures, clock))
    _without_stopping(strategy, partial(upkeep_notes.keep, strategy, clock))
    _without_stopping(strategy, partial(upkeep_repairs.keep, strategy, facts, clock))


def _without_stopping(strategy: DeployStrategy, act: Callable[[], None]) -> None:
    try:
        act()
    except StageUnreadable as trouble:
        # The facts of the release meet the same trouble, and show it.
        logger.info("upkeep of %s waits: %s", strategy, trouble.message)


def _is_due(strategy: DeployStrategy, row: _Row, facts: Facts, failures: Failures, now: datetime) -> bool:
    return (
        row.has_notes
        or upkeep_status.is_due(row.release, facts, _of(failures, row, Attempt.Act.STATUS), now)
        or _text_is_due(strategy, row, facts, failures, now)
        or _branch_is_due(strategy, row, facts, failures, now)
    )


def _keep_status(strategy: DeployStrategy, row: _Row, facts: Facts, failures: Failures, clock: Clock) -> None:
    of_status = _of(failures, row, Attempt.Act.STATUS)
    if upkeep_status.is_due(row.release, facts, of_status, clock()):
        upkeep_status.keep(strategy, row.release, facts, of_status, clock)


def _text_is_due(strategy: DeployStrategy, row: _Row, facts: Facts, failures: Failures, now: datetime) -> bool:
    of_text = _of(failures, row, Attempt.Act.EDIT)
    return upkeep_text.is_due(strategy, row.release, facts, of_text, row.warned_sha, now)


def _keep_text(strategy: DeployStrategy, row: _Row, facts: Facts, failures: Failures, clock: Clock) -> None:
    if _text_is_due(strategy, row, facts, failures, clock()):
        of_text = _of(failures, row, Attempt.Act.EDIT)
        upkeep_text.keep(strategy, row.release, facts, of_text, row.warned_sha, clock)


def _branch_is_due(strategy: DeployStrategy, row: _Row, facts: Facts, failures: Failures, now: datetime) -> bool:
    of_branch = _of(failures, row, Attempt.Act.RESTORE)
    return upkeep_branch.is_due(row.release, facts, of_branch, now, is_newest=row.is_newest)


def _keep_branch(strategy: DeployStrategy, row: _Row, facts: Facts, failures: Failures, clock: Clock) -> None:
    if _branch_is_due(strategy, row, facts, failures, clock()):
        upkeep_branch.keep(strategy, row.release, facts, _of(failures, row, Attempt.Act.RESTORE), clock)


def _of(failures: Failures, row: _Row, act: Attempt.Act) -> Sequence[Attempt]:
    return failures.get((row.release.pk, act), [])


def _rows(strategies: Collection[DeployStrategy], now: datetime) -> list[_Row]:
    """Open releases, merged ones whose branch may be gone, and those with a note or an unsettled act: one query."""
    looked_after = Q(
        state=Release.State.MERGED,
        merged_at__gte=now - upkeep_branch.LOOKED_AFTER,
        branch_seen_at=None,
        branch_restored_at=None,
        strategy__reading__facts__delete_branch_on_merge=True,
    )
    chosen = _annotated(strategies, now).filter(
        Q(state=Release.State.OPEN) | looked_after | Q(has_notes=True) | Q(is_unsettled=True)
    )
    return [_Row(release, release.warned_sha, release.has_notes, not release.is_older) for release in chosen]


def _annotated(strategies: Collection[DeployStrategy], now: datetime) -> Any:
    """Releases with `warned_sha` (the head of the last delivered notice), `has_notes`, `is_older`, `is_unsettled`."""
    delivered = Notice.objects.filter(release=OuterRef("pk"), delivered_at__isnull=False).order_by("-begun_at")
    unsettled = Attempt.objects.filter(release=OuterRef("pk"), act__in=upkeep_attempts.UPKEEP, finished_at=None)
    newer = Release.objects.filter(strategy=OuterRef("strategy"), pk__gt=OuterRef("pk"))
    return Release.objects.filter(strategy__in=strategies).annotate(
        warned_sha=Coalesce(Subquery(delivered.values("head_sha")[:1]), Value("")),
        has_notes=Exists(upkeep_notes.waiting(now).filter(release=OuterRef("pk"))),
        is_older=Exists(newer),
        is_unsettled=Exists(unsettled),
    )


def _repairs(strategies: Collection[int], facts: Mapping[int, Facts], now: datetime) -> set[int]:
    """Repairs to open, and open ones whose history is healed."""
    mine = Repair.objects.filter(strategy__in=strategies, kind=Repair.Kind.HEAL)
    asked = upkeep_repairs.waiting(now).values("pk")
    found = mine.filter(Q(pk__in=asked) | Q(state__in=upkeep_repairs.HELD)).values_list("strategy", "state")
    return {pk for pk, state in found if state == Repair.State.ASKED or upkeep_repairs.healed(facts[pk])}


def _used_up(rows: Collection[Intervention], facts: Facts, now: datetime) -> list[int]:
    """A postponement whose moment has come; what was said of a commit that is not the head, or is released."""
    head = facts.reading.head_sha if facts.reading is not None and not facts.error else None
    return [row.pk for row in rows if _is_over(row, head, now)]


def _is_over(row: Intervention, head: str | None, now: datetime) -> bool:
    if row.kind == Kind.POSTPONE:
        return row.until is not None and row.until <= now
    return (head is not None and head != row.head_sha) or bool(vars(row)["is_released"])
