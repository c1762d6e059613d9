"""GraphQL: pull requests and the merge queue."""

from __future__ import annotations

from typing import Any

from tests.servers.github import protection
from tests.servers.github.graphql_checks import rollup_of
from tests.servers.github.graphql_common import (
    Resolvers,
    account,
    commit_or_none,
    context,
    page_url,
    pull_state,
    ref_view,
)
from tests.servers.github.graphql_views import (
    CommitView,
    Connection,
    Info,
    PullCommitView,
    QueueEntryView,
    QueueMoveView,
    QueueView,
    connect,
    failed,
)
from tests.servers.github.model import Comment, QueueMove, Refused, Review, Role, node_id, stamp
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.show_pulls import commits_of


def pull_mergeable(pull: PullRequest, info: Info) -> str:
    found = context(info).mergeability(pull)
    return {None: "UNKNOWN", True: "MERGEABLE", False: "CONFLICTING"}[found]


def pull_merge_state(pull: PullRequest, info: Info) -> str:
    if pull.state == "closed":
        return "UNKNOWN"
    return pull.repository.pulls.merge_state(pull, context(info).mergeability(pull)).upper()


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


def queue_entries(view: QueueView, info: Info, **page: Any) -> Connection[PullRequest]:
    return connect("entries", view.repository.pulls.queued(view.branch), QueueEntryView, **page)


def queue_position(view: QueueEntryView, info: Info) -> int:
    return view.pull.repository.pulls.queued(view.pull.base_ref).index(view.pull) + 1


def timeline(
    pull: PullRequest,
    info: Info,
    itemTypes: list[str] | None = None,
    since: str = "",
    skip: int = 0,
    **page: Any,
) -> Connection[QueueMove]:
    """Of a pull request's timeline only the moves into the merge queue and out of it, oldest first."""
    names = {True: "ADDED_TO_MERGE_QUEUE_EVENT", False: "REMOVED_FROM_MERGE_QUEUE_EVENT"}
    wanted = [move for move in pull.queue_moves if not itemTypes or names[move.added] in itemTypes]
    moves = [move for move in wanted if stamp(move.at) >= since][skip:]
    found = connect("timelineItems", moves, lambda move: QueueMoveView(pull, move), **page)
    count = len(found.items)
    found.extra.update(filteredCount=len(moves), pageCount=count, updatedAt=stamp(pull.updated_at))
    return found


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


def revert(source: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """docs.github.com, mutation revertPullRequest: a branch with the revert, and its pull request to the same base."""
    pull, here = pull_by_id(input["pullRequestId"], info), context(info)
    here.require(pull.repository, "contents", "write")
    here.require(pull.repository, "pull_requests", "write")
    try:
        made = pull.repository.pulls.revert(
            pull, by=here.credential.login, title=input.get("title"), body=input.get("body"), draft=input.get("draft")
        )
    except Refused as refused:
        raise failed("UNPROCESSABLE", refused.message) from refused
    here.github.act(
        "pull-request.opened",
        pull.repository,
        here.credential.login,
        number=made.number,
        head=made.head_ref,
        base=made.base_ref,
        sha=made.head_sha,
    )
    return {"clientMutationId": input.get("clientMutationId"), "pullRequest": pull, "revertPullRequest": made}


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
    "timelineItems": timeline,
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
QUEUE_MOVE: Resolvers = {
    "actor": lambda v, i: account(v.pull.repository, v.move.by),
    "createdAt": lambda v, i: stamp(v.move.at),
    "id": lambda v, i: node_id("MQM", v.pull.repository.id, v.move.id),
    "mergeQueue": lambda v, i: QueueView(v.pull.repository, v.pull.base_ref),
    "pullRequest": lambda v, i: v.pull,
}
QUEUE_REMOVAL: Resolvers = {
    **QUEUE_MOVE,
    "beforeCommit": lambda v, i: commit_or_none(v.pull.repository, v.move.before),
    "reason": lambda v, i: v.move.reason,
}
RESOLVERS: dict[str, Resolvers] = {
    "PullRequest": PULL,
    "PullRequestCommit": PULL_COMMIT,
    "MergeQueue": QUEUE,
    "MergeQueueEntry": QUEUE_ENTRY,
    "AddedToMergeQueueEvent": QUEUE_MOVE,
    "RemovedFromMergeQueueEvent": QUEUE_REMOVAL,
}
