"""The rules of a strategy's times: lengths, closed minutes, time zone (see releases/validation.py)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

from projects.models import Organization
from projects.validation import Problem, Problems, hint
from releases.calendar import ClosedRule, first_open
from releases.closed_rules import of_cron, of_holiday, of_hours
from releases.durations import in_words
from releases.models import DeployStrategy

DEFAULT_WARNING = 3600  # seconds
LONGEST_WAIT = 365 * 86400  # seconds
LEAST_LIVE, MOST_LIVE = 60, 7 * 86400  # seconds
MOST_BUCKETS = 50

_LONGEST_CYCLE = 9 * 366  # days; the 29th of February comes every 4 years, and once a century only after 8
_FIELDS = "Write minute, hour, day of the month, month, weekday: * 1-2 * * * closes 01:00 to 02:59."


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
    field = "blocked_time_buckets"
    buckets = list(strategy.blocked_time_buckets)
    if len(buckets) > MOST_BUCKETS:
        yield Problem(field, f"A strategy has at most {MOST_BUCKETS} cron expressions: join some of them.")
        return
    rules: list[ClosedRule] = []
    for bucket in buckets:
        try:
            rule = of_cron(bucket, strategy.time_zone if strategy.time_zone in _time_zones() else "UTC")
        except ValueError as error:
            yield Problem(field, str(error))
            continue
        rules.append(rule)
        if not _ever_matches(rule, at):
            yield Problem(field, f"“{bucket[:50]}” never matches: there is no such day. {_FIELDS}")
    if not rules or len(rules) < len(buckets):
        return
    closes_all = next((rule.name for rule in rules if first_open([rule], at) is None), None)
    if closes_all is not None:
        yield Problem(
            field, f"“{closes_all}” closes every minute: to stop releases, take automatic away, or make a block."
        )
    elif first_open(rules, at) is None:
        yield Problem(
            field,
            "Together, these leave no minute open: nothing could ever be merged. Take one away, or shorten it.",
        )
    elif first_open([*rules, *organization_rules], at) is None:
        names = ", ".join(dict.fromkeys(rule.name for rule in organization_rules))
        yield Problem(
            field,
            f"Together with the closed hours of the organization ({names[:200]}), these leave no minute open: nothing "
            "could ever be merged. Leave a minute of its open hours.",
        )


def _ever_matches(rule: ClosedRule, at: datetime) -> bool:
    return any(rule.days.has(at.date() + timedelta(days=day)) for day in range(_LONGEST_CYCLE))


def rules_of_organization(organization: Organization | None) -> tuple[ClosedRule, ...]:
    """The closed hours and holidays that all strategies of an organization keep; none of one that is not stored yet."""
    if organization is None or organization.pk is None:
        return ()
    return (*map(of_hours, organization.closed_hours.all()), *map(of_holiday, organization.holidays.all()))


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
