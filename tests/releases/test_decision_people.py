"""Release now, postpone, skip; broken histories, assigning, the merge queue and Horizon's own status."""

from dataclasses import replace

import pytest

from releases.calendar import ClosedRule
from releases.decision import Action, Block, Check, CheckState, Facts, Item, Mark, checklist, decide
from releases.situation import STATUS_CONTEXT, Postponed, Refusal, ReleaseNow, Skipped, Squashed
from tests.releases.situations import (
    ALWAYS,
    DUE,
    GREEN_CI,
    HEAD,
    HOUR,
    MINUTE,
    NOW,
    block,
    checks,
    closed,
    noticed,
    plan,
    pull,
    reading,
    rushed,
    told,
)

OTHER = "c" * 40
YOUNG = replace(DUE, opened_at=NOW)
UNOPENED = replace(reading(pull_request=None), opened_at=None)
SKIPPED = replace(UNOPENED, skipped=Skipped("ana", "broken build", HEAD))
POSTPONED = replace(DUE, postponed=Postponed("ana", "after the fair", NOW + HOUR))


def answer(facts: Facts) -> tuple[Action, str]:
    decision = decide(facts)
    return decision.action, decision.code


def said(facts: Facts) -> str:
    return decide(facts).reason


class TestSkipped:
    def test_is_not_opened_and_not_merged(self) -> None:
        assert answer(SKIPPED) == (Action.HOLD, "skipped")
        assert answer(replace(DUE, skipped=SKIPPED.skipped)) == (Action.HOLD, "skipped")
        assert said(SKIPPED) == "ana skips aaaaaaa: broken build. Horizon waits for new commits."

    def test_new_commits_are_released_again(self) -> None:
        assert decide(replace(SKIPPED, skipped=Skipped("ana", "broken build", OTHER))).action is Action.OPEN


class TestPostponed:
    def test_is_held_until_the_moment_that_was_named(self) -> None:
        assert answer(POSTPONED) == (Action.HOLD, "postponed")
        assert decide(POSTPONED).until == NOW + HOUR
        assert said(POSTPONED) == "ana postponed it until today at 15:05 UTC: after the fair."

    def test_reads_well_for_a_day_to_come(self) -> None:
        later = replace(POSTPONED, postponed=Postponed("ana", "after the fair", NOW + 72 * HOUR))

        assert "postponed it until Thursday 26 November at 14:05 UTC" in said(later)

    def test_is_not_opened_either(self) -> None:
        assert answer(replace(UNOPENED, postponed=POSTPONED.postponed))[1] == "postponed"

    def test_is_over_at_the_moment(self) -> None:
        assert decide(replace(DUE, postponed=Postponed("ana", "x", NOW))).action is Action.MERGE

    def test_is_held_whatever_commits_come(self) -> None:
        moved = replace(POSTPONED.known, head_sha=OTHER, pull_request=replace(POSTPONED.pull, head_sha=OTHER))

        assert answer(replace(POSTPONED, reading=moved))[1] == "postponed"

    def test_is_not_told_in_slack(self) -> None:
        assert answer(replace(told(), postponed=POSTPONED.postponed))[1] == "postponed"


class TestABrokenHistory:
    @pytest.mark.parametrize(
        ("squashed", "words"),
        [
            (Squashed(7, "squashed"), "The last release (#7) was squashed instead of merged,"),
            (Squashed(7, "rebased"), "The last release (#7) was rebased instead of merged,"),
            (Squashed(None, "rewritten"), "The last release was left behind when the history was rewritten,"),
        ],
    )
    def test_holds_and_offers_to_heal_it(self, squashed: Squashed, words: str) -> None:
        facts = replace(UNOPENED, squashed=squashed)

        assert answer(facts) == (Action.HOLD, "history-broken")
        assert said(facts).startswith(words)
        assert said(facts).endswith("heal it with a pull request from release into staging.")

    def test_is_not_released_now_either(self) -> None:
        assert answer(rushed(replace(DUE, squashed=Squashed(7, "squashed"))))[1] == "history-broken"


