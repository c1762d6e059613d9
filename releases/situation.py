"""What a release's decision rests on: plain frozen values.

Pure: no Django, no clock, no input or output. The facts hold `now`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from releases.calendar import NEVER, ClosedRule, first_open
from releases.messages import later, moment
from releases.timing import Notice, Timing

__all__ = [
    "GREEN",
    "STATUS_CONTEXT",
    "Action",
    "Block",
    "Check",
    "CheckState",
    "Facts",
    "Notice",
    "Plan",
    "Postponed",
    "PullRequest",
    "Reading",
    "Refusal",
    "ReleaseNow",
    "Skipped",
    "Squashed",
]


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


# The commit status that Horizon itself may set on the head. No rule counts it as a check.
STATUS_CONTEXT = "horizon/release"
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
    """The open pull request of the release. `mergeable` is None while the host works it out.

    `rules_unmet`: the host says that the base's rules are not met yet (a review, a conversation, an older base); that
    may be stale. `assignees` is None where it was not read.
    """

    number: int
    url: str
    created_at: datetime
    head_sha: str
    is_draft: bool = False
    mergeable: bool | None = True
    rules_unmet: bool = False
    review_decision: str | None = None
    checks: tuple[Check, ...] = ()
    checks_complete: bool = True
    assignees: tuple[str, ...] | None = None
    is_locked: bool = False


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
    behind: int | None = None
    head_tree: str | None = None
    base_tree: str | None = None
    delete_branch_on_merge: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What the strategy says. Times are whole seconds. `closed` are its blocked time buckets and the closed hours and
    holidays of its organization."""

    automatic: bool
    base: str
    head: str
    merge_after: int | None
    merge_prior_warning: int = 3600
    merge_method: str = "merge"
    required_checks: tuple[str, ...] = ()
    slack_targets: int = 0
    closed: tuple[ClosedRule, ...] = ()
    zone: str = "UTC"
    min_commit_age: int | None = None
    max_wait: int | None = None
    commit_status: bool = False


# So long after a person said it, a commit is released now; after that they may have forgotten it.
NOW_HOLDS = timedelta(days=1)


def seen_block(number: int, changed_at: datetime | None) -> str:
    return f"{number} {changed_at.astimezone(UTC).isoformat() if changed_at else ''}"


@dataclass(frozen=True, slots=True)
class Block:
    """A person's no that covers this release; `covers` is empty for the project itself, else e.g. "all of artsy"."""

    by: str
    reason: str
    ends_at: datetime | None = None
    covers: str = ""
    id: int = 0
    changed_at: datetime | None = None

    @property
    def seen(self) -> str:
        """What stands for it as it is: another one as soon as anything of it is changed."""
        return seen_block(self.id, self.changed_at)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The host said no to an act for this head, in its own words; Horizon asks again at `retry_at`."""

    act: Action
    sha: str
    words: str
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseNow:
    """A person wants this commit released now, within a day of saying so.

    `blocks` and `closed`: what they named when releasing in spite of it, as they saw it (`Block.seen`,
    `ClosedRule.seen`).
    """

    by: str
    reason: str
    sha: str
    blocks: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    said_at: datetime | None = None

    def has_lapsed(self, at: datetime) -> bool:
        return self.said_at is not None and at >= self.said_at + NOW_HOLDS


@dataclass(frozen=True, slots=True)
class Postponed:
    by: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not this commit of head; new ones are released again."""

    by: str
    reason: str
    sha: str


@dataclass(frozen=True, slots=True)
class Squashed:
    """The last release was merged in a way that broke the common history of the branches, or head was rewritten.

    `number` is its pull request, None for one without; `how`: "squashed", "rebased" or "rewritten".
    """

    number: int | None
    how: str


