"""What goes wrong on demand, and what was asked: faults, limits and the log of requests."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime, timedelta

from tests.servers.github.access import ANONYMOUS, Credential, Installation
from tests.servers.github.faults import Drop, Fault, GraphQLFault
from tests.servers.github.limits import Budget, Limits, Secondary
from tests.servers.github.model import Request


class Disturbances:
    """The part of GitHub that tests turn against Horizon."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.credentials: dict[str, Credential] = {}
        self.limits = Limits()
        self.faults: list[Fault] = []
        self.graphql_faults: list[GraphQLFault] = []
        self.graphql_timeout_above: int | None = None
        self.latency = 0.0
        self.clock_offset = timedelta()
        self._frozen: datetime | None = None
        self.requests: list[Request] = []

    def now(self) -> datetime:
        return (self._frozen or datetime.now(UTC)) + self.clock_offset

    def advance(self, **by: float) -> None:
        """Moves the server's clock on, by keywords of timedelta."""
        self.clock_offset += timedelta(**by)

    def freeze(self, at: datetime | None) -> None:
        """Stops the clock at a moment (None lets it run again); `advance` still moves it on from there."""
        self._frozen = at
        self.clock_offset = timedelta()

    def reset_requests(self) -> None:
        with self.lock:
            self.requests.clear()

    def sent(self, matching: str) -> list[Request]:
        """The requests whose operation matches a regular expression."""
        pattern = re.compile(matching)
        with self.lock:
            return [request for request in self.requests if pattern.search(request.operation)]

    def count(self, matching: str = "") -> int:
        return len(self.sent(matching))

    def fail(
        self,
        matching: str,
        *,
        times: int = 1,
        containing: str | None = None,
        status: int | None = None,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        drop: Drop | None = None,
        after_effect: bool = False,
        slow: float = 0.0,
        truncate: bool = False,
        garbage: bool = False,
        endless: bool = False,
        redirect: str | None = None,
    ) -> Fault:
        """See Fault."""
        fault = Fault(
            re.compile(matching),
            times,
            containing,
            status,
            body,
            headers,
            drop,
            after_effect,
            slow,
            truncate,
            garbage,
            endless,
            redirect,
        )
        with self.lock:
            self.faults.append(fault)
        return fault

    def refuse(self, matching: str, status: int, message: str, *, times: int = 1) -> Fault:
        """A refusal in GitHub's form and the words of choice, without the effect."""
        body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        return self.fail(matching, times=times, status=status, body=json.dumps(body))

    def graphql_error(
        self,
        repository: str,
        *,
        type: str | None = "RESOURCE_LIMITS_EXCEEDED",
        message: str = "Resource limits for this query exceeded.",
        times: int = 1,
    ) -> None:
        with self.lock:
            self.graphql_faults.append(GraphQLFault(repository.lower(), type, message, times))

    def graphql_fault_for(self, full_name: str) -> GraphQLFault | None:
        for fault in self.graphql_faults:
            if fault.times > 0 and fault.repository == full_name.lower():
                fault.times -= 1
                return fault
        return None

    def clear_faults(self) -> None:
        with self.lock:
            self.faults.clear()
            self.graphql_faults.clear()
            self.limits.secondary.clear()
            self.limits.budgets.clear()
            self.graphql_timeout_above = None

    def limit(
        self,
        secret: str | Installation | None,
        *,
        remaining: int,
        limit: int = 5000,
        reset_in: float = 600,
        resource: str = "core",
        status: int = 403,
    ) -> None:
        """Sets what is left of the hour of a token, an installation, or (None) nobody. `reset_in` is in seconds."""
        with self.lock:
            if isinstance(secret, Installation):
                credential = Credential(secret="", login=secret.app.bot, installation=secret)
            else:
                credential = ANONYMOUS if secret is None else self.credentials[secret]
            budget = Budget(limit, remaining, self.now() + timedelta(seconds=reset_in), status)
            self.limits.set(credential, resource, budget)

    def secondary_limit(
        self, *, times: int = 1, retry_after: int | None = 30, status: int = 403, matching: str = ""
    ) -> None:
        with self.lock:
            self.limits.secondary.append(Secondary(times, retry_after, status, re.compile(matching)))
