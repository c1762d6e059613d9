"""The rules of a strategy's times: lengths, closed minutes, time zone (see releases/validation.py)."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones

from croniter import croniter
from croniter.croniter import CroniterError

from projects.validation import Problem, Problems, hint
from releases.calendar import ClosedRule
from releases.durations import in_words
from releases.models import DeployStrategy

DEFAULT_WARNING = 3600  # seconds
LONGEST_WAIT = 365 * 86400  # seconds
LEAST_LIVE, MOST_LIVE = 60, 7 * 86400  # seconds
MOST_BUCKETS = 50

_CRON = re.compile(r"[0-9A-Za-z*,/?#\s-]+")
_NOT_FIXED = re.compile(r"\b[HhRr]\b")  # croniter's hashed and random fields
_A_DAY = datetime(2025, 1, 1, tzinfo=UTC)


def default_warning(merge_after: int | None) -> int:
    """Seconds of warning where none are given: an hour, or half of a shorter wait."""
    return DEFAULT_WARNING if merge_after is None or merge_after > DEFAULT_WARNING else merge_after // 2


def time_problems(strategy: DeployStrategy, organization_rules: Sequence[ClosedRule], at: datetime) -> Problems:
    """`organization_rules` are the closed hours and holidays that the strategy keeps besides its own minutes."""
    yield from _problems_of_lengths(strategy)
    yield from _problems_of_commit_age(strategy)
    if not LEAST_LIVE <= strategy.live_within <= MOST_LIVE:
        yield Problem(
            "live_within",
            "live_within is from 1 minute to 7 days: how long after its merge production may take to show a release.",
        )
    if strategy.time_zone not in _time_zones():
        yield Problem(
            "time_zone",
            "There is no such time zone: write a name of the IANA list, for example "
            f"America/New_York.{hint(strategy.time_zone, _time_zones())}",
        )
        return
    yield from _problems_of_closed_minutes(strategy, organization_rules, at)


def time_warnings(strategy: DeployStrategy) -> list[str]:
    """What is allowed, and perhaps not what was meant."""
    if strategy.min_commit_age and strategy.max_wait is None:
        words = "a repository that gets commits all day may never be old enough for min_commit_age"
        return [f"Without max_wait, {words}: give max_wait, too."]
    return []


def _problems_of_lengths(strategy: DeployStrategy) -> Problems:
    after, warning = strategy.merge_after, strategy.merge_prior_warning
    if after is not None and not 0 <= after <= LONGEST_WAIT:
        yield _too_long("merge_after", after, "; empty: people merge")
        return
    if not 0 <= warning <= LONGEST_WAIT:
        yield _too_long("merge_prior_warning", warning)
    elif after is not None and warning and warning >= after:
        yield Problem(
            "merge_prior_warning",
            f"merge_prior_warning ({in_words(warning)}) must be shorter than merge_after ({in_words(after)}): people "
            "are warned between the opening and the merge. Shorten the warning, or wait longer.",
        )


def _problems_of_commit_age(strategy: DeployStrategy) -> Problems:
    after, age, longest = strategy.merge_after, strategy.min_commit_age, strategy.max_wait
    if age is not None and not 0 <= age <= LONGEST_WAIT:
        yield _too_long("min_commit_age", age)
    elif age and after is None:
        yield Problem(
            "min_commit_age",
            "min_commit_age delays merges, and people merge here: give merge_after, or leave this.",
        )
    if longest is None:
        return
    if not 0 <= longest <= LONGEST_WAIT:
        yield _too_long("max_wait", longest)
    elif not age:
        yield Problem("max_wait", "max_wait is the limit of min_commit_age: give min_commit_age, or leave it empty.")
    elif after is not None and longest < after:
        yield Problem(
            "max_wait",
            f"max_wait ({in_words(longest)}) must not be shorter than merge_after ({in_words(after)}): both count from "
            "the opening.",
        )
    elif longest < age:
        yield Problem(
            "max_wait",
            f"max_wait ({in_words(longest)}) must not be shorter than min_commit_age ({in_words(age)}): no commit "
            "would ever be old enough.",
        )


def _too_long(name: str, seconds: int, more: str = "") -> Problem:
    given = f"{in_words(seconds)} is too long: " if seconds > 0 else ""
    return Problem(name, f"{given}{name} is from 0 to {LONGEST_WAIT} seconds (365 days){more}.")


# --- closed minutes -----------------------------------------------------------------------------------------------


def _problems_of_closed_minutes(
    strategy: DeployStrategy, organization_rules: Sequence[ClosedRule], at: datetime
) -> Problems:
    for bucket in strategy.blocked_time_buckets:
        yield from _problems_of_cron(bucket)


def _problems_of_cron(bucket: str) -> Problems:
    field = "blocked_time_buckets"
    if len(bucket.split()) != 5 or not _CRON.fullmatch(bucket) or _NOT_FIXED.search(bucket):
        yield Problem(
            field,
            f"“{bucket[:50]}” is no cron expression: write five fields, for example * 1-2 * * * for 01:00 to 02:59.",
        )
        return
    try:
        minutes = croniter(bucket, _A_DAY)
        minutes.get_next(float)
    except (CroniterError, ValueError, KeyError):
        yield Problem(
            field,
            f"“{bucket[:50]}” is no cron expression that ever matches: minute, hour, day, month, day of week, for "
            "example * 1-2 * * * for 01:00 to 02:59.",
        )
        return
    if all(values == ["*"] for values in minutes.expanded):
        yield Problem(field, f"“{bucket}” closes every minute: to stop releases, take automatic away, or make a block.")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
