"""What GitHub tells about releases and what it answers to acts: plain frozen values and two exceptions.

Pure: the standard library and `projects.reading` only.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from projects.reading import RepositoryFacts


@dataclass(frozen=True, slots=True)
class ReleaseQuestion:
    """How does the release from branch `head` to branch `base` of this repository stand?"""

    owner: str
    name: str
    base: str
    head: str


class CheckState(StrEnum):
    """Cancelled, timed out, action required, stale and failed to start are failures; expected and queued are
    pending."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"
    NEUTRAL = "neutral"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One check run or commit status. `required` is what GitHub says of it for this pull request; a required check that
    never reported is not among the checks, but among `ReleaseState.required_checks`."""

    name: str
    state: CheckState
    required: bool
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as GitHub tells it.

    `mergeable` is None while GitHub has not worked it out. `merge_state` is GitHub's word in lower case: clean,
    unstable, has_hooks, blocked, behind, dirty, draft, unknown. `review_decision` is approved, changes_requested,
    review_required or None. `checks_complete` is False where there are more checks than were read, or where they
    could not be read: then nobody knows whether all of them are green. `head_repository_id` is None where the fork
    is gone. `assignees` is None where they were not read; `in_queue` (does it wait in a merge queue), `node_id`
    and `merge_parents` (of the commit that merged it) are told of a single pull request only.
    """

    number: int
    url: str
    title: str
    body: str
    created_at: datetime
    head_sha: str
    base_sha: str
    base: str
    head: str
    head_repository_id: int | None
    is_draft: bool
    is_open: bool
    merged: bool
    merged_at: datetime | None
    merge_sha: str | None
    merged_by: str | None
    mergeable: bool | None
    merge_state: str
    review_decision: str | None
    author: str
    assignees: tuple[str, ...] | None = None
    checks: tuple[Check, ...] = ()
    checks_complete: bool = True
    is_locked: bool = False
    in_queue: bool | None = None
    node_id: str = ""
    merge_parents: int | None = None


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """Everything about a release that GitHub tells in one look.

    `head_sha` and `base_sha` are None where the branch is gone. `ahead` counts the commits of exactly this head that
    exactly this base lacks, merges included; None where it is not known. `pull_requests` are the open ones from
    `head` to `base` of the same repository, oldest first. `required_checks` are the names that rules and branch
    protection require as far as these credentials may see them, None where they may not. `merge_queue` tells whether
    the base has one (None: unknown). `can_write` is None where GitHub does not say. `checks` are those of the head
    commit, which was made at `head_date`.
    """

    repository: RepositoryFacts
    head_sha: str | None
    base_sha: str | None
    head_tree: str | None
    base_tree: str | None
    ahead: int | None
    behind: int | None
    pull_requests: tuple[PullRequest, ...]
    required_checks: tuple[str, ...] | None
    merge_queue: bool | None
    merge_commit_allowed: bool
    squash_allowed: bool
    rebase_allowed: bool
    delete_branch_on_merge: bool
    can_write: bool | None
    checks: tuple[Check, ...] = ()
    checks_complete: bool = True
    head_date: datetime | None = None


class RefusalCode(StrEnum):
    """Refusals that a caller can act on; all others are OTHER."""

    ALREADY_EXISTS = "already-exists"  # an open pull request of these branches is there already
    NO_COMMITS = "no-commits"  # nothing to release between the branches
    BASE_MOVED = "base-moved"  # "Base branch was modified": try again after the next look
    HEAD_MOVED = "head-moved"  # the head is no longer the commit that was sent
    NOT_MERGEABLE = "not-mergeable"  # conflicts, protection, method not allowed, merge queue
    NOT_ALLOWED = "not-allowed"  # the credentials lack the right
    NOT_FOUND = "not-found"
    LIMITED = "limited"  # a rate limit; `retry_at` says when it ends
    MOVED = "moved"  # the repository was renamed: look again, then try again
    OTHER = "other"


class ActRefused(Exception):
    """GitHub answered no: the act did not happen. `message` is fit for people and holds GitHub's own words, cleaned.

    `status` is the HTTP status, 0 where the act was not even sent. `transient` tells that the same act may succeed
    after the next look at the facts.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: RefusalCode = RefusalCode.OTHER,
        transient: bool = False,
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.transient = transient
        self.retry_at = retry_at


class AnswerLost(Exception):
    """It is not known whether the act happened: time-out, dropped connection, 5xx, or an answer that makes no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
