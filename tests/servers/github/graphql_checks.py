"""GraphQL: check runs, statuses and their rollup."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.servers.github import protection
from tests.servers.github.graphql_common import (
    Resolvers,
    account,
    context,
    page_url,
)
from tests.servers.github.graphql_views import (
    CheckRunView,
    CommitView,
    Connection,
    Info,
    RollupView,
    StatusContextView,
    StatusView,
    connect,
    failed,
)
from tests.servers.github.model import node_id, of_node_id, stamp
from tests.servers.github.repository import Repository
from tests.servers.github.show import avatar


def rollup_of(repository: Repository, sha: str, info: Info) -> RollupView | None:
    """Null where nothing was reported; takes the right to read checks."""
    context(info).require(repository, "checks")
    state = protection.rollup(repository, sha)
    return RollupView(repository, sha, state) if state else None


def rollup_contexts(view: RollupView, info: Info, **page: Any) -> Connection[Any]:
    runs = [CheckRunView(view.repository, run) for run in view.repository.checks.runs.get(view.sha, [])]
    newest = {one.context.lower(): one for one in view.repository.checks.statuses.get(view.sha, [])}
    statuses = [StatusContextView(view.repository, one) for one in newest.values()]
    run_states = Counter((one.run.conclusion or one.run.status).upper() for one in runs)
    status_states = Counter(one.status.state.upper() for one in statuses)
    return connect(
        "contexts",
        [*runs, *statuses],
        lambda one: one,
        checkRunCount=len(runs),
        statusContextCount=len(statuses),
        checkRunCountsByState=[{"state": state, "count": count} for state, count in run_states.items()],
        statusContextCountsByState=[{"state": state, "count": count} for state, count in status_states.items()],
        **page,
    )


def is_required(repository: Repository, name: str, number: int | None, identifier: str | None) -> bool:
    """Whether that pull request's base demands this check; GitHub wants to know which one."""
    if identifier is not None:
        number = int(of_node_id(identifier)[1][1])
    pull = repository.pulls.all.get(number or 0)
    if pull is None:
        raise failed("NOT_FOUND", "A pull request ID or pull request number is required.")
    required = protection.required_checks(repository, pull.base_ref)
    return name.lower() in {check.lower() for check in required}


def run_required(
    view: CheckRunView, info: Info, pullRequestId: str | None = None, pullRequestNumber: int | None = None
) -> bool:
    return is_required(view.repository, view.run.name, pullRequestNumber, pullRequestId)


def context_required(
    view: StatusContextView, info: Info, pullRequestId: str | None = None, pullRequestNumber: int | None = None
) -> bool:
    return is_required(view.repository, view.status.context, pullRequestNumber, pullRequestId)


def check_suite(view: CheckRunView, info: Info) -> dict[str, Any]:
    run = view.run
    return {
        "id": node_id("CS", run.id),
        "databaseId": run.id,
        "app": {"id": node_id("A", run.app), "databaseId": 15368, "name": run.app, "slug": run.app},
        "conclusion": run.conclusion.upper() if run.conclusion else None,
        "status": run.status.upper(),
    }


def status_of(view: CommitView, info: Info) -> StatusView | None:
    context(info).require(view.repository, "statuses")
    found = view.repository.checks.statuses.get(view.sha)
    return StatusView(view.repository, view.sha) if found else None


def status_contexts(view: StatusView, info: Info) -> list[StatusContextView]:
    newest = {one.context.lower(): one for one in view.repository.checks.statuses[view.sha]}
    return [StatusContextView(view.repository, one) for one in newest.values()]


def status_state(view: StatusView, info: Info) -> str:
    states = {one.status.state for one in status_contexts(view, info)}
    if states & {"failure", "error"}:
        return "FAILURE"
    return "PENDING" if "pending" in states else "SUCCESS"


ROLLUP: Resolvers = {
    "commit": lambda v, i: CommitView(v.repository, v.sha),
    "contexts": rollup_contexts,
    "id": lambda v, i: node_id("SCR", v.repository.id, v.sha),
    "state": lambda v, i: v.state,
}
CHECK_RUN: Resolvers = {
    "checkSuite": check_suite,
    "completedAt": lambda v, i: stamp(v.run.completed_at) if v.run.completed_at else None,
    "conclusion": lambda v, i: v.run.conclusion.upper() if v.run.conclusion else None,
    "databaseId": lambda v, i: v.run.id,
    "detailsUrl": lambda v, i: v.run.details_url or page_url(v.repository, "runs", str(v.run.id)),
    "id": lambda v, i: node_id("CR", v.repository.id, v.run.id),
    "isRequired": run_required,
    "name": lambda v, i: v.run.name,
    "startedAt": lambda v, i: stamp(v.run.started_at),
    "status": lambda v, i: v.run.status.upper(),
    "url": lambda v, i: page_url(v.repository, "runs", str(v.run.id)),
}
STATUS_CONTEXT: Resolvers = {
    "avatarUrl": lambda v, i, size=None: avatar(v.repository.github, v.repository.github.person(v.status.creator)),
    "commit": lambda v, i: CommitView(v.repository, v.status.sha),
    "context": lambda v, i: v.status.context,
    "createdAt": lambda v, i: stamp(v.status.created_at),
    "creator": lambda v, i: account(v.repository, v.status.creator),
    "description": lambda v, i: v.status.description,
    "id": lambda v, i: node_id("SC", v.repository.id, v.status.id),
    "isRequired": context_required,
    "state": lambda v, i: v.status.state.upper(),
    "targetUrl": lambda v, i: v.status.target_url,
}
STATUS: Resolvers = {
    "commit": lambda v, i: CommitView(v.repository, v.sha),
    "contexts": status_contexts,
    "id": lambda v, i: node_id("S", v.repository.id, v.sha),
    "state": status_state,
}
COMMIT: Resolvers = {"status": status_of, "statusCheckRollup": lambda v, i: rollup_of(v.repository, v.sha, i)}
RESOLVERS: dict[str, Resolvers] = {
    "StatusCheckRollup": ROLLUP,
    "CheckRun": CHECK_RUN,
    "StatusContext": STATUS_CONTEXT,
    "Status": STATUS,
    "Commit": COMMIT,
}
