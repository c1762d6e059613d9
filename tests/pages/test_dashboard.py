"""The dashboard for all who look at it: small and wide, with the keyboard, in the dark, without scripts."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.world import blocked, comparison, shown, strategy, waiting

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages"), pytest.mark.django_db(transaction=True)]

LONG = "a-name-that-is-" + "very-" * 14 + "long"


def cookie(site: str) -> dict[str, str]:
    client = Client()
    client.force_login(User.objects.create_superuser("ana"))
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": site,
    }


@pytest.fixture
def signed_in(page: Page, live_site: str) -> Page:
    page.context.add_cookies([cookie(live_site)])  # type: ignore[list-item]
    return page


@pytest.fixture
def lively() -> int:
    """A project with everything that could be too wide; its number."""
    people = [{"author": name, "email": f"{name}@x"} for name in ("דנה כהן", "محمد علي", "Zoë 🦊", "W" * 90)]
    commits = [waiting(1, message="x" * 300, hours=hours, **person)[0] for hours, person in enumerate(people, start=1)]
    project = shown(LONG, commits, commits, description="Lorem ipsum " * 40, tags=["team-" + "x" * 60])
    row = comparison(project)
    row.drift, row.drift_commits = 1, waiting(1, message="https://" + "y" * 200)
    row.save()
    strategy(project, automatic=False)
    blocked(project, "z" * 400)
    shown("error", error="e" * 500)
    stages = {f"stage-number-{number}": "main" for number in range(8)}
    shown("many-stages", waiting(250), *([waiting(3)] * 6), stages=stages)
    return project.pk


@pytest.mark.parametrize("width", [360, 1280, 3840])
@pytest.mark.parametrize("address", ["/", "/?view=list", "/projects/{}/", "/history/"])
def test_no_page_scrolls_sideways(signed_in: Page, live_site: str, lively: int, width: int, address: str) -> None:
    signed_in.set_viewport_size({"width": width, "height": 900})

    signed_in.goto(live_site + address.format(lively))

    assert signed_in.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_everything_and_can_skip_the_menu(signed_in: Page, live_site: str) -> None:
    shown("candela", [], waiting(1), tags=["red"])
    signed_in.goto(live_site)

    signed_in.keyboard.press("Tab")
    expect(signed_in.get_by_text("Skip to the content")).to_be_focused()
    expect(signed_in.get_by_text("Skip to the content")).to_be_in_viewport()
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("#main")).to_be_focused()

    teams = signed_in.locator("summary", has_text="Teams")
    teams.focus()
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator(".menu a", has_text="red")).to_be_visible()
    signed_in.keyboard.press("Escape")
    expect(signed_in.locator(".menu a", has_text="red")).to_be_hidden()
    expect(teams).to_be_focused()

    signed_in.locator("h3 a", has_text="Candela").press("Enter")
    expect(signed_in).to_have_url(re.compile(r"/projects/\d+/$"))


def test_the_parts_of_a_page_are_named_for_screen_readers(signed_in: Page, live_site: str, lively: int) -> None:
    signed_in.goto(live_site)

    expect(signed_in.get_by_role("main")).to_have_count(1)
    expect(signed_in.get_by_role("banner")).to_have_count(1)
    expect(signed_in.get_by_role("navigation", name="Main")).to_be_visible()
    expect(signed_in.get_by_role("search", name="Filter projects")).to_be_visible()
    expect(signed_in.get_by_role("heading", level=1)).to_have_count(1)
    expect(signed_in.get_by_role("region", name=re.compile("Out of sync"))).to_be_visible()


def test_the_look_is_switched_in_place_and_remembered(signed_in: Page, live_site: str) -> None:
    signed_in.emulate_media(color_scheme="light")
    signed_in.goto(live_site)
    background = "getComputedStyle(document.body).backgroundColor"
    light = signed_in.evaluate(background)

    signed_in.get_by_role("button", name="Switch between light and dark").click()

    expect(signed_in.locator("html")).to_have_attribute("data-theme", "dark")
    dark = signed_in.evaluate(background)
    assert dark != light
    signed_in.reload()
    assert signed_in.evaluate(background) == dark


def test_the_system_decides_until_somebody_chooses(signed_in: Page, live_site: str) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    signed_in.emulate_media(color_scheme="light")
    signed_in.goto(live_site)
    light = signed_in.evaluate(background)

    signed_in.emulate_media(color_scheme="dark")

    assert signed_in.evaluate(background) != light


def test_choosing_a_filter_shows_it_in_the_address(signed_in: Page, live_site: str) -> None:
    shown("candela", [], waiting(1), tags=["red"])
    shown("force", tags=["blue"])
    signed_in.goto(live_site)

    signed_in.get_by_label("Team").select_option("red")

    expect(signed_in).to_have_url(f"{live_site}/?tag=red")
    expect(signed_in.locator(".card h3")).to_have_text(["Candela"])


def test_everything_but_live_works_without_scripts(browser: Browser, live_site: str) -> None:
    shown("candela", [], waiting(1), tags=["red"])
    shown("force", tags=["blue"])
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    User.objects.create_user("bo", password="a long pass phrase")

    page.goto(f"{live_site}/?tag=red")
    page.get_by_label("Username").fill("bo")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.locator(".card h3")).to_have_text(["Candela"])
    page.get_by_label("Team").select_option("blue")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".card h3")).to_have_text(["Force"])
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/"))
    context.close()


def test_a_lost_connection_is_shown(signed_in: Page, live_site: str) -> None:
    shown("candela", [], waiting(1))
    signed_in.route("**/live/**", lambda route: route.abort())

    signed_in.goto(live_site)

    expect(signed_in.locator("#live")).to_have_text("Reconnecting …")


def test_a_page_of_many_cards_does_not_shift_while_it_loads(signed_in: Page, live_site: str, lively: int) -> None:
    signed_in.add_init_script(
        "window.shifted = 0; new PerformanceObserver((list) => { for (const entry of list.getEntries())"
        " if (!entry.hadRecentInput) window.shifted += entry.value; }).observe({type: 'layout-shift', buffered: true});"
    )

    signed_in.goto(live_site)
    expect(signed_in.locator("#live")).to_have_text("Live")

    assert signed_in.evaluate("window.shifted") < 0.02
