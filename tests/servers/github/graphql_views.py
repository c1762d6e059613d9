"""What GraphQL's resolvers hand to each other: git objects with their repository, connections, and who asks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo

from tests.servers.github.access import Credential, allows
from tests.servers.github.limits import Budget
from tests.servers.github.model import Account, AccountKind, CheckRun, CommitStatus, QueueMove
from tests.servers.github.objects import CommitObject, Signature
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository
from tests.servers.github.world import GitHub

T = TypeVar("T")
MOST = 100


@dataclass(slots=True)
class Context:
    """One query's caller and cost. `mergeable` keeps one reading of each pull request for the whole query."""

    github: GitHub
    credential: Credential
    budget: Budget
    cost: int
    nodes: int
    mergeable: dict[int, bool | None] = field(default_factory=dict)
    authors: dict[str, Account | None] = field(default_factory=dict)

    def require(self, repository: Repository, permission: str, level: str = "read") -> None:
        """FORBIDDEN with the text for the kind of token."""
        if allows(self.credential, repository, permission, level):
            return
        kind = "integration" if self.credential.installation else "personal access token"
        raise failed("FORBIDDEN", f"Resource not accessible by {kind}")

    def mergeability(self, pull: PullRequest) -> bool | None:
        if pull.id not in self.mergeable:
            self.mergeable[pull.id] = pull.repository.pulls.mergeable(pull)
        return self.mergeable[pull.id]


Info: TypeAlias = GraphQLResolveInfo[Context]


def failed(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


@dataclass(frozen=True, slots=True)
class RefView:
    repository: Repository
    full_name: str
    sha: str

    @property
    def prefix(self) -> str:
        return "/".join(self.full_name.split("/")[:2]) + "/"

    @property
    def name(self) -> str:
        return self.full_name[len(self.prefix) :]


@dataclass(frozen=True, slots=True)
class CommitView:
    repository: Repository
    sha: str

    @property
    def commit(self) -> CommitObject:
        return self.repository.store.commit(self.sha)


@dataclass(frozen=True, slots=True)
class TagView:
    repository: Repository
    sha: str


@dataclass(frozen=True, slots=True)
class BlobView:
    repository: Repository
    sha: str


@dataclass(frozen=True, slots=True)
class TreeView:
    repository: Repository
    sha: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class EntryView:
    repository: Repository
    name: str
    path: str
    mode: str
    sha: str


GitView = CommitView | TagView | BlobView | TreeView


def git_view(repository: Repository, sha: str) -> GitView:
    kinds: dict[str, Callable[[Repository, str], GitView]] = {
        "commit": CommitView,
        "tag": TagView,
        "blob": BlobView,
        "tree": TreeView,
    }
    return kinds[repository.store.kind(sha) or "commit"](repository, sha)


@dataclass(frozen=True, slots=True)
class ActorView:
    github: GitHub
    signature: Signature


@dataclass(frozen=True, slots=True)
class ComparisonView:
    repository: Repository
    base: str
    head: str
    ahead: tuple[str, ...]  # oldest first
    behind: int


@dataclass(frozen=True, slots=True)
class RollupView:
    repository: Repository
    sha: str
    state: str


@dataclass(frozen=True, slots=True)
class StatusView:
    repository: Repository
    sha: str


@dataclass(frozen=True, slots=True)
class CheckRunView:
    repository: Repository
    run: CheckRun


@dataclass(frozen=True, slots=True)
class StatusContextView:
    repository: Repository
    status: CommitStatus


@dataclass(frozen=True, slots=True)
class PullCommitView:
    pull: PullRequest
    sha: str


@dataclass(frozen=True, slots=True)
class QueueView:
    repository: Repository
    branch: str


@dataclass(frozen=True, slots=True)
class QueueEntryView:
    pull: PullRequest


@dataclass(frozen=True, slots=True)
class QueueMoveView:
    pull: PullRequest
    move: QueueMove


def type_of(value: object) -> str:
    """The GraphQL type of an object behind an interface or union."""
    if isinstance(value, dict):
        return str(value["__typename"])
    if isinstance(value, QueueMoveView):
        return "AddedToMergeQueueEvent" if value.move.added else "RemovedFromMergeQueueEvent"
    if isinstance(value, Account):
        return {AccountKind.USER: "User", AccountKind.BOT: "Bot", AccountKind.ORGANIZATION: "Organization"}[value.kind]
    return TYPES[type(value)]


TYPES: dict[type, str] = {
    Repository: "Repository",
    RefView: "Ref",
    CommitView: "Commit",
    TagView: "Tag",
    BlobView: "Blob",
    TreeView: "Tree",
    PullRequest: "PullRequest",
    CheckRunView: "CheckRun",
    StatusContextView: "StatusContext",
    ComparisonView: "Comparison",
    PullCommitView: "PullRequestCommit",
    QueueView: "MergeQueue",
    QueueEntryView: "MergeQueueEntry",
}


@dataclass(frozen=True, slots=True)
class Connection(Generic[T]):
    """One page of a list. `extra` holds what some connections say beside nodes, by field name."""

    items: Sequence[T]
    offset: int
    total: int
    show: Callable[[T], Any]
    extra: dict[str, Any] = field(default_factory=dict)

    def nodes(self) -> list[Any]:
        return [self.show(item) for item in self.items]

    def edges(self) -> list[dict[str, Any]]:
        return [
            {"cursor": cursor(self.offset + number), "node": self.show(item)}
            for number, item in enumerate(self.items, start=1)
        ]

    def page_info(self) -> dict[str, Any]:
        end = self.offset + len(self.items)
        return {
            "hasNextPage": end < self.total,
            "hasPreviousPage": self.offset > 0,
            "startCursor": cursor(self.offset + 1) if self.items else None,
            "endCursor": cursor(end) if self.items else None,
        }


def cursor(position: int) -> str:
    return base64.b64encode(f"cursor:{position}".encode()).decode()


def position(given: str) -> int:
    try:
        return int(base64.b64decode(given).decode().removeprefix("cursor:"))
    except ValueError as error:
        raise failed("INVALID_CURSOR_ARGUMENTS", f"`{given}` does not appear to be a valid cursor.") from error


def connect(
    name: str,
    items: Sequence[T],
    show: Callable[[T], Any],
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    **extra: Any,
) -> Connection[T]:
    """A page with GitHub's rules: first or last is demanded, and 100 is the most."""
    if first is None and last is None:
        text = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise failed("MISSING_PAGINATION_BOUNDARIES", text)
    for word, count in (("first", first), ("last", last)):
        if count is not None and count > MOST:
            text = (
                f"Requesting {count} records on the `{name}` connection exceeds the `{word}` limit of {MOST} records."
            )
            raise failed("EXCESSIVE_PAGINATION", text)
    start, end = (position(after) if after else 0), (position(before) - 1 if before else len(items))
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    return Connection(items[start:end], start, len(items), show, extra)
