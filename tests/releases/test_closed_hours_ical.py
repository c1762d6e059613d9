"""Calendar files, most of them from people who mean no good."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.closed_hours_ical import CalendarUnreadable, read_calendar

TODAY = date(2026, 11, 25)
BERLIN = ZoneInfo("Europe/Berlin")


def file(*lines: str, before: Sequence[str] = ()) -> bytes:
    """A calendar of one event with these lines, after other components."""
    event = ["BEGIN:VEVENT", "UID:1", "SUMMARY:Party", *lines, "END:VEVENT"]
    return "\r\n".join(["BEGIN:VCALENDAR", *before, *event, "END:VCALENDAR", ""]).encode()


def zone(*rules: str, hours: int = 1, name: str = "Team") -> list[str]:
    """A time zone that the file defines: so many hours east of Greenwich, by rules that change nothing."""
    offset = f"+{hours:02}00"
    begin = ["BEGIN:STANDARD", "DTSTART:16010101T000000", f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}"]
    parts = [[*begin, rule, "END:STANDARD"] for rule in rules]
    return ["BEGIN:VTIMEZONE", f"TZID:{name}", *(line for part in parts for line in part), "END:VTIMEZONE"]


PROPERTIES = ["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "STATUS"]
VALUES = [
    ";VALUE=DATE:20261224",
    ":20261224T100000Z",
    ";TZID=Nowhere:20261224T100000",
    ";TZID=Team:20261224T100000",
    ";TZID=America:20261224T100000",
    f";TZID={'x' * 300}:20261224T100000",
    ":PT1H",
    ":-P1D",
    ":FREQ=YEARLY",
    ":FREQ=DAILY;COUNT=3",
    ":FREQ=MONTHLY;BYDAY=53MO",
    ":FREQ=WEEKLY;BYDAY=0MO",
    ":99991231T235959Z",
    ":00010101",
    ":x",
]


def refused_or_read(content: bytes) -> None:
    """Any other exception fails the test."""
    with suppress(CalendarUnreadable):
        assert read_calendar(content, BERLIN, TODAY).left_out >= 0


class TestCalendarFile:
    def test_takes_the_last_day_as_iCalendar_means_it(self) -> None:
        (day,) = read_calendar(file("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227"), BERLIN, TODAY).holidays

        assert (day.first_day, day.last_day, day.begins_at) == (date(2026, 12, 24), date(2026, 12, 26), None)

    def test_keeps_times_in_the_zone_of_the_event(self) -> None:
        (day,) = read_calendar(
            file("DTSTART;TZID=America/New_York:20261224T140000", "DURATION:PT2H"), BERLIN, TODAY
        ).holidays

        assert (day.begins_at, day.ends_at, day.zone) == (time(14), time(16), "America/New_York")

    @pytest.mark.parametrize("last", ["26T235959", "26T235900", "27T000000"])
    def test_leaves_no_minute_open_at_the_end_of_a_day(self, last: str) -> None:
        (day,) = read_calendar(file("DTSTART:20261224T000000", f"DTEND:202612{last}"), BERLIN, TODAY).holidays

        assert (day.first_day, day.last_day, day.begins_at) == (date(2026, 12, 24), date(2026, 12, 26), None)

    def test_closes_the_whole_minute_within_which_an_event_ends(self) -> None:
        (day,) = read_calendar(file("DTSTART:20261224T140059", "DTEND:20261224T163001"), BERLIN, TODAY).holidays

        assert (day.begins_at, day.ends_at) == (time(14), time(16, 31))

    def test_writes_repeated_days_out_for_two_years(self) -> None:
        days = read_calendar(file("DTSTART;VALUE=DATE:19801224", "RRULE:FREQ=YEARLY"), BERLIN, TODAY).holidays

        assert [each.first_day.year for each in days] == [2026, 2027]

    @pytest.mark.parametrize(
        "rule",
        [
            "FREQ=SECONDLY",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=YEARLY;BYSETPOS=400;BYDAY=MO",
        ],
    )
    def test_refuses_repetitions_that_keep_a_processor_busy(self, rule: str) -> None:
        with pytest.raises(CalendarUnreadable, match="repeats"):
            read_calendar(file("DTSTART;VALUE=DATE:20201224", f"RRULE:{rule}"), BERLIN, TODAY)

    @given(st.binary(max_size=300))
    def test_reads_or_refuses_whatever_comes(self, junk: bytes) -> None:
        refused_or_read(file("DTSTART;VALUE=DATE:20261224").replace(b"UID:1", b"UID:1\r\n" + junk))

    @given(st.lists(st.tuples(st.sampled_from(PROPERTIES), st.sampled_from(VALUES)), max_size=5))
    def test_reads_or_refuses_any_mixture_of_times(self, pairs: list[tuple[str, str]]) -> None:
        refused_or_read(file(*(name + value for name, value in pairs), before=zone("RRULE:FREQ=YEARLY", name="Team")))

    @pytest.mark.parametrize(
        "lines",
        [
            ["DTSTART;VALUE=DATE:20201224", "RRULE:FREQ=MONTHLY;BYDAY=53MO"],
            ["DTSTART;TZID=America:20261224T100000"],
            [f"DTSTART;TZID={'x' * 300}:20261224T100000"],
            ["DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:00010101"],
            ["DTSTART;TZID=Team:99991231T235959", "DURATION:PT0.5S"],
        ],
    )
    def test_reads_or_refuses_what_makes_its_libraries_stumble(self, lines: list[str]) -> None:
        refused_or_read(file(*lines, before=zone("RRULE:FREQ=YEARLY")))

    def test_tells_nothing_of_this_machine_where_it_refuses(self) -> None:
        with pytest.raises(CalendarUnreadable) as told:
            read_calendar(file(f"DTSTART;TZID={'x' * 300}:20261224T100000", "RRULE:FREQ=X"), BERLIN, TODAY)

        assert "zoneinfo" not in str(told.value)

    @pytest.mark.parametrize(
        "lines",
        [
            ["DTSTART:99991231T230000Z", "DURATION:PT30M"],
            ["DTSTART;TZID=America/New_York:99991231T200000", "DURATION:PT30M"],
            ["DTSTART;VALUE=DATE:22000101"],
        ],
    )
    def test_names_an_event_so_far_away_that_it_cannot_be_reckoned_with(self, lines: list[str]) -> None:
        with pytest.raises(CalendarUnreadable, match="“Party” is after 2126"):
            read_calendar(file(*lines), BERLIN, TODAY)

    def test_refuses_more_lines_than_calendars_have(self) -> None:
        with pytest.raises(CalendarUnreadable, match="lines"):
            read_calendar(file("DTSTART;VALUE=DATE:20261224", *["X-A:"] * 50_000), BERLIN, TODAY)


class TestOwnZone:
    """A file may define time zones; whoever wrote it may mean no good."""

    EVENT = ("DTSTART;TZID=Team:20261224T100000", "DURATION:PT2H")

    def test_is_followed(self) -> None:
        rules = ["RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"]

        (day,) = read_calendar(file(*self.EVENT, before=zone(*rules, hours=4)), BERLIN, TODAY).holidays

        assert (day.begins_at, day.ends_at, day.zone) == (time(7), time(9), "Europe/Berlin")

    def test_means_in_each_file_what_that_file_says(self) -> None:
        for hours, begin in ((4, time(7)), (2, time(9))):
            (day,) = read_calendar(
                file(*self.EVENT, before=zone("RRULE:FREQ=YEARLY", hours=hours)), BERLIN, TODAY
            ).holidays

            assert day.begins_at == begin

    @pytest.mark.parametrize(
        "rule",
        [
            "RRULE:FREQ=SECONDLY",
            "RRULE:FREQ=DAILY",
            "RRULE:FREQ=YEARLY;BYSECOND=1",
            "RRULE:FREQ=YEARLY;INTERVAL=0",
            "EXRULE:FREQ=SECONDLY",
        ],
    )
    @pytest.mark.parametrize(
        "event",
        [EVENT, ("DTSTART:20261224T100000Z", "RDATE;VALUE=PERIOD;TZID=Team:20270101T000000/20270101T230000Z")],
    )
    def test_with_rules_that_keep_a_processor_busy_is_refused(self, rule: str, event: tuple[str, str]) -> None:
        with pytest.raises(CalendarUnreadable, match="time zone Team"):
            read_calendar(file(*event, before=zone(rule, rule)), BERLIN, TODAY)

    def test_of_very_many_parts_is_refused(self) -> None:
        with pytest.raises(CalendarUnreadable, match="time zone"):
            read_calendar(file(*self.EVENT, before=zone(*["RRULE:FREQ=YEARLY"] * 1000)), BERLIN, TODAY)
