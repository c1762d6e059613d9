"""The rules about checks: which of them count, and how they stand.

Pure: no Django, no clock, no input or output.
"""

from releases.messages import listed
from releases.rule import Decision, Needs, hold, rule, wait
from releases.situation import GREEN, STATUS_CONTEXT, Check, CheckState, Facts


@rule("GitHub requires no status that nobody sets", "an admin: switch the commit status on", Needs.PULL_REQUEST)
def own_status_missing(facts: Facts) -> Decision | None:
    """Horizon's own status is no check of rule 9; but where GitHub requires it, somebody must set it."""
    if facts.plan.commit_status or STATUS_CONTEXT not in _required_by_host(facts):
        return None
    reason = f"{facts.plan.base} requires the status {STATUS_CONTEXT}: switch the commit status on in the strategy."
    return hold("own-status", reason)


@rule("No check that counts is red", "developers: mend it, or run it again", Needs.PULL_REQUEST)
def checks_failing(facts: Facts) -> Decision | None:
    """Rule 9: a failing required check; any failing one where none is required."""
    red = [check.name for check in counting(facts) if check.state is CheckState.FAILURE]
    if not red:
        return None
    verb = "fails" if len(red) == 1 else "fail"
    return hold("checks-failing", f"{listed(red)} {verb} on {facts.pull.head_sha[:7]}.")


@rule("No check that counts is missing or running", "whoever runs the checks: they have to report", Needs.PULL_REQUEST)
def checks_waiting(facts: Facts) -> Decision | None:
    """Rule 9: not yet known is not green.

    Once GitHub's merge queue has it, GitHub runs the checks that it requires itself, on the very commit that it will
    merge, and merges only what is green there: those of the head are not waited for twice. For those that only the
    strategy names GitHub does not wait.
    """
    if not facts.pull.checks_complete:
        return wait(
            "checks-unknown", "Not all checks could be read: whether they are green is not known.", unknown=True
        )
    known, elsewhere = counting(facts), _required_by_host(facts) if facts.queued_at else set[str]()
    missing = sorted(_required(facts) - elsewhere - {check.name for check in known})
    if missing:
        verb = "has" if len(missing) == 1 else "have"
        return wait("checks-missing", f"The required {listed(missing)} {verb} not reported yet.", unknown=True)
    running = [check.name for check in known if check.state not in GREEN and check.name not in elsewhere]
    if running:
        return wait("checks-running", f"{listed(running)} {'is' if len(running) == 1 else 'are'} still running.")
    return None


def counting(facts: Facts) -> list[Check]:
    """The checks that can hold the release: the required ones, or all where none is required."""
    required = _required(facts)
    return [check for check in _foreign(facts) if not required or check.name in required]


def unchecked(facts: Facts) -> str:
    """That nothing was checked is said, not passed over in silence."""
    if not facts.is_open or _required(facts) or _foreign(facts):
        return ""
    if facts.known.required_checks is None:
        return " (no check was reported, and which ones GitHub requires could not be read)"
    return " (no check was reported, and none is required)"


def _foreign(facts: Facts) -> list[Check]:
    """All but Horizon's own status: required, it would hold up the very merge that it speaks of."""
    return [check for check in facts.pull.checks if check.name != STATUS_CONTEXT]


def _required(facts: Facts) -> set[str]:
    """What the host demands and what the strategy names."""
    return (_required_by_host(facts) | set(facts.plan.required_checks)) - {STATUS_CONTEXT}


def _required_by_host(facts: Facts) -> set[str]:
    marked = {check.name for check in facts.pull.checks if check.required}
    return marked | set(facts.known.required_checks or ())
