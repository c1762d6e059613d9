"""A reading of a release: from GitHub's words to those of decisions, to the JSON that is kept, and back."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from projects.github_values import PullRequest as HostPullRequest
from projects.github_values import ReleaseState
from releases.models import DeployStrategy, StrategyReading
from releases.situation import Check, CheckState, PullRequest, Reading

# Of the stored form of a reading. What another version of Horizon stored counts as never read.
VERSION = 3
RULES_UNMET = ("blocked", "behind")  # of GitHub's MergeStateStatus


def reading_of(state: ReleaseState) -> Reading:
    """What GitHub said, in the words of decisions."""
    methods = {"merge": state.merge_commit_allowed, "squash": state.squash_allowed, "rebase": state.rebase_allowed}
    return Reading(
        repository=f"{state.repository.owner}/{state.repository.name}",
        repository_id=state.repository.host_id,
        head_sha=state.head_sha,
        base_sha=state.base_sha,
        ahead=state.ahead,
        pull_request=_pull_request(state.pull_requests[0]) if state.pull_requests else None,
        required_checks=state.required_checks,
        merge_queue=state.merge_queue,
        merge_methods=tuple(method for method, allowed in methods.items() if allowed),
        can_write=state.can_write,
        archived=state.repository.archived,
        behind=state.behind,
        head_tree=state.head_tree,
        base_tree=state.base_tree,
        delete_branch_on_merge=state.delete_branch_on_merge,
    )


def _pull_request(pull: HostPullRequest) -> PullRequest:
    return PullRequest(
        number=pull.number,
        url=pull.url,
        created_at=pull.created_at,
        head_sha=pull.head_sha,
        is_draft=pull.is_draft,
        mergeable=pull.mergeable,
        rules_unmet=pull.merge_state in RULES_UNMET,
        review_decision=pull.review_decision,
        checks=tuple(Check(check.name, CheckState(check.state), check.required, check.url) for check in pull.checks),
        checks_complete=pull.checks_complete,
        assignees=pull.assignees,
        is_locked=pull.is_locked,
    )


def to_json(reading: Reading) -> dict[str, Any]:
    """A reading as JSON holds it."""
    values: dict[str, Any] = {"version": VERSION, **asdict(reading)}
    if reading.pull_request is not None:
        values["pull_request"]["created_at"] = reading.pull_request.created_at.isoformat()
    return values


def stored_reading(strategy: DeployStrategy) -> Reading | None:
    """The last good reading of a strategy, whatever its age."""
    row: StrategyReading | None = getattr(strategy, "reading", None)
    return from_json(row.facts) if row is not None and row.facts.get("version") == VERSION else None


def from_json(values: dict[str, Any]) -> Reading:
    """The reverse of `to_json`."""
    pull = values["pull_request"]
    rest = {name: value for name, value in values.items() if name != "version"}
    return Reading(
        **{
            **rest,
            "pull_request": _pull_from_json(pull) if pull else None,
            "required_checks": None if values["required_checks"] is None else tuple(values["required_checks"]),
            "merge_methods": tuple(values["merge_methods"]),
        }
    )


def _pull_from_json(values: dict[str, Any]) -> PullRequest:
    checks = tuple(Check(**{**check, "state": CheckState(check["state"])}) for check in values["checks"])
    created_at = datetime.fromisoformat(values["created_at"])
    assignees = None if values["assignees"] is None else tuple(values["assignees"])
    return PullRequest(**{**values, "checks": checks, "created_at": created_at, "assignees": assignees})
