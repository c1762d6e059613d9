"""What a repository's own settings do to its releases, told before the first one is in trouble.

Pure: no Django, no clock, no input or output.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from releases.messages import listed
from releases.situation import STATUS_CONTEXT, Plan, Reading

_ALLOWED = {"merge": "merge commits", "squash": "squashing", "rebase": "rebasing"}
_PLACE = "Settings, General, Pull Requests"


class Tone(StrEnum):
    GOOD = "good"
    CARE = "take care"
    BAD = "in the way"
    UNKNOWN = "not known"


_URGENCY = (Tone.BAD, Tone.CARE, Tone.UNKNOWN, Tone.GOOD)


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting and what comes of it."""

    tone: Tone
    text: str


def findings(plan: Plan, reading: Reading) -> list[Finding]:
    """All that is known of the repository, what stands in the way first."""
    return sorted(_all(plan, reading), key=lambda found: _URGENCY.index(found.tone))


def _all(plan: Plan, reading: Reading) -> Iterator[Finding]:
    yield from _repository(plan, reading)
    yield _method(plan, reading)
    yield _deleting(plan, reading)
    yield _queue(plan, reading)
    yield _rights(reading)
    yield from _checks(plan, reading)
    yield _own_status(plan, reading)
    yield _reviews(plan, reading)


def _repository(plan: Plan, reading: Reading) -> Iterator[Finding]:
    if reading.archived:
        yield Finding(Tone.BAD, f"{reading.repository} is archived: nothing can be released there. Unarchive it.")
    for branch, sha in ((plan.head, reading.head_sha), (plan.base, reading.base_sha)):
        if sha is None:
            yield Finding(Tone.BAD, f"{reading.repository} has no branch {branch}: push it, or name another.")


def _method(plan: Plan, reading: Reading) -> Finding:
    word = _ALLOWED.get(plan.merge_method, plan.merge_method)
    if plan.merge_method not in reading.merge_methods:
        return Finding(
            Tone.BAD,
            f"It does not allow {word}: Horizon holds every release, and never merges in another way by itself. "
            f"Allow {word} there ({_PLACE}).",
        )
    if plan.merge_method == "merge":
        return Finding(Tone.GOOD, "It allows merge commits.")
    return Finding(
        Tone.CARE,
        f"It allows {word}, which breaks the common history of {plan.head} and {plan.base}: after each release their "
        "commits look unreleased until the history is healed. Merge commits do not.",
    )


def _deleting(plan: Plan, reading: Reading) -> Finding:
    if not reading.delete_branch_on_merge:
        return Finding(Tone.GOOD, f"It keeps {plan.head} after a merge.")
    return Finding(
        Tone.CARE,
        f"“Automatically delete head branches” is on: GitHub deletes {plan.head} with each release. Horizon restores "
        f"it, but for a moment it is gone. Switch that off ({_PLACE}), or protect {plan.head} against deletion.",
    )


def _queue(plan: Plan, reading: Reading) -> Finding:
    if reading.merge_queue is None:
        return Finding(Tone.UNKNOWN, f"Whether {plan.base} has a merge queue could not be read.")
    if reading.merge_queue:
        return Finding(
            Tone.GOOD,
            f"{plan.base} has a merge queue: Horizon puts the release into it, follows it, and never goes round it.",
        )
    return Finding(Tone.GOOD, f"{plan.base} has no merge queue.")


def _rights(reading: Reading) -> Finding:
    if reading.can_write is None:
        return Finding(
            Tone.UNKNOWN, "GitHub does not say whether these credentials may write; the first release shows."
        )
    if reading.can_write:
        return Finding(Tone.GOOD, "The credentials may write.")
    return Finding(
        Tone.BAD,
        f"The credentials may read {reading.repository}, and not write to it: give them the right to write to contents "
        "and pull requests.",
    )


def _checks(plan: Plan, reading: Reading) -> Iterator[Finding]:
    if reading.required_checks is None:
        yield Finding(
            Tone.UNKNOWN,
            f"The credentials may not see the protection of {plan.base}: which checks GitHub requires shows only when "
            "it refuses a merge. Name them in required checks, or let the credentials read administration.",
        )
        names: set[str] = set()
    else:
        names = {name for name in reading.required_checks if name != STATUS_CONTEXT}
    if names:
        yield Finding(Tone.GOOD, f"{plan.base} requires {listed(sorted(names), most=6)} to be green.")
    elif reading.required_checks is not None and not plan.required_checks:
        yield Finding(
            Tone.GOOD, f"{plan.base} requires no check: any red one holds a release, and none at all counts as green."
        )
    yield from _unheard(plan, reading)


def _unheard(plan: Plan, reading: Reading) -> Iterator[Finding]:
    """A name that was mistyped would hold every release for ever."""
    pull = reading.pull_request
    if pull is None or not pull.checks_complete:
        return
    reported = {check.name for check in pull.checks}
    unheard = sorted(set(plan.required_checks) - reported)
    if unheard:
        has = f" It has {listed(sorted(reported), most=6)}." if reported else " It has none."
        yield Finding(
            Tone.CARE,
            f"The required {listed(unheard)} never reported on pull request #{pull.number}: it waits for that.{has}",
        )


def _own_status(plan: Plan, reading: Reading) -> Finding:
    required = reading.required_checks is not None and STATUS_CONTEXT in reading.required_checks
    if required:
        return Finding(
            Tone.GOOD,
            f"{plan.base} requires {STATUS_CONTEXT}: nobody can merge while Horizon says no, and Horizon sets it to "
            "success before its own merge.",
        )
    if plan.commit_status:
        return Finding(
            Tone.CARE,
            f"{STATUS_CONTEXT} is shown and not required: people can merge while Horizon says no. Require it in the "
            f"rules of {plan.base}, if they must not.",
        )
    return Finding(
        Tone.GOOD, f"{plan.base} does not require {STATUS_CONTEXT}: blocks stop Horizon, and people can still merge."
    )


def _reviews(plan: Plan, reading: Reading) -> Finding:
    if reading.pull_request is None:
        return Finding(Tone.UNKNOWN, f"Whether {plan.base} demands reviews shows when a release pull request is open.")
    if reading.pull_request.review_decision is None:
        return Finding(Tone.GOOD, f"{plan.base} demands no review.")
    said = {
        "approved": "and the open pull request has one",
        "changes_requested": "and changes were requested: the release is held",
    }.get(reading.pull_request.review_decision, "and the open pull request has none yet: the release is held")
    return Finding(Tone.CARE, f"{plan.base} demands a review of every release, {said}.")
