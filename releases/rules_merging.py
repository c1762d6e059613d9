"""The rules that stand between a release pull request and its merge, in the order of RULES.

Pure: no Django, no clock, no input or output.
"""

from releases.messages import counted, listed
from releases.rule import Decision, Needs, hold, refused, rule, wait
from releases.situation import GREEN, Action, Check, CheckState, Facts


@rule("Horizon merges it", Needs.PULL_REQUEST)
def people_merge(facts: Facts) -> Decision | None:
    """Rule 8: without merge_after, people merge."""
    if facts.plan.merge_after is not None:
        return None
    return wait("people-merge", f"Pull request #{facts.pull.number} is open: people merge it.")


@rule("The pull request shows the newest commit", Needs.PULL_REQUEST)
def head_moved(facts: Facts) -> Decision | None:
    """A push that the host has half digested: branch and pull request name different commits."""
    if facts.pull.head_sha == facts.known.head_sha:
        return None
    reason = (
        f"{facts.plan.head} has just moved: GitHub has not brought pull request #{facts.pull.number} up to date yet."
    )
    return wait("head-moved", reason, unknown=True)


@rule("It is no draft", Needs.PULL_REQUEST)
def draft(facts: Facts) -> Decision | None:
    """Rule 9: somebody says that it is not ready."""
    if not facts.pull.is_draft:
        return None
    return hold("draft", f"Pull request #{facts.pull.number} is a draft: mark it as ready for review.")


@rule("The repository allows the way it is merged", Needs.PULL_REQUEST)
def method_forbidden(facts: Facts) -> Decision | None:
    """Never another method by itself: a squash would break the common history of the branches."""
    if facts.plan.merge_method in facts.known.merge_methods:
        return None
    word = {"merge": "merge commits", "squash": "squashing", "rebase": "rebasing"}[facts.plan.merge_method]
    return hold("method-forbidden", f"{facts.known.repository} does not allow {word}: allow it in its settings.")


@rule("The base needs no merge queue", Needs.PULL_REQUEST)
def needs_merge_queue(facts: Facts) -> Decision | None:
    """A required queue is never gone round, even where the token could."""
    if not facts.known.merge_queue:
        return None
    reason = f"{facts.plan.base} requires a merge queue, which needs a later version of Horizon: queue it by hand."
    return hold("merge-queue", reason)


@rule("There is no conflict", Needs.PULL_REQUEST)
def conflicts(facts: Facts) -> Decision | None:
    """Rule 9: the branches cannot be merged by a machine."""
    if facts.pull.mergeable is not False:
        return None
    reason = f"Pull request #{facts.pull.number} conflicts with {facts.plan.base}: merge {facts.plan.base} into it."
    return hold("conflicts", reason)


@rule("No review is missing", Needs.PULL_REQUEST)
def review_missing(facts: Facts) -> Decision | None:
    """A review that the repository requires, or one that asks for changes, even where the token could go round it."""
    words = {"review_required": "needs a review", "changes_requested": "was reviewed, and changes were requested"}
    said = words.get(facts.pull.review_decision or "")
    return hold("review", f"Pull request #{facts.pull.number} {said}.") if said else None


@rule("No check that counts is red", Needs.PULL_REQUEST)
def checks_failing(facts: Facts) -> Decision | None:
    """Rule 9: a failing required check; any failing one where none is required."""
    red = [check.name for check in _counting(facts) if check.state is CheckState.FAILURE]
    if not red:
        return None
    verb = "fails" if len(red) == 1 else "fail"
    return hold("checks-failing", f"{listed(red)} {verb} on {facts.pull.head_sha[:7]}.")


@rule("No check that counts is missing or running", Needs.PULL_REQUEST)
def checks_waiting(facts: Facts) -> Decision | None:
    """Rule 9: not yet known is not green."""
    if not facts.pull.checks_complete:
        return wait(
            "checks-unknown", "Not all checks could be read: whether they are green is not known.", unknown=True
        )
    counting = _counting(facts)
    missing = sorted(_required(facts) - {check.name for check in counting})
    if missing:
        verb = "has" if len(missing) == 1 else "have"
        return wait("checks-missing", f"The required {listed(missing)} {verb} not reported yet.", unknown=True)
    running = [check.name for check in counting if check.state not in GREEN]
    if running:
        return wait("checks-running", f"{listed(running)} {'is' if len(running) == 1 else 'are'} still running.")
    return None


@rule("GitHub says that it can be merged", Needs.PULL_REQUEST)
def mergeability_unknown(facts: Facts) -> Decision | None:
    """Rule 9: the host works it out when it is asked for, and says null until then."""
    if facts.pull.mergeable is not None:
        return None
    return wait("mergeability-unknown", "GitHub is still working out whether it can be merged.", unknown=True)


@rule("It has waited long enough", Needs.PULL_REQUEST)
def too_young(facts: Facts) -> Decision | None:
    """Rule 13: before merge_at."""
    if facts.merge_at is None or facts.merge_at <= facts.now:
        return None
    return wait("too-young", f"Merges {facts.says(facts.merge_at)}{_unless(facts)}.", facts.merge_at)


@rule("GitHub did not refuse to merge it", Needs.PULL_REQUEST)
def merge_refused(facts: Facts) -> Decision | None:
    """The host's own words, and growing pauses instead of a thousand attempts."""
    return refused(facts, Action.MERGE, "merge it")


@rule("Few enough merges of the organization are under way", Needs.PULL_REQUEST)
def others_first(facts: Facts) -> Decision | None:
    """So that the end of a freeze is no stampede."""
    if facts.merges_unconfirmed < facts.merges_at_once:
        return None
    reason = f"{counted(facts.merges_unconfirmed, 'other merge')} of the organization must be confirmed first."
    return wait("others-first", reason)


@rule("It is due", Needs.PULL_REQUEST)
def due(facts: Facts) -> Decision | None:
    """Rule 14: nothing stands in its way; merge exactly the commit that was looked at."""
    return Decision(
        Action.MERGE, "due", f"All conditions are met{_unless(facts)}: it is merged now.", sha=facts.pull.head_sha
    )


def _required(facts: Facts) -> set[str]:
    """What the host demands and what the strategy names."""
    by_host = {check.name for check in facts.pull.checks if check.required}
    return by_host | set(facts.known.required_checks or ()) | set(facts.plan.required_checks)


def _counting(facts: Facts) -> list[Check]:
    """The checks that can hold the release: the required ones, or all where none is required."""
    required = _required(facts)
    return [check for check in facts.pull.checks if not required or check.name in required]


def _unless(facts: Facts) -> str:
    """That nothing was checked is said, not passed over in silence."""
    if facts.known.pull_request is None or _required(facts) or facts.pull.checks:
        return ""
    return " (no check was reported, and none is required)"
