"""Comparing two stages: what waits, what drifted, what a squash released, the score."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.compare import (
    backward_is_needed,
    compare,
    contributors,
    pull_requests_of,
    score,
    titles_of,
)
from projects.reading import Commit, Difference, Head

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def commit(
    name: str, *parents: str, subject: str = "Change", tree: str | None = None, by: str = "ana", days: float = 0
) -> Commit:
    return Commit(
        sha=sha(name), date=NOW - timedelta(days=days), subject=subject, author=by.title(), email=f"{by}@example.com",
        parents=tuple(sha(parent) for parent in parents), tree=tree or f"tree {name}",
    )  # fmt: skip


def sha(name: str) -> str:
    return name.encode().hex().ljust(40, "0")


def difference(*commits: Commit, total: int | None = None, behind: int = 0) -> Difference:
    return Difference(commits, len(commits) if total is None else total, behind)


BASE = Head(sha("base"), tree="tree base")


class TestWaiting:
    def test_counts_commits_and_leaves_merges_out(self) -> None:
        forward = difference(commit("m", "a", "b"), commit("b", "base"), commit("a", "base"))

        compared = compare(BASE, forward, None)

        assert [each.commit.sha for each in compared.waiting] == [sha("b"), sha("a")]
        assert (compared.count, compared.at_least) == (2, False)

    def test_says_at_least_the_total_of_the_host_when_it_lists_fewer(self) -> None:
        compared = compare(BASE, difference(commit("a", "base"), total=400), None)

        assert (compared.count, compared.at_least) == (400, True)

    def test_knows_how_long_the_oldest_waits(self) -> None:
        compared = compare(BASE, difference(commit("b", "a", days=1), commit("a", "base", days=9)), None)

        assert compared.oldest == NOW - timedelta(days=9)

    def test_names_two_authors_with_one_email_once(self) -> None:
        commits = [commit("c", "b", by="bo"), commit("b", "a"), commit("a", "base")]

        assert contributors(compare(BASE, difference(*commits), None).waiting) == ["Ana", "Bo"]


class TestPullRequests:
    def test_a_merge_claims_what_its_branch_added(self) -> None:
        commits = [
            commit("m", "x", "b", subject="Merge pull request #12 from artsy/thing"),
            commit("x", "base"),
            commit("b", "a"),
            commit("a", "base"),
        ]

        found = pull_requests_of(commits)

        assert (found[sha("a")], found[sha("b")]) == (12, 12)
        assert sha("x") not in found

    def test_an_inner_pull_request_keeps_its_commits(self) -> None:
        commits = [
            commit("outer", "base", "inner", subject="Merge pull request #9 from artsy/outer"),
            commit("inner", "a", "b", subject="Merge pull request #8 from artsy/inner"),
            commit("b", "a"),
            commit("a", "base"),
        ]

        assert pull_requests_of(commits) == {sha("b"): 8, sha("inner"): 9, sha("a"): 9}

    def test_a_squashed_pull_request_is_named_at_the_end_of_its_subject(self) -> None:
        assert pull_requests_of([commit("a", "base", subject="Add maps (#77)")]) == {sha("a"): 77}

    def test_a_merge_may_bear_the_title_as_its_subject(self) -> None:
        commits = [commit("m", "base", "a", subject="Add maps (#77)"), commit("a", "base")]

        assert pull_requests_of(commits)[sha("a")] == 77
        assert titles_of(commits) == {77: "Add maps"}

    def test_have_their_titles_from_the_bodies_of_merges_and_the_subjects_of_squashed_ones(self) -> None:
        merge = commit("m", "x", "b", subject="Merge pull request #12 from artsy/thing")
        silent = commit("n", "x", "c", subject="Merge pull request #13 from artsy/other")
        squashed = commit("a", "base", subject="Add maps (#77)")

        assert titles_of([replace(merge, body="Show prices"), silent, squashed]) == {12: "Show prices", 77: "Add maps"}

    def test_a_subject_that_only_mentions_a_pull_request_claims_nothing(self) -> None:
        assert pull_requests_of([commit("a", "base", subject="Merge pull request #12 from artsy/thing")]) == {}


class TestDrift:
    def test_the_merge_commit_of_a_release_is_not_drift(self) -> None:
        compared = compare(BASE, difference(behind=1), difference(commit("base", "old", "a")))

        assert compared.drift == ()

    def test_a_commit_of_its_own_is_drift(self) -> None:
        compared = compare(BASE, difference(behind=1), difference(commit("base", "old")))

        assert [each.sha for each in compared.drift] == [sha("base")]

    def test_what_was_known_stays_when_nothing_was_asked(self) -> None:
        compared = compare(BASE, difference(behind=3), None, [commit("fix", "old")])

        assert [each.sha for each in compared.drift] == [sha("fix")]

    def test_what_fell_out_of_the_window_of_the_host_stays(self) -> None:
        backward = difference(commit("base", "x", "y"), total=300)

        compared = compare(BASE, difference(behind=300), backward, [commit("fix", "old")])

        assert [each.sha for each in compared.drift] == [sha("fix")]

    def test_it_ends_when_the_stage_ahead_has_it_all(self) -> None:
        assert compare(BASE, difference(behind=0), None, [commit("fix", "old")]).drift == ()

    @pytest.mark.parametrize(
        ("behind", "moved", "known", "needed"),
        [(0, True, 5, False), (5, False, 5, False), (5, True, 5, True), (5, False, 4, True), (5, False, None, True)],
    )
    def test_it_is_asked_only_when_it_can_have_changed(
        self, behind: int, *, moved: bool, known: int | None, needed: bool
    ) -> None:
        assert backward_is_needed(difference(behind=behind), behind_moved=moved, known_behind=known) is needed


class TestSquashedRelease:
    def test_the_same_tree_on_both_branches_is_released(self) -> None:
        forward = difference(commit("b", "a", tree="same"), commit("a", "old"), behind=1)
        behind = Head(sha("squash"), tree="same")

        compared = compare(behind, forward, difference(commit("squash", "old", tree="same")))

        assert (compared.count, compared.squashed_at) == (0, sha("b"))

    def test_commits_after_it_wait(self) -> None:
        forward = difference(commit("c", "b"), commit("b", "a", tree="same"), commit("a", "old"), behind=1)

        compared = compare(Head(sha("squash"), tree="same"), forward, difference(commit("squash", "old", tree="same")))

        assert [each.commit.sha for each in compared.waiting] == [sha("c")]

    def test_a_branch_that_was_not_in_it_waits(self) -> None:
        forward = difference(
            commit("m", "b", "x"), commit("x", "old"), commit("b", "a", tree="same"), commit("a", "old"), behind=1
        )

        compared = compare(Head(sha("squash"), tree="same"), forward, difference(commit("squash", "old", tree="same")))

        assert [each.commit.sha for each in compared.waiting] == [sha("x")]

    def test_a_revert_has_an_old_tree_and_is_no_squash(self) -> None:
        forward = difference(commit("revert", "bad", tree="tree base"), commit("bad", "base"))

        compared = compare(BASE, forward, None)

        assert (compared.count, compared.squashed_at) == (2, None)

    def test_the_merged_pull_request_tells_it_where_trees_differ(self) -> None:
        forward = difference(commit("b", "a"), commit("a", "old"), behind=2)
        backward = difference(commit("squash", "fix"), commit("fix", "old"))

        compared = compare(Head(sha("squash")), forward, backward, squashed_head=sha("b"))

        assert (compared.count, compared.squashed_at) == (0, sha("b"))


class TestScore:
    def test_is_commits_and_squares_of_contributors_and_days(self) -> None:
        assert score(3, 2, NOW - timedelta(days=1.5), NOW) == 3 + 4 + 2.25

    def test_is_zero_when_nothing_waits(self) -> None:
        assert score(0, 0, None, NOW) == 0

    def test_a_commit_from_the_future_has_no_age(self) -> None:
        assert score(1, 1, NOW + timedelta(days=400), NOW) == 2


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    """Commits newest first, each with one or two of the older ones (or what was before) as parents."""
    names: list[str] = ["base"]
    commits: list[Commit] = []
    for number in range(draw(st.integers(0, 12))):
        parents = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        subject = draw(st.sampled_from(["Change", "Fix (#3)", "Merge pull request #4 from a/b"]))
        commits.append(commit(f"c{number}", *parents, subject=subject, tree=draw(st.sampled_from(["t1", "t2", "t3"]))))
        names.append(f"c{number}")
    return commits[::-1]


@given(histories(), histories(), st.sampled_from(["t1", "t2", None]))
def test_every_commit_that_is_no_merge_waits_or_was_squashed(
    ahead: list[Commit], behind: list[Commit], tree: str | None
) -> None:
    head = Head(behind[0].sha if behind else sha("base"), tree=tree)

    compared = compare(head, difference(*ahead, behind=len(behind)), difference(*behind))

    assert compared.count == len(compared.waiting) <= sum(not each.is_merge for each in ahead)
    assert all(not each.commit.is_merge for each in compared.waiting)
    if compared.squashed_at is None:
        assert compared.count == sum(not each.is_merge for each in ahead)
