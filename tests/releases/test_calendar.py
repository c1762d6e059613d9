"""Closed hours: days, spans, clocks that change, and the first open minute."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releases.calendar import NEVER, Closed, ClosedRule, Days, Span, closed_by, closed_until, first_open, occurrences

DAY = 1440
WEEKEND = frozenset({5, 6})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def wall(text: str) -> datetime:
    """A time on the wall, of no zone."""
    return datetime.fromisoformat(text)


def rule(begins: int, ends: int, zone: str = "UTC", **days: object) -> ClosedRule:
    return ClosedRule("rule", zone, (Span(begins, ends),), Days(**days))  # type: ignore[arg-type]


def stretches(rules: ClosedRule, since: str, until: str) -> list[tuple[str, str]]:
    """In the clocks of the rule's zone, with their offset."""
    found = occurrences([rules], at(since), at(until))
    zone = ZoneInfo(rules.zone)
    return [
        (f"{each.begins.astimezone(zone):%d %H:%M %z}", f"{each.ends.astimezone(zone):%d %H:%M %z}") for each in found
    ]


class TestASpan:
    NIGHT = rule(60, 180)

    @pytest.mark.parametrize(
        ("moment", "opens"),
        [
            ("2026-11-23T00:59:59+00:00", None),
            ("2026-11-23T01:00:00+00:00", "2026-11-23T03:00:00+00:00"),
            ("2026-11-23T02:59:59+00:00", "2026-11-23T03:00:00+00:00"),
            ("2026-11-23T03:00:00+00:00", None),
        ],
    )
    def test_holds_its_first_moment_and_not_its_last(self, moment: str, opens: str | None) -> None:
        assert closed_until([self.NIGHT], at(moment)) == (at(opens) if opens else None)
        assert first_open([self.NIGHT], at(moment)) == at(opens or moment)
        assert closed_by([self.NIGHT], at(moment)) == ((self.NIGHT,) if opens else ())

    def test_over_midnight_belongs_to_the_day_on_which_it_begins(self) -> None:
        friday_night = rule(22 * 60, DAY + 6 * 60, weekdays=frozenset({4}))

        assert closed_until([friday_night], at("2026-11-28T05:59+00:00")) == at("2026-11-28T06:00+00:00")  # Saturday
        assert closed_until([friday_night], at("2026-11-27T05:59+00:00")) is None  # Friday
        assert closed_until([friday_night], at("2026-11-28T22:00+00:00")) is None

    def test_of_several_days_is_one(self) -> None:
        weekend = rule(18 * 60, 3 * DAY + 8 * 60, weekdays=frozenset({4}))

        assert closed_until([weekend], at("2026-11-30T07:59+00:00")) == at("2026-11-30T08:00+00:00")
        assert closed_until([weekend], at("2026-11-30T08:00+00:00")) is None

    def test_that_ends_where_it_begins_closes_nothing(self) -> None:
        assert closed_until([rule(60, 60)], at("2026-11-23T01:00+00:00")) is None


