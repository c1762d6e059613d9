"""Strategies in words."""

from dataclasses import replace

import pytest

from releases.calendar import ClosedRule, Days, Span
from releases.closed_rules import of_cron
from releases.explain import Terms, rule_in_words, strategy_in_words

NEW_YORK = "America/New_York"
DAILY = Terms(True, "release", "staging", merge_after=86400)


def closed(*expressions: str, zone: str = "UTC") -> tuple[ClosedRule, ...]:
    return tuple(of_cron(expression, zone) for expression in expressions)


def test_a_strategy_is_one_sentence() -> None:
    terms = replace(DAILY, closed=closed("* 1-2 * * *", zone=NEW_YORK), channels=("#dev",))
    assert strategy_in_words(terms) == (
        "opens a pull request from staging to release, merges it 24 hours later, not between 01:00 and 02:59 New York "
        "time, warns #dev an hour before"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"automatic": False}, "leaves it to people to release staging to release"),
        ({"merge_after": None}, "opens a pull request from staging to release, which people merge"),
        ({"merge_after": 0}, "merges it as soon as it can be"),
        ({"merge_method": "squash"}, "squashes it into one commit 24 hours later"),
        ({"merge_method": "rebase"}, "merges it by rebasing 24 hours later"),
        ({"min_commit_age": 7200}, "24 hours later, when its newest commit is at least 2 hours old, without"),
        ({"min_commit_age": 7200, "max_wait": 259200}, "at least 2 hours old (or 72 hours after the opening)"),
        ({"required_checks": ("ci",)}, "when ci is green"),
        ({"required_checks": ("ci", "lint")}, "when ci and lint are green"),
        ({}, "24 hours later, without a warning in Slack"),
        ({"webhooks": 1}, "warns a Slack webhook an hour before"),
        ({"channels": ("#dev", "#ops"), "webhooks": 2}, "warns #dev, #ops and 2 Slack webhooks an hour before"),
        ({"channels": ("#dev",), "merge_prior_warning": 5400}, "warns #dev 90 minutes before"),
        ({"channels": ("#dev",), "merge_prior_warning": 0}, "tells #dev just before"),
        ({"hours": ("weekend", "night")}, "not in the organization's closed hours (weekend and night)"),
        ({"commit_status": True}, "shows what it says as the commit status horizon/release"),
        ({"closed": closed("* * * * 6,0")}, "not on Saturdays and Sundays (UTC)"),
        (
            {"closed": closed("* 0-8 * * *", "* * * * 5", zone="Europe/Berlin")},
            "not between 00:00 and 08:59, nor on Fridays (Berlin time)",
        ),
    ],
)
def test_what_is_set_is_said(changed: dict[str, object], words: str) -> None:
    assert words in strategy_in_words(replace(DAILY, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* 1-2 * * *", "between 01:00 and 02:59"),
        ("30 9 * * *", "at 09:30"),
        ("0-29 9 * * 1-5", "between 09:00 and 09:29 on Mondays to Fridays"),
        ("* 9,17 * * *", "between 09:00 and 09:59 and between 17:00 and 17:59"),
        ("* * * * sat", "on Saturdays"),
        ("* * * * 7", "on Sundays"),
        ("* 18-23 * * 5", "between 18:00 and 23:59 on Fridays"),
        ("* * 24-26 12 *", "on the 24th to 26th in December"),
        ("* * 1,15 * *", "on the 1st and 15th"),
        ("* * 13 * 5", "on the 13th and on Fridays"),
        ("* * * 7-8 *", "in July and August"),
        ("* * * 1,3,5 *", "in January, March and May"),
        ("*/15 * * * *", "in the minutes of */15 * * * *"),
        ("* * 1-31/2 * *", "in the minutes of * * 1-31/2 * *"),
    ],
)
def test_cron_is_said_in_words_where_they_are_short(expression: str, words: str) -> None:
    assert rule_in_words(of_cron(expression, "UTC")) == words


def test_a_span_over_midnight_ends_on_the_next_day() -> None:
    night = ClosedRule("night", "UTC", (Span(22 * 60, 30 * 60),), Days(weekdays=frozenset({4})))
    assert rule_in_words(night) == "between 22:00 and 05:59 of the next day on Fridays"
