"""Storing what was read: moves, comparisons, errors, and a new snapshot only when something changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from projects import refresh
from projects.leases import claim
from projects.models import Comparison, Project, Snapshot, Stage, StageMove
from projects.reading import Commit, Difference, Head, StageUnreadable, Trouble
from projects.sighting import Ask, Sighting
from tests import worlds
from tests.worlds import NOW, sha

pytestmark = pytest.mark.django_db
State = Comparison.State


@dataclass
class History:
    """A repository in memory: what a host would answer about commits, and what it was asked."""

    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    trees: dict[str, str] = field(default_factory=dict)
    squashed: dict[str, str] = field(default_factory=dict)

    def add(self, number: int, *parents: int) -> str:
        self.parents[sha(number)] = tuple(sha(parent) for parent in parents)
        return sha(number)

    def difference(self, base: str, head: str) -> Difference:
        self.asked.append((base, head))
        for each in (base, head):
            if each not in self.parents:
                raise StageUnreadable(Trouble.GONE, f"There is no commit {each[:7]}.")
        ahead = [each for each in self._history(head) if each not in self._history(base)]
        behind = [each for each in self._history(base) if each not in self._history(head)]
        return Difference(tuple(self._commit(each) for each in ahead), len(ahead), len(behind))

    def squashed_head(self, sha: str) -> str | None:
        return self.squashed.get(sha)

    def _history(self, head: str) -> list[str]:
        seen: dict[str, None] = {}
        stack = [head]
        while stack:
            current = stack.pop()
            seen[current] = None
            stack += [parent for parent in self.parents[current] if parent not in seen]
        return sorted(seen, reverse=True)

    def _commit(self, name: str) -> Commit:
        date = NOW - timedelta(days=1)
        return Commit(name, date, "Change", "Ana", "ana@x", self.parents[name], self.trees.get(name, name))


@pytest.fixture
def history() -> History:
    """Commits 1, 2, 3 in a row."""
    made = History()
    made.add(1)
    made.add(2, 1)
    made.add(3, 2)
    return made


def refreshed(
    project: Project, history: History, at: datetime = NOW, /, **answers: str | StageUnreadable
) -> tuple[bool, Snapshot]:
    """Read and store the project with these answers by stage name: is there a new snapshot, and the current one."""
    lease = uuid4()
    claim([project.pk], lease, at)
    stages = tuple(Stage.objects.filter(project=project).select_related("head").order_by("position"))
    current = project.snapshots.filter(is_current=True).prefetch_related("comparisons").first()
    heads = {stage.pk: head_of(answers[stage.name], history) for stage in stages}
    sighting = Sighting(project, stages, heads, current)
    asks: Mapping[int, Ask] = {stage.pk: history for stage in stages}
    changed = refresh.store(sighting, refresh.read(sighting, asks), lease=lease, now=at)
    return changed, project.snapshots.get(is_current=True)


def head_of(answer: str | StageUnreadable, history: History) -> Head | StageUnreadable:
    return Head(answer, tree=history.trees.get(answer, answer)) if isinstance(answer, str) else answer


def comparison(snapshot: Snapshot, behind: str = "production") -> Comparison:
    return snapshot.comparisons.get(behind=behind)


def two_stages() -> Project:
    return worlds.project(stages={"staging": "staging", "production": "release"})


class TestSnapshot:
    def test_the_first_reading_stores_what_waits(self, history: History) -> None:
        changed, snapshot = refreshed(two_stages(), history, staging=sha(3), production=sha(1))

        assert changed
        assert not snapshot.released
        stored = comparison(snapshot)
        assert (stored.count, stored.drift, stored.state) == (2, 0, State.COMPARED)
        assert [each["sha"] for each in stored.commits] == [sha(3), sha(2)]
        assert stored.contributors == ["Ana"]

    def test_the_same_again_stores_nothing_but_the_time(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(1))
        asked = len(history.asked)

        changed, _ = refreshed(project, history, NOW + timedelta(hours=1), staging=sha(3), production=sha(1))

        project.poll.refresh_from_db()
        assert (changed, project.snapshots.count(), len(history.asked)) == (False, 1, asked)
        assert project.poll.refreshed_at == NOW + timedelta(hours=1)

    def test_equal_stages_are_released_without_asking(self, history: History) -> None:
        _, snapshot = refreshed(two_stages(), history, staging=sha(2), production=sha(2))

        assert snapshot.released
        assert history.asked == []

    def test_a_project_without_stages_has_a_snapshot(self, history: History) -> None:
        changed, snapshot = refreshed(worlds.project(stages={}), history)

        assert changed
        assert snapshot.comparisons.count() == 0

    def test_only_one_is_current(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(2), production=sha(1))
        refreshed(project, history, staging=sha(3), production=sha(1))

        assert project.snapshots.filter(is_current=True).count() == 1
        assert project.snapshots.count() == 2

    def test_a_lost_lease_writes_nothing(self, history: History) -> None:
        project = two_stages()
        stages = tuple(project.stages.order_by("position"))
        sighting = Sighting(project, stages, {stage.pk: Head(sha(1)) for stage in stages}, None)

        assert not refresh.store(sighting, refresh.read(sighting, {}), lease=uuid4(), now=NOW)

        assert not project.snapshots.exists()
        assert not StageMove.objects.exists()


class TestMoves:
    def test_each_move_of_a_stage_is_kept(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(2), production=sha(1))
        refreshed(project, history, NOW + timedelta(hours=1), staging=sha(3), production=sha(1))

        moves = StageMove.objects.filter(stage_name="staging").order_by("id")
        assert [(each.from_sha, each.to_sha, each.forced) for each in moves] == [
            ("", sha(2), False),
            (sha(2), sha(3), False),
        ]
        assert project.stages.get(name="staging").head.since == NOW + timedelta(hours=1)

    def test_a_force_push_is_told_from_progress(self, history: History) -> None:
        project = two_stages()
        history.add(4, 1)
        refreshed(project, history, staging=sha(3), production=sha(1))
        refreshed(project, history, staging=sha(4), production=sha(1))

        assert StageMove.objects.get(stage_name="staging", to_sha=sha(4)).forced

    def test_a_commit_that_the_host_forgot_was_forced_away(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(1))
        del history.parents[sha(3)]

        refreshed(project, history, staging=sha(2), production=sha(1))

        assert StageMove.objects.get(stage_name="staging", to_sha=sha(2)).forced

    def test_progress_costs_no_request_of_its_own(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(2), production=sha(1))
        history.asked.clear()

        refreshed(project, history, staging=sha(3), production=sha(1))

        assert history.asked == [(sha(1), sha(3))]


class TestDrift:
    def test_a_release_by_merge_commit_is_none_and_is_asked_once(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(1))
        history.add(9, 1, 3)
        history.asked.clear()

        _, snapshot = refreshed(project, history, staging=sha(3), production=sha(9))

        assert comparison(snapshot).drift == 0
        assert snapshot.released
        assert len(history.asked) <= 3
        history.add(10, 3)
        history.asked.clear()
        _, snapshot = refreshed(project, history, staging=sha(10), production=sha(9))
        assert (comparison(snapshot).count, comparison(snapshot).drift) == (1, 0)
        assert len(history.asked) == 1

    def test_a_hot_fix_is_drift_until_it_comes_back(self, history: History) -> None:
        project = two_stages()
        history.add(8, 1)
        _, snapshot = refreshed(project, history, staging=sha(3), production=sha(8))
        assert comparison(snapshot).drift == 1
        assert [each["sha"] for each in comparison(snapshot).drift_commits] == [sha(8)]
        history.add(9, 3, 8)

        _, snapshot = refreshed(project, history, staging=sha(9), production=sha(8))

        assert comparison(snapshot).drift == 0

    def test_a_squashed_release_is_released_and_explained(self, history: History) -> None:
        history.add(8, 1)
        history.trees = {sha(8): "same", sha(3): "same"}

        _, snapshot = refreshed(two_stages(), history, staging=sha(3), production=sha(8))

        stored = comparison(snapshot)
        assert (stored.state, stored.count, snapshot.released) == (State.SQUASHED, 0, True)
        assert "merge the branch of production back" in stored.explanation

    def test_the_pull_request_tells_a_squash_that_trees_do_not(self, history: History) -> None:
        history.add(7, 1)
        history.add(8, 7)
        history.squashed = {sha(8): sha(3)}

        _, snapshot = refreshed(two_stages(), history, staging=sha(3), production=sha(8))

        assert (comparison(snapshot).state, comparison(snapshot).count) == (State.SQUASHED, 0)
        assert comparison(snapshot).drift == 2


class TestTrouble:
    down = StageUnreadable(Trouble.UNREACHABLE, "GitHub does not answer.")

    def test_an_error_keeps_the_last_good_comparison_with_its_age(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(1))

        changed, snapshot = refreshed(project, history, NOW + timedelta(hours=1), staging=self.down, production=sha(1))

        assert changed
        assert snapshot.error == "staging: GitHub does not answer."
        assert (snapshot.read_at, snapshot.released) == (NOW, False)
        assert comparison(snapshot).count == 2

    def test_what_keeps_several_stages_from_being_read_is_told_once(self, history: History) -> None:
        _, snapshot = refreshed(two_stages(), history, staging=self.down, production=self.down)

        assert snapshot.error == "staging, production: GitHub does not answer."

    def test_the_same_error_again_is_no_news_and_the_age_stays(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(1))
        refreshed(project, history, NOW + timedelta(hours=1), staging=self.down, production=sha(1))

        changed, snapshot = refreshed(project, history, NOW + timedelta(hours=2), staging=self.down, production=sha(1))

        assert (changed, snapshot.read_at) == (False, NOW)

    def test_it_recovers(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(3))
        refreshed(project, history, staging=self.down, production=sha(3))

        _, snapshot = refreshed(project, history, staging=sha(3), production=sha(3))

        assert (snapshot.error, snapshot.released, snapshot.read_at) == ("", True, None)

    def test_an_unreadable_stage_never_looks_up_to_date(self, history: History) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(3))

        _, snapshot = refreshed(project, history, staging=self.down, production=sha(3))

        assert not snapshot.released

    def test_a_stage_never_read_has_a_state_of_its_own(self, history: History) -> None:
        _, snapshot = refreshed(two_stages(), history, staging=self.down, production=sha(1))

        assert comparison(snapshot).state == State.UNREADABLE
        assert not StageMove.objects.filter(stage_name="staging").exists()

    @pytest.mark.parametrize(
        ("trouble", "stage", "state"),
        [
            (Trouble.GONE, "staging", State.AHEAD_GONE),
            (Trouble.GONE, "production", State.BEHIND_GONE),
            (Trouble.EMPTY, "staging", State.EMPTY),
        ],
    )
    def test_a_branch_that_is_gone_is_a_clear_state(
        self, history: History, trouble: Trouble, stage: str, state: str
    ) -> None:
        project = two_stages()
        refreshed(project, history, staging=sha(3), production=sha(3))
        answers: dict[str, str | StageUnreadable] = {"staging": sha(3), "production": sha(3)}
        answers[stage] = StageUnreadable(trouble, "It is gone.")

        _, snapshot = refreshed(project, history, **answers)

        stored = comparison(snapshot)
        assert (stored.state, stored.explanation, stored.released) == (state, "It is gone.", False)
        assert StageMove.objects.get(stage_name=stage, from_sha=sha(3)).to_sha == ""

    def test_unrelated_histories_are_a_clear_state(self, history: History) -> None:
        def unrelated(base: str, head: str) -> Difference:
            raise StageUnreadable(Trouble.UNRELATED, f"{base[:7]} and {head[:7]} share no history.")

        history.difference = unrelated  # type: ignore[method-assign]

        _, snapshot = refreshed(two_stages(), history, staging=sha(3), production=sha(1))

        assert comparison(snapshot).state == State.UNRELATED
        assert not snapshot.released

    def test_a_comparison_that_failed_is_asked_again_though_nothing_moves(self, history: History) -> None:
        project = two_stages()
        good = history.difference

        def failing(base: str, head: str) -> Difference:
            raise self.down

        history.difference = failing  # type: ignore[method-assign]
        _, snapshot = refreshed(project, history, staging=sha(3), production=sha(1))
        assert "GitHub does not answer." in snapshot.error
        project.poll.refresh_from_db()
        assert project.poll.configuration == ""
        history.difference = good  # type: ignore[method-assign]

        _, snapshot = refreshed(project, history, staging=sha(3), production=sha(1))

        assert (snapshot.error, comparison(snapshot).count) == ("", 2)
