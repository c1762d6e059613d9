"""The engine against a real GitHub server: opened, waited for, merged once, or held, and why."""

from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditEvent
from projects.models import ProfileBudget, Project, ProjectPoll
from releases import engine
from releases.decision import Action
from releases.models import Attempt, Release, StrategyReading
from releases.readings import VERSION
from tests.releases.wire import tapped
from tests.releases.world import BOT, DAY, World

pytestmark = pytest.mark.django_db


class TestOpening:
    def test_nothing_is_done_where_nothing_waits(self, world: World) -> None:
        assert world.advance().code == "nothing-waits"
        assert world.moves == []
        assert world.story == []

    def test_commits_that_wait_are_put_into_a_pull_request(self, world: World) -> None:
        sha = world.commit("Show prices")

        decision = world.advance()

        assert decision.code == "too-young"
        pull = world.repo.pull(1)
        assert (pull.state, pull.head_sha, pull.title) == ("open", sha, "Deploy staging to release")
        assert world.story == ["pull-request.opened"] == world.moves
        release = world.release
        assert (release.state, release.number, release.head_sha) == ("open", 1, sha)

    def test_the_text_says_what_will_happen_and_how_to_stop_it(self, world: World) -> None:
        world.commit("Show <b>prices</b> to @everybody")

        world.advance()

        body = world.repo.pull(1).body or ""
        assert "24 hours after its opening, on Tuesday 24 November 2026 at 08:00 UTC" in body
        assert f"/blocks/new/?project={world.project.pk}" in body
        assert "do not squash or rebase" in body
        assert "Show &lt;b&gt;prices&lt;/b&gt; to @\u200beverybody" in body
        assert str(world.release.key) in body

    def test_happens_once(self, world: World) -> None:
        world.opened()

        assert world.advance().code == "too-young"

        assert world.moves == ["pull-request.opened"]

    def test_does_not_happen_while_somebody_blocks(self, world: World) -> None:
        world.commit()
        block = world.block()

        assert world.advance().code == "blocked"
        assert world.moves == []

        world.unblock(block)
        assert world.advance().code == "too-young"

    def test_does_not_happen_for_a_strategy_that_people_drive(self, world: World) -> None:
        world.commit()
        world.set(automatic=False)

        assert world.advance().code == "released-by-people"
        assert world.github.requests == []

    def test_does_not_happen_for_an_archived_project(self, world: World) -> None:
        world.commit()
        Project.objects.update(archived_at=world.now)

        assert engine.advance(engine.releasable(), world.clock) == []

    def test_is_no_act_of_a_dry_run(self, world: World) -> None:
        world.commit()

        assert world.advance(dry_run=True).action is Action.OPEN
        assert world.moves == []
        assert world.story == []

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

    @pytest.mark.parametrize("hours", [-2, 2])
    def test_gives_the_release_its_whole_age_where_githubs_clock_is_wrong(self, world: World, hours: int) -> None:
        world.ahead = timedelta(hours=hours)
        world.commit()

        assert world.advance().until == world.now + timedelta(seconds=DAY)

    def test_is_in_a_renamed_repository(self, world: World) -> None:
        world.commit()
        world.advance(dry_run=True)
        world.repo.rename("artsy/candela-two")

        assert world.advance().code == "too-young"
        assert world.repo.pull(1).state == "open"


