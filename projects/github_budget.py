"""What is left of a profile's budget at GitHub, and how fast it may be spent.

Pure: the standard library only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

RESERVE: Final = 0.1  # of the limit: kept for releases
UNHURRIED: Final = 0.5  # with more than this left nobody need slow down
WINDOW: Final = timedelta(hours=1)  # GitHub renews its budgets hourly


@dataclass(frozen=True, slots=True)
class Budget:
    """What GitHub last told; None where it did not. Same names as `projects.models.ProfileBudget`."""

    login: str = ""
    rest_limit: int | None = None
    rest_remaining: int | None = None
    rest_reset_at: datetime | None = None
    graphql_limit: int | None = None
    graphql_remaining: int | None = None
    graphql_reset_at: datetime | None = None
    measured_at: datetime | None = None
    paused_until: datetime | None = None
    pause_reason: str = ""


def pace(budget: Budget, now: datetime, interval: timedelta) -> timedelta:
    """The least time between the starts of two polls, so that what is left lasts until it is renewed: `interval` where
    there is enough, until the renewal or the end of the pause where there is nothing."""
    waits = [
        _stretched(budget.graphql_limit, budget.graphql_remaining, budget.graphql_reset_at, now, interval),
        _stretched(budget.rest_limit, budget.rest_remaining, budget.rest_reset_at, now, interval),
    ]
    if budget.paused_until is not None:
        waits.append(budget.paused_until - now)
    return max(interval, *waits)


def _stretched(
    limit: int | None, remaining: int | None, renewed_at: datetime | None, now: datetime, interval: timedelta
) -> timedelta:
    if not limit or remaining is None or renewed_at is None or renewed_at <= now:
        return interval
    left = remaining / limit - RESERVE
    if left >= UNHURRIED:
        return interval
    until_renewed = renewed_at - now
    if left <= 0:
        return max(until_renewed, interval)
    return min(interval * max(1.0, until_renewed / WINDOW / left), max(until_renewed, interval))
