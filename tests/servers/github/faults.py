"""Broken answers on demand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Drop = Literal["before", "after"]


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next `times` requests that match; `happened` counts them.

    `drop` closes the connection without an answer, before or after the request took effect. `status` or `body` answer
    instead of the server, without the effect. `after_effect` lets the request take effect and then answers `status`.
    `slow` waits so many seconds first. `truncate` cuts the answer in the middle, `garbage` sends what is no JSON,
    `endless` sends bytes until the client goes away, `redirect` answers 302 to that address (`status` chooses another).
    """

    matching: re.Pattern[str]
    times: int = 1
    containing: str | None = None
    status: int | None = None
    body: str | None = None
    headers: dict[str, str] | None = None
    drop: Drop | None = None
    after_effect: bool = False
    slow: float = 0.0
    truncate: bool = False
    garbage: bool = False
    endless: bool = False
    redirect: str | None = None
    happened: int = 0

    def hits(self, operation: str, body: str) -> bool:
        """Whether this request is hit; counts it."""
        if self.times <= 0 or not self.matching.search(operation):
            return False
        if self.containing is not None and self.containing not in body:
            return False
        self.times -= 1
        self.happened += 1
        return True

    @property
    def answers(self) -> bool:
        """Whether it stands in for the answer, the effect left out."""
        instead = self.status is not None or self.body is not None or self.redirect is not None
        return instead and not self.after_effect


@dataclass(slots=True)
class GraphQLFault:
    """One repository's part of a GraphQL answer becomes null, with an entry in errors[]."""

    repository: str
    type: str | None
    message: str
    times: int
