"""What beat runs, and `manage.py advance`."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from releases import engine, tasks
from releases.models import DeployStrategy
from tests import worlds
from tests.releases.world import World

pytestmark = pytest.mark.django_db


class TestBeat:
    def test_advances_the_releases_of_every_profile(self, world: World) -> None:
        world.commit()

        for profile_id in engine.profiles():
            tasks.advance_profile(profile_id)

        assert world.moves == ["pull-request.opened"]

    def test_takes_the_profile_of_the_stage_where_the_strategy_has_none(self, world: World) -> None:
        assert engine.profiles() == [world.profile.pk]
        other = worlds.github_profile(name="other", api_url=world.github.api_url)
        world.set(profile=other)

        assert engine.profiles() == [other.pk]
        assert [strategy.pk for strategy in engine.served_by(other.pk)] == [world.strategy.pk]

    def test_says_what_is_missing_where_there_is_no_profile(self, world: World) -> None:
        world.project.stages.update(profile=None)

        assert engine.profiles() == [None]
        tasks.advance_profile(None)

        assert world.decide().code == "unreadable"

    def test_looks_soon_at_a_project_that_changed(self, world: World) -> None:
        world.advance()
        world.wait(seconds=5)
        worlds.snapshot(world.project, at=world.now)

        assert [strategy.pk for strategy in engine.changed(world.now)] == [world.strategy.pk]

        world.wait(seconds=5)
        world.advance()
        assert not engine.changed(world.now).exists()

    def test_looks_at_a_new_strategy_soon(self, world: World) -> None:
        worlds.snapshot(world.project, at=world.now)

        assert engine.changed(world.now).exists()


class TestAdvance:
    def advance(self, *names: str, **options: Any) -> str:
        out = StringIO()
        call_command("advance", *names, stdout=out, **options)
        return out.getvalue()

    def test_prints_each_decision_with_project_stage_action_and_reason(self, world: World) -> None:
        world.commit()

        lines = self.advance().splitlines()

        assert lines[0] == ("artsy/candela  production  open  1 commit of staging waits: the pull request is opened.")
        assert lines[1].startswith("artsy/candela  production  assign  Nobody is assigned")
        assert lines[2].startswith("artsy/candela  production  wait  Merges tomorrow at ")
        assert world.moves == ["pull-request.opened"]

    def test_performs_nothing_in_a_dry_run(self, world: World) -> None:
        world.commit()

        assert "production  open  1 commit" in self.advance("artsy/candela", dry_run=True)
        assert world.moves == []

    def test_advances_only_the_projects_that_were_named(self, world: World) -> None:
        other = World(world.github, "force")
        world.commit()
        other.commit()

        self.advance("force")

        assert world.moves == []
        assert other.moves == ["pull-request.opened"]

    def test_knows_no_project_of_that_name(self, world: World) -> None:
        with pytest.raises(CommandError, match="There is no project 'nowhere'"):
            self.advance("nowhere")

    def test_refuses_an_ambiguous_name(self, world: World) -> None:
        worlds.project("candela", organization=worlds.organization("other"))

        with pytest.raises(CommandError, match="artsy/candela, other/candela"):
            self.advance("candela")

        self.advance("artsy/candela")

    def test_says_nothing_where_there_is_no_strategy(self, db: None) -> None:
        worlds.project("quiet")

        assert self.advance() == ""
        assert not DeployStrategy.objects.exists()


def test_a_run_that_took_too_long_leaves_the_rest_to_the_next(world: World) -> None:
    world.commit()

    assert engine.advance(engine.releasable(), world.clock, until=world.now - timedelta(seconds=1)) == []
    assert world.moves == []
