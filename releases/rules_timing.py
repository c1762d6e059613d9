"""The rules of the time at which a release warns and merges, in the order of RULES.

Pure: no Django, no clock, no input or output.
"""

from collections.abc import Iterable
from datetime import datetime

from releases.calendar import closed_by, closed_until, first_open
from releases.durations import in_words
from releases.messages import counted, listed, sentence
from releases.rule import OTHERS_FIRST, Decision, Needs, hold, not_as_seen, refused, rule, wait
from releases.rules_checks import unchecked
from releases.situation import Action, Facts
from releases.timing import Notice


@rule("An open minute comes", "staff: change the closed hours; an admin: the strategy's", Needs.PULL_REQUEST)
def never_open(facts: Facts) -> Decision | None:
    """Hours that leave no minute open would hold it for ever: that is told, not waited for."""
    rules = facts.kept_hours
    timing = None if facts.released_now else facts.timing
    if (timing.merge_at if timing else first_open(rules, facts.now)) is not None:
        return None
    names = listed(_names(rule.name for rule in rules))
    reason = f"No minute is open in the next 400 days ({names}): leave some open, or nothing is ever merged."
    return hold("no-open-minute", reason)


@rule("No closed hours", "nobody: it is a matter of time")
def closed_hours(facts: Facts) -> Decision | None:
    """Rule 10: neither a merge nor a notice; the age runs on."""
    closing = closed_by(facts.kept_hours, facts.now)
    if not closing:
        return None
    until = closed_until(facts.kept_hours, facts.now)
    named_others = facts.release_now is not None and facts.release_now.closed
    in_spite = not_as_seen(facts, "in spite of other closed hours than these") if named_others else ""
    names = listed(_names(rule.name for rule in closing))
    opens = f"until {facts.says(until).removeprefix('on ')}" if until else "now"
    return wait("closed-hours", f"Closed hours ({names}) {opens}.{_merges(facts)}{in_spite}", until)


@rule("It is not in the merge queue", "GitHub: its merge queue", Needs.PULL_REQUEST)
def queued(facts: Facts) -> Decision | None:
    """The host has taken it into its queue and merges it in its turn: age and notice were there before."""
    if facts.queued_at is None:
        return None
    since = facts.says(facts.queued_at)
    return wait("queued", f"In GitHub's merge queue since {since}: GitHub merges it when its turn comes.")


@rule(
    "The time of its notice has come",
    "nobody: it is a matter of time; staff: release it now",
    Needs.PULL_REQUEST,
    rushed=True,
)
def before_notice(facts: Facts) -> Decision | None:
    """Rule 11: people are told shortly before it merges, and not a day before."""
    warn_at, merge_at = facts.warn_at, facts.announced_at
    if warn_at is None or merge_at is None or warn_at <= facts.now:
        return None
    told = f"people are told in Slack {facts.says(warn_at)}"
    return wait("too-young", f"Merges {facts.says(merge_at)}{_delayed(facts)}; {told}{unchecked(facts)}.", warn_at)


@rule("People were told in Slack", "Horizon: it tells them", Needs.PULL_REQUEST, rushed=True)
def not_told(facts: Facts) -> Decision | None:
    """Rule 12: no merge without a notice that covers it, unless Slack was away for two hours."""
    timing = facts.timing
    if timing is None or not timing.needs_notice:
        return None
    if timing.notice is not None and timing.retry_at is not None:
        return _slack_away(facts, timing.notice, timing.retry_at)
    merge_at = facts.announced_at
    when = f" {facts.says(merge_at)}" if merge_at else ""
    reason = f"People have not been told in Slack yet that it merges{when}{_delayed(facts)}."
    return Decision(Action.WARN, "not-told", reason, sha=facts.pull.head_sha)


def _slack_away(facts: Facts, notice: Notice, again: datetime) -> Decision:
    """The notice is tried again; that it is late delays the merge by no more than two hours."""
    error = f" ({sentence(notice.error).rstrip('.')})" if notice.error else ""
    reason = f"Slack did not take the notice{error}: Horizon tries again {facts.says(again)}."
    if notice.given_up_at > facts.now:
        reason += f" If nobody can be told, the release goes on without it {facts.says(notice.given_up_at)}."
    return wait("slack-away", reason, again)


@rule(
    "It has waited long enough",
    "nobody: it is a matter of time; staff: release it now",
    Needs.PULL_REQUEST,
    rushed=True,
)
def too_young(facts: Facts) -> Decision | None:
    """Rule 13: before merge_at."""
    if facts.merge_at is None or facts.merge_at <= facts.now:
        return None
    said = facts.announced_at or facts.merge_at
    return wait("too-young", f"Merges {facts.says(said)}{_delayed(facts)}{unchecked(facts)}.", facts.merge_at)


@rule("GitHub did not refuse to merge it", "GitHub, in its own words; Horizon asks again", Needs.PULL_REQUEST)
def merge_refused(facts: Facts) -> Decision | None:
    """The host's own words, and growing pauses instead of a thousand attempts."""
    return refused(facts, Action.MERGE, "merge it")


@rule("It is its turn in the organization", "nobody: it is a matter of time", Needs.PULL_REQUEST)
def others_first(facts: Facts) -> Decision | None:
    """So that the end of a freeze is no stampede: few at once, the oldest first."""
    if facts.merges_unconfirmed >= facts.merges_at_once:
        reason = f"{counted(facts.merges_unconfirmed, 'other merge')} of the organization must be confirmed first."
        return wait(OTHERS_FIRST, reason)
    if facts.older_ready:
        return wait(OTHERS_FIRST, "An older release of the organization is ready as well, and is merged first.")
    return None


@rule("It is due", "Horizon: it merges it", Needs.PULL_REQUEST)
def due(facts: Facts) -> Decision | None:
    """Rule 14: nothing stands in its way; merge exactly the commit that was looked at."""
    return Decision(Action.MERGE, "due", f"{_why(facts)}{unchecked(facts)}: it is merged now.", sha=facts.pull.head_sha)


def _why(facts: Facts) -> str:
    wish = facts.released_now
    if wish is not None:
        in_spite = [
            *([counted(len(facts.blocks), "block")] if facts.blocks else []),
            *(["closed hours"] if closed_by(facts.plan.closed, facts.now) else []),
        ]
        spite = f" in spite of {listed(in_spite)}" if in_spite else ""
        return f"Released now by {wish.by}{spite} ({sentence(wish.reason).rstrip('.')})"
    if facts.timing and facts.timing.waived_notice:
        return "All conditions are met, but for the notice, which Slack did not take for two hours"
    return "All conditions are met"


def _delayed(facts: Facts) -> str:
    """What puts the merge off, beside its age: a commit that must soak, closed hours."""
    due, merge_at = facts.due, facts.announced_at
    if due is None or merge_at is None:
        return ""
    soaks = f", when its newest commit is {in_words(facts.plan.min_commit_age or 0)} old" if facts.soaks else ""
    closing = closed_by(facts.plan.closed, max(due, facts.now)) if merge_at > due else ()
    return soaks + (f", delayed by closed hours ({listed(_names(rule.name for rule in closing))})" if closing else "")


def _merges(facts: Facts) -> str:
    return f" Merges {facts.says(facts.announced_at)}, if nothing else holds it." if facts.announced_at else ""


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
