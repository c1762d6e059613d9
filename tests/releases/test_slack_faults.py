"""What goes wrong with Slack, through passes of the engine: no flood, no loss, and people see what is the matter."""

from datetime import timedelta
from typing import Any

import pytest

from releases.models import Notice, SlackPost
from tests.releases.telling import (
    HOUR,
    MINUTE,
    noticed,
    passes,
    post_at,
    slack_events,
    tell_channels,
    tell_webhooks,
    until_the_notice,
)  # fmt: skip
from tests.releases.wire import When, dying, tapped
from tests.releases.world import World
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["slack"]
pytestmark = pytest.mark.django_db


class TestTooManyRequests:
    @pytest.mark.parametrize("kind", ["webhook", "bot"])
    def test_that_delivered_all_the_same_are_sent_again_once_and_never_after(
        self, world: World, slack: SlackServer, kind: str
    ) -> None:
        if kind == "webhook":
            tell_webhooks(world, slack.webhook("#dev"))
        else:
            tell_channels(world, slack, "#dev")
        slack.fail("", times=1000, status=429, headers={"Retry-After": "1"}, after_effect=True)
        noticed(world)
        passes(world, 4)
        assert len(slack.texts("#dev")) == 1

        passes(world, 2)
        assert len(slack.texts("#dev")) == 2

        passes(world, 300, every=20)
        assert len(slack.texts("#dev")) == 2
        assert slack_events(world) == ["notice.failed", "notice.waived"]
        assert world.acts[-1] == "pull-request.merged"

    def test_are_left_alone_as_long_as_slack_asks(self, world: World, slack: SlackServer) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        slack.fail("/services/", status=429, headers={"Retry-After": "1200"})
        noticed(world)
        passes(world, 18, every=3)
        assert slack.texts("#dev") == []

        passes(world, 2)

        (text,) = slack.texts("#dev")
        assert text.startswith("The following changes will be released in about 1 hour: ")
        assert Notice.objects.get().merge_at == world.now + timedelta(hours=1)
        assert slack_events(world) == ["notice.failed", "notice.sent"]

    def test_hold_up_no_other_target(self, world: World, slack: SlackServer) -> None:
        full, free = slack.webhook("#full"), slack.webhook("#free")
        tell_webhooks(world, full, free)
        slack.fail(full.removeprefix(slack.url), times=99, status=429)
        noticed(world)
        assert len(slack.texts("#free")) == 1
        assert world.decide().code == "too-young"


class TestSlackThatDoesNotTakeIt:
    @pytest.mark.parametrize(
        "answer",
        [
            {"status": 500},
            {"status": 503, "body": "<html>"},
            {"drop": "before"},
            {"status": 200, "body": "<html>Sign in</html>"},
            {"status": 302, "headers": {"Location": "/"}},
        ],
    )
    @pytest.mark.parametrize("kind", ["webhook", "bot"])
    def test_is_tried_again_until_it_does(
        self, world: World, slack: SlackServer, kind: str, answer: dict[str, Any]
    ) -> None:
        if kind == "webhook":
            tell_webhooks(world, slack.webhook("#dev"))
        else:
            tell_channels(world, slack, "#dev")
        slack.fail("", times=2, **answer)
        noticed(world)
        assert world.decide().code == "slack-away"
        passes(world, 15, every=5)

        (text,) = slack.texts("#dev")
        assert text.startswith("The following changes will be released in about 1 hour: ")
        assert slack_events(world) == ["notice.failed", "notice.sent"]
        notice = Notice.objects.get()
        assert notice.delivered_at is not None
        assert notice.merge_at == notice.delivered_at + timedelta(hours=1)

    @pytest.mark.parametrize("word", ["channel_not_found", "token_revoked", "is_archived", "missing_scope"])
    def test_because_of_how_it_is_set_up_is_shown_and_not_hurried(
        self, world: World, slack: SlackServer, word: str
    ) -> None:
        tell_channels(world, slack, "#dev")
        slack.fail("chat.postMessage", times=999, status=200, body=f'{{"ok": false, "error": "{word}"}}')
        noticed(world)
        assert word in post_at(world, "#dev").error
        assert word in Notice.objects.get().error
        passes(world, 117, every=3)
        assert slack.requests.count("/api/chat.postMessage") < 15
        assert "pull-request.merged" not in world.acts

        passes(world, 6, every=2)
        assert world.acts[-1] == "pull-request.merged"
        assert slack_events(world) == ["notice.failed", "notice.waived"]

    @pytest.mark.parametrize(("status", "body"), [(404, "no_service"), (410, "channel_is_archived")])
    def test_at_a_webhook_that_is_gone_says_so(self, world: World, slack: SlackServer, status: int, body: str) -> None:
        url = slack.webhook("#dev")
        slack.remove_webhook(url, status=status, body=body)
        tell_webhooks(world, url)
        noticed(world)
        error = post_at(world, "127.0.0.1").error
        assert body in error
        assert url not in error


