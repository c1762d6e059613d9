"""When a release that is opened now could merge."""

from datetime import UTC, datetime, timedelta

from releases.calendar import ClosedRule, Days, Span
from releases.closed_rules import of_cron
from releases.forecast import chances
from releases.situation import Plan

NEW_YORK = "America/New_York"
MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAILY = {"automatic": True, "base": "release", "head": "staging", "merge_after": 86400}


def plan(*closed: ClosedRule, **changed: object) -> Plan:
    return Plan(**{**DAILY, "closed": closed, **changed})  # type: ignore[arg-type]


def moments(of: Plan, now: datetime = MONDAY) -> list[str]:
    return [f"{chance.at:%a %d %b %H:%M}" for chance in chances(of, now)]


def test_without_closed_hours_it_merges_at_any_time_from_its_age_on() -> None:
    (chance,) = chances(plan(), MONDAY)
    assert (chance.at, chance.until) == (MONDAY + timedelta(days=1), None)
    assert chance.why == "24 hours after its opening"


def test_people_who_merge_are_no_forecast() -> None:
    assert chances(plan(merge_after=None), MONDAY) == []


def test_a_strategy_that_is_not_automatic_yet_is_forecast_as_if_it_were() -> None:
    assert len(chances(plan(automatic=False), MONDAY)) == 1


def test_ten_moments_follow_the_closed_hours() -> None:
    found = chances(plan(of_cron("* 1-2 * * *", "UTC")), MONDAY)
    assert len(found) == 10
    assert found[0].until == datetime(2026, 11, 25, 1, tzinfo=UTC)
    assert [f"{chance.at:%d %H:%M}" for chance in found[:3]] == ["24 08:00", "25 03:00", "26 03:00"]
    assert found[1].why == "the first open minute after * 1-2 * * *"


def test_a_moment_in_closed_hours_is_delayed_and_says_by_what() -> None:
    weekend = ClosedRule("weekend", "UTC", (Span(0, 1440),), Days(weekdays=frozenset({5, 6})))
    friday = MONDAY + timedelta(days=4)

    first = chances(plan(weekend), friday)[0]

    assert first.at == datetime(2026, 11, 30, tzinfo=UTC)
    assert first.why == "24 hours after its opening, delayed by 40 hours: closed by weekend"


def test_a_notice_waits_for_open_minutes_and_delays_the_merge() -> None:
    found = chances(plan(of_cron("* 7 * * *", "UTC"), slack_targets=1), MONDAY)
    assert found[0].at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert "delayed by 1 hour: closed by * 7 * * * (no notice is sent then either)" in found[0].why
    assert found[1].at == datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert found[1].why == "the first open minute after * 7 * * *, and people are warned 1 hour before"


def test_commits_that_must_soak_are_named() -> None:
    first = chances(plan(merge_after=3600, min_commit_age=7200), MONDAY)[0]
    assert (first.at, first.why) == (MONDAY + timedelta(hours=2), "its newest commit must be 2 hours old")


def test_wall_time_is_kept_when_clocks_are_set_forward() -> None:
    """On 8 March 2026, 02:00 to 03:00 does not exist in New York: closed from 01:00 to 02:00 is open again at 03:00."""
    now = datetime(2026, 3, 7, 5, 30, tzinfo=UTC)
    assert moments(plan(of_cron("* 0-1 * * *", NEW_YORK), merge_after=0), now)[:3] == [
        "Sat 07 Mar 07:00",
        "Sun 08 Mar 07:00",
        "Mon 09 Mar 06:00",
    ]


def test_wall_time_is_kept_when_clocks_are_set_back() -> None:
    """On 1 November 2026, 01:00 comes twice in New York; closed from 00:00 to 09:00 there lasts ten hours."""
    now = datetime(2026, 10, 31, 14, tzinfo=UTC)
    assert moments(plan(of_cron("* 0-8 * * *", NEW_YORK), merge_after=0), now)[:3] == [
        "Sat 31 Oct 14:00",
        "Sun 01 Nov 14:00",
        "Mon 02 Nov 14:00",
    ]


def test_no_open_minute_is_no_moment() -> None:
    assert chances(plan(of_cron("* * * * *", "UTC")), MONDAY) == []


def test_an_expression_of_many_spans_is_quick_enough_to_show() -> None:
    assert len(chances(plan(of_cron("*/2 * * * *", "UTC")), MONDAY)) == 10