@dataclass(frozen=True)
class Facts:
    """Everything that a decision rests on. Without slots, so that what follows from it is worked out once.

    `opened_at` is when the release's age began, `head_since` when head was first seen at its commit. `asked_at` is when
    the merge was asked of the host, while its answer is not known; `queued_at` when the host took it into its merge
    queue. `closed` is the pull request that a person closed last, with the head that it had; `retargeted`: it is open,
    but a person took it to other branches. `assign_tried`: somebody was looked for to be assigned, for this head.
    `merges_unconfirmed` counts the other releases of the organization whose merge the host has not confirmed;
    `older_ready`: one that is merged before this one is ready as well.
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
    retargeted: bool = False
    refusal: Refusal | None = None
    queued_at: datetime | None = None
    head_since: datetime | None = None
    assign_tried: bool = False
    notice: Notice | None = None
    release_now: ReleaseNow | None = None
    postponed: Postponed | None = None
    skipped: Skipped | None = None
    squashed: Squashed | None = None
    merges_unconfirmed: int = 0
    merges_at_once: int = 2
    older_ready: bool = False

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
    def is_open(self) -> bool:
        return self.reading is not None and self.reading.pull_request is not None

    @cached_property
    def released_now(self) -> ReleaseNow | None:
        """What a person said about releasing now, for a day, and as long as head is the commit that they saw."""
        wish = self.release_now
        if wish is None or self.reading is None or wish.has_lapsed(self.now):
            return None
        return wish if wish.sha == self.reading.head_sha else None

    @cached_property
    def standing_blocks(self) -> tuple[Block, ...]:
        """The blocks that hold it: all but those that a person named when releasing in spite of them, and that nobody
        changed since."""
        named = self.released_now.blocks if self.released_now else frozenset[str]()
        return tuple(block for block in self.blocks if block.seen not in named)

    @cached_property
    def kept_hours(self) -> tuple[ClosedRule, ...]:
        """The closed hours that hold it: all but those that a person named when releasing in spite of them, and that
        nobody changed since."""
        named = self.released_now.closed if self.released_now else frozenset[str]()
        return tuple(rule for rule in self.plan.closed if rule.seen not in named) if named else self.plan.closed

    @cached_property
    def due(self) -> datetime | None:
        """When it is old enough; None where people merge, or nothing is open.

        It is `merge_after` after its opening, or later by `min_commit_age` after the newest commit; newer commits delay
        it no more from `max_wait` after its opening.
        """
        aged, plan = self._aged_at, self.plan
        if aged is None or plan.min_commit_age is None or self.head_since is None:
            return aged
        soaked = later(min(self.head_since, self.now), plan.min_commit_age)
        return max(aged, soaked if plan.max_wait is None else min(soaked, later(self._opened, plan.max_wait)))

    @property
    def soaks(self) -> bool:
        """Whether it waits longer than for its own age, for that of its newest commit."""
        return self.due is not None and self._aged_at is not None and self.due > max(self._aged_at, self.now)

    @property
    def _aged_at(self) -> datetime | None:
        if self.plan.merge_after is None or not self.is_open:
            return None
        return later(self._opened, self.plan.merge_after)

    @property
    def _opened(self) -> datetime:
        # A host whose clock is ahead, or a forged time, must not keep a release waiting for years.
        return self.opened_at or min(self.pull.created_at, self.now)

    @cached_property
    def timing(self) -> Timing | None:
        """The times of an open release; None where people merge, or nothing is open."""
        if (due := self.due) is None:
            return None
        plan = self.plan
        told = plan.slack_targets > 0
        return Timing(self.now, due, plan.closed, told, plan.merge_prior_warning, self.notice)

    @property
    def covering_notice(self) -> Notice | None:
        """The delivered notice that covers the merge that comes next."""
        return self.timing.covering_notice if self.timing else None

    @property
    def merge_at(self) -> datetime | None:
        """The first open minute at which it may merge by age and notice; None: people merge, or no minute is open."""
        return self.timing.merge_at if self.timing else None

    @property
    def warn_at(self) -> datetime | None:
        """When people are told in Slack; None where that was done, or is not wanted."""
        return self.timing.warn_at if self.timing else None

    @cached_property
    def announced_at(self) -> datetime | None:
        """The moment of the merge that people are told: what is known to hold it is reckoned with, and nothing else.

        Known are the age, the notice and its retries, closed hours, a postponement, and blocks that have an end.
        """
        held = [block.ends_at for block in self.standing_blocks if block.ends_at is not None]
        if self.released_now is not None and self.is_open:
            now = max([self.now, *held])
            return first_open(self.kept_hours, now)
        if self.postponed is not None:
            held.append(self.postponed.until)
        return self.timing.announced_at(max(held, default=self.now)) if self.timing else None

    def says(self, at: datetime) -> str:
        return moment(min(at, NEVER), self.now, self.plan.zone)
