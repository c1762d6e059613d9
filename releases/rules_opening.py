"""The rules that stand before a release pull request, in the order of RULES.

Pure: no Django, no clock, no input or output.
"""

from releases.messages import counted, listed, sentence, span
from releases.rule import STALE, Decision, Needs, hold, not_as_seen, refused, rule, wait
from releases.situation import Action, Block, Facts


@rule("Horizon releases this stage", "an admin: make the strategy automatic; staff: release it now", rushed=True)
def released_by_people(facts: Facts) -> Decision | None:
    """Rule 1: a strategy that is not automatic is left to people."""
    if facts.plan.automatic or (facts.release_now is not None and facts.reading is None):
        return None
    return hold("released-by-people", "Released by people: the strategy is not automatic.")


@rule(
    "GitHub can be read, and was just now",
    "Horizon: it asks again by itself; an admin, where the credentials are wrong",
)
def facts_unknown(facts: Facts) -> Decision | None:
    """Rule 2: without facts, or with old ones, nothing is done."""
    if facts.error:
        again = f" Horizon asks again {facts.says(facts.retry_at)}." if facts.retry_at else ""
        return wait("unreadable", f"{facts.error}{again}", facts.retry_at, unknown=True)
    if facts.reading is None or facts.read_at is None:
        return wait("unread", "Horizon has not looked at the repository yet.", unknown=True)
    age = facts.now - facts.read_at
    if age > facts.stale_after:
        reason = f"What is known is {span(age.total_seconds())} old: Horizon looks again before it does anything."
        return wait(STALE, reason, unknown=True)
    return None


@rule("No merge request is without an answer", "Horizon: it looks whether it was merged", Needs.READING)
def merge_unconfirmed(facts: Facts) -> Decision | None:
    """One merge request at a time: its answer is known before anything else happens."""
    if facts.asked_at is None:
        return None
    reason = f"The merge was asked for {facts.says(facts.asked_at)}; whether it happened is not known yet."
    return wait("merging", reason, unknown=True)


@rule("Nobody blocks it", "staff: end the block")
def blocked(facts: Facts) -> Decision | None:
    """Rule 3: somebody said no, for the project, one of its tags or its organization: no opening, notice or merge."""
    blocks = facts.standing_blocks
    if not blocks:
        return None
    first = next((block for block in blocks if _was_named(block, facts)), blocks[0])
    ends = [block.ends_at for block in blocks]
    until = None if None in ends else max(end for end in ends if end is not None)
    covers = f" ({first.covers})" if first.covers else ""
    more = f" And {counted(len(ends) - 1, 'more block')}." if len(ends) > 1 else ""
    end = f" Until {facts.says(until).removeprefix('on ')}." if until else ""
    in_spite = not_as_seen(facts, "it was changed since") if _was_named(first, facts) else ""
    reason = f"Blocked by {first.by}{covers}: {sentence(first.reason)}{more}{end}{in_spite}"
    return hold("blocked", reason, until)


def _was_named(block: Block, facts: Facts) -> bool:
    """Whether a person wanted to release in spite of it, as it was then."""
    named = facts.release_now.blocks if facts.release_now else frozenset[str]()
    return any(seen.split()[0] == str(block.id) for seen in named)


@rule("The repository can be written to", "GitHub: an owner of the repository unarchives it", Needs.READING)
def repository_closed(facts: Facts) -> Decision | None:
    """An archived repository takes no pull request."""
    if not facts.known.archived:
        return None
    return hold("archived", f"{facts.known.repository} is archived on GitHub: nothing can be released there.")


@rule("Both branches exist", "GitHub: somebody pushes the branch again", Needs.READING)
def branch_gone(facts: Facts) -> Decision | None:
    """A branch that is not there is never "nothing to release"."""
    branches = ((facts.plan.head, facts.known.head_sha), (facts.plan.base, facts.known.base_sha))
    gone = [name for name, sha in branches if sha is None]
    if not gone:
        return None
    noun = "The branch" if len(gone) == 1 else "The branches"
    verb = "does" if len(gone) == 1 else "do"
    return hold("branch-gone", f"{noun} {listed(gone)} {verb} not exist in {facts.known.repository}: push it again.")


