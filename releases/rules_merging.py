"""The rules that stand between a release pull request and its time, in the order of RULES.

Pure: no Django, no clock, no input or output.
"""

from releases.rule import Decision, Needs, hold, rule, wait
from releases.situation import Action, Facts


@rule("Somebody is assigned, if anybody can be", "Horizon: it looks for somebody", Needs.PULL_REQUEST)
def nobody_assigned(facts: Facts) -> Decision | None:
    """Rule 7: somebody responsible, tried once for each head; that nobody was found never holds the release."""
    if facts.assign_tried or facts.pull.assignees is None or facts.pull.assignees:
        return None
    reason = f"Nobody is assigned to pull request #{facts.pull.number}: the most frequent contributor is asked."
    return Decision(Action.ASSIGN, "nobody-assigned", reason, sha=facts.pull.head_sha)


@rule(
    "Horizon merges it", "people: they merge it on GitHub; an admin: set merge_after", Needs.PULL_REQUEST, rushed=True
)
def people_merge(facts: Facts) -> Decision | None:
    """Rule 8: without merge_after, people merge."""
    if facts.plan.merge_after is not None:
        return None
    return wait("people-merge", f"Pull request #{facts.pull.number} is open: people merge it.")


@rule("The pull request shows the newest commit", "nobody: GitHub catches up by itself", Needs.PULL_REQUEST)
def head_moved(facts: Facts) -> Decision | None:
    """A push that the host has half digested: branch and pull request name different commits."""
    if facts.pull.head_sha == facts.known.head_sha:
        return None
    reason = (
        f"{facts.plan.head} has just moved: GitHub has not brought pull request #{facts.pull.number} up to date yet."
    )
    return wait("head-moved", reason, unknown=True)


@rule("It is no draft", "GitHub: somebody marks it as ready for review", Needs.PULL_REQUEST)
def draft(facts: Facts) -> Decision | None:
    """Rule 9: somebody says that it is not ready."""
    if not facts.pull.is_draft:
        return None
    return hold("draft", f"Pull request #{facts.pull.number} is a draft: mark it as ready for review.")


@rule("The repository allows the way it is merged", "GitHub: an owner of the repository allows it", Needs.PULL_REQUEST)
def method_forbidden(facts: Facts) -> Decision | None:
    """Never another method by itself: a squash would break the common history of the branches."""
    if facts.plan.merge_method in facts.known.merge_methods:
        return None
    word = {"merge": "merge commits", "squash": "squashing", "rebase": "rebasing"}[facts.plan.merge_method]
    return hold("method-forbidden", f"{facts.known.repository} does not allow {word}: allow it in its settings.")


@rule("There is no conflict", "developers: merge the base into the head", Needs.PULL_REQUEST)
def conflicts(facts: Facts) -> Decision | None:
    """Rule 9: the branches cannot be merged by a machine."""
    if facts.pull.mergeable is not False:
        return None
    reason = f"Pull request #{facts.pull.number} conflicts with {facts.plan.base}: merge {facts.plan.base} into it."
    return hold("conflicts", reason)


@rule("No review is missing", "GitHub: a reviewer", Needs.PULL_REQUEST)
def review_missing(facts: Facts) -> Decision | None:
    """A review that the repository requires, or one that asks for changes, even where the token could go round it."""
    words = {"review_required": "needs a review", "changes_requested": "was reviewed, and changes were requested"}
    said = words.get(facts.pull.review_decision or "")
    return hold("review", f"Pull request #{facts.pull.number} {said}.") if said else None


@rule("GitHub says that it can be merged", "nobody: GitHub works it out", Needs.PULL_REQUEST)
def mergeability_unknown(facts: Facts) -> Decision | None:
    """Rule 9: the host works it out when it is asked for, and says null until then."""
    if facts.pull.mergeable is not None:
        return None
    return wait("mergeability-unknown", "GitHub is still working out whether it can be merged.", unknown=True)