class TestAssigning:
    NOBODY = pull(assignees=())

    def test_somebody_is_looked_for_once(self) -> None:
        decision = decide(self.NOBODY)

        assert (decision.action, decision.code, decision.sha) == (Action.ASSIGN, "nobody-assigned", HEAD)
        assert decision.reason == "Nobody is assigned to pull request #12: the most frequent contributor is asked."

    def test_never_holds_the_release(self) -> None:
        assert decide(replace(self.NOBODY, assign_tried=True)).action is Action.MERGE

    def test_is_no_matter_where_somebody_is_or_it_was_not_read(self) -> None:
        assert decide(pull(assignees=("bo",))).action is Action.MERGE
        assert decide(pull(assignees=None)).action is Action.MERGE

    def test_happens_where_people_merge_and_for_drafts_too(self) -> None:
        assert decide(replace(self.NOBODY, plan=plan(merge_after=None).plan)).action is Action.ASSIGN
        assert decide(pull(assignees=(), is_draft=True)).action is Action.ASSIGN

    def test_waits_for_the_end_of_a_block(self) -> None:
        assert decide(replace(self.NOBODY, blocks=(block(),))).action is Action.HOLD


class TestMergeQueue:
    QUEUED = replace(DUE, queued_at=NOW - MINUTE)

    def test_a_base_that_requires_one_is_no_reason_to_hold(self) -> None:
        assert decide(reading(merge_queue=True)).action is Action.MERGE

    def test_is_waited_for(self) -> None:
        assert answer(self.QUEUED) == (Action.WAIT, "queued")
        assert said(self.QUEUED) == (
            "In GitHub's merge queue since today at 14:04 UTC: GitHub merges it when its turn comes."
        )

    def test_does_not_hide_what_takes_it_out_again(self) -> None:
        assert answer(replace(self.QUEUED, blocks=(block(),)))[1] == "blocked"
        assert answer(replace(self.QUEUED, reading=reading(pull_request=replace(DUE.pull, is_draft=True)).reading))[
            1
        ] == ("draft")
        assert answer(replace(self.QUEUED, plan=plan(closed=(closed("14:00", "15:00"),)).plan))[1] == "closed-hours"

    def test_nobody_is_told_again_while_it_stands_in_it(self) -> None:
        lapsed = noticed(-2 * HOUR)

        assert decide(lapsed).action is Action.WARN
        assert answer(replace(lapsed, queued_at=NOW - 90 * MINUTE))[1] == "queued"

    def test_a_request_without_an_answer_comes_first(self) -> None:
        assert answer(replace(self.QUEUED, asked_at=NOW))[1] == "merging"


class TestOwnStatus:
    PENDING = Check(STATUS_CONTEXT, CheckState.PENDING)
    RED = Check(STATUS_CONTEXT, CheckState.FAILURE, required=True)

    @pytest.mark.parametrize("own", [PENDING, RED])
    def test_never_holds_horizons_own_merge(self, own: Check) -> None:
        facts = checks(GREEN_CI, own, required=("ci", STATUS_CONTEXT))

        assert decide(replace(facts, plan=plan(commit_status=True).plan)).action is Action.MERGE

    def test_alone_is_not_reckoned_as_a_check(self) -> None:
        facts = replace(checks(self.PENDING, required=(STATUS_CONTEXT,)), plan=plan(commit_status=True).plan)

        assert said(facts) == (
            "All conditions are met (no check was reported, and none is required): it is merged now."
        )

    def test_does_not_make_others_required(self) -> None:
        facts = checks(Check("lint", CheckState.FAILURE), self.RED, required=(STATUS_CONTEXT,))

        assert answer(replace(facts, plan=plan(commit_status=True).plan))[1] == "checks-failing"

    @pytest.mark.parametrize("facts", [checks(GREEN_CI, required=("ci", STATUS_CONTEXT)), checks(GREEN_CI, RED)])
    def test_that_github_requires_and_nobody_sets_is_told(self, facts: Facts) -> None:
        assert answer(facts) == (Action.HOLD, "own-status")
        assert said(facts) == (
            "release requires the status horizon/release: switch the commit status on in the strategy."
        )

    def test_that_only_the_strategy_names_is_no_matter(self) -> None:
        assert decide(plan(required_checks=(STATUS_CONTEXT,))).action is Action.MERGE


