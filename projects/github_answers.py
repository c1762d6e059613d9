"""Answers of a GitHub host as they came: HTTP and GraphQL, and the ways in which none came.

Pure: the standard library and `projects.cleaning` only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Any, Final

from projects.cleaning import clean_line

LOCATION: Final = "horizon-location"


class Loss(Enum):
    """Why there is no answer. With the first three the request never reached the host."""

    NO_CONNECTION = auto()
    BAD_CERTIFICATE = auto()
    UNFIT = auto()  # the request could not be made, e.g. a token that fits into no header
    TIME_OUT = auto()
    DROPPED = auto()
    TOO_LARGE = auto()
    SENSELESS = auto()

    @property
    def was_sent(self) -> bool:
        return self not in (Loss.NO_CONNECTION, Loss.BAD_CERTIFICATE, Loss.UNFIT)


class NoAnswer(Exception):
    """No complete answer came. It holds no request and no header, and so no secret."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.name)
        self.loss = loss


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; names of headers in lower case. `location` is where a redirect points to."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def location(self) -> str:
        return self.headers.get(LOCATION, "")

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400 and self.status != 304


def parse(body: str) -> Any:
    """The JSON of an answer, or None: hosts and proxies send all sorts of things."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def message_of(answer: Answer) -> str:
    """GitHub's own words, the details of a 422 included; cleaned."""
    found = parse(answer.body)
    if not isinstance(found, dict):
        return ""
    words = [str(found.get("message") or "")]
    errors = found.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            words.append(str(error.get("message") or f"{error.get('field', '')} {error.get('code', '')}"))
        elif isinstance(error, str):
            words.append(error)
    return clean_line(": ".join(word.strip() for word in words if word.strip()), 300)


MOST_OF_A_COUNT: Final = 2**31 - 1
MOST_OF_AN_ID: Final = 2**63 - 1


def whole(found: object, most: int = MOST_OF_A_COUNT) -> int:
    """A number that the database can hold. Raises ValueError for anything else."""
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= most:
        return found
    raise ValueError("no number that makes sense")


def number(text: object) -> int | None:
    try:
        return int(float(str(text)))
    except (ValueError, OverflowError):
        return None


def server_time(headers: Mapping[str, str]) -> datetime | None:
    try:
        found = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# --- GraphQL ---------------------------------------------------------------------------------------------------------

_HEAVY = ("RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "EXCESSIVE_PAGINATION", "TIMEOUT")
_ABOUT_TIME = ("may be the result of a timeout", "timed out", "timeout", "couldn't respond to your request in time")


@dataclass(frozen=True, slots=True)
class GraphQLError:
    kind: str
    words: str
    path: tuple[str, ...]

    @property
    def is_heavy(self) -> bool:
        words = self.words.lower()
        return self.kind in _HEAVY or any(sign in words for sign in _ABOUT_TIME)

    @property
    def is_limit(self) -> bool:
        return self.kind in ("RATE_LIMITED", "RATE_LIMIT") or "rate limit" in self.words.lower()


@dataclass(frozen=True, slots=True)
class GraphQLAnswer:
    """Data and errors of one query: GitHub sends both together where it could answer in part."""

    data: Mapping[str, Any]
    errors: Sequence[GraphQLError] = ()

    def error_at(self, *path: str) -> GraphQLError | None:
        """The error that explains a null at this place: it lies there, above, below, or names no place at all."""
        for error in self.errors:
            shared = min(len(error.path), len(path))
            if error.path[:shared] == path[:shared]:
                return error
        return None


def graphql_errors(found: object) -> tuple[GraphQLError, ...]:
    errors = found if isinstance(found, list) else []
    return tuple(_graphql_error(error) for error in errors if isinstance(error, dict))


def _graphql_error(error: Mapping[str, Any]) -> GraphQLError:
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    path = error.get("path")
    return GraphQLError(
        kind=str(error.get("type") or code or "").upper(),
        words=clean_line(str(error.get("message") or ""), 300),
        path=tuple(str(part) for part in path) if isinstance(path, list) else (),
    )