class TestDays:
    def test_without_hours_are_closed_as_a_whole(self) -> None:
        weekend = ClosedRule("weekend", "Europe/Berlin", days=Days(weekdays=WEEKEND))

        assert stretches(weekend, "2026-11-23T00:00+00:00", "2026-11-30T00:00+00:00") == [
            ("28 00:00 +0100", "30 00:00 +0100")
        ]

    def test_a_rule_without_days_and_hours_closes_nothing(self) -> None:
        assert closed_until([ClosedRule("nothing", "UTC")], at("2026-11-23T00:00+00:00")) is None

    @pytest.mark.parametrize(
        ("days", "day", "closed"),
        [
            (Days(months=frozenset({11})), date(2026, 11, 30), True),
            (Days(months=frozenset({11})), date(2026, 12, 1), False),
            (Days(month_days=frozenset({1}), weekdays=frozenset({0}), either=True), date(2026, 11, 23), True),
            (Days(month_days=frozenset({1}), weekdays=frozenset({0}), either=True), date(2026, 12, 1), True),
            (Days(month_days=frozenset({1}), weekdays=frozenset({0}), either=True), date(2026, 12, 2), False),
            (Days(month_days=frozenset({1}), weekdays=frozenset({0})), date(2026, 12, 1), False),
            (Days(month_days=frozenset({1}), weekdays=frozenset({1})), date(2026, 12, 1), True),
            (Days(month_days=frozenset({1}), either=True), date(2026, 12, 2), False),
            (Days(weekdays=frozenset({0}), either=True), date(2026, 12, 2), False),
            (Days(dates=frozenset({date(2026, 12, 24)})), date(2026, 12, 24), True),
            (Days(dates=frozenset({date(2026, 12, 24)})), date(2027, 12, 24), False),
        ],
    )
    def test_are_those_that_were_named(self, days: Days, day: date, closed: bool) -> None:
        noon = datetime.combine(day, time(12), UTC)

        assert bool(closed_by([ClosedRule("rule", "UTC", (Span(0, DAY),), days)], noon)) is closed


class TestStretches:
    FREEZE = ClosedRule(
        "freeze", "America/New_York", stretches=((wall("2026-12-24T17:00"), wall("2026-12-27T00:00")),)
    )  # fmt: skip

    def test_of_the_future_are_not_active_now(self) -> None:
        assert closed_by([self.FREEZE], at("2026-12-24T16:59:59-05:00")) == ()

    def test_are_over_at_their_end(self) -> None:
        assert closed_until([self.FREEZE], at("2026-12-24T17:00-05:00")) == at("2026-12-27T00:00-05:00")
        assert closed_until([self.FREEZE], at("2026-12-27T00:00-05:00")) is None

    def test_that_end_before_they_begin_close_nothing(self) -> None:
        wrong = ClosedRule("wrong", "UTC", stretches=((wall("2026-12-02"), wall("2026-12-01")),))

        assert occurrences([wrong], at("2026-01-01T00:00+00:00"), at("2027-01-01T00:00+00:00")) == []


class TestChangingClocks:
    """New York 2026: forward on 8 March at 02:00, back on 1 November at 02:00."""

    NY = "America/New_York"
    SPRING = ("2026-03-08T00:00-05:00", "2026-03-08T12:00-04:00")
    AUTUMN = ("2026-11-01T00:00-04:00", "2026-11-01T12:00-05:00")

    @pytest.mark.parametrize(
        ("begins", "ends", "stretch"),
        [
            ("01:00", "03:00", ("08 01:00 -0500", "08 03:00 -0400")),
            ("01:00", "02:30", ("08 01:00 -0500", "08 03:00 -0400")),
            ("02:30", "04:00", ("08 03:00 -0400", "08 04:00 -0400")),
            ("02:00", "03:00", ("08 03:00 -0400", "08 04:00 -0400")),  # wholly missing: it moves forward
            ("02:15", "02:45", ("08 03:15 -0400", "08 03:45 -0400")),
        ],
    )
    def test_a_missing_hour_moves_forward(self, begins: str, ends: str, stretch: tuple[str, str]) -> None:
        assert stretches(rule(minutes(begins), minutes(ends), self.NY), *self.SPRING) == [stretch]

    @pytest.mark.parametrize(
        ("begins", "ends", "stretch"),
        [
            ("00:00", "01:30", ("01 00:00 -0400", "01 01:30 -0400")),
            ("01:30", "03:00", ("01 01:30 -0400", "01 03:00 -0500")),
            ("01:00", "01:01", ("01 01:00 -0400", "01 01:01 -0400")),
            ("00:00", "06:00", ("01 00:00 -0400", "01 06:00 -0500")),
        ],
    )
    def test_a_repeated_hour_counts_once(self, begins: str, ends: str, stretch: tuple[str, str]) -> None:
        assert stretches(rule(minutes(begins), minutes(ends), self.NY), *self.AUTUMN) == [stretch]

    def test_half_an_hour_is_missing_on_lord_howe(self) -> None:
        found = stretches(
            rule(60, 135, "Australia/Lord_Howe"), "2026-10-04T00:00+10:30", "2026-10-04T12:00+11:00"
        )  # fmt: skip

        assert found == [("04 01:00 +1030", "04 02:30 +1100")]

    def test_a_day_that_apia_left_out_moves_forward(self) -> None:
        holiday = ClosedRule("holiday", "Pacific/Apia", stretches=((wall("2011-12-30"), wall("2011-12-31")),))

        assert stretches(holiday, "2011-12-29T00:00+00:00", "2012-01-02T00:00+00:00") == [
            ("31 00:00 +1400", "01 00:00 +1400")
        ]

    def test_a_zone_that_nobody_knows_is_utc(self) -> None:
        assert closed_until([rule(0, 60, "Mars/Olympus")], at("2026-11-23T00:30+00:00")) == at("2026-11-23T01:00+00:00")


