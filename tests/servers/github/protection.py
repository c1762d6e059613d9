"""What a branch demands before something is merged into it, and what a commit's checks say.

Texts of refusals are GitHub's, as seen in PennyDreadfulMTG/Penny-Dreadful-Tools#6226 (a missing check), akuity/kargo PR
6490 (merge method, moved base), Reviewable#561 (reviews), anza-xyz/kit PR 94 (rulesets and the merge queue).
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tests.servers.github.model import Role, Rule

if TYPE_CHECKING:
    from tests.servers.github.pull_request import PullRequest
    from tests.servers.github.repository import Repository

GREEN = frozenset({"SUCCESS", "NEUTRAL", "SKIPPED"})
WAITING = frozenset({"PENDING", "EXPECTED", "QUEUED", "IN_PROGRESS", "WAITING", "REQUESTED"})


@dataclass(frozen=True, slots=True)
class Reported:
    """One check as a merge sees it: its name and SUCCESS, FAILURE, NEUTRAL, PENDING, ..."""

    name: str
    state: str


def rules_for(repository: Repository, branch: str) -> list[Rule]:
    return [rule for rule in repository.rules if fnmatchcase(branch, rule.pattern)]


def required_checks(repository: Repository, branch: str) -> list[str]:
    """Contexts that classic protection or a ruleset demands, each once, in the order of the rules."""
    return list(dict.fromkeys(check for rule in rules_for(repository, branch) for check in rule.checks))


def has_merge_queue(repository: Repository, branch: str) -> bool:
    return any(rule.merge_queue for rule in rules_for(repository, branch))


def reported(repository: Repository, sha: str) -> list[Reported]:
    """All checks of a commit: check runs, and the newest status of each context (contexts ignore case)."""
    runs = [
        Reported(run.name, (run.conclusion or "success").upper() if run.status == "completed" else run.status.upper())
        for run in repository.checks.runs.get(sha, [])
    ]
    newest = {status.context.lower(): status for status in repository.checks.statuses.get(sha, [])}
    return runs + [Reported(status.context, status.state.upper()) for status in newest.values()]


def rollup(repository: Repository, sha: str) -> str | None:
    """The rollup's state, None where nothing was reported. Required checks that never reported are not in it."""
    states = {check.state for check in reported(repository, sha)}
    if not states:
        return None
    if states - GREEN - WAITING:
        return "ERROR" if states - GREEN - WAITING == {"ERROR"} else "FAILURE"
    return "PENDING" if states & WAITING else "SUCCESS"


def objections(pull: PullRequest, actor: str, *, queue: bool = True) -> list[str]:
    """Why the rules of its base forbid this merge by this account, in GitHub's words; the rulesets' ones come first.

    Without `queue` a merge queue is no objection, as in `mergeStateStatus`, which stays CLEAN
    (ai-ecoverse/slicc PR 670, netresearch/git-workflow-skill PR 134).
    """
    rulesets: list[str] = []
    classic: list[str] = []
    for rule in rules_for(pull.repository, pull.base_ref):
        if rule.ruleset_id is not None and actor not in rule.bypass:
            rulesets += demands(rule, pull, queue=queue)
        elif rule.ruleset_id is None and (rule.admins or pull.repository.role_of(actor) != Role.ADMIN):
            classic += demands(rule, pull, queue=queue)
    if rulesets:
        return ["Repository rule violations found\n\n" + "\n\n".join(rulesets) + "\n\n"]
    return classic


def demands(rule: Rule, pull: PullRequest, *, queue: bool) -> list[str]:
    """What one rule still misses."""
    store, base = pull.repository.store, pull.repository.find(f"refs/heads/{pull.base_ref}")
    missing = ["Changes must be made through the merge queue"] if rule.merge_queue and queue else []
    missing += check_demands(rule, pull)
    if rule.strict and base and base not in store.ancestors(pull.head_sha):
        missing.append("Head branch is out of date. Review and try the merge again.")
    approving = {review.author for review in pull.latest_reviews() if review.state == "APPROVED"}
    if any(review.state == "CHANGES_REQUESTED" for review in pull.latest_reviews()) and rule.reviews:
        missing.append("Changes have been requested.")
    elif len(approving) < rule.reviews:
        reviews = "review is" if rule.reviews == 1 else "reviews are"
        missing.append(f"At least {rule.reviews} approving {reviews} required by reviewers with write access.")
    return missing


def check_demands(rule: Rule, pull: PullRequest) -> list[str]:
    found = {check.name.lower(): check.state for check in reported(pull.repository, pull.head_sha)}
    states = {name: found.get(name.lower()) for name in rule.checks}
    texts = []
    for name, state in states.items():
        if state is None:
            texts.append(f'Required status check "{name}" is expected.')
        elif state in {"IN_PROGRESS", "QUEUED"}:
            texts.append(f'Required status check "{name}" is {state.lower().replace("_", " ")}.')
        elif state in WAITING:
            texts.append(f'Required status check "{name}" is pending.')
        elif state not in GREEN:
            texts.append(f'Required status check "{name}" is failing.')
    if len(texts) > 1 and all(state is None for state in states.values()):
        return [f"{len(texts)} of {len(rule.checks)} required status checks are expected."]
    return texts
