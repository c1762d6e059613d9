"""What is left of a profile's budget at GitHub, and how fast it may be spent.

Pure: the standard library only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


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


RESERVE = 0.1  # of the limit: kept for releases


def pace(budget: Budget, now: datetime, interval: timedelta) -> timedelta:
    """The least time between two polls so that what is left lasts until it is renewed; `interval` or more."""
    return interval
