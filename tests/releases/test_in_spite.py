"""In spite of exactly what a named person saw, for a day: what was changed since, or not named, holds again."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from audit.record import Actor
from blocks.change import change_block, wish_of
from blocks.models import DeployBlock
from releases import interventions
from releases.models import ClosedHours, Intervention, Note
from tests.releases.world import DAY, World

pytestmark = pytest.mark.django_db
BO = Actor.person("bo")


def now(world: World, **spite: Any) -> Intervention:
    return interventions.release_now(
        world.strategy, world.repo.sha("staging"), reason="fix", actor=BO, clock=world.clock, **spite
    )


def change(world: World, block: DeployBlock, **changed: Any) -> None:
    change_block(
        block,
        block.organization,
        lambda stored: replace(wish_of(stored), **changed),
        actor=Actor.person("mary"),
        clock=world.clock,
    )


def close(world: World, name: str, begins: int, ends: int) -> ClosedHours:
    return ClosedHours.objects.create(
        organization=world.project.organization, name=name, weekdays=list(range(7)), begins_at=time(begins),
        ends_at=time(ends), created_at=world.now, created_by="ana",
    )  # fmt: skip


def awaited(world: World) -> None:
    """A check is awaited, so that what was wished for is not done at once."""
    world.opened()
    world.repo.check_run("ci", at="staging", status="in_progress", conclusion=None)


def green(world: World) -> None:
    world.repo.check_run("ci", at="staging")


class TestBlocks:
    @pytest.mark.parametrize(
        "changed",
        [
            {"description": "DATA LOSS: nobody releases anything"},
            {"scope": "organization", "projects": []},
            {"resolved_at": None},
        ],
    )
    def test_one_that_was_changed_since_holds_again_and_says_so(self, world: World, changed: dict[str, Any]) -> None:
        awaited(world)
        block = world.block("needs QA", resolved_at=world.now + timedelta(days=3))
        now(world, spite_blocks=[block.pk])
        assert world.advance().code == "checks-running"

        change(world, block, **changed)
        green(world)
        decision = world.advance()

        assert decision.code == "blocked"
        assert decision.reason.endswith("released now, but it was changed since: look and say it again.")
        assert not world.repo.pull(1).merged

        now(world, spite_blocks=[block.pk])
        world.advance()
        assert world.repo.pull(1).merged

    def test_one_that_nobody_changed_is_passed_over_when_the_check_is_green(self, world: World) -> None:
        awaited(world)
        now(world, spite_blocks=[world.block("needs QA").pk])
        world.advance()
        green(world)
        world.advance()

        assert world.repo.pull(1).merged


class TestClosedHours:
    def test_others_than_those_that_were_named_hold_and_say_so(self, world: World) -> None:
        awaited(world)
        close(world, "stand-up", 8, 9)
        close(world, "lunch", 12, 13)
        now(world, spite_closed=True)
        assert world.advance().code == "checks-running"

        world.wait(hours=4)
        green(world)
        decision = world.advance()

        assert decision.code == "closed-hours"
        assert "in spite of other closed hours than these: look and say it again." in decision.reason
        assert AuditEvent.objects.get(kind="release.now").data["closed_hours"] == ["stand-up"]
        assert "In spite of closed hours: stand-up." in Note.objects.get().text

        world.wait(hours=1)
        world.advance()
        assert world.repo.pull(1).merged

    def test_of_the_same_name_that_were_made_longer_hold(self, world: World) -> None:
        awaited(world)
        hours = close(world, "freeze", 8, 9)
        now(world, spite_closed=True)
        world.advance()
        hours.ends_at = time(20)
        hours.save()
        green(world)

        assert world.advance().code == "closed-hours"

    def test_that_were_named_are_passed_over_as_long_as_they_last(self, world: World) -> None:
        awaited(world)
        close(world, "freeze", 8, 20)
        now(world, spite_closed=True)
        world.advance()
        world.wait(hours=3)
        green(world)
        world.advance()

        assert world.repo.pull(1).merged


class TestADay:
    def test_later_it_is_over_and_says_so(self, world: World) -> None:
        world.set(merge_after=10 * DAY)
        awaited(world)
        now(world)
        world.advance()
        world.wait(seconds=DAY)
        green(world)
        decision = world.advance()

        assert decision.code == "too-young"
        assert decision.reason.endswith("released now, but that was a day ago: look and say it again.")
        assert not world.repo.pull(1).merged

    def test_until_then_it_holds(self, world: World) -> None:
        world.set(merge_after=10 * DAY)
        awaited(world)
        now(world)
        world.advance()
        world.wait(seconds=DAY - 60)
        green(world)
        world.advance()

        assert world.repo.pull(1).merged

    def test_said_again_in_the_same_words_it_holds_for_another(self, world: World) -> None:
        world.set(merge_after=10 * DAY)
        awaited(world)
        now(world)
        world.wait(seconds=DAY)
        green(world)
        now(world)
        world.advance()

        assert world.repo.pull(1).merged


class TestThePage:
    @pytest.fixture
    def bo(self) -> Client:
        user = User.objects.create_user("bo", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="release_in_spite"))
        client = Client()
        client.force_login(user)
        return client

    def test_passes_over_nothing_that_was_changed_while_it_was_open(self, world: World, bo: Client) -> None:
        world.opened()
        block = world.block("needs QA", begins_at=timezone.now() - timedelta(minutes=1))
        address = f"/projects/{world.project.pk}/releases/{world.strategy.pk}/now/"
        form = bo.get(address).context["form"]
        (chosen,) = [value for value, _ in form.fields["blocks"].choices]
        typed = {"sha": world.repo.sha("staging"), "reason": "fix", "blocks": [chosen]}
        change(world, block, description="DATA LOSS: nobody releases anything")

        answer = bo.post(address, typed)

        assert answer.status_code == 422
        assert "was changed" in answer.content.decode()
        assert not Intervention.objects.exists()
