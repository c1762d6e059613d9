"""The admin in a real browser."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages")]


def test_an_administrator_signs_in_to_the_admin(page: Page, live_site: str) -> None:
    User.objects.create_superuser("ana", password="a long pass phrase")
    page.goto(f"{live_site}/admin/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{live_site}/admin/")
    expect(page.get_by_role("link", name="Users").first).to_be_visible()
