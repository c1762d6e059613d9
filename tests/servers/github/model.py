"""What GitHub keeps beside git: accounts, checks, comments, rules, and the log of what was done."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class AccountKind(StrEnum):
    USER = "User"
    ORGANIZATION = "Organization"
    BOT = "Bot"


class Role(StrEnum):
    """A person's role in a repository, lowest first; `admits` compares."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"

    def admits(self, needed: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Refused(Exception):
    """GitHub says no: the HTTP status, its text, and the entries of `errors` where it gives some."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.more = more


@dataclass(slots=True)
class Account:
    id: int
    login: str
    kind: AccountKind
    name: str
    email: str
    created_at: datetime


@dataclass(slots=True)
class CheckRun:
    """A check run of an App on a commit; `conclusion` is None until `status` is completed."""

    id: int
    sha: str
    name: str
    status: str
    conclusion: str | None
    app: str
    started_at: datetime
    completed_at: datetime | None
    details_url: str | None = None


@dataclass(slots=True)
class CommitStatus:
    """One status on a commit; the newest of each context counts, and contexts ignore case."""

    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: datetime


@dataclass(slots=True)
class Comment:
    id: int
    author: str
    body: str
    created_at: datetime


@dataclass(slots=True)
class Review:
    id: int
    author: str
    state: str
    sha: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """What a branch demands, by classic protection or by a ruleset; `ruleset_id` is None for the classic kind.

    `checks` are the contexts that must be green, `strict` wants the branch up to date, `admins` binds administrators,
    too. `bypass` names accounts that a ruleset lets pass.
    """

    pattern: str
    checks: tuple[str, ...] = ()
    reviews: int = 0
    strict: bool = False
    admins: bool = True
    merge_queue: bool = False
    methods: tuple[str, ...] | None = None
    ruleset_id: int | None = None
    bypass: tuple[str, ...] = ()


@dataclass(slots=True)
class Settings:
    """A repository's settings, by their names in the REST API."""

    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    allow_auto_merge: bool = False
    allow_update_branch: bool = False
    delete_branch_on_merge: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was changed through the API, in the order in which it took effect."""

    kind: str
    repository: str
    actor: str
    data: Json
    at: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the server saw it. `token` is the secret that came with it, `operation` what faults match on.

    `status` is 0 when the connection was closed without an answer. `seconds` is the server's own time, latency left
    out.
    """

    method: str
    path: str
    query: str
    operation: str
    token: str | None
    status: int
    received: int
    sent: int
    body: str
    at: datetime
    seconds: float


@dataclass(slots=True)
class AsyncMerge:
    """A merge asked for by merge-async and its outcome, kept for a day."""

    uuid: str
    number: int
    state: str
    asked_at: datetime
    sha: str
    method: str
    actor: str
    action: str = "default"
    bypass: bool = False
    message: str | None = None
    merge_sha: str | None = None
    polls_left: int = 1


@dataclass(frozen=True, slots=True)
class Activity:
    """One move of a branch, as the list of a repository's activities has it; None where it was made or deleted."""

    ref: str
    before: str | None
    after: str | None
    by: str
    at: datetime


@dataclass(slots=True)
class QueueEntry:
    number: int
    enqueued_by: str
    enqueued_at: datetime
    head_sha: str
    method: str = "merge"


@dataclass(frozen=True, slots=True)
class QueueMove:
    """A pull request was put into a merge queue, or left it; then `before` is the commit that the queue had tested.

    `reason` is GitHub's word for why it left: "merged", "failed_checks", "checks_timed_out", "merge_conflict" and
    "manual" were seen (djinnos/djinn #768, vanillagreencom/vstack #1459); None where none was ever seen.
    """

    id: int
    added: bool
    by: str
    at: datetime
    reason: str | None = None
    before: str | None = None


@dataclass(slots=True)
class Counter:
    """Ids that grow and are never given twice."""

    last: int = 1000

    def next(self) -> int:
        self.last += 1
        return self.last


@dataclass(slots=True)
class Checks:
    """Check runs and statuses of one repository, by commit."""

    runs: dict[str, list[CheckRun]] = field(default_factory=dict)
    statuses: dict[str, list[CommitStatus]] = field(default_factory=dict)


def node_id(prefix: str, *parts: object) -> str:
    """A global id of GitHub's form: the type's prefix and something opaque."""
    inner = ":".join(str(part) for part in parts)
    return f"{prefix}_{base64.urlsafe_b64encode(inner.encode()).decode().rstrip('=')}"


def of_node_id(identifier: str) -> tuple[str, list[str]]:
    """The prefix and parts of an id made by `node_id`; raises ValueError for anything else."""
    prefix, _, inner = identifier.partition("_")
    decoded = base64.urlsafe_b64decode(inner + "=" * (-len(inner) % 4)).decode()
    return prefix, decoded.split(":")


def stamp(at: datetime) -> str:
    """A moment as GitHub writes it: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