class TestPullRequestsOfPeople:
    def test_are_adopted(self, world: World) -> None:
        world.commit()
        world.repo.open_pull_request("staging", "release", title="By hand", author="ana")

        assert world.advance().code == "too-young"

        assert world.moves == []
        assert world.story == ["pull-request.adopted"]
        assert AuditEvent.objects.get(kind="pull-request.adopted").data["opened_by"] == "ana"

    def test_age_counts_from_their_opening(self, world: World) -> None:
        world.commit()
        world.repo.open_pull_request("staging", "release", author="ana")
        world.wait(seconds=DAY)

        world.advance()

        assert world.repo.pull(1).merged

    def test_are_adopted_when_they_come_between_look_and_opening(self, world: World) -> None:
        world.commit()
        world.advance(dry_run=True)
        world.repo.open_pull_request("staging", "release", author="ana")
        world.github.fail("GRAPHQL Releases", status=502, times=3)

        world.advance()
        world.wait(minutes=1)
        world.advance()

        assert world.story == ["pull-request.adopted"]

    def test_of_a_fork_are_never_the_release(self, world: World) -> None:
        world.commit()
        world.github.add_user("eve")
        fork = world.repo.fork("eve")
        world.repo.open_pull_request("staging", "release", author="eve", head_repository=fork)

        world.advance()

        assert world.release.number == 2
        assert world.moves == ["pull-request.opened"]

    def test_from_another_branch_are_never_the_release(self, world: World) -> None:
        world.commit()
        world.commit("Hotfix", branch="main")
        world.repo.open_pull_request("main", "release", author="ana")

        world.advance()

        assert world.release.number == 2

    def test_that_were_closed_are_respected_until_there_are_new_commits(self, world: World) -> None:
        world.opened()
        world.repo.close_pull_request(1, by="ana")

        assert world.advance().code == "closed"
        assert world.advance().code == "closed"
        assert world.story == ["pull-request.opened", "pull-request.closed"]

        world.commit("Another")
        assert world.advance().code == "too-young"
        assert world.release.number == 2

    def test_that_were_reopened_are_the_release_again(self, world: World) -> None:
        world.opened()
        world.repo.close_pull_request(1, by="ana")
        world.advance()
        world.repo.reopen_pull_request(1)

        assert world.advance().code == "too-young"
        assert world.story[-1] == "pull-request.reopened"

    def test_that_were_merged_by_hand_are_written_down_as_such(self, world: World) -> None:
        world.opened()
        world.repo.merge_pull_request(1, by="ana")

        assert world.advance().code == "nothing-waits"

        event = AuditEvent.objects.latest("id")
        assert (event.kind, event.actor, event.actor_kind) == ("release.by-hand", "ana", "github")
        assert (world.release.state, world.release.merged_by) == ("merged", "ana")

    def test_that_were_pointed_elsewhere_are_no_release_any_more(self, world: World) -> None:
        world.opened()
        world.repo.edit_pull_request(1, base="main")

        world.advance()

        assert world.story[:2] == ["pull-request.opened", "pull-request.closed"]
        assert "to main" in AuditEvent.objects.filter(kind="pull-request.closed").get().data["why"]

    def test_that_are_drafts_wait_for_their_author(self, world: World) -> None:
        world.due()
        world.repo.edit_pull_request(1, draft=True)

        assert world.advance().code == "draft"

        world.repo.edit_pull_request(1, draft=False)
        world.advance()
        assert world.repo.pull(1).merged


