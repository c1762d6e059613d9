"""Closed hours and the releases that they move."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditEvent
from audit.record import Actor
from releases.calendar import ClosedRule, Days, Span, first_open
from releases.closed_hours import Change, Gone, NeverOpen, change_calendar
from releases.closed_hours_plan import closed_time, four_weeks, outlook
from releases.models import ClosedHours, Holiday
from tests.releases.world import START, World

ANA = Actor.person("ana")
UTC = ZoneInfo("UTC")


def hours(world: World, begins: time, ends: time, **changed: object) -> ClosedHours:
    values = {"organization": world.project.organization, "name": "night", "weekdays": [0, 1, 2, 3, 4, 5, 6]} | changed
    return ClosedHours(begins_at=begins, ends_at=ends, **values)


def put(world: World, *rows: ClosedHours | Holiday) -> Change:
    return Change(world.project.organization, put=rows)


@pytest.mark.django_db
class TestOutlook:
    def test_names_the_releases_that_would_wait_and_until_when(self, world: World) -> None:
        release = world.opened()
        assert release.opened_at is not None
        due = release.opened_at + timedelta(days=1)

        seen = outlook(put(world, hours(world, time(7), time(10))), world.now)

        (wait,) = seen.waits
        assert (wait.project, wait.stage, wait.before) == ("candela", "production", due)
        assert wait.after == due.replace(hour=10, minute=0, second=0)
        assert wait.later

    def test_says_none_for_hours_in_which_nothing_merges(self, world: World) -> None:
        world.opened()

        assert outlook(put(world, hours(world, time(1), time(2))), world.now).waits == []

    def test_counts_what_several_rules_close_once(self, world: World) -> None:
        change_calendar(put(world, hours(world, time(0), time(6))), actor=ANA, clock=world.clock)

        seen = outlook(put(world, hours(world, time(5), time(7))), world.now)

        assert (seen.lost_hours, seen.closed_hours) == (7, 49)


@pytest.mark.django_db
class TestChange:
    def test_tells_of_merges_that_it_came_too_late_for(self, world: World) -> None:
        world.due()
        world.advance()

        late = change_calendar(put(world, hours(world, time(7), time(10))), actor=ANA, clock=world.clock)

        assert [each.project.name for each in late] == ["candela"]

    def test_is_refused_where_a_strategy_would_never_merge(self, world: World) -> None:
        world.set(blocked_time_buckets=["* 0-11 * * *"])

        with pytest.raises(NeverOpen, match="candela"):
            change_calendar(put(world, hours(world, time(12), time(0))), actor=ANA, clock=world.clock)

        assert not ClosedHours.objects.exists()

    @pytest.mark.parametrize("step", ["put", "removed"])
    def test_of_what_somebody_took_away_meanwhile_does_not_bring_it_back(self, world: World, step: str) -> None:
        row = hours(world, time(22), time(6))
        change_calendar(put(world, row), actor=ANA, clock=world.clock)
        seen, stored = ClosedHours.objects.get(), ClosedHours.objects.get()
        change_calendar(Change(stored.organization, removed=(stored,)), actor=ANA, clock=world.clock)
        told = AuditEvent.objects.count()
        late = Change(seen.organization, put=(seen,)) if step == "put" else Change(seen.organization, removed=(seen,))

        with pytest.raises(Gone, match="meanwhile"):
            change_calendar(late, actor=ANA, clock=world.clock)

        assert not ClosedHours.objects.exists()
        assert AuditEvent.objects.count() == told

    def test_holds_a_release_that_is_due(self, world: World) -> None:
        world.due()
        change_calendar(put(world, hours(world, time(7), time(10))), actor=ANA, clock=world.clock)

        world.advance()

        assert "merge" not in world.acts


@pytest.mark.django_db
class TestFourWeeks:
    def test_show_what_merges_on_which_day(self, world: World) -> None:
        world.opened()

        plan = four_weeks(world.project.organization, world.now, UTC)

        days = [day for week in plan.weeks for day in week]
        assert len(days) == 28
        (tomorrow,) = [day for day in days if day.merges]
        assert tomorrow.day == (START + timedelta(days=1)).date()
        assert [merge.minute for merge in tomorrow.shown] == [f"{START:%H:%M}"]

    def test_tell_of_a_crowded_day_how_many_more_merge(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.opened()
        monkeypatch.setattr("releases.closed_hours_plan.MOST_OF_A_DAY", 0)

        plan = four_weeks(world.project.organization, world.now, UTC)

        assert [(day.shown, day.more) for week in plan.weeks for day in week if day.merges] == [([], 1)]

    def test_name_releases_of_which_nothing_is_known(self, world: World) -> None:
        world.opened()
        world.block()

        plan = four_weeks(world.project.organization, world.now, UTC)

        assert [each.stage for each in plan.held] == ["production"]

    def test_are_shown_with_a_link_to_what_merges(self, world: World, client: Client) -> None:
        client.force_login(User.objects.create_user("gita"))
        hours_of_night = hours(world, time(22), time(6), time_zone="America/New_York")
        change_calendar(put(world, hours_of_night), actor=ANA, clock=world.clock)

        page = client.get("/closed-hours/calendar/").content.decode()

        assert "America/New_York" in page
        assert page.count('role="cell"') == 28

    def test_cut_a_stretch_at_midnight(self, world: World) -> None:
        change_calendar(put(world, hours(world, time(22), time(6), weekdays=[0])), actor=ANA, clock=world.clock)

        monday, tuesday = four_weeks(world.project.organization, world.now, UTC).weeks[0][:2]

        assert [(part.begins, part.ends) for part in monday.parts] == [(time(22), None)]
        assert [(part.begins, part.ends) for part in tuesday.parts] == [(None, time(6))]


spans = st.builds(lambda begins, length: Span(begins, begins + length), st.integers(0, 1439), st.integers(1, 2000))
rules = st.builds(
    lambda span, days, zone: ClosedRule("x", zone, (span,), Days(weekdays=frozenset(days))),
    spans,
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
)


class TestClosedTime:
    @given(st.lists(rules, max_size=4))
    def test_never_exceeds_the_time_and_leaves_none_where_nothing_opens(self, some: list[ClosedRule]) -> None:
        since, until = START, START + timedelta(days=7)

        closed = closed_time(some, since, until)

        assert timedelta(0) <= closed <= until - since
        if (opens := first_open(some, since)) is not None and opens < until:
            assert closed < until - since
