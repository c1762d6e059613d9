"""Closing hours in a browser: the form, what it would do, and the calendar."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from releases.models import ClosedHours
from tests.worlds import project

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: Page, address: str) -> None:
    """As staff, and on to this page."""
    User.objects.create_user("ana", password="sign-me-in", is_staff=True)
    page.goto(address)
    page.fill("input[name=username]", "ana")
    page.fill("input[name=password]", "sign-me-in")
    page.press("input[name=password]", "Enter")


def test_hours_are_looked_at_before_they_are_saved(page: Page, live_site: str) -> None:
    project("candela")
    sign_in(page, f"{live_site}/closed-hours/")
    page.get_by_role("link", name="Add closed hours").click()

    page.get_by_label("Name").fill("weekend")
    page.get_by_label("From").fill("00:00")
    page.get_by_label("To", exact=True).fill("00:00")
    page.get_by_label("Time zone").fill("America/New_York")
    page.get_by_role("button", name="Look at what it does").click()
    expect(page.get_by_text("Choose at least one day.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("weekend")
    page.get_by_label("Sat").check()
    page.get_by_label("Sun").check()
    page.get_by_role("button", name="Look at what it does").click()

    expect(page.get_by_text("48.0 hours a week are lost")).to_be_visible()
    assert not ClosedHours.objects.exists()
    page.get_by_role("button", name="Change it first").click()
    expect(page.get_by_label("Sat")).to_be_checked()
    page.get_by_role("button", name="Look at what it does").click()
    page.get_by_role("button", name="Save it").click()

    expect(page.get_by_text("The closed hours of artsy are saved: weekend.")).to_be_visible()
    page.get_by_role("link", name="Calendar of four weeks").click()
    expect(page.get_by_role("cell")).to_have_count(28)
    expect(page.get_by_text("America/New_York").first).to_be_visible()


def test_exceptions_are_asked_for_where_they_mean_something(page: Page, live_site: str) -> None:
    project("candela")
    sign_in(page, f"{live_site}/blocks/new/")

    expect(page.get_by_label("But not these projects")).to_be_hidden()
    page.get_by_label("the whole organization").check()
    expect(page.get_by_label("But not these projects")).to_be_visible()
    expect(page.get_by_label("Time zone")).not_to_have_value("")
