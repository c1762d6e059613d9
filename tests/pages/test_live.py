"""Open pages change by themselves, in place."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from projects.live import announce
from projects.models import Project
from tests.dashboard.world import blocked, shown, waiting
from tests.worlds import snapshot

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def signed_in(page: Page, live_site: str) -> Page:
    client = Client()
    client.force_login(User.objects.create_superuser("ana"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_site}])
    return page


def visit(page: Page, address: str) -> None:
    """Go there and wait until the page is live; mark the document, to notice a reload."""
    page.goto(address)
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("document.documentElement.dataset.mark = 'same'")


def not_reloaded(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.dataset.mark === 'same'"))


def push(of: Project, *waits: list[dict[str, Any]]) -> None:
    """What a poll does that finds something new."""
    snapshot(of, *waits)
    announce([of.pk])


def test_a_card_changes_in_place_when_commits_arrive(signed_in: Page, live_site: str) -> None:
    candela = shown("candela", [], waiting(1))
    visit(signed_in, live_site)
    card = signed_in.locator(f"#p{candela.pk}")
    expect(card).to_contain_text("1 commit behind")

    push(candela, [], waiting(4))

    expect(card).to_contain_text("4 commits behind")
    expect(signed_in.locator("#announcer")).to_contain_text("Candela")
    assert not_reloaded(signed_in)


def test_a_released_project_moves_to_those_that_are_up_to_date(signed_in: Page, live_site: str) -> None:
    candela = shown("candela", [], waiting(1))
    shown("alpha", [], [])
    shown("zeta", [], [])
    visit(signed_in, live_site)

    push(candela, [], [])

    group = signed_in.locator('[data-group="ok"] h3')
    expect(group).to_have_text(["Alpha", "Candela", "Zeta"])
    expect(signed_in.locator('[data-group="out"]')).to_be_hidden()
    expect(signed_in.locator("#ok .number")).to_have_text("3")


def test_a_new_project_appears(signed_in: Page, live_site: str) -> None:
    shown("alpha", [], [])
    visit(signed_in, live_site)

    announce([shown("new-thing", [], waiting(2)).pk])

    expect(signed_in.locator('[data-group="out"] h3')).to_have_text(["New Thing"])


def test_what_is_read_stays_where_it_is(signed_in: Page, live_site: str) -> None:
    for number in range(40):
        shown(f"p{number:02}", [], [])
    first, reading = Project.objects.get(name="p00"), Project.objects.get(name="p30")
    visit(signed_in, live_site)
    signed_in.locator(f"#p{reading.pk} h3 a").focus()
    before = signed_in.evaluate(f"document.getElementById('p{reading.pk}').getBoundingClientRect().top")

    push(first, [], waiting(3))

    expect(signed_in.locator('[data-group="out"] h3')).to_have_text(["P00"])
    after = signed_in.evaluate(f"document.getElementById('p{reading.pk}').getBoundingClientRect().top")
    assert abs(after - before) <= 1


def test_the_focus_stays_on_a_card_that_changes(signed_in: Page, live_site: str) -> None:
    candela = shown("candela", [], waiting(1))
    visit(signed_in, live_site)
    signed_in.locator(f"#p{candela.pk} h3 a").focus()

    push(candela, [], waiting(2))

    expect(signed_in.locator(f"#p{candela.pk}")).to_contain_text("2 commits behind")
    assert signed_in.evaluate("document.activeElement.textContent") == "Candela"


def test_a_card_that_the_filters_leave_out_does_not_come(signed_in: Page, live_site: str) -> None:
    shown("alpha", [], [], tags=["red"])
    other = shown("other", [], [], tags=["blue"])
    shown("beta", [], waiting(1), tags=["red"])
    visit(signed_in, f"{live_site}/?tag=red")

    push(other, [], waiting(1))
    push(Project.objects.get(name="beta"), [], waiting(5))

    expect(signed_in.locator('[data-group="out"]')).to_contain_text("5 commits behind")
    expect(signed_in.locator("h3", has_text="Other")).to_have_count(0)


def test_the_page_of_a_project_changes_in_place_and_keeps_what_is_open(signed_in: Page, live_site: str) -> None:
    candela = shown("candela", [], waiting(40))
    visit(signed_in, f"{live_site}/projects/{candela.pk}/")
    signed_in.get_by_text("Show 15 more").click()

    push(candela, [], waiting(41))

    expect(signed_in.locator("#part-pipeline")).to_contain_text("41 commits")
    expect(signed_in.locator("details.rest")).to_have_attribute("open", "")
    assert not_reloaded(signed_in)


def test_a_block_shows_at_once(signed_in: Page, live_site: str) -> None:
    candela = shown("candela", [], waiting(1))
    visit(signed_in, f"{live_site}/projects/{candela.pk}/")

    blocked(candela, "wait for the auction")
    announce([candela.pk])

    expect(signed_in.locator("#part-blocks")).to_contain_text("wait for the auction")


def test_the_list_changes_in_place(signed_in: Page, live_site: str) -> None:
    candela = shown("candela", [], waiting(1))
    visit(signed_in, f"{live_site}/?view=list")

    push(candela, [], waiting(7))

    expect(signed_in.locator(f"#p{candela.pk} .state")).to_have_text("7 commits")


def test_a_change_from_before_the_page_listened_is_caught_up(signed_in: Page, live_site: str) -> None:
    candela = shown("candela", [], waiting(1))

    def change_first(route: Any) -> None:
        snapshot(candela, [], waiting(9))
        announce([candela.pk])
        route.continue_()

    signed_in.route("**/live/**", change_first)
    signed_in.goto(live_site)

    expect(signed_in.locator(f"#p{candela.pk}")).to_contain_text("9 commits behind")


def test_a_page_without_projects_stays_as_it_is_until_the_first_one_appears(signed_in: Page, live_site: str) -> None:
    visit(signed_in, live_site)
    with signed_in.expect_response(lambda response: "changed=all" in response.url):
        announce([1])
    expect(signed_in.locator("h2")).to_contain_text("first project")
    assert not_reloaded(signed_in)

    push(shown("candela", [], waiting(1)), [], waiting(2))

    expect(signed_in.locator("h3")).to_contain_text("Candela", timeout=5000)


def test_a_project_that_looks_the_same_is_not_marked_as_changed(signed_in: Page, live_site: str) -> None:
    project = shown("candela", [], waiting(1))
    visit(signed_in, f"{live_site}/projects/{project.pk}/")

    with signed_in.expect_response(lambda response: response.url.endswith(f"/projects/{project.pk}/")):
        announce([project.pk])
    expect(signed_in.locator("#staging")).to_be_empty()
    assert signed_in.locator("[data-part].arrived").count() == 0