class TestTheFirstOpenMinute:
    def test_walks_from_rule_to_rule(self) -> None:
        rules = [rule(0, 60), rule(60, 120), ClosedRule("day", "UTC", days=Days(weekdays=frozenset({6})))]

        assert first_open(rules, at("2026-11-22T12:00+00:00")) == at("2026-11-23T02:00+00:00")

    def test_never_comes_where_every_minute_is_closed(self) -> None:
        always = [ClosedRule("week", "UTC", days=Days(weekdays=frozenset(range(5)))), rule(0, DAY, weekdays=WEEKEND)]

        assert first_open(always, at("2026-11-22T12:00+00:00")) is None
        assert closed_until(always, at("2026-11-22T12:00+00:00")) == NEVER

    def test_after_400_days_is_too_late(self) -> None:
        def closed_for(days: int) -> ClosedRule:
            begins = wall("2026-01-01")
            middle = begins + timedelta(days=1)
            ends = ((begins, middle), (middle, begins + timedelta(days=days)))
            return ClosedRule("long", "UTC", stretches=ends)

        since = at("2026-01-01T00:00+00:00")

        assert first_open([closed_for(400)], since) == since + timedelta(days=400)
        assert first_open([closed_for(401)], since) is None

    @pytest.mark.parametrize("extreme", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
    def test_is_at_once_at_the_ends_of_time(self, extreme: datetime) -> None:
        assert first_open([rule(0, DAY, "Asia/Tokyo")], extreme) == extreme


class TestOccurrences:
    def test_are_those_that_touch_the_time_in_order_each_rule_for_itself(self) -> None:
        day = rule(0, DAY, weekdays=frozenset({0}))
        late = ClosedRule("late", "UTC", (Span(23 * 60, DAY + 60),))

        assert occurrences([late, day], at("2026-11-23T00:00+00:00"), at("2026-11-24T00:30+00:00")) == [
            Closed("late", at("2026-11-22T23:00+00:00"), at("2026-11-23T01:00+00:00")),
            Closed("rule", at("2026-11-23T00:00+00:00"), at("2026-11-24T00:00+00:00")),
            Closed("late", at("2026-11-23T23:00+00:00"), at("2026-11-24T01:00+00:00")),
        ]

    def test_that_only_touch_the_edges_are_not_in_it(self) -> None:
        assert occurrences([rule(60, 120)], at("2026-11-23T02:00+00:00"), at("2026-11-24T01:00+00:00")) == []

    def test_that_adjoin_are_one(self) -> None:
        found = occurrences(
            [rule(0, DAY, weekdays=WEEKEND)], at("2026-11-28T12:00+00:00"), at("2026-11-28T13:00+00:00")
        )

        assert found == [Closed("rule", at("2026-11-28T00:00+00:00"), at("2026-11-30T00:00+00:00"))]


def minutes(text: str) -> int:
    moment = time.fromisoformat(text)
    return moment.hour * 60 + moment.minute


# --- against clocks that are watched minute by minute -------------------------------------------------------------

# Days around changes of clocks: forward, back, by half an hour, over midnight, by a day; and none at all.
CHANGES = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Pacific/Apia", date(2011, 12, 31)),
    ("Asia/Kathmandu", date(2026, 6, 1)),
]


