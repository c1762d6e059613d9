"""GraphQL: pull requests, checks and the merge queue."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.servers.github import protection
from tests.servers.github.graphql_repository import Resolvers, context, page_url, pull_state, ref_view
from tests.servers.github.graphql_views import (
    CheckRunView,
    CommitView,
    Connection,
    Info,
    PullCommitView,
    QueueEntryView,
    QueueView,
    RollupView,
    StatusContextView,
    StatusView,
    connect,
    failed,
)
from tests.servers.github.model import Account, Comment, Refused, Review, Role, node_id, of_node_id, stamp
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository
from tests.servers.github.show import avatar
from tests.servers.github.show_pulls import commits_of


def account(repository: Repository, login: str | None) -> Account | None:
    return repository.github.person(login) if login else None


def pull_mergeable(pull: PullRequest, info: Info) -> str:
    found = context(info).mergeability(pull)
    return {None: "UNKNOWN", True: "MERGEABLE", False: "CONFLICTING"}[found]


def pull_merge_state(pull: PullRequest, info: Info) -> str:
    if pull.state == "closed":
        return "UNKNOWN"
    here = context(info)
    return pull.repository.pulls.merge_state(pull, here.mergeability(pull), here.credential.login).upper()


def pull_review_decision(pull: PullRequest, info: Info) -> str | None:
    """Null where no rule demands reviews."""
    needed = max((rule.reviews for rule in protection.rules_for(pull.repository, pull.base_ref)), default=0)
    latest = pull.latest_reviews()
    if any(review.state == "CHANGES_REQUESTED" for review in latest):
        return "CHANGES_REQUESTED"
    if not needed:
        return None
    return "APPROVED" if sum(review.state == "APPROVED" for review in latest) >= needed else "REVIEW_REQUIRED"


def pull_assignees(pull: PullRequest, info: Info, **page: Any) -> Connection[str]:
    return connect("assignees", pull.assignees, pull.repository.github.person, **page)


def pull_commits(pull: PullRequest, info: Info, **page: Any) -> Connection[str]:
    return connect("commits", commits_of(pull)[:250], lambda sha: PullCommitView(pull, sha), **page)


def pull_comments(pull: PullRequest, info: Info, orderBy: Any = None, **page: Any) -> Connection[Comment]:
    return connect("comments", pull.comments, lambda one: comment(pull, one), **page)


def comment(pull: PullRequest, shown: Comment) -> dict[str, Any]:
    return {
        "id": node_id("IC", shown.id),
        "databaseId": shown.id,
        "author": account(pull.repository, shown.author),
        "body": shown.body,
        "createdAt": stamp(shown.created_at),
        "url": page_url(pull.repository, "pull", str(pull.number)) + f"#issuecomment-{shown.id}",
    }


def pull_reviews(
    pull: PullRequest, info: Info, author: str | None = None, states: list[str] | None = None, **page: Any
) -> Connection[Review]:
    found = [
        review for review in pull.reviews if author in (None, review.author) and (not states or review.state in states)
    ]
    return connect("reviews", found, lambda one: review(pull, one), **page)


def review(pull: PullRequest, shown: Review) -> dict[str, Any]:
    return {
        "id": node_id("PRR", shown.id),
        "author": account(pull.repository, shown.author),
        "commit": CommitView(pull.repository, shown.sha),
        "state": shown.state,
        "submittedAt": stamp(shown.submitted_at),
        "url": page_url(pull.repository, "pull", str(pull.number)) + f"#pullrequestreview-{shown.id}",
    }


def head_ref(pull: PullRequest, info: Info) -> object:
    return ref_view(pull.head_repository, f"refs/heads/{pull.head_ref}") if pull.head_repository else None


def commit_or_none(repository: Repository, sha: str | None) -> CommitView | None:
    return CommitView(repository, sha) if sha else None


# checks


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


# merge queue


def queue_entries(view: QueueView, info: Info, **page: Any) -> Connection[PullRequest]:
    return connect("entries", view.repository.pulls.queued(view.branch), QueueEntryView, **page)


def queue_position(view: QueueEntryView, info: Info) -> int:
    return view.pull.repository.pulls.queued(view.pull.base_ref).index(view.pull) + 1


def pull_by_id(identifier: str, info: Info) -> PullRequest:
    """NOT_FOUND for an id that is none, or hides behind what the token may not see."""
    from tests.servers.github.graphql_root import find_node

    found = find_node(identifier, info)
    if not isinstance(found, PullRequest):
        raise failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{identifier}'")
    return found


def enqueue(source: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """docs.github.com, mutation enqueuePullRequest."""
    pull, here = pull_by_id(input["pullRequestId"], info), context(info)
    here.require(pull.repository, "contents", "write")
    if input.get("expectedHeadOid") not in (None, pull.head_sha):
        raise failed("UNPROCESSABLE", "The head branch was modified. Review and try again.")
    try:
        pull.repository.pulls.enqueue(pull, here.credential.login)
    except Refused as refused:
        raise failed("UNPROCESSABLE", refused.message) from refused
    here.github.act(
        "pull-request.enqueued", pull.repository, here.credential.login, number=pull.number, head=pull.head_sha
    )
    return {"clientMutationId": input.get("clientMutationId"), "mergeQueueEntry": QueueEntryView(pull)}


def dequeue(source: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """`id` is the pull request's (schema, DequeuePullRequestInput)."""
    pull, here = pull_by_id(input["id"], info), context(info)
    here.require(pull.repository, "contents", "write")
    if pull.queue_entry is None:
        raise failed("UNPROCESSABLE", "The pull request is not in the merge queue.")
    pull.repository.pulls.dequeue(pull, here.credential.login)
    here.github.act("pull-request.dequeued", pull.repository, here.credential.login, number=pull.number)
    return {"clientMutationId": input.get("clientMutationId"), "mergeQueueEntry": None}