@rule("Commits wait to be released", "developers: push commits", Needs.READING)
def nothing_waits(facts: Facts) -> Decision | None:
    """Rule 4: head has no commit that base lacks."""
    plan = facts.plan
    if facts.known.ahead is None:
        reason = f"{plan.head} and {plan.base} could not be compared: whether commits wait is not known."
        return wait("not-compared", reason, unknown=True)
    if facts.known.ahead > 0:
        return None
    return Decision(Action.NOTHING, "nothing-waits", f"{plan.base} has everything that {plan.head} has.")


@rule("No person closed its pull request", "GitHub: somebody reopens it, or pushes new commits", Needs.READING)
def closed_by_a_person(facts: Facts) -> Decision | None:
    """Rule 5, its first part: a closed pull request is respected until there are new commits."""
    if facts.known.pull_request is not None or facts.closed is None:
        return None
    number, sha = facts.closed
    if sha != facts.known.head_sha:
        return None
    if facts.retargeted:
        way = f"from {facts.plan.head} to {facts.plan.base}"
        reason = f"Somebody took pull request #{number} to other branches: Horizon waits for new commits, or until it"
        return hold("closed", f"{reason} goes {way} again.")
    return hold("closed", f"Pull request #{number} was closed: Horizon waits for new commits, or for its reopening.")


@rule("Nobody skips this commit", "staff: take it back; developers: push new commits", Needs.READING, rushed=True)
def skipped(facts: Facts) -> Decision | None:
    """Rule 5: a person said not this one; new commits are released again."""
    skip = facts.skipped
    if skip is None or skip.sha != facts.known.head_sha:
        return None
    reason = f"{skip.by} skips {skip.sha[:7]}: {sentence(skip.reason)} Horizon waits for new commits."
    return hold("skipped", reason)


@rule("Nobody postponed it", "staff: take it back", rushed=True)
def postponed(facts: Facts) -> Decision | None:
    """Rule 5: a person said not before a moment, whatever commits come."""
    wish = facts.postponed
    if wish is None or wish.until <= facts.now:
        return None
    until = facts.says(wish.until).removeprefix("on ")
    return hold("postponed", f"{wish.by} postponed it until {until}: {sentence(wish.reason)}", wish.until)


@rule("The branches have a common history", "an admin: have Horizon heal it", Needs.READING)
def history_broken(facts: Facts) -> Decision | None:
    """Rule 5: what was squashed, rebased or rewritten looks unreleased for ever, and would be released twice."""
    broken = facts.squashed
    if broken is None:
        return None
    base, head = facts.plan.base, facts.plan.head
    what = {
        "squashed": "was squashed instead of merged",
        "rebased": "was rebased instead of merged",
    }.get(broken.how, "was left behind when the history was rewritten")
    release = f"The last release (#{broken.number})" if broken.number else "The last release"
    return hold(
        "history-broken",
        f"{release} {what}, so that {head} and {base} do not share it: its commits look as if they still waited. An "
        f"admin can have Horizon heal it with a pull request from {base} into {head}.",
    )


@rule("The credentials may write", "an admin: give the credentials the right to write", Needs.READING)
def may_not_write(facts: Facts) -> Decision | None:
    """Known before the first attempt, so there is none."""
    if facts.known.can_write is not False:
        return None
    reason = f"The credentials may read {facts.known.repository} but not write to it: give them the right to merge."
    return hold("may-not-write", reason)


@rule("GitHub did not refuse to open it", "GitHub, in its own words; Horizon asks again", Needs.READING)
def opening_refused(facts: Facts) -> Decision | None:
    """The host's own words, and growing pauses instead of a thousand attempts."""
    return None if facts.known.pull_request else refused(facts, Action.OPEN, "open the pull request")


@rule("Its pull request is open", "Horizon: it opens it", Needs.READING)
def not_opened(facts: Facts) -> Decision | None:
    """Rule 6: no open pull request from head to base of the same repository."""
    if facts.known.pull_request is not None:
        return None
    commits = counted(facts.known.ahead or 0, "commit")
    reason = (
        f"{commits} of {facts.plan.head} {'waits' if facts.known.ahead == 1 else 'wait'}: the pull request is opened."
    )
    return Decision(Action.OPEN, "not-opened", reason, sha=facts.known.head_sha)
