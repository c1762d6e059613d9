"""Facts of a release that is due; a test changes one of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releases.decision import Block, Check, CheckState, Facts, Plan, PullRequest, Reading

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
