"""What a release's decision rests on: plain frozen values.

Pure: no Django, no clock, no input or output. The facts hold `now`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from releases.messages import later, moment


class Action(StrEnum):
    """What should happen. `wait` may change by itself; `hold` needs somebody."""

    NOTHING = "nothing"
    WAIT = "wait"
    HOLD = "hold"
    OPEN = "open"
    ASSIGN = "assign"
    WARN = "warn"
    MERGE = "merge"


class CheckState(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"
    NEUTRAL = "neutral"
    SKIPPED = "skipped"


GREEN = (CheckState.SUCCESS, CheckState.NEUTRAL, CheckState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Check:
    """One check run or commit status of the head. `required`: the host says that it must be green."""

    name: str
    state: CheckState
    required: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The open pull request of the release. `mergeable` is None while the host works it out."""

    number: int
    url: str
    created_at: datetime
    head_sha: str
    is_draft: bool = False
    mergeable: bool | None = True
    review_decision: str | None = None
    checks: tuple[Check, ...] = ()
    checks_complete: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What the host told in one look. A sha is None where the branch is gone; None elsewhere means not known."""

    repository: str
    repository_id: int
    head_sha: str | None
    base_sha: str | None
    ahead: int | None
    pull_request: PullRequest | None
    required_checks: tuple[str, ...] | None = ()
    merge_queue: bool | None = False
    merge_methods: tuple[str, ...] = ("merge", "squash", "rebase")
    can_write: bool | None = True
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What the strategy says. Times are whole seconds."""

    automatic: bool
    base: str
    head: str
    merge_after: int | None
    merge_prior_warning: int = 3600
    merge_method: str = "merge"
    required_checks: tuple[str, ...] = ()
    slack_targets: int = 0
    closed_hours: int = 0
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Block:
    """A person's no that covers this release; `covers` is empty for the project itself, else e.g. "all of artsy"."""

    by: str
    reason: str
    ends_at: datetime | None = None
    covers: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The host said no to an act for this head, in its own words; Horizon asks again at `retry_at`."""

    act: Action
    sha: str
    words: str
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision rests on.

    `opened_at` is when the release's age began. `asked_at` is when the merge was asked of the host, while its answer is
    not known. `closed` is the pull request that a person closed last, with the head that it had. `merges_unconfirmed`
    counts the other releases of the organization whose merge the host has not confirmed.
    """

    now: datetime
    plan: Plan
    reading: Reading | None
    read_at: datetime | None
    stale_after: timedelta = timedelta(minutes=2)
    error: str = ""
    retry_at: datetime | None = None
    blocks: tuple[Block, ...] = ()
    opened_at: datetime | None = None
    asked_at: datetime | None = None
    closed: tuple[int, str] | None = None
    refusal: Refusal | None = None
    merges_unconfirmed: int = 0
    merges_at_once: int = 2

    @property
    def known(self) -> Reading:
        if self.reading is None:
            raise LookupError("nothing was read yet")
        return self.reading

    @property
    def pull(self) -> PullRequest:
        if self.known.pull_request is None:
            raise LookupError("there is no pull request")
        return self.known.pull_request

    @property
    def merge_at(self) -> datetime | None:
        """The first moment at which this release may merge by its age; None where people merge."""
        if self.plan.merge_after is None or (self.reading is None or self.reading.pull_request is None):
            return None
        # A host whose clock is ahead, or a forged time, must not keep a release waiting for years.
        opened = self.opened_at or min(self.pull.created_at, self.now)
        return later(opened, self.plan.merge_after)

    def says(self, at: datetime) -> str:
        return moment(at, self.now, self.plan.zone)
