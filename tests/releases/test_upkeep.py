"""What is kept true around a release, on a real GitHub server: status, text, notes, branch, repairs; each told once."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from audit.record import Actor
from releases import facts, interventions, upkeep
from releases.decision import decide
from releases.models import Attempt, Intervention, Note, Repair
from releases.situation import STATUS_CONTEXT
from releases.upkeep_repairs import ask_to_heal
from tests.releases.wire import Died, tapped
from tests.releases.world import DAY, World

pytestmark = pytest.mark.django_db
ANA = Actor.person("ana")


def keep_up(world: World) -> None:
    """A pass of the engine, which ends with it."""
    world.advance()


def is_needed(world: World) -> bool:
    strategy = facts.strategies_with_all().get(pk=world.strategy.pk)
    known = facts.facts_of([strategy], world.now)
    decided = {strategy.pk: decide(known[strategy.pk])}
    return strategy.pk in upkeep.needed([strategy], decided, known, world.now)


def status(world: World) -> tuple[str, str] | None:
    """What the merge button shows of Horizon."""
    of_head = world.repo.checks.statuses.get(world.repo.sha("staging"), [])
    newest = [each for each in of_head if each.context == STATUS_CONTEXT]
    return (newest[-1].state, newest[-1].description or "") if newest else None


def release_now(world: World, reason: str = "the fix is needed") -> Intervention:
    sha = world.repo.sha("staging")
    return interventions.release_now(world.strategy, sha, reason=reason, actor=ANA, clock=world.clock)


class TestStatus:
    @pytest.fixture(autouse=True)
    def _wanted(self, world: World) -> None:
        world.set(commit_status=True)

    def test_says_that_nothing_stands_against_a_merge_and_when_it_comes(self, world: World) -> None:
        world.opened()
        keep_up(world)

        state, description = status(world) or ("", "")
        assert state == "success"
        assert "Tuesday 24 November 2026 at 08:00 UTC" in description
        assert world.events[-1] == "status.set"

    def test_is_set_once_while_it_stays_true(self, world: World) -> None:
        world.opened()
        keep_up(world)
        assert not is_needed(world)
        keep_up(world)

        assert world.acts.count("status.created") == 1 == world.events.count("status.set")

    def test_fails_while_somebody_blocks_and_no_longer(self, world: World) -> None:
        world.opened()
        keep_up(world)
        block = world.block("incident 12")

        assert is_needed(world)
        keep_up(world)
        assert status(world) == ("failure", "Blocked by mary: incident 12.")

        world.unblock(block)
        assert is_needed(world)
        keep_up(world)
        assert (status(world) or ("",))[0] == "success"

    def test_waits_for_what_must_still_happen(self, world: World) -> None:
        world.opened()
        world.repo.check_run("ci", at="staging", status="completed", conclusion="failure")
        world.advance()
        keep_up(world)

        state, description = status(world) or ("", "")
        assert state == "pending"
        assert "ci fails" in description

    def test_fails_for_a_postponed_and_for_a_skipped_release(self, world: World) -> None:
        world.opened()
        sha = world.repo.sha("staging")
        until = world.now + timedelta(days=3)
        interventions.postpone(world.strategy, sha, until, reason="fair", actor=ANA, clock=world.clock)
        keep_up(world)
        assert status(world) == ("failure", "Postponed by ana until Thursday 26 November 2026 at 08:00 UTC.")

        interventions.skip(world.strategy, sha, reason="broken", actor=ANA, clock=world.clock)
        withdrawn = Intervention.objects.get(kind="postpone")
        interventions.withdraw(withdrawn, actor=ANA, clock=world.clock)
        keep_up(world)
        assert status(world) == ("failure", "Skipped by ana: broken.")

    def test_is_short_enough_for_github(self, world: World) -> None:
        world.opened()
        world.block("x" * 2000)
        keep_up(world)

        state, description = status(world) or ("", "")
        assert (state, len(description)) == ("failure", 140)

    def test_whose_answer_was_lost_is_found(self, world: World) -> None:
        world.github.fail("POST .*/statuses/.*", drop="after")
        world.opened()
        keep_up(world)

        assert world.acts.count("status.created") == 1 == world.events.count("status.set")

    def test_that_never_came_is_set_again(self, world: World) -> None:
        world.github.fail("POST .*/statuses/.*", drop="before")
        world.opened()
        keep_up(world)
        assert status(world) is None

        for _ in range(3):
            world.wait(seconds=61)
            keep_up(world)
        assert world.acts.count("status.created") == 1 == world.events.count("status.set")

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_is_settled_after_a_crash(self, world: World, when: str) -> None:
        with tapped() as wire:
            wire.dies("POST .*/statuses/.*", when)  # type: ignore[arg-type]
            with pytest.raises(Died):
                world.opened()
        for _ in range(3):
            world.wait(seconds=61)
            keep_up(world)

        assert world.acts.count("status.created") == 1 == world.events.count("status.set")

    def test_that_is_refused_stops_nothing_and_is_tried_with_growing_pauses(self, world: World) -> None:
        world.github.refuse("POST .*/statuses/.*", 403, "Resource not accessible", times=2)
        world.opened()
        assert not is_needed(world)
        world.wait(minutes=1)
        keep_up(world)
        world.wait(minutes=1)
        assert not is_needed(world)
        world.wait(minutes=1)
        assert is_needed(world)
        keep_up(world)

        assert status(world) is not None
        assert "Resource not accessible" in Attempt.objects.filter(outcome="refused")[0].message

    def test_says_nothing_where_nobody_asked_for_it(self, world: World) -> None:
        world.set(commit_status=False)
        world.opened()
        keep_up(world)

        assert status(world) is None
        assert not is_needed(world)

    def test_is_success_before_horizons_own_merge_where_it_is_required(self, world: World) -> None:
        world.repo.protect("release", checks=(STATUS_CONTEXT,))
        world.opened()
        block = world.block()
        keep_up(world)
        world.wait(seconds=DAY)
        keep_up(world)
        assert (status(world) or ("",))[0] == "failure"
        world.unblock(block)
        sha = world.release.head_sha
        keep_up(world)

        assert world.repo.pull(1).merged
        newest = world.repo.checks.statuses[sha][-1]
        assert (newest.context, newest.state) == (STATUS_CONTEXT, "success")
        assert world.acts.count("status.created") == world.events.count("status.set")


class TestText:
    def test_stays_as_it_was_opened_while_it_is_true(self, world: World) -> None:
        world.opened()
        keep_up(world)

        assert "pull-request.edited" not in world.acts
        assert not is_needed(world)

    def test_with_pull_requests_in_it_stays_as_it_was_opened(self, world: World) -> None:
        world.commit("Show prices (#7)")
        world.advance()
        keep_up(world)

        body = world.repo.pull(1).body or ""
        assert f"[#7]({world.github.url}/artsy/candela/pull/7)" in body
        assert "pull-request.edited" not in world.acts

    def test_has_the_titles_of_the_pull_requests(self, world: World) -> None:
        world.repo.branch("prices", at="staging")
        world.commit("Add a column", branch="prices")
        merge = "Merge pull request #12 from ana/prices\n\nShow <b>prices</b>\n\nMore"
        world.repo.merge("staging", "prices", message=merge)
        world.commit("Add maps (#13)")

        world.advance()

        body = world.repo.pull(1).body or ""
        assert "/pull/12)** Show &lt;b&gt;prices&lt;/b&gt; by Ana\n  - Add a column (" in body
        assert "/pull/13)** Add maps by Ana (" in body
        assert "More" not in body

    def test_is_rewritten_when_head_moves(self, world: World) -> None:
        world.opened()
        world.commit("Late change")
        keep_up(world)
        keep_up(world)

        assert "Late change" in (world.repo.pull(1).body or "")
        assert world.acts.count("pull-request.edited") == 1 == world.events.count("pull-request.edited")

    def test_is_rewritten_when_the_plan_moves(self, world: World) -> None:
        world.opened()
        keep_up(world)
        world.set(merge_after=2 * DAY)

        assert is_needed(world)
        keep_up(world)

        assert "Wednesday 25 November 2026 at 08:00 UTC" in (world.repo.pull(1).body or "")
        assert world.acts[-1] == "pull-request.edited" == world.events[-1]
        assert not is_needed(world)

    def test_of_people_stays(self, world: World) -> None:
        world.opened()
        body = world.repo.pull(1).body or ""
        world.repo.edit_pull_request(1, body=f"Look at the prices!\n\n{body}\n\nThanks.")
        world.set(merge_after=2 * DAY)
        keep_up(world)

        text = world.repo.pull(1).body or ""
        assert text.startswith("Look at the prices!\n\n<!-- horizon:begin")
        assert text.endswith("<!-- horizon:end -->\n\nThanks.")
        assert "48 hours after its opening" in text

    def test_without_markers_is_a_persons(self, world: World) -> None:
        world.commit()
        world.repo.open_pull_request("staging", "release", body="By hand", author="ana")
        world.advance()
        keep_up(world)
        keep_up(world)

        assert world.repo.pull(1).body == "By hand"
        assert "pull-request.edited" not in world.acts
        assert not is_needed(world)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_is_settled_after_a_crash(self, world: World, when: str) -> None:
        world.opened()
        keep_up(world)
        world.set(merge_after=2 * DAY)
        with tapped() as wire:
            wire.dies("PATCH .*/pulls/1", when)  # type: ignore[arg-type]
            with pytest.raises(Died):
                keep_up(world)
        for _ in range(3):
            world.wait(seconds=61)
            keep_up(world)

        assert world.acts.count("pull-request.edited") == 1 == world.events.count("pull-request.edited")


class TestNotes:
    def test_tell_the_pull_request_what_a_person_did_once(self, world: World) -> None:
        world.opened()
        release_now(world, "fix for @everybody <b>")
        assert is_needed(world)
        keep_up(world)
        keep_up(world)

        (comment,) = world.repo.pull(1).comments
        assert "ana releases" in comment.body
        assert "fix for @\u200beverybody &lt;b&gt;" in comment.body
        assert world.events.count("pull-request.commented") == 1
        assert not is_needed(world)

    def test_are_found_again_after_a_lost_answer(self, world: World) -> None:
        world.opened()
        release_now(world)
        world.github.fail("POST .*/comments", drop="after")
        keep_up(world)
        world.wait(seconds=61)
        keep_up(world)

        assert len(world.repo.pull(1).comments) == 1 == world.events.count("pull-request.commented")

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_are_written_once_whatever_dies(self, world: World, when: str) -> None:
        world.opened()
        release_now(world)
        with tapped() as wire:
            wire.dies("POST .*/comments", when)  # type: ignore[arg-type]
            with pytest.raises(Died):
                keep_up(world)
        world.wait(seconds=61)
        keep_up(world)

        assert len(world.repo.pull(1).comments) == 1 == world.events.count("pull-request.commented")

    def test_that_are_refused_are_kept_with_githubs_words_and_tried_again(self, world: World) -> None:
        world.opened()
        release_now(world)
        world.github.refuse("POST .*/comments", 403, "Unable to create comment because issue is locked.")
        keep_up(world)
        assert "locked" in Note.objects.get().error
        assert not is_needed(world)

        world.wait(minutes=1)
        keep_up(world)
        assert len(world.repo.pull(1).comments) == 1


class TestBranch:
    @pytest.fixture
    def merged(self, world: World) -> str:
        """The merge deleted staging; the commit that it was at."""
        world.repo.set(delete_branch_on_merge=True)
        sha = world.due().head_sha
        world.advance()
        assert world.repo.pull(1).merged
        return sha

    def test_that_the_merge_deleted_is_restored_and_the_cause_named(self, world: World, merged: str) -> None:
        keep_up(world)

        assert world.repo.sha("staging") == merged
        event = AuditEvent.objects.get(kind="branch.restored")
        assert "Automatically delete head branches" in event.data["why"]
        assert world.acts.count("branch.created") == 1
        keep_up(world)
        assert world.acts.count("branch.created") == 1

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_is_settled_after_a_crash(self, world: World, when: str) -> None:
        world.repo.set(delete_branch_on_merge=True)
        merged = world.due().head_sha
        with tapped() as wire:
            wire.dies("POST .*/git/refs", when)  # type: ignore[arg-type]
            with pytest.raises(Died):
                keep_up(world)
        for _ in range(3):
            world.wait(seconds=61)
            keep_up(world)

        assert world.repo.sha("staging") == merged
        assert world.acts.count("branch.created") == 1 == world.events.count("branch.restored")

    def test_that_a_person_deletes_later_stays_deleted(self, world: World) -> None:
        world.due()
        world.advance()
        world.repo.set(delete_branch_on_merge=True)
        world.wait(minutes=5)
        keep_up(world)
        world.repo.delete_branch("staging")
        keep_up(world)

        assert "branch.created" not in world.acts

    def test_is_left_alone_where_the_repository_is_not_set_so(self, world: World) -> None:
        world.due()
        world.advance()
        world.repo.delete_branch("staging")
        keep_up(world)

        assert "branch.created" not in world.acts


class TestRepairs:
    def test_open_a_pull_request_from_base_into_head_once(self, world: World) -> None:
        world.repo.commit("release", "Squashed", author="ana")
        world.advance()
        ask_to_heal(world.strategy, actor=ANA, clock=world.clock)
        assert is_needed(world)
        keep_up(world)
        keep_up(world)

        pull = world.repo.pull(1)
        assert (pull.head_ref, pull.base_ref) == ("release", "staging")
        assert "Merge it with a merge commit" in (pull.body or "")
        assert world.acts.count("pull-request.opened") == 1
        event = AuditEvent.objects.get(kind="repair.opened")
        assert (event.actor, event.data["asked_by"], event.data["pull_request"]["number"]) == ("Horizon", "ana", 1)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_are_settled_after_a_crash(self, world: World, when: str) -> None:
        world.repo.commit("release", "Squashed", author="ana")
        ask_to_heal(world.strategy, actor=ANA, clock=world.clock)
        with tapped() as wire:
            wire.dies("POST .*/pulls", when)  # type: ignore[arg-type]
            with pytest.raises(Died):
                keep_up(world)
        world.wait(seconds=61)
        keep_up(world)

        assert world.acts.count("pull-request.opened") == 1 == world.events.count("repair.opened")

    def test_that_github_refuses_say_so_in_its_words(self, world: World) -> None:
        ask_to_heal(world.strategy, actor=ANA, clock=world.clock)
        keep_up(world)

        repair = Repair.objects.get()
        assert repair.state == "refused"
        assert "No commits between" in repair.error

    def test_are_asked_for_once(self, world: World) -> None:
        ask_to_heal(world.strategy, actor=ANA, clock=world.clock)

        with pytest.raises(interventions.NotPossible, match="asked for already"):
            ask_to_heal(world.strategy, actor=ANA, clock=world.clock)

    def test_that_the_credentials_may_not_open_are_tried_again(self, world: World) -> None:
        world.repo.commit("release", "Squashed", author="ana")
        ask_to_heal(world.strategy, actor=ANA, clock=world.clock)
        world.github.refuse("POST .*/pulls", 403, "Resource not accessible")
        keep_up(world)
        assert "Resource not accessible" in Repair.objects.get().error
        world.wait(minutes=1)
        keep_up(world)

        assert Repair.objects.get().state == "open"


class TestOfWhatIsOver:
    def test_is_settled_after_the_merge(self, world: World) -> None:
        world.set(commit_status=True)
        world.github.fail("POST .*/statuses/.*", drop="after")
        world.github.fail("GET .*/statuses", status=502, times=9)
        world.opened()
        world.github.clear_faults()
        world.repo.merge_pull_request(1, by="ana")
        world.wait(minutes=2)
        keep_up(world)
        keep_up(world)

        assert world.acts.count("status.created") == 1 == world.events.count("status.set")
        assert not Attempt.objects.filter(finished_at=None).exists()

    def test_is_settled_however_late(self, world: World) -> None:
        world.set(commit_status=True)
        with tapped() as wire:
            wire.dies("POST .*/statuses/.*", "before")
            with pytest.raises(Died):
                world.opened()
        world.wait(hours=20)
        keep_up(world)
        world.wait(minutes=2)
        keep_up(world)

        assert world.acts.count("status.created") == 1 == world.events.count("status.set")
