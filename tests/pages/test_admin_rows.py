"""The rows of the admin's pages, in a real browser: added, opened, dragged."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from projects.models import Project
from releases.models import DeployStrategy
from tests import worlds
from tests.servers.github import GitHubServer
from tests.servers.github.fixtures import github

__all__ = ["github"]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages")]


@pytest.fixture
def admin(page: Page, live_site: str) -> str:
    User.objects.create_superuser("ana", password="a long pass phrase")
    page.goto(f"{live_site}/admin/login/?next=/admin/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    return f"{live_site}/admin"


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[name='{name.replace('__', '-')}']").fill(value)


def test_a_project_is_added_with_stages_and_a_strategy_in_one_go(page: Page, admin: str, github: GitHubServer) -> None:
    github.add_repository("artsy/candela", branches=("staging", "release"))
    github.add_token(worlds.TOKEN, login="horizon-bot")
    worlds.github_profile(api_url=github.api_url)
    page.goto(f"{admin}/projects/project/add/")
    page.locator("[name=organization]").select_option(label="artsy")
    fill(page, name="candela", stages__0__name="staging", stages__0__branch="staging")
    fill(page, stages__0__git_remote=github.remote("artsy/candela"))
    page.locator("[name=stages-0-profile]").select_option(label="artsy/github")
    page.get_by_text("Add another Stage").click()
    fill(page, stages__1__name="production", stages__1__branch="release")
    page.get_by_text("Add another Deploy strategy").nth(1).click()
    expect(page.locator("[name=stages-1-strategies-0-head]")).to_be_visible()
    fill(page, **{"stages-1-strategies-0-head": "staging", "stages-1-strategies-0-base": "release"})
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert str(DeployStrategy.objects.get()) == "artsy/candela production: staging -> release"


def test_a_stored_strategy_is_opened_by_the_keyboard(page: Page, admin: str) -> None:
    project = worlds.project("candela", profile=worlds.github_profile())
    DeployStrategy.objects.create(stage=project.stages.get(name="production"), base="release", head="staging")
    page.goto(f"{admin}/projects/project/{project.pk}/change/")
    expect(page.locator("[name$='strategies-0-head']").first).to_be_hidden()

    page.get_by_role("button", name="staging ->").press("Enter")

    expect(page.locator("[name$='strategies-0-head']").first).to_be_visible()


def test_a_dragged_stage_keeps_its_new_place(page: Page, admin: str) -> None:
    project = worlds.project("candela", profile=worlds.github_profile())
    DeployStrategy.objects.create(stage=project.stages.get(name="staging"), base="release", head="staging")
    page.set_viewport_size({"width": 1400, "height": 2800})
    page.goto(f"{admin}/projects/project/{project.pk}/change/")

    drag(page, row=2, to=0)
    assert page.locator("[name=stages-2-position]").input_value() == "1"
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was changed successfully")).to_be_visible()
    order = Project.objects.get().stages.order_by("position").values_list("name", flat=True)
    assert list(order) == ["production", "main", "staging"]


def drag(page: Page, *, row: int, to: int) -> None:
    handles = page.locator("[x-sort\\:handle]")
    start, end = handles.nth(row).bounding_box(), handles.nth(to).bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    for step in range(1, 21):
        page.mouse.move(start["x"] + 10, start["y"] + 10 + (end["y"] - 10 - start["y"]) * step / 20)
        page.wait_for_timeout(20)
    page.mouse.up()


def test_a_profile_shows_the_fields_of_its_kind(page: Page, admin: str) -> None:
    page.goto(f"{admin}/projects/profile/add/")
    for kind, shown, hidden in (
        ("aws", "region", "host"),
        ("basic", "host", "app_id"),
        ("github-app", "app_id", "user"),
    ):
        page.locator("[name=kind]").select_option(kind)
        expect(page.locator(f"[name={shown}]")).to_be_visible()
        expect(page.locator(f"[name={hidden}]")).to_be_hidden()
