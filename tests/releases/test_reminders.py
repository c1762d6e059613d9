"""Owners of blocks without an end are reminded, once a week."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from blocks.models import DeployBlock
from releases.reminders import remind_owners
from releases.slack import SlackTrouble, Target
from tests.releases.world import World

pytestmark = pytest.mark.django_db


class Channel:
    """A place to post to, that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.texts: list[str] = []

    def post(self, target: Target, text: str) -> None:
        if self.away:
            raise SlackTrouble("Slack did not answer.")
        self.texts.append(f"{target.label}: {text}")


@pytest.fixture
def channel() -> Channel:
    return Channel()


def told_of(world: World, channel: Channel) -> list[DeployBlock]:
    return remind_owners(world.clock, channel.post)


class TestReminder:
    def test_comes_a_week_after_the_beginning_and_every_week_after(self, world: World, channel: Channel) -> None:
        world.set(slack_channels=["#dev"])
        block = world.block("incident 12")
        world.wait(days=6)
        assert told_of(world, channel) == []

        world.wait(days=1)
        assert told_of(world, channel) == [block]
        world.wait(days=6)
        assert told_of(world, channel) == []
        world.wait(days=1)
        assert told_of(world, channel) == [block]

        assert "mary has blocked releases for 7 days, without an end: incident 12" in channel.texts[0]
        assert AuditEvent.objects.filter(kind="block.reminded", project_id=world.project.pk).count() == 2

    def test_is_tried_again_after_a_day_where_nobody_took_it(self, world: World, channel: Channel) -> None:
        world.set(slack_channels=["#dev"])
        world.block()
        world.wait(days=8)
        channel.away = True
        assert told_of(world, channel) == []
        assert not AuditEvent.objects.filter(kind="block.reminded").exists()

        channel.away = False
        assert told_of(world, channel) == []
        world.wait(days=1)
        assert len(told_of(world, channel)) == 1

    def test_is_tried_again_after_a_day_where_the_worker_died(self, world: World, channel: Channel) -> None:
        world.set(slack_channels=["#dev"])
        block = world.block()
        world.wait(days=8)

        def dies(target: Target, text: str) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            remind_owners(world.clock, dies)

        assert told_of(world, channel) == []
        world.wait(days=1)
        assert told_of(world, channel) == [block]

    def test_leaves_the_rest_to_the_next_run_where_slack_is_slow(self, world: World, channel: Channel) -> None:
        world.set(slack_channels=["#dev"])
        blocks = [world.block(f"incident {number}") for number in range(5)]
        world.wait(days=8)

        def slow(target: Target, text: str) -> None:
            world.wait(seconds=50)

        assert remind_owners(world.clock, slow) == blocks[:3]
        assert told_of(world, channel) == blocks[3:]

    def test_is_not_for_blocks_that_end_or_have_ended(self, world: World, channel: Channel) -> None:
        world.set(slack_channels=["#dev"])
        world.block(resolved_at=world.now + timedelta(days=90))
        world.unblock(world.block())
        world.wait(days=8)

        assert told_of(world, channel) == []

    def test_goes_nowhere_without_slack(self, world: World, channel: Channel) -> None:
        world.block()
        world.wait(days=8)

        assert told_of(world, channel) == []
        assert channel.texts == []

    def test_of_a_whole_organization_goes_once_to_the_same_targets(self, world: World, channel: Channel) -> None:
        world.set(slack_channels=["#dev"])
        world.release_to("staging", base="staging", head="main", slack_channels=["#dev"])
        world.block(scope="organization", projects=[])
        world.wait(days=8)

        told_of(world, channel)

        assert len(channel.texts) == 1
