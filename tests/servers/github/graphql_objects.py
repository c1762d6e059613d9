"""GraphQL: commits, tags, trees, blobs and the people in them."""

from __future__ import annotations

from typing import Any

from tests.servers.github.graphql_common import Arguments, Resolvers, context, ordered, page_url
from tests.servers.github.graphql_views import (
    ActorView,
    BlobView,
    CommitView,
    Connection,
    EntryView,
    GitView,
    Info,
    TagView,
    TreeView,
    connect,
    git_view,
)
from tests.servers.github.model import Account, node_id, stamp
from tests.servers.github.objects import DIRECTORY, Signature
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.show_pulls import commits_of

TRUNCATED_AT = 512 * 1024  # GitHub cuts the text of a blob at 512 kB; not documented, so clients look at isTruncated
HEADLINE = 72  # as canonical/cloud-init PR 642 says of GitHub's pages; clients should take the whole message


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


def of_signature(name: str) -> Any:
    def resolve(view: CommitView, info: Info) -> ActorView:
        signature = view.commit.author if name == "author" else view.commit.committer
        return ActorView(view.repository.github, signature)

    return resolve


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
    "Commit": COMMIT,
    "Tag": TAG,
    "Blob": BLOB,
    "Tree": TREE,
    "TreeEntry": ENTRY,
    "GitActor": ACTOR,
}
