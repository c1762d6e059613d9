"""GraphQL: repositories."""

from __future__ import annotations

from typing import Any

from tests.servers.github import show
from tests.servers.github.access import allows
from tests.servers.github.graphql_common import (
    Arguments,
    Resolvers,
    context,
    ordered,
    page_url,
    protection_shown,
    pull_state,
    ref_view,
)
from tests.servers.github.graphql_views import (
    Connection,
    GitView,
    Info,
    QueueView,
    RefView,
    connect,
    failed,
    git_view,
)
from tests.servers.github.model import Account, Role, Rule, node_id, stamp
from tests.servers.github.protection import rules_for
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository


def repository_ref(repository: Repository, info: Info, qualifiedName: str) -> RefView | None:
    """A full ref or a branch's short name; anything else is null, never an error."""
    context(info).require(repository, "contents")
    if qualifiedName.startswith("refs/"):
        return ref_view(repository, qualifiedName)
    return ref_view(repository, f"refs/heads/{qualifiedName}") or ref_view(repository, f"refs/tags/{qualifiedName}")


def repository_default_branch(repository: Repository, info: Info) -> RefView | None:
    context(info).require(repository, "contents")
    return ref_view(repository, f"refs/heads/{repository.default_branch}")


def repository_refs(
    repository: Repository,
    info: Info,
    refPrefix: str,
    query: str | None = None,
    orderBy: Arguments | None = None,
    direction: str | None = None,
    **page: Any,
) -> Connection[str]:
    """In alphabetical order, or by the date of the commit behind each tag (schema, RefOrderField.TAG_COMMIT_DATE)."""
    context(info).require(repository, "contents")
    store = repository.store
    prefix = refPrefix if refPrefix.endswith("/") else f"{refPrefix}/"
    names = sorted(name for name in store.refs if name.startswith(prefix))
    if query:
        names = [name for name in names if query.lower() in name[len(prefix) :].lower()]
    if orderBy and orderBy["field"] == "TAG_COMMIT_DATE" and prefix == "refs/tags/":
        names.sort(key=lambda name: tag_date(repository, store.refs[name]))
    if (orderBy["direction"] if orderBy else direction) == "DESC":
        names.reverse()
    return connect("refs", names, lambda name: ref_view(repository, name), **page)


def tag_date(repository: Repository, sha: str) -> float:
    peeled = repository.store.peel(sha)
    is_commit = repository.store.has_commit(peeled)
    return repository.store.commit(peeled).committer.date.timestamp() if is_commit else 0.0


def repository_object(
    repository: Repository, info: Info, expression: str | None = None, oid: str | None = None
) -> GitView | None:
    """`expression` is a revision, or revision:path; what does not exist is null."""
    context(info).require(repository, "contents")
    if oid is not None:
        return git_view(repository, oid) if repository.store.kind(oid) else None
    revision, colon, path = (expression or "").partition(":")
    sha = repository.find(revision or "HEAD")
    if sha is None or not colon:
        return git_view(repository, sha) if sha else None
    peeled = repository.store.peel(sha)
    if not repository.store.has_commit(peeled):
        return None
    entry = repository.store.entry(repository.store.commit(peeled).tree, path)
    return git_view(repository, entry[1]) if entry else None


def repository_pull_requests(
    repository: Repository,
    info: Info,
    states: list[str] | None = None,
    baseRefName: str | None = None,
    headRefName: str | None = None,
    orderBy: Arguments | None = None,
    labels: list[str] | None = None,
    **page: Any,
) -> Connection[PullRequest]:
    """Oldest first unless ordered; `headRefName` matches forks' branches of that name, too."""
    context(info).require(repository, "pull_requests")
    found = [
        pull
        for pull in repository.pulls.all.values()
        if (not states or pull_state(pull) in states)
        and baseRefName in (None, pull.base_ref)
        and headRefName in (None, pull.head_ref)
        and not labels
    ]
    return connect("pullRequests", ordered(found, orderBy), lambda pull: pull, **page)


