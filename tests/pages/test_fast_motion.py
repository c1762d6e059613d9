"""A day of one release in fast motion: each page, and Slack, tell each of its turns, in a real browser."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from projects.models import Profile
from projects.secrets import Secret
from tests.releases.pushing import Watched
from tests.releases.world import START
from tests.servers.github import GitHubServer
from tests.servers.github.fixtures import github
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["github", "slack"]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pages"), pytest.mark.django_db(transaction=True)]

BOT = "xoxb-fast-motion"


@pytest.fixture
def day(live_site: str, github: GitHubServer, slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A release world that tells #dev an hour before, on whose clock the whole process runs, pages included."""
    github.freeze(START)
    monkeypatch.setattr(timezone, "now", github.now)
    world = Watched(github, elsewhere=True)
    slack.add_bot(BOT, channels=("#dev",))
    bot = Profile.objects.create(
        organization=world.project.organization, name="slack", kind=Profile.Kind.SLACK_BOT, secret=Secret.of(BOT)
    )
    world.set(slack_channels=["#dev"], slack_profile=bot, merge_prior_warning=3600)
    return world


class Pages:
    """Somebody who looks at the project, at the dashboard and at history, again after each turn."""

    def __init__(self, page: Page, site: str, world: Watched) -> None:
        self.page, self.site, self.world = page, site, world

    def sign_in(self) -> None:
        client = Client()
        client.force_login(User.objects.create_superuser("ana"))
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.site}])

    def tell(self, reason: str, *, card: str = "", history: str) -> None:
        """The project's page gives this reason, the dashboard's card too (or `card`), and history's newest line."""
        self.page.goto(f"{self.site}/projects/{self.world.project.pk}/")
        expect(self.page.locator("#part-releases .reason")).to_contain_text(reason)
        self.page.goto(self.site)
        expect(self.page.locator(f"#p{self.world.project.pk}")).to_contain_text(card or reason)
        self.page.goto(f"{self.site}/history/?project={self.world.project.pk}")
        expect(self.page.locator("ol.events")).to_contain_text(history)


def test_a_day_of_a_release(day: Watched, slack: SlackServer, page: Page, live_site: str) -> None:
    pages = Pages(page, live_site, day)
    pages.sign_in()

    day.commit("Show prices")
    day.look()
    pages.tell("Merges", history="Horizon opened pull request #1")
    assert slack.texts("#dev") == []

    day.wait(hours=23)
    day.look()
    pages.tell("Merges", history="announced pull request #1 in Slack")
    assert slack.texts("#dev")[-1].startswith("The following changes will be released in about 1 hour")

    block = day.block("Wait for the auction")
    day.look()
    pages.tell("Wait for the auction", history="Wait for the auction")
    assert "Wait for the auction" in slack.texts("#dev")[-1]

    day.wait(hours=3)
    day.look()
    pages.tell("Wait for the auction", history="Wait for the auction")
    assert "pull-request.merged" not in day.acts

    day.unblock(block)
    day.look()
    pages.tell("Merges", history="resolved a block")
    assert len(slack.texts("#dev")) == 2, "people are noticed again"
    assert slack.texts("#dev")[-1].startswith("The following changes will be released in about 1 hour")

    day.wait(hours=1)
    day.look()
    day.look()
    pages.tell("release has everything that staging has", card="1 commit behind", history="merged pull request #1")
    assert "Released" in slack.texts("#dev")[-1]

    day.wait(minutes=10)
    day.deploy(day.release.merge_sha)
    day.look()
    day.advance()
    pages.tell(
        "release has everything that staging has", card="up to date", history="saw pull request #1 live on production"
    )
    assert "live" in slack.texts("#dev")[-1]
    assert day.release.live_at == day.now
