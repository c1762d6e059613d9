"""Bases with a merge queue: put there, followed to the end, taken out when somebody says no; never gone round."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.models import AuditEvent
from audit.record import Actor
from releases import interventions
from releases.models import Attempt
from tests.releases.wire import When, dying, tapped
from tests.releases.world import BOT, World

pytestmark = pytest.mark.django_db

ASK = "PUT .*/merge-async$"
OPENED = ["pull-request.opened"]
ENQUEUED = [*OPENED, "pull-request.enqueued"]
DEQUEUED = [*ENQUEUED, "pull-request.dequeued"]
UNQUEUED = [*ENQUEUED, "pull-request.unqueued"]


@pytest.fixture
def queue(world: World) -> World:
    """A release that is due, whose base requires a merge queue."""
    world.repo.add_ruleset("release", merge_queue=True)
    world.due()
    return world


def queued(world: World) -> World:
    assert world.advance().code == "queued"
    return world


class TestQueueing:
    def test_is_asked_for_with_the_head_that_was_looked_at(self, queue: World) -> None:
        assert queue.advance().code == "queued"

        (request,) = queue.github.sent(ASK)
        assert queue.release.head_sha in str(request.body)
        assert queue.story == ENQUEUED == queue.moves
        assert (queue.release.state, queue.release.queued_at) == ("queued", queue.now)
        assert queue.decide().code == "queued"

    def test_is_followed_until_github_merges(self, queue: World) -> None:
        queued(queue)
        queue.wait(minutes=5)
        assert queue.advance().code == "queued"
        queue.repo.process_merge_queue("release")

        assert queue.advance().code == "nothing-waits"

        assert queue.story == [*ENQUEUED, "release.merged"]
        release = queue.release
        assert (release.state, release.merged_by, release.kind) == ("merged", "Horizon", "automatic")
        assert release.merge_sha == queue.repo.sha("release")

    def test_is_never_gone_round_even_where_the_token_could(self, world: World) -> None:
        world.repo.add_ruleset("release", merge_queue=True, bypass=(BOT,))
        world.due()

        queued(world)

        assert world.github.sent("PUT .*/merge$") == []
        assert not world.repo.pull(1).merged

    def test_is_learned_from_githubs_refusal_where_the_rule_is_hidden(self, world: World) -> None:
        world.due()
        words = "Changes must be made through the merge queue"
        world.github.refuse("PUT .*/merge$", 405, words)
        assert world.advance().code == "refused"
        world.repo.add_ruleset("release", merge_queue=True)
        world.wait(minutes=1)

        with tapped() as wire:
            wire.at("POST .*/graphql", "after", lambda: None)
            queued(world)

        assert len(world.github.sent("PUT .*/merge$")) == 1

    def test_shows_githubs_words_when_the_rules_refuse_later(self, queue: World) -> None:
        with tapped() as wire:
            wire.at(ASK, "after", lambda: queue.repo.edit_pull_request(1, draft=True))
            queue.advance()
        queue.repo.edit_pull_request(1, draft=False)

        decision = queue.advance()

        assert decision.code == "refused"
        assert "not mergeable" in decision.reason
        assert queue.story == OPENED

    def test_waits_while_github_works_on_the_request(self, queue: World) -> None:
        queue.github.fail("GET .*/merge-async/.*", status=502, times=9)

        assert queue.advance().code == "merging"
        queue.wait(minutes=2)
        assert queue.advance().code == "merging"
        queue.github.clear_faults()

        while queue.advance().code == "merging":
            pass
        assert queue.story == ENQUEUED
        assert len(queue.github.sent(ASK)) == 1

    def test_by_a_person_is_left_to_them(self, queue: World) -> None:
        queue.repo.pulls.enqueue(queue.repo.pull(1), "ana")

        decision = queue.advance()

        assert decision.code == "refused"
        assert "Somebody has put it" in decision.reason
        queue.repo.process_merge_queue("release")
        queue.advance()
        assert queue.story == [*OPENED, "release.by-hand"]


class TestTakenOut:
    def test_by_github_is_held_with_its_words_and_asked_again_later(self, queue: World) -> None:
        queued(queue)
        queue.repo.fail_in_merge_queue(1, "failed_checks", e2e="failure", lint="success")

        decision = queue.advance()

        assert (decision.code, queue.release.state) == ("refused", "open")
        assert "Its merge queue took it out: failed_checks (e2e failed there)." in decision.reason
        assert queue.story == UNQUEUED
        event = AuditEvent.objects.get(kind="pull-request.unqueued")
        assert (event.actor, event.data["why"]) == (
            "GitHub", "Its merge queue took it out: failed_checks (e2e failed there)."
        )  # fmt: skip
        queue.wait(minutes=1)
        queued(queue)
        assert queue.story == [*UNQUEUED, "pull-request.enqueued"]

    def test_by_a_person_on_github_is_said_with_their_name(self, queue: World) -> None:
        queued(queue)
        queue.repo.pulls.dequeue(queue.repo.pull(1), "ana")

        assert "ana took it out of the merge queue: manual." in queue.advance().reason
        assert AuditEvent.objects.get(kind="pull-request.unqueued").actor == "ana"

    def test_with_words_that_are_shown_as_text_on_the_page_and_in_history(self, queue: World, client: Client) -> None:
        queued(queue)
        queue.repo.fail_in_merge_queue(1, "<script>alert(1)</script>")
        queue.advance()
        client.force_login(User.objects.create_user("ana", is_staff=True))

        for page in (f"/projects/{queue.project.pk}/", "/history/"):
            html = client.get(page).content.decode()
            assert "Its merge queue took it out: &lt;script&gt;alert(1)&lt;/script&gt;" in html, page
            assert "<script>alert(1)" not in html

    @pytest.mark.parametrize("trouble", ["no reason", "unreadable", "not in the timeline yet"])
    def test_is_told_in_general_where_github_does_not_say_why(self, queue: World, trouble: str) -> None:
        queued(queue)
        queue.repo.pulls.dequeue(queue.repo.pull(1), "github-merge-queue[bot]", reason=None)
        if trouble == "unreadable":
            queue.github.fail("GRAPHQL Removal", status=502, times=99)
        if trouble == "not in the timeline yet":
            queue.repo.pull(1).queue_moves.pop()

        assert "It was taken out of the merge queue, and GitHub does not say why." in queue.advance().reason
        assert queue.story == UNQUEUED

    def test_never_because_a_check_that_github_requires_runs_again(self, queue: World) -> None:
        queue.repo.add_ruleset("release", checks=("ci",))
        queue.repo.check_run("ci", at="staging")
        queued(queue)
        queue.repo.check_run("ci", at="staging", status="in_progress")

        queued(queue)

        assert queue.repo.pull(1).queue_entry is not None

    def test_never_because_not_all_checks_can_be_read(self, queue: World) -> None:
        queued(queue)
        for number in range(301):
            queue.repo.check_run(f"check-{number}", at="staging")

        assert queue.advance().code == "checks-unknown"
        assert queue.repo.pull(1).queue_entry is not None

    @pytest.mark.parametrize("what", ["block", "skip", "check", "named check", "draft", "closed hours", "people"])
    def test_when_somebody_or_something_says_no(self, queue: World, what: str) -> None:
        sha = queued(queue).release.head_sha
        actor = Actor.person("mary")
        says_no: dict[str, Callable[[], object]] = {
            "block": queue.block,
            "skip": lambda: interventions.skip(queue.strategy, sha, reason="no", actor=actor, clock=queue.clock),
            "check": lambda: queue.repo.check_run("ci", at="staging", conclusion="failure"),
            "named check": lambda: queue.set(required_checks=["e2e"]),
            "draft": lambda: queue.repo.edit_pull_request(1, draft=True),
            "closed hours": lambda: queue.set(blocked_time_buckets=["* 8-9 * * *"]),
            "people": lambda: queue.set(automatic=False),
        }
        says_no[what]()

        queue.advance()

        assert queue.repo.pull(1).queue_entry is None
        assert [kind for kind in queue.story if kind.startswith("pull")] == DEQUEUED == queue.moves
        assert (queue.release.state, queue.release.queued_at) == ("open", None)
        assert AuditEvent.objects.get(kind="pull-request.dequeued").data["why"]

    def test_is_put_back_when_the_block_ends(self, queue: World) -> None:
        queued(queue)
        block = queue.block()
        queue.advance()
        queue.unblock(block)

        queued(queue)

        assert queue.story == [*DEQUEUED, "pull-request.enqueued"]

    def test_never_because_github_cannot_be_read(self, queue: World) -> None:
        queued(queue)
        queue.block()
        queue.github.fail("GRAPHQL .*", status=502, times=99)

        assert queue.advance().code == "unreadable"
        assert queue.repo.pull(1).queue_entry is not None

    def test_a_push_has_github_take_it_out_and_the_new_head_is_queued(self, queue: World) -> None:
        queued(queue)
        sha = queue.commit("Late")

        queue.advance()
        queued(queue)

        assert queue.release.head_sha == sha
        assert queue.story == [*UNQUEUED, "pull-request.enqueued"]

    def test_by_closing_it_is_respected(self, queue: World) -> None:
        queued(queue)
        queue.repo.close_pull_request(1, by="ana")

        assert queue.advance().code == "closed"
        assert queue.story == [*ENQUEUED, "pull-request.closed"]

    def test_whoever_blocks_is_told_of_what_is_queued(self, queue: World) -> None:
        queued(queue)

        (overtaken,) = queue.save_block().too_late

        assert overtaken.at is None


class TestFaults:
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_lost_answer_to_the_request_is_settled(self, queue: World, when: When) -> None:
        queue.github.fail(ASK, drop=when)
        queue.advance()
        queue.wait(seconds=61)
        for _ in range(4):
            queue.advance()

        assert queue.release.state == "queued"
        assert queue.story == ENQUEUED == queue.moves

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_lost_answer_to_the_taking_out_is_settled(self, queue: World, when: When) -> None:
        queued(queue)
        queue.block()
        queue.github.fail("GRAPHQL Dequeue", drop=when)
        queue.advance()
        queue.wait(seconds=61)
        for _ in range(3):
            queue.advance()

        assert queue.release.state == "open"
        assert queue.story == DEQUEUED == queue.moves

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("place", [ASK, "GET .*/merge-async/"])
    def test_a_death_at_the_request_is_settled(self, queue: World, place: str, when: When) -> None:
        dying(queue.advance, place, when)
        queue.wait(seconds=61)
        for _ in range(5):
            queue.advance()

        assert queue.release.state == "queued"
        assert queue.story == ENQUEUED == queue.moves

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("passed", range(7))
    def test_a_death_at_the_taking_out_is_settled(self, queue: World, passed: int, when: When) -> None:
        queued(queue)
        queue.block()
        queue.wait(seconds=5)
        # Questions of the pass, of the act and the act itself: it dies at each of them in turn.
        dying(queue.advance, "POST .*/graphql", when, after=passed)
        queue.wait(seconds=61)
        for _ in range(3):
            queue.advance()

        assert queue.release.state == "open"
        assert queue.story == DEQUEUED == queue.moves

    def test_a_refusal_to_take_it_out_is_tried_again_after_a_pause(self, queue: World) -> None:
        queued(queue)
        queue.block()
        queue.repo.set_role(BOT, "read")
        queue.advance()
        queue.advance()
        assert queue.github.count("GRAPHQL Dequeue") == 1 == Attempt.objects.filter(act="dequeue").count()
        queue.repo.set_role(BOT, "admin")
        queue.wait(minutes=1)

        queue.advance()

        assert queue.story == DEQUEUED
