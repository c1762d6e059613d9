"""Requests and answers as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"


@dataclass(slots=True)
class Incoming:
    """One request; header names are lower case, query values are the last ones given."""

    method: str
    path: str
    query_string: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    text: str = field(default="")

    def number(self, name: str, default: int, most: int) -> int:
        """A query value such as per_page, within 1 and `most`; nonsense is the default, as on GitHub."""
        given = self.query.get(name, "")
        return min(max(int(given), 1), most) if given.isdigit() and int(given) else default


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        """JSON, as compact as GitHub's."""
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        return cls(status, body, {"Content-Type": JSON, **(headers or {})})
