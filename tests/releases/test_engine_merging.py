"""The engine against a real GitHub server: merged at its time, exactly once, or held, and why."""

from datetime import timedelta
from typing import Any

import pytest

from projects.models import Project, ProjectPoll
from releases.models import Release
from tests.releases.wire import tapped
from tests.releases.world import DAY, World

pytestmark = pytest.mark.django_db


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

    def test_of_a_new_head_waits_for_what_the_last_look_finds(self, world: World) -> None:
        world.due()
        world.advance(dry_run=True)
        world.repo.protect("release", checks=("ci",))
        world.commit("Late")

        assert world.advance().code == "checks-missing"
        assert world.github.sent("PUT .*/merge") == []

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
