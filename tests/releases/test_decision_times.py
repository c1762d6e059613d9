"""The rules of age, notice and closed hours, and the moment that people are told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releases.calendar import ClosedRule
from releases.decision import Action, Facts, PullRequest, Refusal, decide
from releases.situation import Notice, Postponed
from tests.releases.situations import (
    ALWAYS,
    DAY,
    DUE,
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
    unheard,
    waived,
)

SECOND = timedelta(seconds=1)


def answer(facts: Facts) -> tuple[Action, str]:
    decision = decide(facts)
    return decision.action, decision.code


def said(facts: Facts) -> str:
    return decide(facts).reason


def opened(ago: timedelta, facts: Facts = DUE) -> Facts:
    return replace(facts, opened_at=NOW - ago)


class TestAge:
    def test_a_young_one_waits_and_says_until_when(self) -> None:
        facts = replace(DUE, opened_at=NOW - DAY + timedelta(minutes=10))

        assert answer(facts) == (Action.WAIT, "too-young")
        assert said(facts) == "Merges today at 14:15 UTC."
        assert decide(facts).until == NOW + timedelta(minutes=10)

    def test_the_very_moment_is_old_enough(self) -> None:
        assert decide(replace(DUE, opened_at=NOW - DAY)).action is Action.MERGE

    def test_is_said_in_the_zone_of_the_strategy(self) -> None:
        facts = replace(plan(zone="America/New_York"), opened_at=NOW)

        assert said(facts) == "Merges tomorrow at 09:05 New York time."

    def test_a_creation_in_the_future_does_not_count(self) -> None:
        facts = replace(pull(created_at=datetime(2106, 2, 7, tzinfo=UTC)), opened_at=None)

        assert decide(facts).until == NOW + DAY

    def test_ten_years_are_waited_for(self) -> None:
        facts = replace(plan(merge_after=315_360_000), opened_at=NOW)

        assert said(facts) == "Merges on Thursday 20 November 2036 at 14:05 UTC."

    def test_a_time_beyond_the_end_of_time_is_no_error(self) -> None:
        facts = replace(plan(merge_after=2**31 - 1), opened_at=datetime(9990, 1, 1, tzinfo=UTC))

        assert answer(facts) == (Action.WAIT, "too-young")


class TestMerging:
    def test_waits_after_a_refusal_with_githubs_words(self) -> None:
        facts = replace(DUE, refusal=Refusal(Action.MERGE, HEAD, "Protected branch.", NOW + timedelta(hours=1)))

        assert answer(facts) == (Action.HOLD, "refused")
        assert said(facts) == "GitHub refused to merge it: Protected branch. Horizon asks again today at 15:05 UTC."

    def test_is_tried_again_when_the_pause_is_over(self) -> None:
        assert decide(replace(DUE, refusal=Refusal(Action.MERGE, HEAD, "no", NOW))).action is Action.MERGE

    def test_waits_while_enough_merges_of_the_organization_are_unconfirmed(self) -> None:
        assert answer(replace(DUE, merges_unconfirmed=2)) == (Action.WAIT, "others-first")
        assert decide(replace(DUE, merges_unconfirmed=1)).action is Action.MERGE


class TestMinimumAgeOfTheNewestCommit:
    SOAKING = replace(plan(min_commit_age=7200, max_wait=3 * 86400), head_since=NOW - HOUR)

    def test_delays_the_merge(self) -> None:
        assert self.SOAKING.due == NOW + HOUR
        assert decide(self.SOAKING).until == NOW + HOUR
        assert "Merges today at 15:05 UTC, when its newest commit is 2 hours old" in said(self.SOAKING)

    def test_the_very_moment_is_old_enough(self) -> None:
        assert decide(replace(self.SOAKING, head_since=NOW - 2 * HOUR)).action is Action.MERGE
        assert decide(replace(self.SOAKING, head_since=NOW - 2 * HOUR + SECOND)).action is Action.WAIT

    def test_never_shortens_the_wait(self) -> None:
        assert opened(HOUR, self.SOAKING).due == NOW + 23 * HOUR

    def test_delays_no_more_from_max_wait_after_the_opening(self) -> None:
        assert opened(3 * DAY - HOUR / 2, self.SOAKING).due == NOW + HOUR / 2
        assert decide(opened(3 * DAY, self.SOAKING)).action is Action.MERGE

    def test_without_a_limit_counts_for_ever(self) -> None:
        facts = replace(plan(min_commit_age=7200), head_since=NOW - HOUR, opened_at=NOW - 100 * DAY)

        assert facts.due == NOW + HOUR

    def test_is_not_asked_for_where_head_was_never_seen(self) -> None:
        assert decide(replace(self.SOAKING, head_since=None)).action is Action.MERGE

    def test_a_clock_ahead_delays_by_no_more_than_the_age(self) -> None:
        assert replace(self.SOAKING, head_since=NOW + DAY).due == NOW + 2 * HOUR


class TestClosedHours:
    NOW_CLOSED = plan(closed=(closed("14:00", "16:00", "lunch"),))

    def test_wait_until_they_end_and_name_themselves(self) -> None:
        assert answer(self.NOW_CLOSED) == (Action.WAIT, "closed-hours")
        assert decide(self.NOW_CLOSED).until == NOW + 115 * MINUTE
        assert said(self.NOW_CLOSED) == (
            "Closed hours (lunch) until today at 16:00 UTC. Merges today at 16:00 UTC, if nothing else holds it."
        )

    def test_that_begin_now_are_kept_and_those_that_end_now_are_over(self) -> None:
        assert decide(plan(closed=(closed("14:05", "16:00"),))).action is Action.WAIT
        assert decide(plan(closed=(closed("13:00", "14:05"),))).action is Action.MERGE

    def test_stop_no_opening(self) -> None:
        facts = replace(self.NOW_CLOSED, reading=replace(DUE.known, pull_request=None))

        assert decide(facts).action is Action.OPEN

    def test_stop_the_notice_too(self) -> None:
        assert answer(told(closed=(closed("14:00", "16:00"),)))[1] == "closed-hours"

    def test_that_follow_each_other_are_waited_for_together(self) -> None:
        facts = plan(closed=(closed("14:00", "16:00", "lunch"), closed("15:00", "18:00", "tea")))

        assert decide(facts).until == NOW + 235 * MINUTE
        assert said(facts).startswith("Closed hours (lunch) until today at 18:00 UTC.")

    def test_that_have_the_same_name_are_named_once(self) -> None:
        facts = plan(closed=(closed("14:00", "16:00"), closed("13:00", "18:00")))

        assert said(facts).startswith("Closed hours (quiet) until")

    def test_let_the_age_run_on(self) -> None:
        facts = opened(DAY - HOUR, plan(closed=(closed("14:00", "15:00"),)))

        assert facts.merge_at == NOW + HOUR

    def test_put_off_a_merge_that_would_fall_into_them_and_say_so(self) -> None:
        facts = opened(DAY - HOUR, plan(closed=(closed("15:00", "17:00", "tea"),)))

        assert answer(facts) == (Action.WAIT, "too-young")
        assert said(facts) == "Merges today at 17:00 UTC, delayed by closed hours (tea)."
        assert decide(facts).until == datetime(2026, 11, 23, 17, tzinfo=UTC)

    def test_that_leave_no_minute_open_hold_and_say_so(self) -> None:
        facts = plan(closed=(ALWAYS,))

        assert answer(facts) == (Action.HOLD, "no-open-minute")
        assert said(facts) == (
            "No minute is open in the next 400 days (always): leave some open, or nothing is ever merged."
        )

    def test_that_are_open_only_until_it_is_due_hold_too(self) -> None:
        freeze = ClosedRule("freeze", "UTC", stretches=(wall_stretch("2026-11-23T15:00", "2028-06-01T00:00"),))

        assert answer(opened(DAY - 2 * HOUR, plan(closed=(freeze,))))[1] == "no-open-minute"
        assert answer(told(closed=(freeze,)))[1] == "no-open-minute"  # nobody could be told in time
        assert decide(plan(closed=(freeze,))).action is Action.MERGE

    def test_are_no_matter_where_people_merge(self) -> None:
        assert answer(plan(merge_after=None, closed=(ALWAYS,)))[1] == "people-merge"

    def test_a_failing_check_is_said_first(self) -> None:
        facts = replace(self.NOW_CLOSED, reading=replace(DUE.known, pull_request=replace(DUE.pull, is_draft=True)))

        assert answer(facts)[1] == "draft"


class TestBeforeTheNotice:
    def test_it_waits_until_people_are_to_be_told(self) -> None:
        facts = opened(DAY - 3 * HOUR, told())

        assert answer(facts) == (Action.WAIT, "too-young")
        assert said(facts) == "Merges today at 17:05 UTC; people are told in Slack today at 16:05 UTC."
        assert decide(facts).until == NOW + 2 * HOUR
        assert facts.warn_at == NOW + 2 * HOUR
        assert facts.announced_at == NOW + 3 * HOUR

    def test_the_very_moment_is_the_time(self) -> None:
        assert decide(opened(DAY - HOUR, told())).action is Action.WARN
        assert decide(opened(DAY - HOUR - SECOND, told())).action is Action.WAIT

    def test_closed_hours_before_the_merge_put_the_notice_after_them(self) -> None:
        """Told at their end, merged an hour later: the moment that is said knows it."""
        facts = opened(DAY - 2 * HOUR, told(closed=(closed("15:30", "17:00", "tea"),)))

        assert facts.merge_at == datetime(2026, 11, 23, 17, tzinfo=UTC)
        assert facts.warn_at == datetime(2026, 11, 23, 17, tzinfo=UTC)
        assert facts.announced_at == datetime(2026, 11, 23, 18, tzinfo=UTC)
        assert said(facts) == (
            "Merges today at 18:00 UTC, delayed by closed hours (tea); people are told in Slack today at 17:00 UTC."
        )

    def test_a_notice_before_closed_hours_is_enough(self) -> None:
        facts = opened(DAY - 2 * HOUR, told(closed=(closed("15:15", "15:45"),)))

        assert facts.warn_at == NOW + HOUR
        assert facts.announced_at == NOW + 2 * HOUR

    def test_half_an_hour_a_day_is_enough_for_an_hour_of_notice(self) -> None:
        """Told in one window, merged in the next: the end of a window is no trap."""
        windows = (closed("09:30", "09:00"),)
        facts = opened(2 * DAY, told(closed=windows))
        first, second = datetime(2026, 11, 24, 9, tzinfo=UTC), datetime(2026, 11, 25, 9, tzinfo=UTC)

        assert (facts.warn_at, facts.announced_at) == (first, second)
        assert answer(facts)[1] == "closed-hours"
        in_window = replace(facts, now=first, read_at=first)
        assert decide(in_window).action is Action.WARN
        assert in_window.merge_at == second
        notice = Notice(merge_at=second, begun_at=first, delivered_at=first + SECOND)
        assert decide(replace(in_window, now=second, read_at=second, notice=notice)).action is Action.MERGE

    def test_is_not_missed_before_the_last_open_minutes(self) -> None:
        """Ten more minutes are open, and then none for years: people are told now, or never."""
        tea = wall_stretch("2026-11-23T14:30", "2026-11-23T16:00")
        years = wall_stretch("2026-11-23T16:10", "2029-01-01T00:00")
        freeze = ClosedRule("freeze", "UTC", stretches=(tea, years))
        facts = opened(DAY - 2 * HOUR, told(closed=(freeze,)))

        assert (facts.warn_at, facts.announced_at) == (NOW, NOW + 2 * HOUR)
        assert decide(facts).action is Action.WARN

    def test_is_not_waited_for_without_slack(self) -> None:
        facts = opened(DAY - HOUR)

        assert (facts.warn_at, facts.announced_at) == (None, NOW + HOUR)


class TestTheNotice:
    def test_is_given_before_anything_is_merged(self) -> None:
        decision = decide(told())

        assert (decision.action, decision.code, decision.sha) == (Action.WARN, "not-told", HEAD)
        assert decision.reason == "People have not been told in Slack yet that it merges today at 15:05 UTC."

    def test_the_merge_comes_an_hour_after_it(self) -> None:
        assert told().merge_at == told().announced_at == NOW + HOUR

    def test_is_waited_out(self) -> None:
        facts = noticed(MINUTE)

        assert answer(facts) == (Action.WAIT, "too-young")
        assert decide(facts).until == NOW + MINUTE
        assert said(facts) == "Merges today at 14:06 UTC."

    def test_that_was_delivered_late_still_gives_its_hour(self) -> None:
        facts = noticed(MINUTE, delivered=-50 * MINUTE)

        assert decide(facts).until == NOW + 10 * MINUTE

    def test_covers_a_merge_from_the_moment_that_it_named(self) -> None:
        assert decide(noticed(timedelta())).action is Action.MERGE
        assert decide(noticed(SECOND)).action is Action.WAIT

    def test_covers_no_merge_before_the_moment_that_it_named(self) -> None:
        """The strategy was made quicker meanwhile: people were told another moment."""
        assert decide(noticed(2 * HOUR, delivered=-2 * HOUR)).until == NOW + 2 * HOUR

    def test_covers_a_merge_within_an_hour_and_lapses_then(self) -> None:
        assert decide(noticed(-HOUR)).action is Action.MERGE
        assert noticed(-HOUR).covering_notice is not None

        lapsed = noticed(-HOUR - SECOND)
        assert (decide(lapsed).action, lapsed.covering_notice) == (Action.WARN, None)
        assert lapsed.announced_at == NOW + HOUR

    def test_lapses_where_closed_hours_put_the_merge_off_for_longer(self) -> None:
        """Named 14:00; open again at 15:00 is covered, at 15:01 it is not."""
        assert noticed(-5 * MINUTE, closed=(closed("14:00", "15:00"),)).announced_at == datetime(
            2026, 11, 23, 15, tzinfo=UTC
        )
        late = noticed(-5 * MINUTE, closed=(closed("14:00", "15:01"),))
        assert late.covering_notice is None
        assert late.announced_at == datetime(2026, 11, 23, 16, 1, tzinfo=UTC)

    def test_lapses_where_newer_commits_put_the_merge_off_for_longer(self) -> None:
        assert replace(noticed(MINUTE, min_commit_age=7200), head_since=NOW - 2 * HOUR).covering_notice is not None
        facts = replace(noticed(MINUTE, min_commit_age=7200), head_since=NOW)
        assert facts.covering_notice is None
        assert (facts.warn_at, facts.announced_at) == (NOW + HOUR, NOW + 2 * HOUR)

    def test_a_new_head_does_not_lapse_it(self) -> None:
        facts = noticed(timedelta())
        other = "d" * 40
        moved = replace(facts.known, head_sha=other, pull_request=replace(facts.pull, head_sha=other))

        assert decide(replace(facts, reading=moved)).action is Action.MERGE

    def test_without_a_time_of_warning_it_comes_right_before_the_merge(self) -> None:
        """The engine ends its pass with the notice, so that a merge comes with the next one at the earliest."""
        facts = told(merge_prior_warning=0)

        assert decide(facts).action is Action.WARN
        assert facts.merge_at == NOW
        notice = Notice(merge_at=NOW, begun_at=NOW, delivered_at=NOW)
        assert decide(replace(facts, notice=notice)).action is Action.MERGE

    def test_is_not_given_twice_where_slack_is_no_longer_to_be_told(self) -> None:
        facts = replace(noticed(2 * HOUR), plan=replace(DUE.plan, slack_targets=0))

        assert decide(facts).action is Action.MERGE
        assert facts.covering_notice is None


class TestSlackAway:
    def test_is_tried_again_after_a_pause(self) -> None:
        facts = unheard(-HOUR, retry_at=NOW + MINUTE)

        assert answer(facts) == (Action.WAIT, "slack-away")
        assert decide(facts).until == NOW + MINUTE
        assert said(facts) == (
            "Slack did not take the notice (channel_not_found): Horizon tries again today at 14:06 UTC. "
            "If nobody can be told, the release goes on without it today at 15:05 UTC."
        )
        assert facts.announced_at == NOW + HOUR + MINUTE

    def test_in_closed_hours_is_told_after_them(self) -> None:
        facts = unheard(-HOUR, retry_at=NOW + MINUTE)
        facts = replace(facts, plan=replace(facts.plan, closed=(closed("06:15", "15:45"),)))

        assert facts.announced_at == NOW.replace(hour=16, minute=45)

    def test_the_pause_ends_at_its_moment(self) -> None:
        assert decide(unheard(-HOUR, retry_at=NOW)).action is Action.WARN
        assert decide(unheard(-HOUR, retry_at=NOW + SECOND)).action is Action.WAIT

    def test_without_a_pause_is_tried_at_once(self) -> None:
        assert decide(unheard(-HOUR)).action is Action.WARN

    def test_is_never_made_up_for_by_time_alone(self) -> None:
        """A block, closed hours or an outage of Horizon may have kept it from trying."""
        assert decide(unheard(-2 * HOUR)).action is Action.WARN
        assert decide(unheard(-10 * HOUR)).action is Action.WARN

    def test_is_tried_again_after_the_whole_pause_also_beyond_the_two_hours(self) -> None:
        facts = unheard(-HOUR, retry_at=NOW + 3 * HOUR)

        assert decide(facts).until == NOW + 3 * HOUR
        assert facts.announced_at == NOW + 4 * HOUR

    def test_lets_the_release_go_on_where_it_was_given_up(self) -> None:
        assert decide(waived(timedelta())).action is Action.MERGE
        assert decide(waived(SECOND)).action is Action.WARN
        assert said(waived(timedelta())) == (
            "All conditions are met, but for the notice, which Slack did not take for two hours: it is merged now."
        )

    def test_lets_no_release_go_on_before_its_age(self) -> None:
        facts = opened(DAY - MINUTE, waived(timedelta()))

        assert answer(facts) == (Action.WAIT, "too-young")
        assert decide(facts).until == NOW + MINUTE

    def test_lets_a_release_go_on_for_an_hour(self) -> None:
        assert decide(waived(-HOUR)).action is Action.MERGE
        assert decide(waived(-HOUR - SECOND)).action is Action.WARN

    def test_counts_from_the_moment_that_was_to_be_named_where_that_is_later(self) -> None:
        assert decide(waived(-3 * HOUR, merge_at=NOW - HOUR)).action is Action.MERGE
        assert decide(waived(-3 * HOUR, merge_at=NOW - HOUR - SECOND)).action is Action.WARN

    def test_a_notice_that_lapsed_is_not_hammered_either(self) -> None:
        facts = unheard(-5 * HOUR, retry_at=NOW + MINUTE)

        assert answer(facts) == (Action.WAIT, "slack-away")
        assert said(facts).endswith("Horizon tries again today at 14:06 UTC.")

    def test_without_words_is_said_without_them(self) -> None:
        assert said(unheard(-HOUR, retry_at=NOW + MINUTE, error="")).startswith(
            "Slack did not take the notice: Horizon"
        )


class TestTheAnnouncedMoment:
    def test_knows_how_long_it_is_postponed(self) -> None:
        facts = replace(DUE, postponed=Postponed("ana", "the fair", NOW + DAY))

        assert facts.announced_at == NOW + DAY
        assert replace(facts, plan=told().plan).announced_at == NOW + DAY + HOUR

    def test_knows_when_blocks_end(self) -> None:
        ends = replace(DUE, blocks=(block(ends_at=NOW + HOUR), block(ends_at=NOW + 2 * HOUR), block()))

        assert ends.announced_at == NOW + 2 * HOUR

    def test_knows_what_a_block_does_to_a_notice(self) -> None:
        held = noticed(MINUTE)

        assert replace(held, blocks=(block(ends_at=NOW + HOUR),)).announced_at == NOW + HOUR
        assert replace(held, blocks=(block(ends_at=NOW + 2 * HOUR),)).announced_at == NOW + 3 * HOUR

    def test_of_a_release_now_is_now_or_the_end_of_closed_hours(self) -> None:
        quiet = told(closed=(closed("14:00", "16:00"),))

        assert rushed(told()).announced_at == NOW
        assert rushed(quiet).announced_at == datetime(2026, 11, 23, 16, tzinfo=UTC)
        assert rushed(quiet, closed=frozenset({quiet.plan.closed[0].seen})).announced_at == NOW
        assert rushed(replace(told(), blocks=(block(ends_at=NOW + HOUR),))).announced_at == NOW + HOUR

    @pytest.mark.parametrize("facts", [plan(merge_after=None), reading(pull_request=None), plan(closed=(ALWAYS,))])
    def test_is_not_known_where_people_merge_or_nothing_is_open(self, facts: Facts) -> None:
        assert (facts.announced_at, facts.merge_at, facts.warn_at) == (None, None, None)


def wall_stretch(begins: str, ends: str) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(begins), datetime.fromisoformat(ends)


def test_an_opening_is_reckoned_from_the_host_where_horizon_did_not_note_it() -> None:
    facts = replace(pull(created_at=NOW - HOUR), opened_at=None)

    assert isinstance(facts.pull, PullRequest)
    assert facts.due == NOW + 23 * HOUR


def test_that_nothing_was_checked_is_said_while_it_waits() -> None:
    facts = opened(HOUR, checks())

    assert "no check was reported, and none is required" in said(facts)
    assert "no check was reported, and none is required" in said(replace(facts, plan=told().plan))