def ready_for_review(source: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    pull = pull_by_id(input["pullRequestId"], info)
    context(info).require(pull.repository, "pull_requests", "write")
    pull.draft = False
    return {"clientMutationId": input.get("clientMutationId"), "pullRequest": pull}


PULL: Resolvers = {
    "assignees": pull_assignees,
    "author": lambda p, i: account(p.repository, p.author),
    "baseRef": lambda p, i: ref_view(p.repository, f"refs/heads/{p.base_ref}"),
    "baseRefName": lambda p, i: p.base_ref,
    "baseRefOid": lambda p, i: p.base_sha,
    "baseRepository": lambda p, i: p.repository,
    "body": lambda p, i: p.body or "",
    "changedFiles": lambda p, i: len(commits_of(p)),
    "closed": lambda p, i: p.state == "closed",
    "closedAt": lambda p, i: stamp(p.closed_at) if p.closed_at else None,
    "comments": pull_comments,
    "commits": pull_commits,
    "createdAt": lambda p, i: stamp(p.created_at),
    "databaseId": lambda p, i: p.id,
    "fullDatabaseId": lambda p, i: str(p.id),
    "headRef": head_ref,
    "headRefName": lambda p, i: p.head_ref,
    "headRefOid": lambda p, i: p.head_sha,
    "headRepository": lambda p, i: p.head_repository,
    "headRepositoryOwner": lambda p, i: account(p.repository, p.head_owner) if p.head_repository else None,
    "id": lambda p, i: p.node_id,
    "isCrossRepository": lambda p, i: p.cross_repository,
    "isDraft": lambda p, i: p.draft,
    "isInMergeQueue": lambda p, i: p.queue_entry is not None,
    "isMergeQueueEnabled": lambda p, i: protection.has_merge_queue(p.repository, p.base_ref),
    "locked": lambda p, i: p.locked,
    "mergeCommit": lambda p, i: commit_or_none(p.repository, p.merge_commit_sha),
    "mergeQueueEntry": lambda p, i: QueueEntryView(p) if p.queue_entry else None,
    "mergeStateStatus": pull_merge_state,
    "mergeable": pull_mergeable,
    "merged": lambda p, i: p.merged,
    "mergedAt": lambda p, i: stamp(p.merged_at) if p.merged_at else None,
    "mergedBy": lambda p, i: account(p.repository, p.merged_by),
    "number": lambda p, i: p.number,
    "permalink": lambda p, i: page_url(p.repository, "pull", str(p.number)),
    "potentialMergeCommit": lambda p, i: None,
    "repository": lambda p, i: p.repository,
    "reviewDecision": pull_review_decision,
    "reviews": pull_reviews,
    "state": lambda p, i: pull_state(p),
    "statusCheckRollup": lambda p, i: rollup_of(p.repository, p.head_sha, i),
    "title": lambda p, i: p.title,
    "totalCommentsCount": lambda p, i: len(p.comments),
    "updatedAt": lambda p, i: stamp(p.updated_at),
    "url": lambda p, i: page_url(p.repository, "pull", str(p.number)),
    "viewerCanUpdate": lambda p, i: p.repository.role_of(context(i).credential.login).admits(Role.WRITE),
    "viewerDidAuthor": lambda p, i: p.author == context(i).credential.login,
}
PULL_COMMIT: Resolvers = {
    "commit": lambda v, i: CommitView(v.pull.repository, v.sha),
    "id": lambda v, i: node_id("PURC", v.pull.repository.id, v.pull.number, v.sha),
    "pullRequest": lambda v, i: v.pull,
    "url": lambda v, i: page_url(v.pull.repository, "pull", str(v.pull.number), "commits", v.sha),
}
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
QUEUE: Resolvers = {
    "entries": queue_entries,
    "id": lambda v, i: node_id("MQ", v.repository.id, v.branch),
    "repository": lambda v, i: v.repository,
    "url": lambda v, i: page_url(v.repository, "queue", v.branch),
}
QUEUE_ENTRY: Resolvers = {
    "baseCommit": lambda v, i: commit_or_none(v.pull.repository, v.pull.base_tip()),
    "enqueuedAt": lambda v, i: stamp(v.pull.queue_entry.enqueued_at),
    "enqueuer": lambda v, i: account(v.pull.repository, v.pull.queue_entry.enqueued_by),
    "headCommit": lambda v, i: CommitView(v.pull.repository, v.pull.head_sha),
    "id": lambda v, i: node_id("MQE", v.pull.repository.id, v.pull.number),
    "position": queue_position,
    "pullRequest": lambda v, i: v.pull,
    "state": lambda v, i: "QUEUED",
}
RESOLVERS: dict[str, Resolvers] = {
    "PullRequest": PULL,
    "PullRequestCommit": PULL_COMMIT,
    "StatusCheckRollup": ROLLUP,
    "CheckRun": CHECK_RUN,
    "StatusContext": STATUS_CONTEXT,
    "Status": STATUS,
    "MergeQueue": QUEUE,
    "MergeQueueEntry": QUEUE_ENTRY,
    "Commit": {"status": status_of, "statusCheckRollup": lambda v, i: rollup_of(v.repository, v.sha, i)},
}
