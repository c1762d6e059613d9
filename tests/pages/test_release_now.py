"""Staff in a browser: why is it not released, release it now, take that back; by the keyboard, without a script."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from releases.models import DeployStrategy, Intervention, Release, StrategyReading
from releases.readings import to_json
from releases.situation import PullRequest, Reading
from tests import worlds

pytestmark = pytest.mark.xdist_group("pages")
HEAD = worlds.sha(7)


@pytest.fixture
def strategy(live_site: str) -> DeployStrategy:
    project = worlds.project("candela", profile=worlds.github_profile())
    made = DeployStrategy.objects.create(
        stage=project.stages.get(name="production"), automatic=True, base="release", head="staging", merge_after=86400
    )
    now = timezone.now()
    pull = PullRequest(12, "https://github.com/artsy/candela/pull/12", now, HEAD, assignees=("ana",))
    facts = to_json(Reading("artsy/candela", 1, HEAD, worlds.sha(1), 1, pull))
    StrategyReading.objects.create(strategy=made, read_at=now, tried_at=now, facts=facts)
    Release.objects.create(
        strategy=made, state="open", number=12, url=pull.url, head_sha=HEAD, begun_at=now, opened_at=now,
        commits=[worlds.commit(7, message="Show prices")], commit_count=1,
    )  # fmt: skip
    return made


def sign_in(page: Page, site: str) -> None:
    User.objects.create_user("ana", password="a long password", is_staff=True)
    page.goto(f"{site}/sign-in/")
    page.fill('input[name="username"]', "ana")
    page.fill('input[name="password"]', "a long password")
    page.press('input[name="password"]', "Enter")
    expect(page.get_by_role("link", name="Sign out").or_(page.get_by_role("button", name="Sign out"))).to_be_visible()


def test_a_release_is_asked_for_now_and_taken_back_by_the_keyboard(
    page: Page, live_site: str, strategy: DeployStrategy
) -> None:
    sign_in(page, live_site)
    page.goto(f"{live_site}/projects/{strategy.stage.project_id}/")
    expect(page.locator("#part-releases .reason")).to_contain_text("Merges")

    page.get_by_role("link", name="Release now").press("Enter")
    expect(page.locator(".seen")).to_contain_text("Show prices")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("the fix is needed")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator(".messages")).to_contain_text("is released as soon as")
    said = page.locator("#part-releases .said")
    expect(said).to_contain_text(f"Release {HEAD[:7]} now")
    expect(said).to_contain_text("the fix is needed")

    said.get_by_role("link", name="Take it back").press("Enter")
    page.get_by_role("button", name="Take it back").press("Enter")
    expect(page.locator(".messages")).to_contain_text("you took it back")
    assert not Intervention.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_window(page: Page, live_site: str, strategy: DeployStrategy, width: int) -> None:
    sign_in(page, live_site)
    page.set_viewport_size({"width": width, "height": 800})
    for what in ("", "now/", "postpone/", "skip/", "resume/"):
        part = f"releases/{strategy.pk}/{what}" if what else ""
        page.goto(f"{live_site}/projects/{strategy.stage.project_id}/{part}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, what
