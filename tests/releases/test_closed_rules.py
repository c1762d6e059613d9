"""Closed minutes from cron expressions, closed hours and holidays."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from releases.calendar import ClosedRule, Days, Rules, Span, closed_by
from releases.closed_rules import of_cron, of_holiday, of_hours, of_strategy
from releases.models import ClosedHours, DeployStrategy, Holiday

DAY = 1440
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def spans(expression: str) -> list[tuple[int, int]]:
    return [(span.begins, span.ends) for span in of_cron(expression, "UTC").spans]


class TestCron:
    def test_of_the_design_closes_two_hours_in_its_zone(self) -> None:
        assert of_cron("* 1-2 * * *", "America/New_York") == ClosedRule(
            "* 1-2 * * *", "America/New_York", (Span(60, 180),), Days(either=True)
        )

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("* * * * *", [(0, DAY)]),
            ("* 22-23,0-1 * * *", [(0, 120), (1320, DAY)]),
            ("30-59 9 * * *", [(570, 600)]),
            ("*/30 9 * * *", [(540, 541), (570, 571)]),
            ("59 1 * * *", [(119, 120)]),
        ],
    )
    def test_minutes_that_follow_each_other_are_one_span(
        self, expression: str, expected: list[tuple[int, int]]
    ) -> None:
        assert spans(expression) == expected

    def test_hours_over_midnight_are_one_stretch(self) -> None:
        night = of_cron("* 22-23,0-5 * * *", "UTC")

        assert closed_by([night], MONDAY)
        assert closed_by([night], MONDAY + timedelta(hours=22))
        assert not closed_by([night], MONDAY + timedelta(hours=6))

    @pytest.mark.parametrize(
        ("expression", "weekdays"),
        [("* * * * 0", {6}), ("* * * * 7", {6}), ("* * * * 1-5", {0, 1, 2, 3, 4}), ("* * * * SAT,sun", {5, 6})],
    )
    def test_sunday_is_nought_and_seven(self, expression: str, weekdays: set[int]) -> None:
        assert of_cron(expression, "UTC").days.weekdays == frozenset(weekdays)

    def test_either_day_is_enough_where_both_are_limited(self) -> None:
        rule = of_cron("* * 1 * 1", "UTC")

        assert closed_by([rule], MONDAY)
        assert closed_by([rule], datetime(2026, 12, 1, tzinfo=UTC))  # a Tuesday
        assert not closed_by([rule], datetime(2026, 12, 2, tzinfo=UTC))

    def test_a_list_that_holds_every_day_is_every_day(self) -> None:
        assert of_cron("0 0 * * *,1", "UTC").days.weekdays is None

    @pytest.mark.parametrize(
        "expression", ["0 0 L * *", "0 0 * * 5#1", "0 0 * * L5", "h h * * *", "r r * * *", "* * 15W * *", "* * ^ * *"]
    )
    def test_what_sets_cannot_say_is_refused(self, expression: str) -> None:
        with pytest.raises(ValueError, match="closed hours do not know"):
            of_cron(expression, "UTC")

    @pytest.mark.parametrize("expression", ["", "* * * *", "* * * * * *", "@daily", "61 * * * *", "5 25 * * *", "a b"])
    def test_what_is_no_expression_is_refused_with_an_example(self, expression: str) -> None:
        with pytest.raises(ValueError, match=r"no cron expression: write five fields, for example \* 1-2 \* \* \*"):
            of_cron(expression, "UTC")


def field(values: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


@settings(max_examples=200, deadline=None)
@given(
    fields=st.tuples(
        field(["*", "0", "*/7", "5-20", "0,59"]),
        field(["*", "0", "23", "1-2", "22-23,0-4"]),
        field(["*", "1", "31", "10-20"]),
        field(["*", "2", "11", "jan-mar"]),
        field(["*", "0", "7", "1-5", "6,0", "mon"]),
    ),
    moments=st.lists(st.integers(0, 366 * DAY), min_size=5, max_size=5),
)
def test_closed_minutes_are_those_that_cron_matches(fields: tuple[str, ...], moments: list[int]) -> None:
    expression = " ".join(fields)
    rule = of_cron(expression, "UTC")
    for minute in moments:
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        assert bool(closed_by([rule], moment)) is croniter.match(expression, moment)


class TestRows:
    def test_closed_hours_over_midnight_end_on_the_next_day(self) -> None:
        row = ClosedHours(name="night", weekdays=[4], begins_at=time(22), ends_at=time(6), time_zone="Europe/Berlin")

        assert of_hours(row) == ClosedRule(
            "night", "Europe/Berlin", (Span(1320, DAY + 360),), Days(weekdays=frozenset({4}))
        )

    def test_closed_hours_that_end_when_they_begin_last_a_day(self) -> None:
        row = ClosedHours(name="day", weekdays=[5], begins_at=time(9), ends_at=time(9))

        assert of_hours(row).spans == (Span(540, DAY + 540),)

    def test_closed_hours_of_one_day_end_on_it(self) -> None:
        row = ClosedHours(name="lunch", weekdays=[5], begins_at=time(12), ends_at=time(12, 30))

        assert of_hours(row).spans == (Span(720, 750),)

    @pytest.mark.parametrize(
        ("times", "stretch"),
        [
            ((None, None), ("2026-12-24T00:00", "2026-12-27T00:00")),
            ((time(17), time(9)), ("2026-12-24T17:00", "2026-12-26T09:00")),
        ],
    )
    def test_holidays_hold_their_last_day(
        self, times: tuple[time | None, time | None], stretch: tuple[str, str]
    ) -> None:
        row = Holiday(name="Christmas", first_day=date(2026, 12, 24), last_day=date(2026, 12, 26))
        row.begins_at, row.ends_at = times

        assert of_holiday(row).stretches == ((datetime.fromisoformat(stretch[0]), datetime.fromisoformat(stretch[1])),)

    def test_a_holiday_of_one_night_ends_on_the_next_day(self) -> None:
        eve = date(2026, 12, 31)
        row = Holiday(name="New Year", first_day=eve, last_day=eve, begins_at=time(18), ends_at=time(6))

        assert of_holiday(row).stretches[0][1] == datetime.fromisoformat("2027-01-01T06:00")

    def test_a_strategy_keeps_its_own_minutes_and_those_of_its_organization(self) -> None:
        strategy = DeployStrategy(blocked_time_buckets=["* 1-2 * * *", "no cron"], time_zone="Asia/Tokyo")
        hours = ClosedHours(name="lunch", weekdays=[5], begins_at=time(12), ends_at=time(13))
        holiday = Holiday(name="Christmas", first_day=date(2026, 12, 24), last_day=date(2026, 12, 26))

        rules = of_strategy(strategy, Rules([of_hours(hours), of_holiday(holiday)]))

        assert [(rule.name, rule.zone) for rule in rules] == [
            ("* 1-2 * * *", "Asia/Tokyo"), ("lunch", "UTC"), ("Christmas", "UTC")
        ]  # fmt: skip


def test_what_is_the_same_is_one_rule_for_all_releases() -> None:
    """Pages look it up thousands of times: by identity, not by comparing."""
    hours = {"name": "night", "time_zone": "UTC", "begins_at": time(22), "ends_at": time(6), "weekdays": [0, 1]}
    day = {"name": "fair", "time_zone": "UTC", "first_day": date(2026, 12, 1), "last_day": date(2026, 12, 2)}

    assert of_hours(ClosedHours(**hours)) is of_hours(ClosedHours(**hours))
    assert of_holiday(Holiday(**day)) is of_holiday(Holiday(**day))
