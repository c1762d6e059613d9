"""Rate limits: the hourly budgets of REST and GraphQL, and the secondary limit.

Numbers and headers: docs.github.com, "Rate limits for the REST API" and "Rate limits and query limits for the GraphQL
API".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.servers.github.access import ANONYMOUS, Credential

HOUR = timedelta(hours=1)
PERSON, NOBODY, APP, APP_MOST = 5000, 60, 5000, 12500


@dataclass(slots=True)
class Budget:
    """What is left of one hour, for one account and resource."""

    limit: int
    remaining: int
    reset_at: datetime
    status: int = 403

    @property
    def used(self) -> int:
        return self.limit - self.remaining

    def spend(self, points: int) -> bool:
        """False when there is not enough; what is left stays then."""
        if self.remaining < points:
            return False
        self.remaining -= points
        return True


@dataclass(slots=True)
class Secondary:
    """A secondary limit that answers the next `times` matching requests."""

    times: int
    retry_after: int | None
    status: int
    matching: re.Pattern[str]


@dataclass(slots=True)
class Limits:
    budgets: dict[tuple[str, str], Budget] = field(default_factory=dict)
    secondary: list[Secondary] = field(default_factory=list)

    def budget(self, credential: Credential, resource: str, now: datetime, repositories: int) -> Budget:
        """A person's tokens share one; an installation has its own, which grows with its repositories."""
        key = (owner_of(credential), resource)
        found = self.budgets.get(key)
        if found is None or found.reset_at <= now:
            limit = hourly(credential, repositories)
            found = self.budgets[key] = Budget(limit, limit, now + HOUR)
        return found

    def set(self, credential: Credential, resource: str, budget: Budget) -> None:
        self.budgets[(owner_of(credential), resource)] = budget

    def secondary_for(self, operation: str) -> Secondary | None:
        """The secondary limit that hits this request, counted down."""
        for limit in self.secondary:
            if limit.times > 0 and limit.matching.search(operation):
                limit.times -= 1
                return limit
        return None


def owner_of(credential: Credential) -> str:
    return f"installation {credential.installation.id}" if credential.installation else f"user {credential.login}"


def hourly(credential: Credential, repositories: int) -> int:
    """5,000; Apps 50 more for each repository above 20, up to 12,500; 60 for nobody."""
    if credential is ANONYMOUS:
        return NOBODY
    if credential.installation:
        return min(APP_MOST, APP + 50 * max(0, repositories - 20))
    return PERSON
