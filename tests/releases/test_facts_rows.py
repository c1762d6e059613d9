"""What decisions are told of notices, of what people said, of closed hours and of broken histories."""

from datetime import date, time, timedelta
from typing import Any

import pytest

from audit.record import Actor
from releases import engine, facts, interventions
from releases.decision import Facts
from releases.models import ClosedHours, Holiday, Notice, Release, StrategyReading
from releases.situation import Notice as NoticeFact
from tests.releases.world import World

pytestmark = pytest.mark.django_db

ANA = Actor.person("ana")


def known(world: World) -> Facts:
    strategy = facts.strategies_with_all().get(pk=world.strategy.pk)
    return facts.facts_of([strategy], world.now)[strategy.pk]


def test_the_last_notice_is_told(world: World) -> None:
    release, now = world.opened(), world.now
    for hours in (2, 1):
        begun = now - timedelta(hours=hours)
        Notice.objects.create(release=release, merge_at=now, begun_at=begun, head_sha="a" * 40, delivered_at=begun)

    before = now - timedelta(hours=1)
    assert known(world).notice == NoticeFact(now, before, before)


def test_what_people_said_is_told_while_it_holds(world: World) -> None:
    sha = world.opened().head_sha
    until = world.now + timedelta(days=2)
    said = interventions.postpone(world.strategy, sha, until, reason="fair", actor=ANA, clock=world.clock)
    interventions.skip(world.strategy, sha, reason="broken", actor=ANA, clock=world.clock)

    told = known(world)
    assert told.postponed is not None
    assert (told.postponed.by, told.postponed.reason, told.postponed.until) == ("ana", "fair", until)
    assert told.skipped is not None
    assert (told.skipped.by, told.skipped.sha) == ("ana", sha)
    interventions.withdraw(said, actor=ANA, clock=world.clock)
    assert known(world).postponed is None


def test_release_now_names_what_it_is_in_spite_of(world: World) -> None:
    sha, block = world.opened().head_sha, world.block()
    world.set(blocked_time_buckets=["* * * * *"])
    interventions.release_now(
        world.strategy, sha, reason="fix", actor=ANA, clock=world.clock, spite_blocks=[block.pk], spite_closed=True
    )

    now = known(world).release_now

    assert now is not None
    assert (now.by, now.sha, now.said_at) == ("ana", sha, world.now)
    assert [each.id for each in known(world).blocks] == [block.pk]
    assert now.blocks == {each.seen for each in known(world).blocks}
    assert now.closed == {each.seen for each in known(world).plan.closed}


def test_closed_hours_of_the_organization_close_its_strategies(world: World) -> None:
    organization, day = world.project.organization, date(2026, 12, 25)
    made: dict[str, Any] = {"organization": organization, "created_at": world.now, "created_by": "ana"}
    ClosedHours.objects.create(
        name="weekend", weekdays=[5, 6], begins_at=time(0), ends_at=time(0), time_zone="Europe/Berlin", **made
    )
    Holiday.objects.create(name="Christmas", first_day=day, last_day=day, **made)
    Holiday.objects.create(name="long ago", first_day=date(2020, 1, 1), last_day=date(2020, 1, 1), **made)
    world.set(blocked_time_buckets=["* 1-2 * * *"])

    closed = known(world).plan.closed

    assert sorted(rule.name for rule in closed) == ["* 1-2 * * *", "Christmas", "weekend"]
    assert {rule.zone for rule in closed} == {"Europe/Berlin", "UTC"}


def test_an_organization_without_closed_hours_closes_nothing(world: World) -> None:
    assert known(world).plan.closed == ()


class TestHeadSince:
    def test_is_the_commits_own_time_at_the_first_look(self, world: World) -> None:
        world.commit()
        world.wait(hours=2)

        world.advance()

        assert known(world).head_since == world.now - timedelta(hours=2)

    def test_is_never_to_come(self, world: World) -> None:
        world.repo.commit("staging", "From the future", author="ana", date=world.now + timedelta(days=400))

        world.advance()

        assert known(world).head_since == world.now

    def test_moves_with_the_head_and_not_with_looks(self, world: World) -> None:
        world.opened()
        world.wait(hours=1)
        world.commit("Late")
        world.advance()
        moved_at = world.now
        world.wait(hours=1)
        world.advance()

        assert StrategyReading.objects.get().head_since == moved_at


def test_a_strategy_for_people_is_followed_until_its_release_is_finished(world: World) -> None:
    world.opened()
    world.set(automatic=False)
    world.repo.merge_pull_request(1, by="ana")

    assert world.advance().code == "released-by-people"

    assert world.story[-1] == "release.by-hand"
    assert not engine.followed().filter(pk=world.strategy.pk).exists()


def test_closed_is_told_only_of_the_newest_finished_release(world: World) -> None:
    world.opened()
    world.repo.close_pull_request(1, by="ana")
    world.advance()
    assert known(world).closed is not None
    world.repo.reopen_pull_request(1)
    world.advance()
    world.repo.merge_pull_request(1, by="ana")
    world.advance()

    assert Release.objects.filter(state="closed").exists()
    assert known(world).closed is None
