"""GraphQL: repositories, refs and git's objects."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.servers.github import show
from tests.servers.github.access import allows
from tests.servers.github.graphql_views import (
    ActorView,
    BlobView,
    CommitView,
    ComparisonView,
    Connection,
    Context,
    EntryView,
    GitView,
    Info,
    QueueView,
    RefView,
    TagView,
    TreeView,
    connect,
    failed,
    git_view,
)
from tests.servers.github.model import Account, Role, Rule, node_id, stamp
from tests.servers.github.objects import DIRECTORY, Signature
from tests.servers.github.protection import rules_for
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository

Arguments = dict[str, Any]
Resolvers = dict[str, Any]  # field -> function of the source, info and the arguments
TRUNCATED_AT = 512 * 1024  # GitHub cuts the text of a blob at 512 kB; not documented, so clients look at isTruncated
HEADLINE = 72


def context(info: Info) -> Context:
    return info.context


# repositories


def ref_view(repository: Repository, name: str) -> RefView | None:
    sha = repository.store.refs.get(name)
    return RefView(repository, name, sha) if sha else None


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


def ordered(pulls: list[PullRequest], order: Arguments | None) -> list[PullRequest]:
    if order is None:
        return pulls
    key = {"UPDATED_AT": "updated_at"}.get(order["field"], "created_at")
    return sorted(pulls, key=lambda pull: (getattr(pull, key), pull.number), reverse=order["direction"] == "DESC")


def pull_state(pull: PullRequest) -> str:
    return "MERGED" if pull.merged else pull.state.upper()


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
    return connect("branchProtectionRules", rules, lambda rule: protection(repository, rule), **page)


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


# refs


def ref_compare(ref: RefView, info: Info, headRef: str) -> ComparisonView | None:
    """`headRef` is a branch, owner:branch or an oid (refined-github #6094); null for what is not there or unrelated."""
    from tests.servers.github.rest_commits import side

    store, base, head = ref.repository.store, ref.repository.store.peel(ref.sha), side(ref.repository, headRef)
    if head is None or store.merge_base(base, head) is None:
        return None
    ahead = tuple(reversed(store.between(base, head)))
    return ComparisonView(ref.repository, base, head, ahead, len(store.between(head, base)))


def comparison_status(shown: ComparisonView, info: Info) -> str:
    if shown.ahead:
        return "DIVERGED" if shown.behind else "AHEAD"
    return "BEHIND" if shown.behind else "IDENTICAL"


def comparison_commits(shown: ComparisonView, info: Info, **page: Any) -> Connection[str]:
    """Oldest first."""
    return connect("commits", shown.ahead, lambda sha: CommitView(shown.repository, sha), **page)


def ref_pulls(ref: RefView, info: Info, **arguments: Any) -> Connection[PullRequest]:
    """Pull requests whose head is this branch."""
    arguments["headRefName"] = ref.name
    return repository_pull_requests(ref.repository, info, **arguments)


def protection(repository: Repository, rule: Rule) -> dict[str, Any]:
    return {
        "id": node_id("BPR", repository.id, rule.pattern),
        "databaseId": 1,
        "pattern": rule.pattern,
        "isAdminEnforced": rule.admins,
        "requiresStatusChecks": bool(rule.checks),
        "requiredStatusCheckContexts": list(rule.checks),
        "requiresStrictStatusChecks": rule.strict,
        "requiresApprovingReviews": bool(rule.reviews),
        "requiredApprovingReviewCount": rule.reviews,
    }


def ref_protection(ref: RefView, info: Info) -> dict[str, Any] | None:
    """For administrators; which permission it takes is not documented, so others get null."""
    classic = [rule for rule in rules_for(ref.repository, ref.name) if rule.ruleset_id is None]
    if not classic or not allows(context(info).credential, ref.repository, "administration", "read"):
        return None
    return protection(ref.repository, classic[0])


def ref_rules(ref: RefView, info: Info, orderBy: object = None, **page: Any) -> Connection[dict[str, Any]]:
    """Of rulesets only, as `/rules/branches/{branch}` is: classic protection is not in it."""
    rules = [rule for rule in rules_for(ref.repository, ref.name) if rule.ruleset_id is not None]
    return connect("rules", [shown for rule in rules for shown in rule_nodes(ref, rule)], lambda node: node, **page)


def rule_nodes(ref: RefView, rule: Rule) -> list[dict[str, Any]]:
    parameters: dict[str, dict[str, Any] | None] = {}
    if rule.checks:
        parameters["REQUIRED_STATUS_CHECKS"] = {
            "__typename": "RequiredStatusChecksParameters",
            "doNotEnforceOnCreate": False,
            "requiredStatusChecks": [{"context": name, "integrationId": None} for name in rule.checks],
            "strictRequiredStatusChecksPolicy": rule.strict,
        }
    if rule.merge_queue:
        parameters["MERGE_QUEUE"] = {
            "__typename": "MergeQueueParameters",
            "maxEntriesToMerge": 5,
            "minEntriesToMerge": 1,
        }
    if rule.reviews or rule.methods:
        parameters["PULL_REQUEST"] = None
    return [
        {"id": node_id("RR", ref.repository.id, rule.ruleset_id or 0, kind), "type": kind, "parameters": given}
        for kind, given in parameters.items()
    ]


def ref_update_rule(ref: RefView, info: Info) -> dict[str, Any] | None:
    """Viewable by non-admins (schema), null for administrators (remove-stale-branches PR 76)."""
    rules = rules_for(ref.repository, ref.name)
    if not rules or ref.repository.role_of(context(info).credential.login) == Role.ADMIN:
        return None
    return {
        "pattern": rules[0].pattern,
        "allowsDeletions": False,
        "allowsForcePushes": False,
        "requiredApprovingReviewCount": max(rule.reviews for rule in rules) or None,
        "requiredStatusCheckContexts": list(dict.fromkeys(check for rule in rules for check in rule.checks)),
        "requiresLinearHistory": False,
        "viewerCanPush": True,
    }


# git objects


def commit_headline(view: CommitView) -> tuple[str, str]:
    """(headline, body): a long first line is cut with an ellipsis that the body goes on from."""
    first, _, rest = view.commit.message.partition("\n")
    if len(first) <= HEADLINE:
        return first, rest.lstrip("\n")
    return first[: HEADLINE - 3] + "…", f"…{first[HEADLINE - 3 :]}\n{rest}".rstrip("\n")


def commit_history(view: CommitView, info: Info, **arguments: Any) -> Connection[str]:
    page = {name: arguments.get(name) for name in ("first", "last", "after", "before")}
    shas = view.repository.store.between(None, view.sha)
    return connect("history", shas, lambda sha: CommitView(view.repository, sha), **page)


def commit_parents(view: CommitView, info: Info, **page: Any) -> Connection[str]:
    return connect("parents", view.commit.parents, lambda sha: CommitView(view.repository, sha), **page)


def commit_pulls(
    view: CommitView, info: Info, orderBy: Arguments | None = None, **page: Any
) -> Connection[PullRequest]:
    from tests.servers.github.show_pulls import commits_of

    context(info).require(view.repository, "pull_requests")
    found = [
        pull
        for pull in view.repository.pulls.all.values()
        if (pull.merged or pull.state == "open") and view.sha in [*commits_of(pull), pull.merge_commit_sha]
    ]
    return connect("associatedPullRequests", ordered(found, orderBy), lambda pull: pull, **page)


def commit_file(view: CommitView, info: Info, path: str) -> EntryView | None:
    entry = view.repository.store.entry(view.commit.tree, path)
    return EntryView(view.repository, path.rpartition("/")[2], path, *entry) if entry else None


def tree_entries(view: TreeView, info: Info) -> list[EntryView]:
    listing = sorted(view.repository.store.tree(view.sha).items())
    path = f"{view.path}/" if view.path else ""
    return [EntryView(view.repository, name, path + name, mode, sha) for name, (mode, sha) in listing]


def entry_object(view: EntryView, info: Info) -> GitView:
    return (
        TreeView(view.repository, view.sha, view.path)
        if view.mode == DIRECTORY
        else BlobView(view.repository, view.sha)
    )


def blob_text(view: BlobView, info: Info) -> str | None:
    """Null for binary files; cut when long."""
    body = view.repository.store.body(view.sha)
    return None if b"\0" in body[:8000] else body[:TRUNCATED_AT].decode(errors="replace")


def tag_target(view: TagView, info: Info) -> GitView:
    return git_view(view.repository, view.repository.store.tag(view.sha).target)


def tag_tagger(view: TagView, info: Info) -> ActorView | None:
    tagger = view.repository.store.tag(view.sha).tagger
    return ActorView(view.repository.github, tagger) if tagger else None


def actor_user(view: ActorView, info: Info) -> Account | None:
    """A person's account by address; never a bot, whose type is not User."""
    authors, email = context(info).authors, view.signature.email
    if email not in authors:
        authors[email] = view.github.by_email(email)
    account = authors[email]
    return account if account and account.kind == "User" else None


def git_timestamp(signature: Signature) -> str:
    return signature.date.isoformat().replace("+00:00", "Z")


def page_url(repository: Repository, *parts: str) -> str:
    return "/".join([repository.github.url, repository.full_name, *(quote(part) for part in parts)])


def of_signature(name: str) -> Any:
    def resolve(view: CommitView, info: Info) -> ActorView:
        signature = view.commit.author if name == "author" else view.commit.committer
        return ActorView(view.repository.github, signature)

    return resolve


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
REF: Resolvers = {
    "associatedPullRequests": ref_pulls,
    "branchProtectionRule": ref_protection,
    "compare": ref_compare,
    "id": lambda v, i: node_id("REF", v.repository.id, v.full_name),
    "name": lambda v, i: v.name,
    "prefix": lambda v, i: v.prefix,
    "refUpdateRule": ref_update_rule,
    "repository": lambda v, i: v.repository,
    "rules": ref_rules,
    "target": lambda v, i: git_view(v.repository, v.sha),
}
COMPARISON: Resolvers = {
    "aheadBy": lambda v, i: len(v.ahead),
    "baseTarget": lambda v, i: CommitView(v.repository, v.base),
    "behindBy": lambda v, i: v.behind,
    "commits": comparison_commits,
    "headTarget": lambda v, i: CommitView(v.repository, v.head),
    "id": lambda v, i: node_id("CMP", v.repository.id, v.base, v.head),
    "status": comparison_status,
}
OBJECT: Resolvers = {
    "abbreviatedOid": lambda v, i: v.sha[:7],
    "commitUrl": lambda v, i: page_url(v.repository, "commit", v.sha),
    "id": lambda v, i: node_id("GO", v.repository.id, v.sha),
    "oid": lambda v, i: v.sha,
    "repository": lambda v, i: v.repository,
}
COMMIT: Resolvers = {
    **OBJECT,
    "additions": lambda v, i: 1,
    "associatedPullRequests": commit_pulls,
    "author": of_signature("author"),
    "authoredByCommitter": lambda v, i: v.commit.author.email == v.commit.committer.email,
    "authoredDate": lambda v, i: stamp(v.commit.author.date),
    "authors": lambda v, i, **page: connect(
        "authors", [v.commit.author], lambda one: ActorView(v.repository.github, one), **page
    ),
    "changedFilesIfAvailable": lambda v, i: None,
    "checkSuites": lambda v, i, filterBy=None, **page: connect("checkSuites", [], lambda one: one, **page),
    "committedDate": lambda v, i: stamp(v.commit.committer.date),
    "committedViaWeb": lambda v, i: v.commit.committer.email == "noreply@github.com",
    "committer": of_signature("committer"),
    "deletions": lambda v, i: 0,
    "file": commit_file,
    "history": commit_history,
    "message": lambda v, i: v.commit.message,
    "messageBody": lambda v, i: commit_headline(v)[1],
    "messageHeadline": lambda v, i: commit_headline(v)[0],
    "parents": commit_parents,
    "tree": lambda v, i: TreeView(v.repository, v.commit.tree),
    "url": lambda v, i: page_url(v.repository, "commit", v.sha),
}
TAG: Resolvers = {
    **OBJECT,
    "message": lambda v, i: v.repository.store.tag(v.sha).message,
    "name": lambda v, i: v.repository.store.tag(v.sha).name,
    "tagger": tag_tagger,
    "target": tag_target,
}
BLOB: Resolvers = {
    **OBJECT,
    "byteSize": lambda v, i: len(v.repository.store.body(v.sha)),
    "isBinary": lambda v, i: b"\0" in v.repository.store.body(v.sha)[:8000],
    "isTruncated": lambda v, i: len(v.repository.store.body(v.sha)) > TRUNCATED_AT,
    "text": blob_text,
}
TREE: Resolvers = {**OBJECT, "entries": tree_entries}
ENTRY: Resolvers = {
    "mode": lambda v, i: int(v.mode, 8),
    "name": lambda v, i: v.name,
    "object": entry_object,
    "oid": lambda v, i: v.sha,
    "path": lambda v, i: v.path,
    "size": lambda v, i: 0 if v.mode == DIRECTORY else len(v.repository.store.body(v.sha)),
    "type": lambda v, i: "tree" if v.mode == DIRECTORY else "blob",
}
ACTOR: Resolvers = {
    "avatarUrl": lambda v, i, size=None: f"{v.github.url}/avatars/e/{v.signature.email}",
    "date": lambda v, i: git_timestamp(v.signature),
    "email": lambda v, i: v.signature.email,
    "name": lambda v, i: v.signature.name,
    "user": actor_user,
}
RESOLVERS: dict[str, Resolvers] = {
    "Repository": REPOSITORY,
    "Ref": REF,
    "Comparison": COMPARISON,
    "Commit": COMMIT,
    "Tag": TAG,
    "Blob": BLOB,
    "Tree": TREE,
    "TreeEntry": ENTRY,
    "GitActor": ACTOR,
}
