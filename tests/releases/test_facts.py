"""Rows to facts and back, and what is asked of GitHub."""

from dataclasses import replace
from datetime import timedelta

import pytest

from projects.models import Profile
from projects.secrets import Secret
from releases import facts
from releases.decision import Check, CheckState
from releases.facts import stale_after
from releases.models import DeployStrategy, StrategyReading
from releases.readings import from_json, to_json
from tests import worlds
from tests.releases.situations import PULL, READING
from tests.releases.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "reading",
    [
        READING,
        replace(READING, pull_request=None, head_sha=None, ahead=None, required_checks=None, merge_queue=None),
        replace(READING, pull_request=replace(PULL, mergeable=None, checks=(Check("a/b", CheckState.PENDING),))),
    ],
)
def test_a_reading_is_the_same_after_it_was_stored(world: World, reading: object) -> None:
    assert isinstance(reading, type(READING))
    stored = StrategyReading.objects.create(strategy=world.strategy, tried_at=world.now, facts=to_json(reading))
    stored.refresh_from_db()

    assert from_json(stored.facts) == reading


def test_what_another_version_stored_counts_as_never_read(world: World) -> None:
    world.opened()
    StrategyReading.objects.update(facts={"version": 99, "other": "form"})

    assert world.decide().code == "unread"


@pytest.mark.parametrize(("poll", "stale"), [(1, 30), (15, 30), (60, 120), (300, 600), (86400, 600)])
def test_facts_are_old_after_two_polls_within_limits(poll: int, stale: int) -> None:
    assert stale_after(timedelta(seconds=poll)) == timedelta(seconds=stale)


def test_trouble_keeps_the_last_good_reading(world: World) -> None:
    world.opened()
    world.github.fail("GRAPHQL .*", status=502, times=9)

    world.advance()

    row = StrategyReading.objects.get()
    assert row.error
    assert from_json(row.facts).pull_request is not None


class TestRepository:
    def strategy(self, world: World, **changed: object) -> DeployStrategy:
        DeployStrategy.objects.filter(pk=world.strategy.pk).update(**changed)
        return facts.strategies_with_all().get(pk=world.strategy.pk)

    def test_is_that_of_the_stage(self, world: World) -> None:
        assert facts.repository_of_strategy(self.strategy(world)) == ("artsy", "candela")

    def test_may_be_the_strategys_own(self, world: World) -> None:
        assert facts.repository_of_strategy(self.strategy(world, repository="other/thing")) == ("other", "thing")

    def test_takes_the_organization_for_the_owner(self, world: World) -> None:
        assert facts.repository_of_strategy(self.strategy(world, repository="thing")) == ("artsy", "thing")

    def test_that_is_nowhere_named_is_asked_for(self, world: World) -> None:
        world.project.stages.filter(name="production").update(git_remote="", branch="", hokusai="production")

        assert world.advance().reason.startswith("Give the strategy its repository (owner/name)")

    def test_on_a_remote_without_owner_is_explained(self, world: World) -> None:
        world.project.stages.update(git_remote="https://git.heroku.com/app.git")

        assert "owner/name" in world.advance().reason


class TestProfile:
    def test_of_the_strategy_comes_before_that_of_the_stage(self, world: World) -> None:
        world.github.add_token("ghp_other", login="other-bot")
        own = worlds.github_profile(name="own", api_url=world.github.api_url, secret=Secret.of("ghp_other"))
        world.set(profile=own)

        world.advance()

        assert {request.token for request in world.github.requests} == {"ghp_other"}

    def test_that_is_not_githubs_cannot_release(self, world: World) -> None:
        basic = Profile.objects.create(
            organization=world.project.organization, name="git", kind="basic", host="git.example.com", user="ana"
        )
        world.set(profile=basic)

        assert "GitHub token or App" in world.advance().reason

    def test_with_a_wrong_token_is_said(self, world: World) -> None:
        Profile.objects.update(secret=Secret.of("ghp_nonsense"))

        decision = world.advance()

        assert decision.code == "unreadable"
        assert "wrong, expired or revoked" in decision.reason
        assert "ghp_nonsense" not in decision.reason
