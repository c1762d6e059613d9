"""When a release warns and when it merges: its age, its notice, and the closed hours.

Pure: no Django, no clock, no input or output.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from releases.calendar import ClosedRule, first_open
from releases.messages import later

COVERS = timedelta(hours=1)  # a notice covers a merge until so long after the moment that it named
WAIVED_AFTER = timedelta(hours=2)  # of vain attempts to reach Slack
# How many windows of open minutes are tried for one that is long enough for notice and merge: more than a week has.
_WINDOWS = 32


@dataclass(frozen=True, slots=True)
class Notice:
    """The last warning in Slack about this release.

    `merge_at` is the moment of the merge that it named, `begun_at` when the attempts began that were all in vain so
    far, `delivered_at` when the first target took it; `waived_at`: one failed that came two hours after the first, so
    the release goes on without it. Time alone never waives a notice: nobody may have tried.
    """

    merge_at: datetime
    begun_at: datetime
    delivered_at: datetime | None = None
    waived_at: datetime | None = None
    retry_at: datetime | None = None
    error: str = ""

    @property
    def given_up_at(self) -> datetime:
        """An attempt that fails then, or later, is the last: the release goes on without it."""
        return later(self.begun_at, WAIVED_AFTER.total_seconds())


@dataclass(frozen=True)
class Timing:
    """The times of an open release. `told`: people are told in Slack before it merges; `warning` in seconds.

    Without slots, so that each time is worked out once: one follows from the other, and the rules ask for them often.
    """

    now: datetime
    due: datetime
    closed: Sequence[ClosedRule] = ()
    told: bool = False
    warning: int = 0
    notice: Notice | None = None

    @cached_property
    def covering_notice(self) -> Notice | None:
        """The delivered notice, where it covers the merge that comes next: from the moment that it named, for an hour.

        It has lapsed when that hour is over, or when closed hours or newer commits put the merge beyond it.
        """
        notice = self.notice
        if not self.told or notice is None or notice.delivered_at is None:
            return None
        return notice if self._lasts(self._after(notice, notice.delivered_at), notice.merge_at) else None

    @cached_property
    def waived_notice(self) -> Notice | None:
        """The notice that could not be delivered for two hours, where the merge goes on without it.

        It lapses like one that was delivered: after a day of blocks Slack may be there again.
        """
        notice = self.notice
        if not self.told or notice is None or notice.waived_at is None or self.now < notice.waived_at:
            return None
        named = max(notice.merge_at, notice.waived_at)
        return notice if self._lasts(first_open(self.closed, max(self.due, notice.waived_at)), named) else None

    @cached_property
    def needs_notice(self) -> bool:
        """Whether somebody must be told before it may merge."""
        return self.told and self.covering_notice is None and self.waived_notice is None

    @cached_property
    def retry_at(self) -> datetime | None:
        """When Slack is tried again with a notice that nobody got; None: now."""
        notice = self.notice
        if not self.needs_notice or notice is None or notice.delivered_at is not None or notice.retry_at is None:
            return None
        return notice.retry_at if notice.retry_at > self.now else None

    @cached_property
    def merge_at(self) -> datetime | None:
        """The first open minute from max(due, (delivered notice, else now) + warning), and not before the moment named.

        Without Slack, or where it was given up: from due. None: no minute is open within 400 days.
        """
        if notice := self.covering_notice:
            return self._after(notice, notice.delivered_at or self.now)
        if self.needs_notice:
            return self._merge_of_notice_at(self.now)
        waived = self.waived_notice
        return first_open(self.closed, max(self.due, (waived and waived.waived_at) or self.due))

    @cached_property
    def warn_at(self) -> datetime | None:
        """The first open moment at which people are told; None where nobody is to be told (any more), or none is open.

        That is `warning` before the merge, or where that is closed: the first open moment from which notice and merge
        both fall into open minutes. Where there is none (open for half an hour a day, told an hour before) the notice
        goes out in one window and the merge comes in a later one.
        """
        if not self.needs_notice or self.merge_at is None:
            return None
        warning = timedelta(seconds=self.warning)
        first = at = first_open(self.closed, self.due - warning if self.due - self.now > warning else self.now)
        for _ in range(_WINDOWS):
            merge_at = None if at is None else self._merge_of_notice_at(at)
            if at is None or merge_at is None:
                break
            if merge_at - at <= warning:
                return at
            at = first_open(self.closed, merge_at - warning)
        if first is None or self._merge_of_notice_at(first) is None:
            return first_open(self.closed, self.now)
        return first

    def announced_at(self, not_before: datetime) -> datetime | None:
        """The moment at which it will really merge, if nothing holds it that is not known now.

        `not_before`: until then it is held, and nobody is told. Slack is taken to answer at its next attempt.
        """
        at = max(self.now, not_before, self.retry_at or self.now)
        then = self if at == self.now else replace(self, now=at)
        if not then.needs_notice:
            return then._merges_at
        return None if then.warn_at is None else self._merge_of_notice_at(then.warn_at)

    @cached_property
    def _merges_at(self) -> datetime | None:
        """When it merges where nobody is to be told any more."""
        merge_at = self.merge_at
        return None if merge_at is None else first_open(self.closed, max(merge_at, self.now))

    def _merge_of_notice_at(self, at: datetime) -> datetime | None:
        return first_open(self.closed, max(self.due, later(at, self.warning)))

    def _after(self, notice: Notice, delivered_at: datetime) -> datetime | None:
        # What was told is kept, also where the plan was shortened meanwhile.
        return first_open(self.closed, max(self.due, later(delivered_at, self.warning), notice.merge_at))

    def _lasts(self, merge_at: datetime | None, named: datetime) -> bool:
        """Whether the merge, which cannot be before now, falls into the hour after the moment that was named."""
        if merge_at is None:
            return False
        happens = first_open(self.closed, max(merge_at, self.now))
        return happens is not None and happens <= later(named, COVERS.total_seconds())