class TestSeveralTargets:
    def test_one_that_took_it_is_enough_and_the_others_get_it_later(self, world: World, slack: SlackServer) -> None:
        good, bad = slack.webhook("#good"), slack.webhook("#bad")
        tell_webhooks(world, bad, good)
        slack.fail(bad.removeprefix(slack.url), times=3, status=500)
        noticed(world)

        assert len(slack.texts("#good")) == 1
        assert slack.texts("#bad") == []
        assert world.decide().code == "too-young"
        assert SlackPost.objects.exclude(error="").count() == 1
        passes(world, 20, every=4)

        (late,) = slack.texts("#bad")
        assert late.startswith("The following changes come <!date^")
        assert len(slack.texts("#good")) == 1
        assert SlackPost.objects.exclude(error="").count() == 0
        passes(world, 40, every=20)
        assert world.acts[-1] == "pull-request.merged"
        assert slack_events(world) == ["notice.failed", "notice.sent", "notice.sent"] or slack_events(world) == [
            "notice.sent", "notice.failed", "notice.sent"
        ]  # fmt: skip

    def test_one_that_took_nothing_is_told_nothing_of_a_block(self, world: World, slack: SlackServer) -> None:
        good, bad = slack.webhook("#good"), slack.webhook("#bad")
        tell_webhooks(world, bad, good)
        slack.fail(bad.removeprefix(slack.url), times=1, status=500)
        noticed(world)
        block = world.block("Needs QA")
        passes(world, 5)
        assert slack.texts("#bad") == []
        assert "Needs QA" in slack.texts("#good")[1]

        world.unblock(block)
        passes(world, 5)
        assert slack.texts("#bad")[0].startswith("The following changes come <!date^")

    def test_that_are_all_slow_do_not_add_up(self, world: World, slack: SlackServer) -> None:
        tell_webhooks(world, *[slack.webhook(f"#c{number}") for number in range(8)])
        until_the_notice(world)
        together = max_together(world, slack)
        assert together == 8
        assert slack_events(world) == ["notice.sent"] * 8


def max_together(world: World, slack: SlackServer) -> int:
    """Each target is answered only when all of them have been asked."""
    import threading

    barrier = threading.Barrier(8)
    with tapped() as wire:
        for _ in range(8):
            wire.at("POST /services/", "before", lambda: barrier.wait(30) is None)
        world.advance()
    return 0 if barrier.broken else len(slack.messages)


class TestDeath:
    @pytest.mark.parametrize(("when", "messages"), [("before", 1), ("after", 2)])
    def test_while_a_notice_is_sent_tells_people_at_most_twice(
        self, world: World, slack: SlackServer, when: When, messages: int
    ) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        until_the_notice(world)
        dying(world.advance, "POST /services/", when)
        assert slack_events(world) == []
        passes(world, 1)
        assert len(slack.texts("#dev")) == messages - 1
        passes(world, 2)

        assert len(slack.texts("#dev")) == messages
        assert slack_events(world) == ["notice.sent"]
        notice = Notice.objects.get()
        assert notice.delivered_at is not None
        assert notice.merge_at - notice.delivered_at == timedelta(hours=1)

    def test_after_the_first_of_two_targets_tells_nobody_twice_who_is_known_to_know(
        self, world: World, slack: SlackServer
    ) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        noticed(world)
        Notice.objects.update(delivered_at=None, tried_at=world.now - timedelta(minutes=5), retry_at=None)

        world.advance()

        assert len(slack.texts("#dev")) == 1
        assert Notice.objects.get().delivered_at is not None

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_while_a_message_is_edited_loses_no_edit(self, world: World, slack: SlackServer, when: When) -> None:
        tell_channels(world, slack, "#dev")
        noticed(world)
        world.block("Needs QA")
        dying(world.advance, "POST .*/chat.update", when)
        passes(world, 3)

        (text,) = slack.texts("#dev")
        assert "Needs QA" in text
        assert slack_events(world) == ["notice.sent", "notice.updated", "notice.replied"]


class TestLimitsAcrossReleases:
    def test_a_target_that_wants_fewer_messages_gets_no_others_in_the_same_pass(
        self, world: World, slack: SlackServer
    ) -> None:
        url = slack.webhook("#dev")
        tell_webhooks(world, url)
        other = World(world.github, "force")
        tell_webhooks(other, url)
        for each in (world, other):
            each.opened()
        world.wait(seconds=24 * HOUR - HOUR)
        for each in (world, other):
            each.advance()
        assert len(slack.texts("#dev")) == 2
        world.block("Stop all", scope="organization", projects=[])
        slack.fail("/services/", times=9, status=429)

        before = len(slack.requests)
        advance_all(world)

        assert len(slack.requests) == before + 1
        slack.clear_faults()
        world.wait(seconds=6 * MINUTE)
        advance_all(world)
        assert sum("Stop all" in text for text in slack.texts("#dev")) == 2


def advance_all(world: World) -> None:
    from releases import engine

    engine.advance(engine.releasable(), world.clock)
