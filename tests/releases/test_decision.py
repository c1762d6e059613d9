"""Each rule: what it answers, to whom it speaks, and where it stands."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from releases.decision import RULES, Action, Check, CheckState, Decision, Facts, Mark, Refusal, checklist, decide
from releases.situation import STATUS_CONTEXT, Postponed, Skipped, Squashed
from tests.releases.situations import (
    ALWAYS,
    DAY,
    DUE,
    GREEN_CI,
    HEAD,
    NOW,
    PLAN,
    PULL,
    READING,
    block,
    checks,
    closed,
    plan,
    pull,
    reading,
)  # fmt: skip


def answer(facts: Facts) -> tuple[Action, str]:
    decision = decide(facts)
    return decision.action, decision.code


def said(facts: Facts) -> str:
    return decide(facts).reason


class TestOrder:
    """Where everything is wrong at once, people are told one thing after the other, in the order of the rules."""

    def test_before_the_pull_request(self) -> None:
        bare = replace(READING, archived=True, base_sha=None, ahead=0, can_write=False, pull_request=None)
        facts = replace(
            DUE, plan=replace(PLAN, automatic=False), reading=bare, error="down", asked_at=NOW, blocks=(block(),),
            closed=(12, HEAD), skipped=Skipped("ana", "x", HEAD), postponed=Postponed("ana", "x", NOW + DAY),
            squashed=Squashed(7, "squashed"), refusal=Refusal(Action.OPEN, HEAD, "no", NOW + DAY),
        )  # fmt: skip
        mends: list[tuple[str, dict[str, Any]]] = [
            ("released-by-people", {"plan": PLAN}),
            ("unreadable", {"error": ""}),
            ("merging", {"asked_at": None}),
            ("blocked", {"blocks": ()}),
            ("archived", {"reading": (bare := replace(bare, archived=False))}),
            ("branch-gone", {"reading": (bare := replace(bare, base_sha=READING.base_sha))}),
            ("nothing-waits", {"reading": (bare := replace(bare, ahead=3))}),
            ("closed", {"closed": None}),
            ("skipped", {"skipped": None}),
            ("postponed", {"postponed": None}),
            ("history-broken", {"squashed": None}),
            ("may-not-write", {"reading": replace(bare, can_write=True)}),
            ("refused", {"refusal": None}),
            ("not-opened", {}),
        ]
        for code, mend in mends:
            assert answer(facts)[1] == code
            facts = replace(facts, **mend)

    def test_between_pull_request_and_merge(self) -> None:
        red, running = Check("ci", CheckState.FAILURE), Check("lint", CheckState.PENDING)
        wrong = replace(
            PULL, assignees=(), head_sha="c" * 40, is_draft=True, mergeable=False, review_decision="review_required",
            checks=(red, running),
        )  # fmt: skip
        seen = replace(READING, pull_request=wrong, merge_methods=(), required_checks=("ci", STATUS_CONTEXT))
        quiet = (closed("14:00", "15:00"),)
        bad = replace(PLAN, merge_after=None, slack_targets=1, closed=(ALWAYS,), required_checks=("lint",))
        facts = replace(
            DUE, plan=bad, reading=seen, opened_at=NOW, queued_at=NOW,
            refusal=Refusal(Action.MERGE, HEAD, "no", NOW + DAY), merges_unconfirmed=2,
        )  # fmt: skip

        def shown(**changes: Any) -> dict[str, Any]:
            nonlocal seen
            assert seen.pull_request is not None
            seen = replace(seen, pull_request=replace(seen.pull_request, **changes))
            return {"reading": seen}

        def planned(**changes: Any) -> dict[str, Any]:
            nonlocal bad
            bad = replace(bad, **changes)
            return {"plan": bad}

        mends: list[tuple[str, dict[str, Any]]] = [
            ("nobody-assigned", {"assign_tried": True}),
            ("people-merge", planned(merge_after=86400)),
            ("head-moved", shown(head_sha=HEAD)),
            ("draft", shown(is_draft=False)),
            ("method-forbidden", {"reading": (seen := replace(seen, merge_methods=("merge",)))}),
            ("own-status", planned(commit_status=True)),
            ("conflicts", shown(mergeable=None)),
            ("review", shown(review_decision=None)),
            ("checks-failing", shown(checks=(replace(red, state=CheckState.SUCCESS), running))),
            ("checks-running", shown(checks=(GREEN_CI, replace(GREEN_CI, name="lint")))),
            ("mergeability-unknown", shown(mergeable=True)),
            ("no-open-minute", planned(closed=quiet)),
            ("closed-hours", planned(closed=())),
            ("queued", {"queued_at": None}),
            ("too-young", {"opened_at": NOW - DAY}),
            ("not-told", {**planned(slack_targets=0), "opened_at": NOW}),
            ("too-young", {"opened_at": NOW - DAY}),
            ("refused", {"refusal": None}),
            ("others-first", {"merges_unconfirmed": 0}),
            ("due", {}),
        ]
        for code, mend in mends:
            assert answer(facts)[1] == code
            facts = replace(facts, **mend)


class TestDue:
    def test_is_merged_at_exactly_the_head_that_was_looked_at(self) -> None:
        assert decide(DUE) == Decision(Action.MERGE, "due", "All conditions are met: it is merged now.", sha=HEAD)

    def test_that_nothing_was_checked_is_said(self) -> None:
        facts = checks()

        assert answer(facts) == (Action.MERGE, "due")
        assert "no check was reported, and none is required" in said(facts)


class TestReleasedByPeople:
    def test_a_strategy_that_is_not_automatic_is_left_to_people(self) -> None:
        assert answer(plan(automatic=False)) == (Action.HOLD, "released-by-people")

    def test_comes_before_everything_else(self) -> None:
        assert answer(replace(plan(automatic=False), error="down", blocks=(block(),), reading=None))[1] == (
            "released-by-people"
        )


class TestFacts:
    def test_that_could_not_be_read_are_waited_for_with_the_error(self) -> None:
        facts = replace(DUE, error="GitHub answered 502.", retry_at=NOW + timedelta(minutes=3))

        assert answer(facts) == (Action.WAIT, "unreadable")
        assert said(facts) == "GitHub answered 502. Horizon asks again today at 14:08 UTC."
        assert decide(facts).until == NOW + timedelta(minutes=3)

    def test_that_were_never_read_are_waited_for(self) -> None:
        assert answer(replace(DUE, reading=None, read_at=None)) == (Action.WAIT, "unread")

    def test_as_old_as_two_polls_are_good(self) -> None:
        assert decide(replace(DUE, read_at=NOW - DUE.stale_after)).action is Action.MERGE

    def test_that_are_older_are_not_acted_on(self) -> None:
        facts = replace(DUE, read_at=NOW - DUE.stale_after - timedelta(seconds=1))

        assert answer(facts) == (Action.WAIT, "stale")

    def test_from_a_clock_ahead_are_not_old(self) -> None:
        assert decide(replace(DUE, read_at=NOW + timedelta(hours=1))).action is Action.MERGE

    def test_unreadable_comes_before_a_block(self) -> None:
        assert answer(replace(DUE, error="down", blocks=(block(),)))[1] == "unreadable"


class TestUnconfirmedMerge:
    def test_is_waited_for_before_anything_else_happens(self) -> None:
        facts = replace(DUE, asked_at=NOW - timedelta(minutes=1), blocks=(block(),))

        assert answer(facts) == (Action.WAIT, "merging")
        assert "asked for today at 14:04 UTC" in said(facts)


class TestBlocked:
    def test_holds_a_release_that_is_due_and_says_who_and_why(self) -> None:
        facts = replace(DUE, blocks=(block(),))

        assert answer(facts) == (Action.HOLD, "blocked")
        assert said(facts) == "Blocked by mary: incident 12."

    def test_holds_the_opening_too(self) -> None:
        assert answer(replace(reading(pull_request=None), blocks=(block(),)))[1] == "blocked"

    def test_names_what_an_organization_block_covers(self) -> None:
        assert (
            said(replace(DUE, blocks=(block(covers="all of artsy"),))) == "Blocked by mary (all of artsy): incident 12."
        )

    def test_ends_when_the_last_of_the_blocks_ends(self) -> None:
        ends = (NOW + timedelta(hours=2), NOW + timedelta(hours=5))
        facts = replace(DUE, blocks=tuple(block(ends_at=end) for end in ends))

        assert decide(facts).until == ends[1]
        assert said(facts) == "Blocked by mary: incident 12. And 1 more block. Until today at 19:05 UTC."

    def test_has_no_end_where_one_of_the_blocks_has_none(self) -> None:
        facts = replace(DUE, blocks=(block(ends_at=NOW + DAY), block()))

        assert decide(facts).until is None

    def test_shows_a_reason_of_many_lines_on_one(self) -> None:
        assert said(replace(DUE, blocks=(block("needs\n\n QA!"),))) == "Blocked by mary: needs QA!"


class TestRepository:
    def test_an_archived_one_is_named(self) -> None:
        assert answer(reading(archived=True)) == (Action.HOLD, "archived")

    @pytest.mark.parametrize(("gone", "name"), [("head_sha", "staging"), ("base_sha", "release")])
    def test_a_missing_branch_is_named_and_never_up_to_date(self, gone: str, name: str) -> None:
        facts = reading(**{gone: None, "ahead": None, "pull_request": None})

        assert answer(facts) == (Action.HOLD, "branch-gone")
        assert said(facts) == f"The branch {name} does not exist in artsy/candela: push it again."

    def test_two_missing_branches_are_both_named(self) -> None:
        facts = reading(head_sha=None, base_sha=None, ahead=None, pull_request=None)

        assert said(facts).startswith("The branches staging and release do not exist")

    def test_nothing_waits_when_base_has_all_that_head_has(self) -> None:
        assert answer(reading(ahead=0, pull_request=None)) == (Action.NOTHING, "nothing-waits")

    def test_a_pull_request_without_commits_is_not_merged(self) -> None:
        assert answer(reading(ahead=0)) == (Action.NOTHING, "nothing-waits")

    def test_branches_that_could_not_be_compared_are_waited_for(self) -> None:
        assert answer(reading(ahead=None)) == (Action.WAIT, "not-compared")


class TestOpening:
    UNOPENED = replace(reading(pull_request=None), opened_at=None)

    def test_commits_that_wait_are_put_into_a_pull_request(self) -> None:
        decision = decide(self.UNOPENED)

        assert (decision.action, decision.code, decision.sha) == (Action.OPEN, "not-opened", HEAD)
        assert decision.reason == "3 commits of staging wait: the pull request is opened."

    def test_happens_without_merge_after_too(self) -> None:
        assert decide(replace(self.UNOPENED, plan=replace(DUE.plan, merge_after=None))).action is Action.OPEN

    def test_a_closed_pull_request_is_respected(self) -> None:
        facts = replace(self.UNOPENED, closed=(12, HEAD))

        assert answer(facts) == (Action.HOLD, "closed")
        assert "#12 was closed" in said(facts)

    def test_new_commits_end_the_respect(self) -> None:
        assert decide(replace(self.UNOPENED, closed=(12, "c" * 40))).action is Action.OPEN

    def test_a_reopened_pull_request_is_the_release_again(self) -> None:
        assert decide(replace(DUE, closed=(12, HEAD))).action is Action.MERGE

    def test_credentials_that_may_only_read_make_no_attempt(self) -> None:
        assert answer(reading(can_write=False, pull_request=None)) == (Action.HOLD, "may-not-write")

    def test_is_tried_where_github_does_not_say_what_the_credentials_may(self) -> None:
        assert decide(reading(can_write=None, pull_request=None)).action is Action.OPEN

    def test_waits_after_a_refusal_with_githubs_words(self) -> None:
        refusal = Refusal(Action.OPEN, HEAD, "Resource not accessible", NOW + timedelta(minutes=4))
        facts = replace(self.UNOPENED, refusal=refusal)

        assert answer(facts) == (Action.HOLD, "refused")
        assert said(facts) == (
            "GitHub refused to open the pull request: Resource not accessible. Horizon asks again today at 14:09 UTC."
        )

    @pytest.mark.parametrize("change", [{"retry_at": NOW}, {"sha": "c" * 40}, {"act": Action.MERGE}])
    def test_is_tried_again_after_the_pause_or_for_another_head(self, change: dict[str, Any]) -> None:
        refusal = Refusal(Action.OPEN, HEAD, "no", NOW + timedelta(minutes=4))

        assert decide(replace(self.UNOPENED, refusal=replace(refusal, **change))).action is Action.OPEN


class TestPullRequest:
    def test_is_left_to_people_without_merge_after(self) -> None:
        facts = plan(merge_after=None)

        assert answer(facts) == (Action.WAIT, "people-merge")
        assert said(facts) == "Pull request #12 is open: people merge it."

    def test_merge_after_zero_merges_at_once(self) -> None:
        facts = replace(plan(merge_after=0), opened_at=NOW)

        assert decide(facts).action is Action.MERGE

    def test_with_another_head_than_the_branch_is_waited_for(self) -> None:
        assert answer(pull(head_sha="c" * 40)) == (Action.WAIT, "head-moved")

    def test_that_is_a_draft_is_held(self) -> None:
        assert answer(pull(is_draft=True)) == (Action.HOLD, "draft")

    def test_with_conflicts_is_held(self) -> None:
        assert answer(pull(mergeable=False)) == (Action.HOLD, "conflicts")

    def test_whose_mergeability_is_not_known_is_asked_again(self) -> None:
        assert answer(pull(mergeable=None)) == (Action.WAIT, "mergeability-unknown")

    @pytest.mark.parametrize("decision", ["review_required", "changes_requested"])
    def test_without_its_review_is_held(self, decision: str) -> None:
        assert answer(pull(review_decision=decision)) == (Action.HOLD, "review")

    def test_that_was_approved_is_merged(self) -> None:
        assert decide(pull(review_decision="approved")).action is Action.MERGE

    def test_is_held_where_the_repository_forbids_merge_commits(self) -> None:
        facts = reading(merge_methods=("squash", "rebase"))

        assert answer(facts) == (Action.HOLD, "method-forbidden")
        assert said(facts) == "artsy/candela does not allow merge commits: allow it in its settings."

    def test_another_method_is_fine_where_the_strategy_names_it(self) -> None:
        facts = replace(plan(merge_method="squash"), reading=replace(DUE.known, merge_methods=("squash",)))

        assert decide(facts).action is Action.MERGE


def ci(state: CheckState, name: str = "ci") -> Check:
    return Check(name, state)


class TestChecks:
    """Rule 9."""

    def test_a_failing_required_check_holds_and_is_named(self) -> None:
        facts = checks(ci(CheckState.FAILURE), required=("ci",))

        assert answer(facts) == (Action.HOLD, "checks-failing")
        assert said(facts) == "ci fails on aaaaaaa."

    def test_a_failing_check_that_is_not_required_is_no_matter_beside_required_ones(self) -> None:
        facts = checks(ci(CheckState.SUCCESS), ci(CheckState.FAILURE, "lint"), required=("ci",))

        assert decide(facts).action is Action.MERGE

    def test_any_failing_check_holds_where_none_is_required(self) -> None:
        facts = checks(ci(CheckState.SUCCESS), ci(CheckState.FAILURE, "lint"))

        assert answer(facts) == (Action.HOLD, "checks-failing")

    def test_any_running_check_waits_where_none_is_required(self) -> None:
        facts = checks(ci(CheckState.SUCCESS), ci(CheckState.PENDING, "lint"))

        assert answer(facts) == (Action.WAIT, "checks-running")
        assert said(facts) == "lint is still running."

    @pytest.mark.parametrize("state", [CheckState.SUCCESS, CheckState.NEUTRAL, CheckState.SKIPPED])
    def test_skipped_and_neutral_are_not_red(self, state: CheckState) -> None:
        assert decide(checks(ci(state))).action is Action.MERGE
        assert decide(checks(ci(state), required=("ci",))).action is Action.MERGE

    def test_a_required_check_that_has_not_reported_is_waited_for(self) -> None:
        facts = checks(ci(CheckState.SUCCESS), required=("ci", "e2e"))

        assert answer(facts) == (Action.WAIT, "checks-missing")
        assert said(facts) == "The required e2e has not reported yet."

    def test_a_required_check_that_runs_is_waited_for(self) -> None:
        assert answer(checks(ci(CheckState.PENDING), required=("ci",))) == (Action.WAIT, "checks-running")

    @pytest.mark.parametrize("found", [(), (GREEN_CI,), (replace(GREEN_CI, state=CheckState.PENDING),)])
    def test_what_github_requires_is_left_to_its_merge_queue(self, found: tuple[Check, ...]) -> None:
        assert answer(replace(checks(*found, required=("ci",)), queued_at=NOW)) == (Action.WAIT, "queued")

    def test_a_red_one_that_github_requires_holds_in_its_merge_queue_as_well(self) -> None:
        red = replace(GREEN_CI, state=CheckState.FAILURE)
        assert answer(replace(checks(red, required=("ci",)), queued_at=NOW)) == (Action.HOLD, "checks-failing")

    @pytest.mark.parametrize("state", [None, CheckState.PENDING])
    def test_what_only_the_strategy_names_waits_in_the_merge_queue_as_well(self, state: CheckState | None) -> None:
        found = [GREEN_CI, *([Check("e2e", state)] if state else [])]
        facts = replace(checks(*found, required=("ci",)), plan=replace(PLAN, required_checks=("e2e",)), queued_at=NOW)
        assert answer(facts) == (Action.WAIT, "checks-running" if state else "checks-missing")

    def test_what_the_strategy_requires_is_added(self) -> None:
        facts = replace(checks(ci(CheckState.SUCCESS)), plan=replace(DUE.plan, required_checks=("e2e",)))

        assert answer(facts) == (Action.WAIT, "checks-missing")

    def test_a_check_that_github_marks_as_required_counts(self) -> None:
        facts = checks(Check("ci", CheckState.SUCCESS, required=True), Check("lint", CheckState.FAILURE), required=None)

        assert decide(facts).action is Action.MERGE

    def test_one_of_two_checks_with_the_same_name_is_enough_to_hold(self) -> None:
        facts = checks(ci(CheckState.SUCCESS), ci(CheckState.FAILURE), required=("ci",))

        assert answer(facts) == (Action.HOLD, "checks-failing")

    def test_checks_that_could_not_all_be_read_are_not_green(self) -> None:
        facts = reading(pull_request=replace(PULL, checks_complete=False))

        assert answer(facts) == (Action.WAIT, "checks-unknown")

    def test_a_failure_holds_even_where_others_still_run(self) -> None:
        facts = checks(ci(CheckState.PENDING), ci(CheckState.FAILURE, "lint"))

        assert answer(facts)[1] == "checks-failing"


class TestRules:
    def test_have_names_titles_and_reasons_to_be(self) -> None:
        assert len({rule.name for rule in RULES}) == len(RULES)
        assert all(rule.met and rule.answer.__doc__ for rule in RULES)

    def test_stand_in_the_order_of_the_design(self) -> None:
        designed = [
            "released_by_people", "facts_unknown", "blocked", "nothing_waits", "closed_by_a_person", "skipped",
            "postponed", "history_broken", "not_opened", "nobody_assigned", "people_merge", "draft", "conflicts",
            "checks_failing", "checks_waiting", "mergeability_unknown", "closed_hours", "queued", "before_notice",
            "not_told", "too_young", "due",
        ]  # fmt: skip
        names = [rule.name for rule in RULES]

        assert sorted(designed, key=names.index) == designed


class TestChecklist:
    def marks(self, facts: Facts) -> dict[str, Mark]:
        return {item.name: item.mark for item in checklist(facts)}

    def test_of_a_release_that_is_due_is_all_met(self) -> None:
        assert set(self.marks(DUE).values()) == {Mark.MET}

    def test_shows_everything_that_is_not_met_and_not_only_the_first(self) -> None:
        facts = replace(pull(is_draft=True, mergeable=None), blocks=(block(),))
        marks = self.marks(facts)

        assert marks["blocked"] is Mark.NOT_MET
        assert marks["draft"] is Mark.NOT_MET
        assert marks["mergeability_unknown"] is Mark.UNKNOWN
        assert marks["conflicts"] is Mark.MET

    def test_says_what_was_not_looked_at(self) -> None:
        assert self.marks(reading(pull_request=None))["draft"] is Mark.NOT_LOOKED_AT
        assert self.marks(replace(DUE, reading=None))["branch_gone"] is Mark.NOT_LOOKED_AT

    def test_holds_the_sentence_of_the_decision(self) -> None:
        facts = replace(DUE, opened_at=NOW)

        assert decide(facts).reason in [item.reason for item in checklist(facts)]


def test_the_documentation_lists_every_condition_in_its_order() -> None:
    text = (Path(__file__).parents[2] / "docs" / "releases.md").read_text()
    documented = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:]

    assert documented == [rule.met for rule in RULES if rule.name != "due"]
