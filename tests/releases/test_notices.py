"""Notices in Slack, through passes of the engine: given once, in time, to every target; retried, or given up."""

from datetime import timedelta

import pytest

from releases.models import Notice
from releases.webhook_urls import as_secret
from tests.releases.world import DAY, World
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["slack"]
pytestmark = pytest.mark.django_db

HOUR = 3600


@pytest.fixture
def telling(world: World, slack: SlackServer) -> World:
    """The world, whose strategy tells #dev an hour before."""
    world.set(slack_webhook_urls=as_secret([slack.webhook("#dev")]), merge_prior_warning=HOUR)
    return world


def test_people_are_told_an_hour_before_and_then_it_merges(telling: World, slack: SlackServer) -> None:
    telling.opened()
    telling.wait(seconds=DAY - HOUR - 60)
    telling.advance()
    assert slack.texts("#dev") == []

    telling.wait(seconds=60)
    telling.advance()

    (text,) = slack.texts("#dev")
    assert text.splitlines()[0] == (f"The following changes will be released in about 1 hour: {telling.release.url}")
    telling.wait(seconds=HOUR - 60)
    telling.advance()
    assert "pull-request.merged" not in telling.acts
    telling.wait(seconds=60)
    telling.advance()
    assert telling.acts[-1] == "pull-request.merged"
    assert len(slack.texts("#dev")) == 1
    assert telling.events.count("notice.sent") == 1


def test_a_notice_and_a_merge_never_come_in_one_pass(telling: World, slack: SlackServer) -> None:
    telling.opened()
    telling.wait(days=3)

    decision = telling.advance()

    assert decision.code == "too-young"
    assert len(slack.texts("#dev")) == 1
    assert Notice.objects.get().merge_at == telling.now + timedelta(hours=1)


def test_after_a_block_people_are_told_anew(telling: World, slack: SlackServer) -> None:
    telling.opened()
    telling.wait(seconds=DAY - HOUR)
    telling.advance()
    block = telling.block("Needs QA")
    telling.advance()
    assert "Needs QA" in slack.texts("#dev")[1]
    telling.wait(hours=3)
    telling.advance()
    telling.unblock(block)

    telling.advance()

    texts = slack.texts("#dev")
    assert len(texts) == 3
    assert "will be released in about 1 hour" in texts[2]
    telling.wait(hours=1)
    telling.advance()
    assert telling.acts[-1] == "pull-request.merged"


def test_slack_that_is_away_is_tried_again_and_given_up_after_two_hours(telling: World, slack: SlackServer) -> None:
    slack.fail("/services/", times=1000, status=500)
    telling.opened()
    telling.wait(seconds=DAY - HOUR)
    assert telling.advance().code == "slack-away"
    for _ in range(8):
        telling.wait(minutes=15)
        telling.advance()
    assert "pull-request.merged" not in telling.acts

    telling.advance()

    assert telling.acts[-1] == "pull-request.merged"
    assert telling.events.count("notice.failed") == 1
    assert telling.events.count("notice.waived") == 1
    assert telling.events.count("notice.sent") == 0


def test_slack_that_was_not_tried_during_a_block_is_not_given_up(telling: World, slack: SlackServer) -> None:
    slack.fail("/services/", status=500)
    telling.opened()
    telling.wait(seconds=DAY - HOUR)
    assert telling.advance().code == "slack-away"
    block = telling.block("Needs QA")
    for _ in range(9):
        telling.wait(minutes=15)
        telling.advance()
    telling.unblock(block)

    telling.advance()
    telling.advance()

    assert "pull-request.merged" not in telling.acts
    assert "will be released in about 1 hour" in slack.texts("#dev")[-1]
    assert telling.events.count("notice.waived") == 0


def test_slack_that_was_not_tried_as_horizon_was_away_has_two_hours_anew(telling: World, slack: SlackServer) -> None:
    slack.fail("/services/", times=1000, status=500)
    telling.opened()
    telling.wait(seconds=DAY - HOUR)
    telling.advance()
    telling.wait(hours=3)
    for _ in range(8):
        telling.advance()
        telling.wait(minutes=15)
    assert "pull-request.merged" not in telling.acts
    assert telling.events.count("notice.waived") == 0

    telling.advance()
    telling.advance()

    assert telling.acts[-1] == "pull-request.merged"
    assert telling.events.count("notice.waived") == 1


def test_a_bot_edits_its_message_and_tells_the_thread(world: World, slack: SlackServer) -> None:
    from projects.models import Profile
    from projects.secrets import Secret

    slack.add_bot("xoxb-secret", channels=("#dev",))
    Profile.objects.create(
        organization=world.project.organization,
        name="slack",
        kind=Profile.Kind.SLACK_BOT,
        secret=Secret.of("xoxb-secret"),
    )
    world.set(slack_channels=["#dev"], merge_prior_warning=HOUR)
    world.opened()
    world.wait(seconds=DAY - HOUR)
    world.advance()
    block = world.block("Needs QA")
    world.advance()
    (text,) = slack.texts("#dev")
    assert "Blocked by mary: Needs QA" in text
    world.unblock(block)
    world.advance()
    world.wait(hours=1)
    world.advance()

    (text,) = slack.texts("#dev")
    assert text.startswith("Released")
    assert len(slack.replies("#dev")) == 3
