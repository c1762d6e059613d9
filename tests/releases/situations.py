"""Facts of a release that is due; a test changes one of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releases.calendar import ClosedRule, Days, Span
from releases.decision import Block, Check, CheckState, Facts, Plan, PullRequest, Reading
from releases.situation import Notice, ReleaseNow

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
HEAD = "a" * 40
BASE = "b" * 40

GREEN_CI = Check("ci", CheckState.SUCCESS, required=True)
PULL = PullRequest(
    12, "https://github.com/artsy/candela/pull/12", created_at=NOW - 2 * DAY, head_sha=HEAD, checks=(GREEN_CI,)
)
READING = Reading("artsy/candela", 1, head_sha=HEAD, base_sha=BASE, ahead=3, pull_request=PULL, required_checks=("ci",))
PLAN = Plan(automatic=True, base="release", head="staging", merge_after=86400)
DUE = Facts(now=NOW, plan=PLAN, reading=READING, read_at=NOW - timedelta(seconds=5), opened_at=NOW - 2 * DAY)


def plan(**changes: Any) -> Facts:
    """All is well, but for these of the strategy."""
    return replace(DUE, plan=replace(PLAN, **changes))


def reading(**changes: Any) -> Facts:
    """All is well, but for these of what GitHub says of the repository."""
    return replace(DUE, reading=replace(READING, **changes))


def pull(**changes: Any) -> Facts:
    """All is well, but for these of the pull request."""
    return reading(pull_request=replace(PULL, **changes))


def checks(*found: Check, required: tuple[str, ...] | None = ()) -> Facts:
    """All is well, but for the checks and what the repository requires."""
    return reading(required_checks=required, pull_request=replace(PULL, checks=found))


def block(reason: str = "incident 12", **more: Any) -> Block:
    return Block("mary", reason, **more)


# NOW is a Monday at 14:05 in all of these.
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def closed(begins: str, ends: str, name: str = "quiet", zone: str = "UTC") -> ClosedRule:
    """Closed from one wall time to another on every day; over midnight where it does not end after it begins."""
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (begins, ends))
    return ClosedRule(name, zone, (Span(first, last if last > first else last + 1440),))


ALWAYS = ClosedRule("always", "UTC", days=Days(weekdays=frozenset(range(7))))


def told(**changes: Any) -> Facts:
    """All is well, but Slack is to be told an hour before; nobody was."""
    return plan(slack_targets=1, **changes)


def noticed(named: timedelta = -5 * MINUTE, *, delivered: timedelta | None = None, **changes: Any) -> Facts:
    """All is well, and Slack was told an hour before the moment that was named, which is so far from now."""
    delivered_at = NOW + (named - HOUR if delivered is None else delivered)
    notice = Notice(merge_at=NOW + named, begun_at=delivered_at, delivered_at=delivered_at)
    return replace(told(**changes), notice=notice)


def unheard(begun: timedelta, **changes: Any) -> Facts:
    """All is well, but Slack did not take the notice that was first tried so far from now."""
    begun_at = NOW + begun
    notice = Notice(merge_at=begun_at + HOUR, begun_at=begun_at, error="channel_not_found")
    return replace(told(), notice=replace(notice, **changes))


def waived(at: timedelta, **changes: Any) -> Facts:
    """All is well, but Slack took no notice for two hours, so that it was given up, so far from now."""
    return unheard(at - 2 * HOUR, waived_at=NOW + at, **changes)


def rushed(facts: Facts, **changes: Any) -> Facts:
    """The same, but ana releases the head now."""
    return replace(facts, release_now=replace(ReleaseNow("ana", "hot fix", HEAD), **changes))
