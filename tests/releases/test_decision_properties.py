"""What holds for every release, whatever the facts: played against thousands of them."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from releases.calendar import ClosedRule, Days, Span, closed_by
from releases.decision import RULES, Action, Check, CheckState, Decision, Facts, Mark, checklist, decide
from releases.situation import (
    GREEN,
    STATUS_CONTEXT,
    Block,
    Notice,
    Plan,
    Postponed,
    PullRequest,
    Reading,
    Refusal,
    ReleaseNow,
    Skipped,
    Squashed,
    seen_block,
)
from tests.releases.situations import DUE, HEAD, HOUR, NOW, PULL, READING, noticed, rushed, told, unheard

MINUTE = timedelta(minutes=1)
OTHER = "c" * 40
MANY = settings(max_examples=100)


def around(hours: int = 30) -> st.SearchStrategy[datetime]:
    """Moments around now, on whole minutes so that they meet."""
    return st.integers(-hours * 60, hours * 60).map(lambda minutes: NOW + minutes * MINUTE)


def seconds(most: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(0), st.integers(1, most // 60).map(lambda minutes: minutes * 60))


shas = st.sampled_from([HEAD, HEAD, HEAD, OTHER])
maybe = st.none()

spans = st.builds(
    lambda begins, length: Span(begins, begins + length),
    st.integers(0, 95).map(lambda quarter: quarter * 15),
    st.integers(1, 40).map(lambda quarter: quarter * 15),
)
rules = st.builds(
    ClosedRule,
    name=st.sampled_from(["night", "tea"]),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"]),
    spans=st.lists(spans, max_size=2).map(tuple),
    days=st.sampled_from([Days(), Days(), Days(weekdays=frozenset({0, 1})), Days(weekdays=frozenset({5, 6}))]),
)
plans = st.builds(
    Plan,
    automatic=st.sampled_from([True, True, True, False]),
    base=st.just("release"),
    head=st.just("staging"),
    merge_after=st.one_of(maybe, seconds(86400)),
    merge_prior_warning=seconds(7200),
    merge_method=st.sampled_from(["merge", "merge", "squash"]),
    required_checks=st.sampled_from([(), (), ("ci",), ("e2e",)]),
    slack_targets=st.integers(0, 2),
    closed=st.lists(rules, max_size=3).map(tuple),
    zone=st.sampled_from(["UTC", "Pacific/Apia", "Nowhere/Land"]),
    min_commit_age=st.one_of(maybe, seconds(36000)),
    max_wait=st.one_of(maybe, seconds(200000)),
    commit_status=st.booleans(),
)
found_checks = st.builds(
    Check,
    name=st.sampled_from(["ci", "lint", STATUS_CONTEXT]),
    state=st.sampled_from([CheckState.SUCCESS, *CheckState]),
    required=st.booleans(),
)
pulls = st.builds(
    PullRequest,
    number=st.just(12),
    url=st.just(""),
    created_at=around(100),
    head_sha=shas,
    is_draft=st.sampled_from([False, False, False, True]),
    mergeable=st.sampled_from([True, True, None, False]),
    review_decision=st.sampled_from([None, "approved", "review_required"]),
    checks=st.lists(found_checks, max_size=3).map(tuple),
    checks_complete=st.sampled_from([True, True, False]),
    assignees=st.sampled_from([None, ("bo",), ()]),
    is_locked=st.booleans(),
)
readings = st.builds(
    Reading,
    repository=st.just("artsy/candela"),
    repository_id=st.just(1),
    head_sha=st.sampled_from([HEAD, HEAD, HEAD, None]),
    base_sha=st.sampled_from(["b" * 40, "b" * 40, None]),
    ahead=st.sampled_from([3, 3, 3, 1, 0, None]),
    pull_request=st.one_of(maybe, pulls, st.just(PULL)),
    required_checks=st.sampled_from([(), ("ci",), ("ci", STATUS_CONTEXT), None]),
    merge_queue=st.sampled_from([False, True, None]),
    merge_methods=st.sampled_from([("merge", "squash"), ("merge",), ()]),
    can_write=st.sampled_from([True, None, False]),
    archived=st.sampled_from([False, False, False, True]),
)
blocks = st.builds(
    Block,
    by=st.just("mary"),
    reason=st.just("no"),
    ends_at=st.one_of(maybe, around()),
    id=st.integers(1, 3),
    changed_at=st.sampled_from([None, None, NOW]),
)
notices = st.builds(
    Notice,
    merge_at=around(4),
    begun_at=around(5),
    delivered_at=st.one_of(maybe, around(4)),
    waived_at=st.one_of(maybe, maybe, around(3)),
    retry_at=st.one_of(maybe, around(2)),
    error=st.sampled_from(["", "channel_not_found"]),
)
wishes = st.builds(
    ReleaseNow,
    by=st.just("ana"),
    reason=st.just("hot"),
    sha=shas,
    blocks=st.frozensets(st.sampled_from([seen_block(1, None), seen_block(2, None), seen_block(1, NOW)])),
    said_at=st.sampled_from([None, None, NOW - timedelta(days=2)]),
)
refusals = st.builds(
    Refusal, act=st.sampled_from([Action.OPEN, Action.MERGE]), sha=shas, words=st.just("no"), retry_at=around(2)
)


def rarely(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(maybe, maybe, maybe, strategy)


whole = st.builds(
    Facts,
    now=st.just(NOW),
    plan=plans,
    reading=st.one_of(readings, st.just(READING), st.just(READING)),
    read_at=st.sampled_from([NOW, NOW, NOW, NOW - timedelta(hours=1), None]),
    error=st.sampled_from(["", "", "", "GitHub is away."]),
    retry_at=rarely(around(2)),
    blocks=st.one_of(st.just(()), st.lists(blocks, max_size=2).map(tuple)),
    opened_at=st.one_of(maybe, around(40)),
    asked_at=rarely(around(1)),
    closed=rarely(st.tuples(st.just(11), shas)),
    refusal=rarely(refusals),
    queued_at=rarely(around(1)),
    head_since=st.one_of(maybe, around(20)),
    assign_tried=st.booleans(),
    notice=st.one_of(maybe, notices),
    release_now=st.one_of(maybe, wishes),
    postponed=rarely(st.builds(Postponed, by=st.just("ana"), reason=st.just("x"), until=around(5))),
    skipped=rarely(st.builds(Skipped, by=st.just("ana"), reason=st.just("x"), sha=shas)),
    squashed=rarely(st.just(Squashed(7, "squashed"))),
    merges_unconfirmed=st.sampled_from([0, 0, 0, 1, 2]),
)
# Nothing stands in the way but time, so that waits, merges and notices are common.
timed = st.builds(
    lambda plan, merge_after, **facts: replace(
        DUE,
        plan=replace(
            plan,
            automatic=True,
            merge_after=merge_after,
            required_checks=(),
            merge_method="merge",
            commit_status=False,
        ),
        **facts,
    ),
    plan=plans,
    merge_after=seconds(86400),
    opened_at=around(26),
    head_since=st.one_of(maybe, around(20).map(lambda moment: min(moment, NOW))),
    notice=st.one_of(maybe, notices),
    postponed=rarely(st.builds(Postponed, by=st.just("ana"), reason=st.just("x"), until=around(5))),
)


def naming(facts: Facts, *, hours: bool) -> Facts:
    """The same, but a person who releases it now names all that is closed."""
    if facts.release_now is None or not hours:
        return facts
    closed = frozenset(rule.seen for rule in facts.plan.closed)
    return replace(facts, release_now=replace(facts.release_now, closed=closed))


# All is well but for a few things, so that merges are common.
almost = st.builds(
    lambda well, other, names, pull, pull_names: replace(
        well,
        reading=replace(
            well.known, pull_request=replace(well.pull, **{name: getattr(pull, name) for name in pull_names})
        ),
        **{name: getattr(other, name) for name in names},
    ),
    well=st.sampled_from(
        [DUE, noticed(), unheard(-3 * HOUR), rushed(told()), rushed(told(), blocks=frozenset({seen_block(1, None)}))]
    ),
    other=whole,
    names=st.sets(
        st.sampled_from(
            ["blocks", "notice", "opened_at", "head_since", "skipped", "postponed", "release_now", "squashed", "plan"]
        ),
        max_size=2,
    ),
    pull=pulls,
    pull_names=st.sets(st.sampled_from(["checks", "mergeable", "head_sha", "checks_complete", "is_draft"]), max_size=2),
)
nearly = st.builds(naming, almost, hours=st.booleans())
any_facts = st.one_of(whole, timed, nearly)


def at(facts: Facts, now: datetime) -> Facts:
    """The same a while later, freshly read; blocks that have ended are not in the facts any more."""
    standing = tuple(block for block in facts.blocks if block.ends_at is None or block.ends_at > now)
    return replace(facts, now=now, read_at=now, blocks=standing)


@MANY
@given(any_facts)
def test_every_release_has_a_decision_with_a_sentence(facts: Facts) -> None:
    decision = decide(facts)

    event(f"{decision.action} {decision.code}")
    assert decision.reason[0].isalnum() or decision.reason[0] == '"'
    assert decision.reason.endswith((".", "!", "?", "…"))
    assert "None" not in decision.reason
    assert (decision.sha is not None) is (decision.action in {Action.OPEN, Action.ASSIGN, Action.WARN, Action.MERGE})
    assert decision.until is None or decision.until > facts.now or decision.code in {"unreadable", "blocked"}


@settings(max_examples=250)
@given(nearly)
def test_nothing_is_merged_that_must_not_be(facts: Facts) -> None:
    decision = decide(facts)
    assume(decision.action is Action.MERGE)
    wish = facts.release_now
    if wish is not None and (wish.sha != HEAD or (wish.said_at is not None and wish.said_at < NOW - timedelta(days=1))):
        wish = None
    pull, plan = facts.pull, facts.plan

    assert decision.sha == HEAD == pull.head_sha == facts.known.head_sha
    assert all(wish and block.seen in wish.blocks for block in facts.blocks)
    assert all(wish and rule.seen in wish.closed for rule in closed_by(plan.closed, facts.now))
    _assert_checks_are_green(facts)
    assert pull.mergeable and not pull.is_draft and pull.review_decision in {None, "approved"}
    assert facts.known.ahead and not facts.known.archived and facts.squashed is None
    if wish is None:
        assert plan.automatic and plan.merge_after is not None and facts.due is not None
        assert facts.due <= facts.now
        assert facts.skipped is None or facts.skipped.sha != HEAD
        assert facts.postponed is None or facts.postponed.until <= facts.now
        _assert_was_told(facts)


def _assert_checks_are_green(facts: Facts) -> None:
    required = {check.name for check in facts.pull.checks if check.required}
    required |= {*(facts.known.required_checks or ()), *facts.plan.required_checks}
    required -= {STATUS_CONTEXT}
    theirs = [check for check in facts.pull.checks if check.name != STATUS_CONTEXT]
    assert facts.pull.checks_complete
    assert required <= {check.name for check in theirs}
    assert all(check.state in GREEN for check in theirs if not required or check.name in required)


def _assert_was_told(facts: Facts) -> None:
    """A notice whose moment was within the last hour, and its time of warning over; or Slack away for long."""
    if not facts.plan.slack_targets:
        return
    notice = facts.notice
    assert notice is not None
    if notice.delivered_at is None:
        assert notice.waived_at is not None
        assert notice.waived_at <= facts.now
        return
    assert notice.merge_at <= facts.now <= notice.merge_at + timedelta(hours=1)
    assert facts.now >= notice.delivered_at + timedelta(seconds=facts.plan.merge_prior_warning)
    assert facts.now >= notice.delivered_at + MINUTE


@MANY
@given(any_facts)
def test_the_checklist_is_of_one_mind_with_the_decision(facts: Facts) -> None:
    decision, items = decide(facts), checklist(facts)
    open_ones = [item for item in items if item.mark in {Mark.NOT_MET, Mark.UNKNOWN}]

    assert [item.name for item in items] == [rule.name for rule in RULES if rule.name != "due"]
    if decision.action is Action.MERGE:
        assert not open_ones
    else:
        first = open_ones[0]
        assert (first.reason, first.until) == (decision.reason, decision.until)
        assert first.mark is (Mark.UNKNOWN if decision.unknown else Mark.NOT_MET)


@MANY
@given(any_facts, blocks)
def test_one_more_block_never_makes_anything_happen(facts: Facts, block: Block) -> None:
    before = decide(facts)
    after = decide(replace(facts, blocks=(*facts.blocks, replace(block, id=9))))

    assert after.action in {Action.WAIT, Action.HOLD}
    assert after.code == "blocked" or after == before


@MANY
@given(timed)
def test_a_wait_lasts_until_the_moment_that_it_names_and_not_longer(facts: Facts) -> None:
    decision = decide(facts)
    assume(decision.action is Action.WAIT and decision.until is not None)
    assert decision.until is not None
    then = decide(at(facts, decision.until))

    event(f"{decision.code} then {then.code}")
    assert (then.action, then.code) != (decision.action, decision.code) or _goes_on(facts, decision, then)
    for minutes in range(0, int((decision.until - facts.now) / MINUTE), 7):
        _assert_waits(facts, decision, facts.now + minutes * MINUTE)
    _assert_waits(facts, decision, decision.until - timedelta(seconds=1))


def _assert_waits(facts: Facts, decision: Decision, now: datetime) -> None:
    """No act before that moment: closed hours may come and go in between."""
    between = decide(at(facts, now))
    assert between.action is Action.WAIT
    assert between.code in {decision.code, "closed-hours"}


def _goes_on(facts: Facts, before: Decision, after: Decision) -> bool:
    """A wait for the notice becomes one for the merge where Slack is given up meanwhile."""
    return before.code == after.code == "too-young" and facts.notice is not None and after.until != before.until


def merged_at(facts: Facts) -> datetime | None:
    """When an engine that looks at every minute merges it; Slack takes each notice at once."""
    first = facts.now
    for minute in range(36 * 60):
        now = first + minute * MINUTE
        facts = at(facts, now)
        decision = decide(facts)
        if decision.action is Action.WARN:
            told = facts.merge_at
            assert told is not None
            assert told == facts.announced_at
            facts = replace(facts, notice=Notice(merge_at=told, begun_at=now, delivered_at=now))
            decision = decide(facts)
            assert decision.action is Action.WAIT or facts.plan.merge_prior_warning == 0
        if decision.action is Action.MERGE:
            return now
    return None


@settings(max_examples=30)
@given(timed)
def test_the_announced_moment_is_the_one_at_which_it_merges(facts: Facts) -> None:
    announced = facts.announced_at
    code = decide(facts).code
    event(code)
    if announced is None:
        assert code in {"no-open-minute", "people-merge", "blocked", "postponed"}
        assume(code == "no-open-minute")
    assume(announced is None or announced - facts.now < timedelta(hours=36))

    assert merged_at(facts) == announced
