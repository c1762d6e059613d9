"""A pull request as a value that changes; what happens to it is in `pulls` and `merging`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from tests.servers.github.model import Comment, QueueEntry, QueueMove, Review, node_id

if TYPE_CHECKING:
    from tests.servers.github.repository import Repository

HEADS = "refs/heads/"


@dataclass(slots=True, eq=False)
class PullRequest:
    repository: Repository
    head_repository: Repository | None
    id: int
    number: int
    head_ref: str
    head_sha: str
    head_owner: str
    base_ref: str
    base_sha: str
    title: str
    body: str | None
    author: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    locked: bool = False
    state: str = "open"
    merged: bool = False
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    assignees: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    queue_entry: QueueEntry | None = None
    queue_moves: list[QueueMove] = field(default_factory=list)  # oldest first
    readings: tuple[str, str, int] = ("", "", 0)  # head, base and how often that pair was read

    @property
    def node_id(self) -> str:
        return node_id("PR", self.repository.id, self.number)

    @property
    def cross_repository(self) -> bool:
        return self.head_repository is not self.repository

    def base_tip(self) -> str | None:
        return self.repository.store.refs.get(HEADS + self.base_ref)

    def latest_reviews(self) -> list[Review]:
        """The last opinion of each reviewer."""
        return list({review.author: review for review in self.reviews if review.state != "COMMENTED"}.values())