class TestReleaseNow:
    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            (plan(automatic=False), "released-by-people"),
            (replace(DUE, skipped=SKIPPED.skipped), "skipped"),
            (POSTPONED, "postponed"),
            (plan(merge_after=None), "people-merge"),
            (YOUNG, "too-young"),
            (replace(YOUNG, plan=told().plan), "too-young"),
            (told(), "not-told"),
            (noticed(MINUTE), "too-young"),
        ],
    )
    def test_passes_over_age_notice_and_what_people_said(self, facts: Facts, code: str) -> None:
        assert answer(facts)[1] == code
        assert answer(rushed(facts)) == (Action.MERGE, "due")

    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            (replace(DUE, error="down"), "unreadable"),
            (replace(DUE, read_at=NOW - HOUR), "stale"),
            (replace(DUE, asked_at=NOW), "merging"),
            (replace(DUE, blocks=(block(id=3),)), "blocked"),
            (reading(archived=True), "archived"),
            (reading(base_sha=None), "branch-gone"),
            (replace(UNOPENED, refusal=Refusal(Action.OPEN, HEAD, "no", NOW + HOUR)), "refused"),
            (pull(assignees=()), "nobody-assigned"),
            (checks(GREEN_CI, required=(STATUS_CONTEXT,)), "own-status"),
            (replace(DUE, queued_at=NOW), "queued"),
            (reading(ahead=0), "nothing-waits"),
            (replace(UNOPENED, closed=(12, HEAD)), "closed"),
            (reading(can_write=False), "may-not-write"),
            (pull(head_sha=OTHER), "head-moved"),
            (pull(is_draft=True), "draft"),
            (reading(merge_methods=()), "method-forbidden"),
            (pull(mergeable=False), "conflicts"),
            (pull(mergeable=None), "mergeability-unknown"),
            (pull(review_decision="review_required"), "review"),
            (checks(Check("ci", CheckState.FAILURE)), "checks-failing"),
            (checks(Check("ci", CheckState.PENDING)), "checks-running"),
            (plan(closed=(closed("14:00", "15:00"),)), "closed-hours"),
            (plan(closed=(ALWAYS,)), "no-open-minute"),
            (replace(DUE, refusal=Refusal(Action.MERGE, HEAD, "no", NOW + HOUR)), "refused"),
            (replace(DUE, merges_unconfirmed=2), "others-first"),
        ],
    )
    def test_passes_over_nothing_else(self, facts: Facts, code: str) -> None:
        assert answer(rushed(facts))[1] == code

    def test_opens_the_pull_request_where_there_is_none(self) -> None:
        assert decide(rushed(replace(SKIPPED, plan=plan(automatic=False).plan))).action is Action.OPEN

    def test_says_who_and_why(self) -> None:
        assert said(rushed(YOUNG)) == "Released now by ana (hot fix): it is merged now."

    def test_looks_at_github_first_where_it_never_did(self) -> None:
        assert answer(rushed(replace(plan(automatic=False), reading=None, read_at=None)))[1] == "unread"

    @pytest.mark.parametrize("facts", [YOUNG, plan(automatic=False), POSTPONED, plan(merge_after=None), told()])
    def test_is_of_one_commit_and_says_when_head_has_moved(self, facts: Facts) -> None:
        overtaken = rushed(facts, sha=OTHER)

        assert answer(overtaken) == answer(facts)
        assert said(overtaken) == (
            f"{said(facts)} ana wanted ccccccc released now, but staging has moved since: look and say it again."
        )

    def test_of_another_commit_is_not_said_where_it_makes_no_difference(self) -> None:
        assert decide(rushed(DUE, sha=OTHER)) == decide(DUE)

    def test_in_spite_of_the_blocks_that_were_named(self) -> None:
        facts = replace(YOUNG, blocks=(block(id=3), block("no power", id=4)))

        assert said(rushed(facts, blocks=named(*facts.blocks))) == (
            "Released now by ana in spite of 2 blocks (hot fix): it is merged now."
        )
        assert said(rushed(facts, blocks=named(facts.blocks[0]))) == "Blocked by mary: no power."
        assert answer(rushed(facts))[1] == "blocked"

    def test_in_spite_of_blocks_is_of_one_commit_too(self) -> None:
        facts = rushed(replace(YOUNG, blocks=(block(id=3),)), blocks=named(block(id=3)), sha=OTHER)

        assert said(facts) == (
            "Blocked by mary: incident 12. "
            "ana wanted ccccccc released now, but staging has moved since: look and say it again."
        )

    def test_in_spite_of_closed_hours_that_were_named(self) -> None:
        facts = plan(closed=(closed("14:00", "15:00"),))

        assert said(rushed(facts, closed=named(*facts.plan.closed))) == (
            "Released now by ana in spite of closed hours (hot fix): it is merged now."
        )
        assert decide(rushed(plan(closed=(ALWAYS,)), closed=named(ALWAYS))).action is Action.MERGE
        assert said(rushed(facts, closed=named(*facts.plan.closed), sha=OTHER)).endswith("look and say it again.")
        assert "look and say it again" not in said(rushed(facts, sha=OTHER))

    def test_closed_hours_that_were_named_name_no_block(self) -> None:
        assert answer(rushed(replace(DUE, blocks=(block(id=3),)), closed=named(ALWAYS)))[1] == "blocked"
        assert answer(rushed(plan(closed=(ALWAYS,)), blocks=named(block(id=3))))[1] == "no-open-minute"