def watched(zone: ZoneInfo, day: date) -> list[tuple[datetime, datetime]]:
    """What a clock on the wall shows, minute by minute, for a week: moment and wall time."""
    first = datetime.combine(day - timedelta(days=4), time(), UTC)
    moments = [first + timedelta(minutes=minute) for minute in range(8 * DAY)]
    return [(moment, moment.astimezone(zone).replace(tzinfo=None)) for moment in moments]


def reference(clock: list[tuple[datetime, datetime]], begins: datetime, ends: datetime) -> tuple[datetime, datetime]:
    """From the first minute at which the clock shows the beginning or more, to the first with the end or more."""
    first = next(moment for moment, wall in clock if wall >= begins)
    last = next(moment for moment, wall in clock if wall >= ends)
    if first < last:
        return first, last
    shown = max(wall for moment, wall in clock if moment < first) + timedelta(minutes=1)
    return first + (begins - shown), first + (ends - shown)


@settings(max_examples=60, deadline=None)
@given(
    where=st.sampled_from(CHANGES),
    begins=st.integers(0, DAY - 1),
    length=st.one_of(st.integers(1, 90), st.integers(1, 2 * DAY)),
    days=st.sampled_from([Days(), Days(weekdays=WEEKEND), Days(weekdays=frozenset({2, 6}))]),
)
def test_closed_minutes_are_those_of_a_watched_clock(
    where: tuple[str, date], begins: int, length: int, days: Days
) -> None:
    name, day = where
    zone = ZoneInfo(name)
    clock = watched(zone, day)
    closed = ClosedRule("rule", name, (Span(begins, begins + length),), days)
    expected = []
    for offset in range(-3, 1):
        starts = datetime.combine(day + timedelta(days=offset), time())
        if days.has(starts.date()):
            first = starts + timedelta(minutes=begins)
            expected.append(reference(clock, first, first + timedelta(minutes=length)))

    # Only the days of which every span that may reach into them is expected.
    for moment, shown in clock[DAY : 5 * DAY : 7]:
        if day - timedelta(days=1) <= shown.date() <= day:
            is_closed = any(begins_at <= moment < ends_at for begins_at, ends_at in expected)
            assert (closed_by([closed], moment) == (closed,)) is is_closed, (moment, shown)
            opens = closed_until([closed], moment)
            assert (opens is not None) is is_closed
            assert opens is None or closed_by([closed], opens) == ()


@settings(max_examples=200, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, DAY), st.integers(1, 600)), max_size=4),
    zone=st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
    offset=st.integers(0, 400 * DAY),
)
def test_the_first_open_minute_is_open_and_none_before_it_is(
    spans: list[tuple[int, int]], zone: str, offset: int
) -> None:
    rules = [ClosedRule(f"{begins}", zone, (Span(begins, begins + length),)) for begins, length in spans]
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=offset)
    opens = first_open(rules, since)
    walked = next(
        (each for step in range(3 * DAY) if not closed_by(rules, each := since + timedelta(minutes=step))), None
    )

    assert opens == walked


@settings(max_examples=100, deadline=None)
@given(
    begins=st.integers(0, DAY - 1),
    length=st.integers(1, 3 * DAY),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_occurrences_and_moments_agree(begins: int, length: int, weekdays: frozenset[int]) -> None:
    closed = rule(begins, begins + length, "America/New_York", weekdays=weekdays)
    since = datetime(2026, 10, 29, tzinfo=UTC)
    found = occurrences([closed], since, since + timedelta(days=7))

    for hour in range(0, 7 * 24, 3):
        moment = since + timedelta(hours=hour)
        assert bool(closed_by([closed], moment)) is any(each.begins <= moment < each.ends for each in found)
    assert all(one.ends < two.begins for one, two in pairwise(found))
