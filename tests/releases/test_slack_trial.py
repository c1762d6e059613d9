"""A person tries Slack in the admin: a test message to every target, and a bot's token."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from audit.models import AuditEvent
from projects.models import Profile
from projects.secrets import Secret
from tests.projects.admin_site import AdminSite
from tests.releases.telling import TOKEN, noticed, slack_events, tell_channels, tell_webhooks
from tests.releases.test_strategy_page import page_of, plain
from tests.releases.world import World
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["slack"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


def try_slack(site: AdminSite, world: World) -> str:
    address = f"releases/deploystrategy/{world.strategy.pk}"
    return plain(site.press(f"{address}/test-slack/", back=f"/admin/{address}/change/"))


class TestATestMessage:
    def test_goes_to_every_target_and_says_what_each_answered(
        self, site: AdminSite, world: World, slack: SlackServer
    ) -> None:
        gone = slack.webhook("#gone")
        slack.remove_webhook(gone)
        tell_webhooks(world, slack.webhook("#dev"), gone)
        tell_channels(world, slack, "#ops")
        world.set(slack_channels=["#ops", "#nowhere"])

        page = try_slack(site, world)

        assert "#ops: Slack took the message." in page
        assert "#nowhere: Slack knows no such channel" in page
        assert "the webhook is gone: make a new one in Slack. (no_service)" in page
        assert gone not in page
        for channel in ("#dev", "#ops"):
            (text,) = slack.texts(channel)
            assert text.startswith(
                "This is a test message of Horizon, sent by ana. Here it announces releases of *candela*"
            )
        assert slack_events(world) == ["notice.tested", "notice.tested"]
        assert AuditEvent.objects.filter(kind="notice.tested", actor="ana").count() == 2

    def test_that_may_have_been_delivered_says_so(self, site: AdminSite, world: World, slack: SlackServer) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        slack.fail("/services/", drop="after")
        assert "Slack did not answer. It may have been delivered all the same." in try_slack(site, world)
        assert slack_events(world) == []

    def test_needs_a_target(self, site: AdminSite, world: World, slack: SlackServer) -> None:
        assert "Send a test message" not in page_of(site, world)
        assert "It has no Slack webhooks and no channels" in try_slack(site, world)

    def test_is_for_people_who_may_change_the_strategy_and_comes_by_post_only(
        self, client: Client, world: World, slack: SlackServer
    ) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        site = AdminSite(client, permissions=[Permission.objects.get(codename="view_deploystrategy")])
        address = f"/admin/releases/deploystrategy/{world.strategy.pk}/test-slack/"
        assert "test-slack" not in site.text(f"releases/deploystrategy/{world.strategy.pk}/change/")
        assert client.post(address).status_code == 403
        site.user.is_superuser = True
        site.user.save()
        assert client.get(address).status_code == 403
        assert slack.messages == []


class TestTroubles:
    def test_of_targets_are_on_the_strategys_and_the_projects_page(
        self, site: AdminSite, world: World, slack: SlackServer
    ) -> None:
        tell_channels(world, slack, "#dev")
        slack.archive("#dev")
        noticed(world)
        words = "the channel is archived: choose another one. (is_archived)"
        assert f"#dev : {words}" in page_of(site, world)
        project = plain(site.client.get(f"/projects/{world.project.pk}/").content.decode())
        assert f"Slack, #dev: {words}" in project

    def test_that_there_are_none_is_said(self, site: AdminSite, world: World, slack: SlackServer) -> None:
        tell_channels(world, slack, "#dev")
        assert "No target refused the last message" in page_of(site, world)


class TestABotsProfile:
    def bot(self, world: World) -> Profile:
        kind, secret = Profile.Kind.SLACK_BOT, Secret.of(TOKEN)
        return Profile.objects.create(organization=world.project.organization, name="slack", kind=kind, secret=secret)

    def press(self, site: AdminSite, profile: Profile) -> str:
        return plain(site.press(f"projects/profile/{profile.pk}/test/", back="/admin/"))

    def test_is_tested_at_slack(self, site: AdminSite, world: World, slack: SlackServer) -> None:
        slack.add_bot(TOKEN)
        assert "Slack knows this token: horizon of Artsy." in self.press(site, self.bot(world))

    def test_whose_token_was_revoked_says_so(self, site: AdminSite, world: World, slack: SlackServer) -> None:
        slack.add_bot(TOKEN)
        slack.revoke(TOKEN)
        page = self.press(site, self.bot(world))
        assert "Slack: the bot's token was revoked: give its profile a new one." in page
        assert TOKEN not in page

    def test_while_slack_is_away_says_so(self, site: AdminSite, world: World, slack: SlackServer) -> None:
        slack.fail("auth.test", drop="before")
        assert "Slack: Slack did not answer." in self.press(site, self.bot(world))