def repository_pull_request(repository: Repository, info: Info, number: int) -> PullRequest:
    context(info).require(repository, "pull_requests")
    found = repository.pulls.all.get(number)
    if found is None:
        raise failed("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    return found


def repository_permission(repository: Repository, info: Info) -> str | None:
    shown = show.permissions(repository, context(info).credential)
    names = {"admin": "ADMIN", "maintain": "MAINTAIN", "push": "WRITE", "triage": "TRIAGE", "pull": "READ"}
    return next((name for right, name in names.items() if shown[right]), None)


def repository_queue(repository: Repository, info: Info, branch: str | None = None) -> QueueView | None:
    name = branch or repository.default_branch
    return QueueView(repository, name) if any(rule.merge_queue for rule in rules_for(repository, name)) else None


def repository_protections(repository: Repository, info: Info, **page: Any) -> Connection[Rule]:
    """Empty for those who do not administer."""
    seen = allows(context(info).credential, repository, "administration", "read")
    rules = [rule for rule in repository.rules if rule.ruleset_id is None] if seen else []
    return connect("branchProtectionRules", rules, lambda rule: protection_shown(repository, rule), **page)


def repository_assignable(
    repository: Repository, info: Info, query: str | None = None, **page: Any
) -> Connection[Account]:
    people = [
        account
        for account in repository.github.accounts.values()
        if account.kind == "User" and repository.role_of(account.login).admits(Role.TRIAGE)
    ]
    people = [account for account in people if not query or query.lower() in account.login.lower()]
    return connect("assignableUsers", people, lambda account: account, **page)


REPOSITORY: Resolvers = {
    "archivedAt": lambda r, i: stamp(r.archived_at) if r.archived_at else None,
    "autoMergeAllowed": lambda r, i: r.settings.allow_auto_merge,
    "assignableUsers": repository_assignable,
    "branchProtectionRules": repository_protections,
    "createdAt": lambda r, i: stamp(r.created_at),
    "databaseId": lambda r, i: r.id,
    "defaultBranchRef": repository_default_branch,
    "deleteBranchOnMerge": lambda r, i: r.settings.delete_branch_on_merge,
    "description": lambda r, i: r.settings.description,
    "id": lambda r, i: node_id("R", r.id),
    "isArchived": lambda r, i: r.archived_at is not None,
    "isDisabled": lambda r, i: False,
    "isEmpty": lambda r, i: not r.store.refs,
    "isFork": lambda r, i: r.parent is not None,
    "isLocked": lambda r, i: False,
    "isPrivate": lambda r, i: r.private,
    "mergeCommitAllowed": lambda r, i: r.settings.allow_merge_commit,
    "mergeQueue": repository_queue,
    "name": lambda r, i: r.name,
    "nameWithOwner": lambda r, i: r.full_name,
    "object": repository_object,
    "owner": lambda r, i: r.github.person(r.owner),
    "parent": lambda r, i: r.parent,
    "pullRequest": repository_pull_request,
    "pullRequests": repository_pull_requests,
    "pushedAt": lambda r, i: stamp(r.pushed_at),
    "rebaseMergeAllowed": lambda r, i: r.settings.allow_rebase_merge,
    "ref": repository_ref,
    "refs": repository_refs,
    "squashMergeAllowed": lambda r, i: r.settings.allow_squash_merge,
    "updatedAt": lambda r, i: stamp(r.updated_at),
    "url": lambda r, i: page_url(r),
    "viewerCanAdminister": lambda r, i: show.permissions(r, context(i).credential)["admin"],
    "viewerPermission": repository_permission,
    "visibility": lambda r, i: "PRIVATE" if r.private else "PUBLIC",
}
RESOLVERS: dict[str, Resolvers] = {"Repository": REPOSITORY}
