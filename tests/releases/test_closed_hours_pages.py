"""The pages on which an organization sets its closed hours."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from projects import merging
from projects.models import Organization
from releases.models import ClosedHours, Holiday
from tests.worlds import organization, project

pytestmark = pytest.mark.django_db


@pytest.fixture
def artsy() -> Organization:
    return project("candela").organization


def hours(of: Organization, **changed: Any) -> dict[str, Any]:
    """What a browser sends for a weekend."""
    values: dict[str, Any] = {
        "organization": of.pk,
        "name": "weekend",
        "weekdays": [5, 6],
        "time_zone": "Europe/Berlin",
    }
    return values | {"begins_at": "00:00", "ends_at": "00:00"} | changed


def holiday(of: Organization, **changed: Any) -> dict[str, Any]:
    day = f"{timezone.now() + timedelta(days=30):%Y-%m-%d}"
    return {"organization": of.pk, "name": "Christmas", "first_day": day, "time_zone": "Europe/Berlin"} | changed


def calendar_file(*events: str, name: str = "Team days") -> SimpleUploadedFile:
    blocks = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:{name}\r\n{blocks}END:VCALENDAR\r\n"
    return SimpleUploadedFile("days (1).ics", text.encode())


def day_event(uid: str, name: str, in_days: int) -> str:
    return f"UID:{uid}\r\nSUMMARY:{name}\r\nDTSTART;VALUE=DATE:{timezone.now() + timedelta(days=in_days):%Y%m%d}"


def import_file(staff: Client, of: Organization, file: SimpleUploadedFile) -> Any:
    """Both steps; the answer of the second."""
    asked = {"organization": of.pk, "time_zone": "Europe/Berlin", "file": file}
    seen = staff.post("/closed-hours/import/", asked)
    if seen.status_code != 200 or "read" not in seen.context:
        return seen
    return staff.post("/closed-hours/import/", {"read": seen.context["read"], "confirmed": "1"}, follow=True)


class TestWeekly:
    def test_are_shown_before_they_are_saved(self, staff: Client, artsy: Organization) -> None:
        page = staff.post("/closed-hours/hours/new/", hours(artsy)).content.decode()

        assert "48.0 hours a week are lost" in page
        assert "The next twelve times" in page
        assert page.count("Europe/Berlin</time>") >= 24
        assert not ClosedHours.objects.exists()

    def test_say_that_the_last_minute_of_a_day_stays_open(self, staff: Client, artsy: Organization) -> None:
        remark = "The minute from 23:59 to midnight stays open"

        assert remark in staff.post("/closed-hours/hours/new/", hours(artsy, ends_at="23:59")).content.decode()
        assert remark not in staff.post("/closed-hours/hours/new/", hours(artsy)).content.decode()

    def test_are_saved_with_one_line_of_history(self, staff: Client, artsy: Organization) -> None:
        page = staff.post("/closed-hours/hours/new/", hours(artsy, confirmed="1"), follow=True).content.decode()

        row = ClosedHours.objects.get()
        assert (row.weekdays, row.time_zone, row.created_by) == ([5, 6], "Europe/Berlin", "ana")
        event = AuditEvent.objects.get(kind="closed-hours.changed")
        assert event.data["after"] == ["weekend: Sat, Sun 00:00-00:00 Europe/Berlin"]
        assert (event.actor, event.organization_name) == ("ana", "artsy")
        assert "weekend" in page

    def test_can_be_mended_after_the_look(self, staff: Client, artsy: Organization) -> None:
        page = staff.post("/closed-hours/hours/new/", hours(artsy, again="1"))

        assert page.status_code == 200
        assert 'value="weekend"' in page.content.decode()
        assert not ClosedHours.objects.exists()

    def test_are_changed_with_what_they_were_in_the_history(self, staff: Client, artsy: Organization) -> None:
        staff.post("/closed-hours/hours/new/", hours(artsy, confirmed="1"))
        row = ClosedHours.objects.get()

        staff.post(f"/closed-hours/hours/{row.pk}/", hours(artsy, name="rest", confirmed="1"))

        assert ClosedHours.objects.get().name == "rest"
        newest = AuditEvent.objects.filter(kind="closed-hours.changed").latest("id")
        assert newest.data["before"] == ["weekend: Sat, Sun 00:00-00:00 Europe/Berlin"]

    def test_are_taken_away_after_a_look(self, staff: Client, artsy: Organization) -> None:
        staff.post("/closed-hours/hours/new/", hours(artsy, confirmed="1"))
        address = f"/closed-hours/hours/{ClosedHours.objects.get().pk}/remove/"

        assert "48.0 hours a week are gained" in staff.get(address).content.decode()
        assert ClosedHours.objects.exists()
        staff.post(address, {"confirmed": "1"})
        assert not ClosedHours.objects.exists()

    def test_that_leave_no_minute_are_refused_with_what_was_typed(self, staff: Client, artsy: Organization) -> None:
        always = hours(artsy, weekdays=[0, 1, 2, 3, 4, 5, 6])

        for confirmed in ({}, {"confirmed": "1"}):
            page = staff.post("/closed-hours/hours/new/", always | confirmed)

            assert page.status_code == 422
            assert "leave no minute open" in page.content.decode()
            assert 'value="weekend"' in page.content.decode()
            assert not ClosedHours.objects.exists()

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"name": " \u202e "}, "Give it a name"),
            ({"name": "x" * 100_000}, "This has 100,000 characters"),
            ({"weekdays": []}, "Choose at least one day"),
            ({"weekdays": ["7"]}, "not one of the available choices"),
            ({"begins_at": "late"}, "Give a time"),
            ({"ends_at": "25:00"}, "Give a time"),
            ({"ends_at": "23:59:59"}, "Give full minutes"),
            ({"time_zone": "../../etc/passwd"}, "This is no time zone"),
            ({"organization": ""}, "Choose one."),
        ],
    )
    def test_say_at_the_field_what_is_wrong(
        self, staff: Client, artsy: Organization, changed: dict[str, Any], sentence: str
    ) -> None:
        page = staff.post("/closed-hours/hours/new/", hours(artsy, confirmed="1") | changed)

        assert page.status_code == 422
        assert sentence in page.content.decode()
        assert not ClosedHours.objects.exists()

    def test_wait_for_merges_as_blocks_do(
        self, staff: Client, artsy: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(merging, "LONGEST_MERGE", "50ms")
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [merging.LOCK, artsy.pk])
            page = staff.post("/closed-hours/hours/new/", hours(artsy, confirmed="1"))
        finally:
            other.close()

        assert page.status_code == 422
        assert "A merge has been under way" in page.content.decode()
        assert not ClosedHours.objects.exists()
        staff.post("/closed-hours/hours/new/", hours(artsy, confirmed="1"))
        assert ClosedHours.objects.exists()

    def test_are_for_staff_to_change_and_for_all_to_read(self, client: Client, artsy: Organization) -> None:
        client.force_login(User.objects.create_user("gita"))

        assert client.post("/closed-hours/hours/new/", hours(artsy, confirmed="1")).status_code == 403
        assert client.get("/closed-hours/import/").status_code == 403
        assert client.get("/closed-hours/").status_code == 200
        assert client.get("/closed-hours/calendar/").status_code == 200
        client.logout()
        assert client.get("/closed-hours/").status_code == 302


class TestHolidays:
    def test_last_one_day_unless_another_is_named(self, staff: Client, artsy: Organization) -> None:
        staff.post("/closed-hours/holidays/new/", holiday(artsy, confirmed="1"))

        row = Holiday.objects.get()
        assert row.first_day == row.last_day

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"first_day": "soon"}, "Give a day"),
            ({"last_day": "2020-01-01"}, "before the first day"),
            ({"last_day": "2099-01-01"}, "longer than a year"),
            ({"begins_at": "09:00"}, "Give both times"),
            ({"begins_at": "09:00", "ends_at": "08:00"}, "over before it begins"),
            ({"name": ""}, "Give it a name"),
        ],
    )
    def test_say_at_the_field_what_is_wrong(
        self, staff: Client, artsy: Organization, changed: dict[str, Any], sentence: str
    ) -> None:
        page = staff.post("/closed-hours/holidays/new/", holiday(artsy, confirmed="1") | changed)

        assert page.status_code == 422
        assert sentence in page.content.decode()
        assert not Holiday.objects.exists()


class TestImport:
    def test_shows_then_saves_what_the_file_says(self, staff: Client, artsy: Organization) -> None:
        page = import_file(staff, artsy, calendar_file(day_event("1", "Christmas", 30), day_event("2", "Old", -30)))

        row = Holiday.objects.get()
        assert (row.name, row.source, row.uid, row.time_zone) == ("Christmas", "Team days", "1", "Europe/Berlin")
        assert AuditEvent.objects.filter(kind="closed-hours.changed", data__source="Team days").count() == 1
        assert "Christmas" in page.content.decode()

    def test_twice_doubles_nothing(self, staff: Client, artsy: Organization) -> None:
        import_file(staff, artsy, calendar_file(day_event("1", "Christmas", 30)))

        page = import_file(staff, artsy, calendar_file(day_event("1", "Christmas", 30)))

        assert Holiday.objects.count() == 1
        assert AuditEvent.objects.filter(kind="closed-hours.changed").count() == 1
        assert page.status_code == 302

    def test_of_the_same_calendar_renames_moves_and_takes_away(self, staff: Client, artsy: Organization) -> None:
        first = calendar_file(day_event("1", "Xmas", 30), day_event("2", "Party", 40), day_event("3", "Trip", 50))
        import_file(staff, artsy, first)
        staff.post("/closed-hours/holidays/new/", holiday(artsy, name="By hand", confirmed="1"))

        import_file(staff, artsy, calendar_file(day_event("1", "Christmas", 30), day_event("2", "Party", 41)))

        assert sorted(Holiday.objects.values_list("name", flat=True)) == ["By hand", "Christmas", "Party"]
        assert Holiday.objects.get(name="Party").first_day == (timezone.now() + timedelta(days=41)).date()

    def test_shows_html_as_text(self, staff: Client, artsy: Organization) -> None:
        page = import_file(staff, artsy, calendar_file(day_event("1", "<script>x</script>", 30))).content.decode()

        assert "&lt;script&gt;" in page
        assert "<script>x" not in page

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "This file is empty"),
            (b"hello", "no calendar file"),
            (b"\xff\xfe\x00", "no text in UTF-8"),
            (b"BEGIN:VCALENDAR\nEND:VCALENDAR", "no event in this file"),
            (b"x" * 1_000_001, "up to 1,000,000 are read"),
        ],
    )
    def test_says_why_a_file_cannot_be_taken(
        self, staff: Client, artsy: Organization, content: bytes, sentence: str
    ) -> None:
        page = import_file(staff, artsy, SimpleUploadedFile("x.ics", content))

        assert page.status_code == 422
        assert sentence in page.content.decode()

    def test_believes_nothing_that_it_did_not_sign(self, staff: Client, artsy: Organization) -> None:
        page = staff.post("/closed-hours/import/", {"read": "forged", "confirmed": "1"}, follow=True)

        assert "looked at too long ago" in page.content.decode()
        assert not Holiday.objects.exists()


class TestPages:
    @pytest.mark.parametrize("number", [1, 30])
    @pytest.mark.parametrize("address", ["/closed-hours/", "/closed-hours/calendar/"])
    def test_cost_the_same_number_of_queries_for_one_or_many(
        self, staff: Client, artsy: Organization, address: str, number: int, django_assert_max_num_queries: Any
    ) -> None:
        for each in range(number):
            project(f"one{each}", organization=artsy)
            staff.post("/closed-hours/hours/new/", hours(artsy, name=f"night {each}", ends_at="05:00", confirmed="1"))

        with django_assert_max_num_queries(12):
            page = staff.get(address).content.decode()

        assert page.count("night ") >= number

    def test_are_404_for_an_organization_that_is_not_there(self, staff: Client, artsy: Organization) -> None:
        assert staff.get("/closed-hours/?organization=nobody").status_code == 404

    def test_let_choose_among_organizations(self, staff: Client, artsy: Organization) -> None:
        organization("other")

        assert "Closed hours of other" in staff.get("/closed-hours/?organization=other").content.decode()
