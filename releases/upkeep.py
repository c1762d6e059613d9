"""What is kept true around a release: acts of their own, which never change what is decided and never stop it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from releases import interventions
from releases.decision import Decision, Facts
from releases.models import DeployStrategy, Intervention, Release

Kind = Intervention.Kind


def needed(
    strategies: Collection[DeployStrategy],
    decisions: Mapping[int, Decision],
    facts: Mapping[int, Facts],
    now: datetime,
) -> set[int]:
    """The ids of those for which `keep_up` has something to do."""
    ids = [strategy.pk for strategy in strategies]
    held = interventions.active(ids)
    return {pk for pk, rows in held.items() if _used_up(rows, facts[pk], now)}


def keep_up(strategy: DeployStrategy, decision: Decision, facts: Facts, clock: Callable[[], datetime]) -> None:
    """Do for one release what is needed around it; what fails is tried again later."""
    rows = interventions.active([strategy.pk]).get(strategy.pk, [])
    interventions.end(_used_up(rows, facts, clock()), clock())


def _used_up(rows: Collection[Intervention], facts: Facts, now: datetime) -> list[int]:
    """A postponement whose moment has come; what was said of a commit that is not the head, or is released."""
    head = facts.reading.head_sha if facts.reading is not None and not facts.error else None
    return [row.pk for row in rows if _is_over(row, head, now)]


def _is_over(row: Intervention, head: str | None, now: datetime) -> bool:
    if row.kind == Kind.POSTPONE:
        return row.until is not None and row.until <= now
    if head is not None and head != row.head_sha:
        return True
    merged = Release.objects.filter(strategy=row.strategy_id, state=Release.State.MERGED, head_sha=row.head_sha)
    return merged.exists()