class TestChecklist:
    def item(self, facts: Facts, name: str) -> Item:
        return next(item for item in checklist(facts) if item.name == name)

    def test_names_who_can_change_each_condition(self) -> None:
        assert all(item.who for item in checklist(DUE))
        assert self.item(UNOPENED, "draft").who
        assert self.item(DUE, "blocked").who == "staff: end the block"

    def test_shows_the_earliest_time(self) -> None:
        assert self.item(replace(DUE, blocks=(block(ends_at=NOW + HOUR),)), "blocked").until == NOW + HOUR

    def test_says_what_a_release_now_passes_over(self) -> None:
        item = self.item(rushed(YOUNG), "too_young")

        assert (item.mark, item.reason) == (Mark.MET, "Passed over: ana releases aaaaaaa now.")
        assert self.item(rushed(DUE), "too_young").reason == ""
        in_spite = rushed(replace(DUE, blocks=(block(id=3),)), blocks=named(block(id=3)))
        assert self.item(in_spite, "blocked").reason == "Passed over: ana releases aaaaaaa now."

    def test_a_locked_pull_request_is_merged_all_the_same(self) -> None:
        """GitHub locks conversations: https://docs.github.com/en/communities/moderating-comments-and-conversations."""
        assert decide(pull(is_locked=True)).action is Action.MERGE


def test_a_release_now_counts_as_said_only_for_its_head() -> None:
    wish = ReleaseNow("ana", "x", HEAD, blocks=named(block(id=3)), closed=named(ALWAYS))
    blocks = (block(id=3),)
    held = replace(plan(closed=(ALWAYS,)), blocks=blocks)

    for facts, stands in [
        (replace(held, release_now=wish), ()),
        (replace(held, release_now=replace(wish, sha=OTHER)), blocks),
        (replace(held, release_now=replace(wish, said_at=NOW - 24 * HOUR)), blocks),
        (replace(held, release_now=wish, reading=None), blocks),
    ]:
        assert facts.standing_blocks == stands
        assert facts.kept_hours == ((ALWAYS,) if stands else ())


def named(*what: Block | ClosedRule) -> frozenset[str]:
    """What a person chose, as they saw it."""
    return frozenset(each.seen for each in what)
