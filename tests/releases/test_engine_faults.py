"""The engine where GitHub refuses, answers are lost, limits are met, and where Horizon itself fails."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from projects.models import ProfileBudget
from releases import engine
from releases.decision import Action
from releases.models import Attempt, StrategyReading
from releases.readings import VERSION
from tests.releases.world import BOT, World

pytestmark = pytest.mark.django_db


class TestOpening:
    def test_is_held_with_githubs_words_and_growing_pauses(self, world: World) -> None:
        world.commit()
        world.github.fail("POST .*/pulls", times=2, status=403, body='{"message": "Resource not accessible"}')

        first = world.advance()
        assert (first.code, first.until) == ("refused", world.now + timedelta(minutes=1))
        assert "Resource not accessible" in first.reason
        assert world.advance().code == "refused"
        assert len(world.github.sent("POST .*/pulls")) == 1

        world.wait(minutes=1)
        assert world.advance().until == world.now + timedelta(minutes=2)

        world.wait(minutes=2)
        assert world.advance().code == "too-young"
        assert world.story == ["pull-request.opened"]
        assert world.release.refusals == 0

    def test_whose_answer_was_lost_after_the_effect_is_found_at_once(self, world: World) -> None:
        world.commit()
        world.github.fail("POST .*/pulls", drop="after")

        assert world.advance().code == "too-young"

        assert world.moves == ["pull-request.opened"] == world.story

    @pytest.mark.parametrize("became", ["close", "merge"])
    def test_whose_answer_was_lost_is_found_even_if_a_person_was_at_it_since(self, world: World, became: str) -> None:
        world.commit()
        world.github.fail("POST .*/pulls", drop="after")
        world.github.fail("GRAPHQL LatestPulls", status=502, times=9)
        world.advance()
        world.github.clear_faults()
        if became == "close":
            world.repo.close_pull_request(1, by="ana")
        else:
            world.repo.merge_pull_request(1, by="ana")

        world.wait(seconds=61)
        world.advance()

        last = "pull-request.closed" if became == "close" else "release.by-hand"
        assert world.story == ["pull-request.opened", last]
        assert world.moves == ["pull-request.opened"]

    def test_whose_answer_was_lost_before_the_effect_is_tried_again_when_it_cannot_come_any_more(
        self, world: World
    ) -> None:
        world.commit()
        world.github.fail("POST .*/pulls", drop="before")

        world.advance()
        assert world.advance().action is Action.OPEN
        assert world.moves == []

        world.wait(seconds=61)
        assert world.advance().code == "too-young"
        assert world.moves == ["pull-request.opened"] == world.story
        outcomes = list(Attempt.objects.filter(act="open").order_by("id").values_list("outcome", flat=True))
        assert outcomes == ["unknown", "done"]


class TestMerging:
    def test_shows_githubs_words_when_it_refuses(self, world: World) -> None:
        world.due()
        world.github.fail("PUT .*/merge", status=405, body='{"message": "Repository rule violations found"}')

        decision = world.advance()

        assert decision.code == "refused"
        assert "Repository rule violations found" in decision.reason
        assert world.release.state == "open"
        world.wait(minutes=1)
        world.advance()
        assert world.story == ["pull-request.opened", "release.merged"]

    def test_is_tried_again_at_the_next_look_when_the_base_had_moved(self, world: World) -> None:
        world.due()
        message = '{"message": "Base branch was modified. Review and try the merge again."}'
        world.github.fail("PUT .*/merge", status=405, body=message)

        assert world.advance().code == "due"
        world.advance()

        assert world.story == ["pull-request.opened", "release.merged"]

    def test_pauses_when_the_base_seems_to_move_for_ever(self, world: World) -> None:
        world.due()
        message = '{"message": "Base branch was modified. Review and try the merge again."}'
        world.github.fail("PUT .*/merge", status=405, body=message, times=100)

        codes = [world.advance().code for _ in range(5)]

        assert codes == ["due", "refused", "refused", "refused", "refused"]
        assert len(world.github.sent("PUT .*/merge")) == 2

    def test_whose_answer_was_lost_after_the_effect_is_found(self, world: World) -> None:
        world.due()
        world.github.fail("PUT .*/merge", drop="after")

        assert world.advance().code == "nothing-waits"

        assert world.moves == ["pull-request.opened", "pull-request.merged"]
        assert world.story == ["pull-request.opened", "release.merged"]

    def test_whose_answer_was_lost_before_the_effect_waits_until_it_cannot_come_any_more(self, world: World) -> None:
        world.due()
        world.github.fail("PUT .*/merge", drop="before")

        assert world.advance().code == "merging"
        world.wait(seconds=59)
        assert world.advance().code == "merging"
        assert len(world.github.sent("PUT .*/merge")) == 1

        world.wait(seconds=1)
        world.advance()
        assert world.story == ["pull-request.opened", "release.merged"]

    def test_by_a_person_whose_answer_horizon_lost_is_the_persons(self, world: World) -> None:
        world.due()
        world.github.fail("PUT .*/merge", drop="before")
        world.advance()
        world.repo.merge_pull_request(1, by="ana")

        world.advance()

        assert world.story == ["pull-request.opened", "release.by-hand"]


class TestTrouble:
    def test_with_github_is_waited_for_and_shown(self, world: World) -> None:
        world.due()
        world.github.fail("GRAPHQL .*", status=502, times=20)

        decision = world.advance()

        assert decision.code == "unreadable"
        assert world.decide().code == "unreadable"
        assert world.github.sent("PUT .*") == []

    def test_of_one_strategy_never_stops_another(self, world: World) -> None:
        other = World(world.github, "force")
        other.commit()
        world.commit()
        world.set(repository="artsy/nowhere")

        outcomes = engine.advance(engine.releasable(), world.clock)

        assert sorted(outcome.decision.code for outcome in outcomes) == ["too-young", "unreadable"]

    def test_that_should_never_happen_is_reported_after_all_had_their_turn(self, world: World) -> None:
        other = World(world.github, "force")
        world.opened()
        StrategyReading.objects.filter(strategy=world.strategy).update(facts={"version": VERSION})
        world.github.fail("GRAPHQL Releases", containing="candela", status=502, times=9)
        other.commit()

        with pytest.raises(ExceptionGroup):
            engine.advance(engine.releasable(), world.clock)

        assert other.story == ["pull-request.opened"]

    def test_of_a_strategy_without_a_github_profile_names_what_is_missing(self, world: World) -> None:
        world.commit()
        world.project.stages.update(profile=None)

        decision = world.advance()

        assert decision.code == "unreadable"
        assert "GitHub token or App" in decision.reason

    def test_of_a_paused_profile_is_shown_and_nothing_is_asked(self, world: World) -> None:
        world.due()
        world.github.reset_requests()
        until = world.now + timedelta(minutes=10)
        ProfileBudget.objects.update(paused_until=until, pause_reason="GitHub's limit is reached.")

        decision = world.advance()

        assert (decision.code, decision.until) == ("unreadable", until)
        assert "GitHub's limit is reached." in decision.reason
        assert world.github.requests == []

    def test_that_meets_a_limit_pauses_its_profile(self, world: World) -> None:
        world.due()
        world.github.secondary_limit(matching="GRAPHQL Releases", retry_after=600)
        world.advance()
        world.wait(seconds=60)
        world.github.reset_requests()

        decision = world.advance()

        assert decision.code == "unreadable"
        assert world.github.requests == []
        assert ProfileBudget.objects.get().pauses(world.now)

    def test_with_rights_makes_no_attempt(self, world: World) -> None:
        world.commit()
        world.repo.set_role(BOT, "read")

        assert world.advance().code == "may-not-write"
        assert world.github.sent("POST .*/pulls") == []

    def test_of_a_deleted_project_ends_with_it(self, world: World) -> None:
        world.opened()
        world.project.delete()

        assert engine.advance(engine.releasable(), world.clock) == []
        assert AuditEvent.objects.filter(kind="pull-request.opened").exists()
