"""Owners of blocks without an end are reminded, once a week."""

from datetime import datetime, timedelta

import pytest

from audit.models import AuditEvent
from blocks.models import DeployBlock
from releases.reminders import remind_owners
from tests.releases.telling import tell_channels
from tests.releases.wire import dying
from tests.releases.world import World
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["slack"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def told(world: World, slack: SlackServer) -> World:
    """A world whose releases are told to #dev."""
    tell_channels(world, slack, "#dev")
    return world


def reminded(world: World) -> list[DeployBlock]:
    return remind_owners(world.clock)


class TestReminder:
    def test_comes_a_week_after_the_beginning_and_every_week_after(self, told: World, slack: SlackServer) -> None:
        block = told.block("incident 12")
        told.wait(days=6)
        assert reminded(told) == []

        told.wait(days=1)
        assert reminded(told) == [block]
        told.wait(days=6)
        assert reminded(told) == []
        told.wait(days=1)
        assert reminded(told) == [block]

        assert "mary has blocked releases for 7 days, without an end: incident 12" in slack.texts("#dev")[0]
        assert AuditEvent.objects.filter(kind="block.reminded", project_id=told.project.pk).count() == 2

    def test_is_tried_again_after_a_day_where_nobody_took_it(self, told: World, slack: SlackServer) -> None:
        told.block()
        told.wait(days=8)
        slack.fail("chat.postMessage", drop="before")
        assert reminded(told) == []
        assert not AuditEvent.objects.filter(kind="block.reminded").exists()

        assert reminded(told) == []
        told.wait(days=1)
        assert len(reminded(told)) == 1

    def test_is_tried_again_after_a_day_where_the_worker_died(self, told: World) -> None:
        block = told.block()
        told.wait(days=8)
        dying(lambda: reminded(told), "POST .*/chat.postMessage", "before")

        assert reminded(told) == []
        told.wait(days=1)
        assert reminded(told) == [block]

    def test_leaves_the_rest_to_the_next_run_where_slack_is_slow(self, told: World) -> None:
        blocks = [told.block(f"incident {number}") for number in range(5)]
        told.wait(days=8)

        def each_takes_fifty_seconds() -> datetime:
            told.wait(seconds=50)
            return told.now

        assert remind_owners(each_takes_fifty_seconds) == blocks[:2]
        assert reminded(told) == blocks[2:]

    def test_is_not_for_blocks_that_end_or_have_ended(self, told: World) -> None:
        told.block(resolved_at=told.now + timedelta(days=90))
        told.unblock(told.block())
        told.wait(days=8)

        assert reminded(told) == []

    def test_goes_nowhere_without_slack(self, world: World, slack: SlackServer) -> None:
        world.block()
        world.wait(days=8)

        assert reminded(world) == []
        assert slack.requests == []

    def test_of_a_whole_organization_goes_once_to_the_same_targets(self, told: World, slack: SlackServer) -> None:
        told.release_to("staging", base="staging", head="main", slack_channels=["#dev"])
        told.block(scope="organization", projects=[])
        told.wait(days=8)

        reminded(told)

        assert len(slack.texts("#dev")) == 1