class TestMerging:
    def test_happens_at_the_age_and_not_a_second_before(self, world: World) -> None:
        sha = world.opened().head_sha
        world.wait(seconds=DAY - 1)
        assert world.advance().code == "too-young"

        world.wait(seconds=1)
        decision = world.advance()

        assert decision.code == "nothing-waits"
        assert world.moves == ["pull-request.opened", "pull-request.merged"]
        assert world.story == ["pull-request.opened", "release.merged"]
        release = world.release
        assert (release.state, release.head_sha, release.merged_by) == ("merged", sha, "Horizon")
        assert release.merge_sha == world.repo.sha("release")

    def test_asks_for_exactly_the_head_that_was_looked_at(self, world: World) -> None:
        sha = world.due().head_sha

        world.advance()

        assert sha in str(world.github.sent("PUT .*/merge")[0].body)

    def test_does_not_happen_when_the_head_moves_after_the_last_look(self, world: World) -> None:
        world.due()
        with tapped() as wire:
            wire.at("PUT .*/merge", "before", lambda: world.commit("At the last moment"))
            world.advance()

        assert not world.repo.pull(1).merged
        assert world.release.state == "open"

    def test_after_no_time_at_all_follows_the_opening(self, world: World) -> None:
        world.set(merge_after=0)
        world.commit()

        world.advance()

        assert world.story == ["pull-request.opened", "release.merged"]

    def test_waits_while_github_works_out_whether_it_can_be_merged(self, world: World) -> None:
        world.due()
        world.repo.mergeable_after = 3
        world.commit("Another")

        assert world.advance().code == "mergeability-unknown"
        while world.advance().code == "mergeability-unknown":
            pass
        assert world.repo.pull(1).merged

    def test_does_not_happen_while_somebody_blocks(self, world: World) -> None:
        world.due()
        block = world.block()

        assert world.advance().code == "blocked"
        assert world.github.sent("PUT .*/merge") == []

        world.unblock(block)
        world.advance()
        assert world.repo.pull(1).merged

    def test_does_not_happen_while_a_tag_or_the_organization_is_blocked(self, world: World) -> None:
        world.due()
        Project.objects.update(tags=["galleries"])
        for scope in ({"scope": "tag", "tag": "galleries"}, {"scope": "organization"}):
            block = world.block(projects=[], **scope)
            assert world.advance().code == "blocked"
            world.unblock(block)

    def test_a_planned_block_holds_from_its_begin_to_its_end(self, world: World) -> None:
        world.due()
        world.block(begins_at=world.now + timedelta(hours=1), resolved_at=world.now + timedelta(hours=2))
        world.set(merge_after=DAY + 5400)

        world.wait(minutes=90)
        assert world.advance().code == "blocked"

        world.wait(minutes=30)
        world.advance()
        assert world.repo.pull(1).merged

    def test_respects_failing_checks(self, world: World) -> None:
        world.due()
        world.repo.check_run("ci", at="staging", conclusion="failure")

        assert world.advance().code == "checks-failing"

    def test_respects_what_the_repository_requires(self, world: World) -> None:
        world.due()
        world.repo.protect("release", checks=("ci",))

        assert world.advance().code == "checks-missing"

        world.repo.check_run("ci", at="staging", conclusion="success")
        world.advance()
        assert world.repo.pull(1).merged

    def test_is_held_where_merge_commits_are_forbidden(self, world: World) -> None:
        world.due()
        world.repo.set(allow_merge_commit=False)

        assert world.advance().code == "method-forbidden"

    def test_is_held_by_a_conflict(self, world: World) -> None:
        world.repo.commit("release", "Theirs", author="ana", files={"same.txt": "a"})
        world.repo.commit("staging", "Ours", author="ana", files={"same.txt": "b"})
        world.advance()
        world.wait(seconds=DAY)

        while (decision := world.advance()).code == "mergeability-unknown":
            pass
        assert decision.code == "conflicts"

    @pytest.mark.parametrize("branch", ["staging", "release"])
    def test_is_held_where_a_branch_is_gone(self, world: World, branch: str) -> None:
        world.due()
        world.repo.delete_branch(branch)

        decision = world.advance()

        assert decision.code == "branch-gone"
        assert branch in decision.reason

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

    def test_of_a_new_head_waits_for_what_the_last_look_finds(self, world: World) -> None:
        world.due()
        world.advance(dry_run=True)
        world.repo.protect("release", checks=("ci",))
        world.commit("Late")

        assert world.advance().code == "checks-missing"
        assert world.github.sent("PUT .*/merge") == []

    def test_by_a_person_whose_answer_horizon_lost_is_the_persons(self, world: World) -> None:
        world.due()
        world.github.fail("PUT .*/merge", drop="before")
        world.advance()
        world.repo.merge_pull_request(1, by="ana")

        world.advance()

        assert world.story == ["pull-request.opened", "release.by-hand"]

    def test_has_the_stages_looked_at_soon(self, world: World, django_capture_on_commit_callbacks: Any) -> None:
        world.due()
        world.project.poll.delete()

        with django_capture_on_commit_callbacks(execute=True):
            world.advance()

        assert ProjectPoll.objects.get(project=world.project).asked_at == world.now

    def test_is_followed_by_the_next_release(self, world: World) -> None:
        world.due()
        world.advance()
        world.commit("Next")

        assert world.advance().code == "too-young"
        assert world.release.number == 2
        assert Release.objects.count() == 2


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


class TestManyReleases:
    def test_of_an_organization_go_oldest_first(self, world: World) -> None:
        younger, older = world, World(world.github, "force")
        older.opened()
        world.wait(hours=1)
        younger.opened()
        world.wait(seconds=DAY)

        engine.advance(engine.releasable(), world.clock)

        merged = Release.objects.filter(state="merged").order_by("id")
        events = AuditEvent.objects.filter(kind="release.merged").order_by("id").values_list("project_name", flat=True)
        assert merged.count() == 2
        assert list(events) == ["force", "candela"]

    def test_of_an_organization_are_held_up_by_those_that_are_unconfirmed(self, world: World) -> None:
        worlds = [world, World(world.github, "force"), World(world.github, "pulse")]
        for each in worlds:
            each.opened()
        world.wait(seconds=DAY)
        world.github.fail("PUT .*/merge", drop="before", times=3)

        engine.advance(engine.releasable(), world.clock)

        assert len(world.github.sent("PUT .*/merge")) == 2
        assert sorted(each.decide().code for each in worlds) == ["merging", "merging", "others-first"]

    def test_of_one_profile_are_read_in_one_batch(self, world: World) -> None:
        for name in ("force", "pulse", "eigen"):
            World(world.github, name)
        world.github.reset_requests()

        engine.advance(engine.releasable(), world.clock)

        assert world.github.count("GRAPHQL Releases") == 1

    @pytest.mark.parametrize("number", [1, 6])
    def test_that_are_at_rest_cost_the_same_few_queries(
        self, world: World, number: int, django_assert_num_queries: Any
    ) -> None:
        for each in [world, *(World(world.github, f"other{place}") for place in range(1, number))]:
            each.opened()

        with django_assert_num_queries(14):
            outcomes = engine.advance(engine.releasable(), world.clock)

        assert {outcome.decision.code for outcome in outcomes} == {"too-young"}
