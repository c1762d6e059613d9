"""What people read of a release after its notice: true, and no more of it than they need."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from audit.record import Actor
from blocks.change import Wish, create_block
from blocks.models import DeployBlock
from releases import announce, engine
from releases.models import Release, SlackPost
from tests.releases.pushing import Watched
from tests.releases.telling import HOUR, noticed, passes, slack_events, tell_channels, tell_webhooks
from tests.releases.world import DAY, World
from tests.servers.github import GitHubServer
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["slack"]
pytestmark = pytest.mark.django_db


def block_by_ana(world: World, reason: str) -> DeployBlock:
    wish = Wish(world.project.organization, description=reason, projects=[world.project])
    return create_block(wish, actor=Actor.person("Ana"), owner=None, clock=world.clock).block


class TestABot:
    def test_edits_one_message_from_the_notice_to_the_end(self, world: World, slack: SlackServer) -> None:
        tell_channels(world, slack, "#dev")
        noticed(world)
        url = world.release.url
        firsts = [first_line(slack)]
        block = block_by_ana(world, "Needs QA")
        world.advance()
        firsts.append(first_line(slack))
        world.unblock(block)
        world.advance()
        firsts.append(first_line(slack))
        world.repo.check_run("ci", at="staging", conclusion="failure")
        world.advance()
        firsts.append(first_line(slack))
        world.repo.check_run("ci", at="staging", conclusion="success")
        world.advance()
        firsts.append(first_line(slack))
        world.wait(seconds=HOUR)
        world.advance()
        firsts.append(first_line(slack))

        assert [first.partition("<")[0].strip() for first in firsts] == [
            f"The following changes will be released in about 1 hour: {url}",
            f"Not released yet: Blocked by Ana: Needs QA. {url}",
            "Goes on: it will be released",
            f"Not released yet: ci fails on {world.repo.sha('staging')[:7]}. {url}",
            "Goes on: it will be released",
            "Released",
        ]
        assert len(slack.texts("#dev")) == 1
        assert slack.replies("#dev") == firsts[1:]
        assert slack_events(world) == ["notice.sent", *["notice.updated", "notice.replied"] * 5]
        assert [act.kind for act in slack.acts] == ["posted", *["updated", "replied"] * 5]

    def test_says_that_it_is_delayed_and_where_it_is_announced_anew(self, world: World, slack: SlackServer) -> None:
        tell_channels(world, slack, "#dev")
        noticed(world)
        block = world.block("Needs QA")
        world.wait(hours=3)
        world.advance()
        world.unblock(block)
        world.advance()

        older, newer = slack.texts("#dev")
        assert older == f"Announced anew, in a newer message: {world.release.url}"
        assert newer.startswith("The following changes will be released in about 1 hour: ")
        world.wait(hours=1)
        world.advance()
        assert slack.texts("#dev")[1].startswith("Released")
        assert slack.texts("#dev")[0] == older

    def test_says_that_the_pull_request_was_closed_and_by_whom(self, world: World, slack: SlackServer) -> None:
        tell_channels(world, slack, "#dev")
        noticed(world)
        world.repo.close_pull_request(1, by="ana")
        passes(world, 2)
        assert first_line(slack).startswith("Not released: the pull request was closed")

    def test_whose_edit_was_refused_tries_it_again(self, world: World, slack: SlackServer) -> None:
        tell_channels(world, slack, "#dev")
        noticed(world)
        slack.fail("chat.update", times=2, status=500)
        world.block("Needs QA")
        passes(world, 6, every=2)
        assert "Needs QA" in first_line(slack)
        assert slack_events(world) == ["notice.sent", "notice.failed", "notice.updated", "notice.replied"]

    def test_whose_thread_was_refused_is_not_told_twice(self, world: World, slack: SlackServer) -> None:
        tell_channels(world, slack, "#dev")
        noticed(world)
        slack.fail("chat.postMessage", times=1, status=200, body='{"ok": false, "error": "thread_locked"}')
        world.block("Needs QA")
        passes(world, 6, every=2)
        assert slack.replies("#dev") == []
        assert "thread_locked" in SlackPost.objects.get().error
        assert slack_events(world) == ["notice.sent", "notice.updated"]


def first_line(slack: SlackServer) -> str:
    return slack.texts("#dev")[-1].splitlines()[0]


class TestAWebhook:
    def test_is_told_once_of_a_block_after_the_notice_and_once_that_it_goes_on(
        self, world: World, slack: SlackServer
    ) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        noticed(world)
        block = world.block("Needs QA")
        passes(world, 6, every=2)
        assert len(slack.texts("#dev")) == 2
        world.unblock(block)
        passes(world, 6, every=2)
        assert len(slack.texts("#dev")) == 3
        assert first_line(slack).startswith("Goes on: it will be released")
        world.wait(hours=1)
        world.advance()
        assert world.acts[-1] == "pull-request.merged"
        passes(world, 2)
        assert len(slack.texts("#dev")) == 3

    def test_is_told_once_of_checks_that_failed(self, world: World, slack: SlackServer) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        noticed(world)
        world.repo.check_run("ci", at="staging", conclusion="failure")
        passes(world, 2)
        world.repo.check_run("lint", at="staging", conclusion="failure")
        passes(world, 2)
        assert len(slack.texts("#dev")) == 2
        assert "Not released yet: ci fails on" in slack.texts("#dev")[1]

    def test_is_told_nothing_of_a_block_or_a_check_before_any_notice(self, world: World, slack: SlackServer) -> None:
        tell_webhooks(world, slack.webhook("#dev"))
        world.opened()
        world.repo.check_run("ci", at="staging", conclusion="failure")
        world.block("Needs QA")
        world.wait(seconds=DAY)
        passes(world, 2)
        assert slack.messages == []


class TestByHand:
    @pytest.fixture
    def here(self, github: GitHubServer, slack: SlackServer, db: None) -> Watched:
        world = Watched(github)
        tell_webhooks(world, slack.webhook("#dev"), slack.webhook("#ops"))
        world.wait(minutes=1)
        return world

    def look(self, world: Watched) -> None:
        world.wait(minutes=1)
        world.look()

    def test_a_push_without_a_pull_request_is_told_once_to_all(self, here: Watched, slack: SlackServer) -> None:
        here.repo.commit("release", "Quick fix", author="ana")
        for _ in range(4):
            self.look(here)
        for channel in ("#dev", "#ops"):
            (text,) = slack.texts(channel)
            assert text.startswith("ana released by hand")
            assert "Quick fix" in text
        assert slack_events(here) == ["notice.sent", "notice.sent"]

    def test_a_merge_by_hand_during_the_notice_is_told_to_all(self, here: Watched, slack: SlackServer) -> None:
        noticed(here)
        here.repo.merge_pull_request(1, by="ana")
        for _ in range(3):
            self.look(here)
        for channel in ("#dev", "#ops"):
            assert [text.split()[0] for text in slack.texts(channel)] == ["The", "ana"]

    def test_a_rollback_is_told_to_all(self, here: Watched, slack: SlackServer) -> None:
        good = here.repo.sha("release")
        here.repo.commit("release", "Quick fix", author="ana")
        self.look(here)
        self.look(here)
        here.wait(days=2)
        here.repo.force_push("release", good, by="ana")
        for _ in range(3):
            self.look(here)
        assert "rolled back" in slack.texts("#dev")[-1]
        assert len(slack.texts("#dev")) == len(slack.texts("#ops")) == 2

    def test_a_target_that_was_away_is_told_later_even_if_it_is_live_by_then(
        self, here: Watched, slack: SlackServer
    ) -> None:
        slack.fail("/services/", times=1, status=500)
        here.repo.commit("release", "Quick fix", author="ana")
        for _ in range(4):
            self.look(here)
        assert len(slack.texts("#dev")) == len(slack.texts("#ops")) == 1

    def test_what_is_older_than_a_day_is_no_news(self, here: Watched, slack: SlackServer) -> None:
        slack.fail("/services/", times=999, status=500)
        here.repo.commit("release", "Quick fix", author="ana")
        self.look(here)
        slack.clear_faults()
        here.wait(hours=25)
        self.look(here)
        assert slack.messages == []

    def test_what_was_there_at_first_sight_is_no_news(self, github: GitHubServer, slack: SlackServer, db: None) -> None:
        world = World(github)
        tell_webhooks(world, slack.webhook("#dev"))
        world.repo.commit("release", "Long ago", author="ana")
        watched = Watched.__new__(Watched)
        watched.__dict__.update(vars(world) | {"mirror": None})
        for _ in range(3):
            self.look(watched)
        assert slack.messages == []


class TestAfterTheMerge:
    @pytest.fixture
    def there(self, github: GitHubServer, slack: SlackServer, db: None) -> Watched:
        """Production is read from another remote."""
        world = Watched(github, elsewhere=True)
        world.set(live_within=1800)
        tell_channels(world, slack, "#dev")
        noticed(world)
        Release.objects.filter(pk=world.release.pk).update(assigned_sha=world.release.head_sha)
        world.wait(seconds=HOUR)
        world.look()
        assert first_line(slack).startswith("Released ")
        return world

    def test_it_is_live_and_says_how_long_it_took(self, there: Watched, slack: SlackServer) -> None:
        there.wait(minutes=10)
        there.deploy(there.release.head_sha)
        there.look()
        there.look()
        assert ", and live " in first_line(slack)
        assert first_line(slack).endswith(f"later: {there.release.url}")

    def test_it_is_not_seen_live_and_says_so(self, there: Watched, slack: SlackServer) -> None:
        there.wait(minutes=31)
        there.look()
        there.look()
        assert "but not seen live within 30 minutes: look at its deployment" in first_line(slack)
        assert len(slack.texts("#dev")) == 1


class TestManyReleases:
    def quiet(self, world: World) -> None:
        announce.keep_true(list(engine.releasable()), world.clock)

    def test_cost_no_query_each_and_nothing_is_sent_when_nothing_is_new(
        self, world: World, slack: SlackServer, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        worlds = [world, *[World(world.github, f"p{number}") for number in range(4)]]
        for each in worlds:
            tell_channels(each, slack, "#dev", "#ops")
            each.opened()
        world.wait(seconds=DAY - HOUR)
        for each in worlds:
            each.advance()
        sent = len(slack.requests)
        assert sent == 10

        for chosen in ([world.project.pk], [each.project.pk for each in worlds]):
            strategies = list(engine.releasable().filter(stage__project__in=chosen))
            with django_assert_num_queries(9):
                announce.keep_true(strategies, world.clock)
        assert len(slack.requests) == sent

    def test_one_that_is_broken_stops_no_other(self, world: World, slack: SlackServer) -> None:
        other = World(world.github, "force")
        for each in (world, other):
            tell_channels(each, slack, "#dev")
            each.opened()
        world.wait(seconds=DAY - HOUR)
        for each in (world, other):
            each.advance()
        world.block("Stop all", scope="organization", projects=[])
        Release.objects.filter(pk=world.release.pk).update(commits=["nonsense"])

        with pytest.raises(ExceptionGroup):
            self.quiet(world)

        assert any("Stop all" in text and "*force*" in text for text in slack.texts("#dev"))


def test_strategies_that_tell_nobody_cost_no_query(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    world.opened()
    strategies = list(engine.releasable())
    with django_assert_num_queries(0):
        announce.keep_true([], world.clock)
    with django_assert_num_queries(0):
        announce.keep_true(strategies, world.clock)


def test_a_finished_release_is_followed_for_a_day(world: World, slack: SlackServer) -> None:
    tell_channels(world, slack, "#dev")
    noticed(world)
    slack.fail("chat.update", times=999, status=500)
    world.wait(seconds=HOUR)
    world.advance()
    slack.clear_faults()
    Release.objects.update(merged_at=world.now - timedelta(hours=25))
    world.wait(hours=2)
    world.advance()
    assert first_line(slack).startswith("The following changes")
