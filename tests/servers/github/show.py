"""Accounts, repositories and commits as the REST API shows them; tests hold the shapes against githubkit's models."""

from __future__ import annotations

import hashlib

from tests.servers.github.access import Credential
from tests.servers.github.model import Account, AccountKind, Json, Role, node_id, stamp
from tests.servers.github.objects import CommitObject, Signature
from tests.servers.github.repository import Repository
from tests.servers.github.world import GitHub

USER_LINKS = ("gists{/gist_id}", "starred{/owner}{/repo}", "events{/privacy}", "received_events", "followers", "repos")
REPOSITORY_LINKS = {
    "archive": "{archive_format}{/ref}",
    "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}",
    "contributors": "contributors",
    "deployments": "deployments",
    "downloads": "downloads",
    "events": "events",
    "forks": "forks",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "hooks": "hooks",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "keys": "keys{/key_id}",
    "labels": "labels{/name}",
    "languages": "languages",
    "merges": "merges",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}",
    "releases": "releases{/id}",
    "stargazers": "stargazers",
    "statuses": "statuses/{sha}",
    "subscribers": "subscribers",
    "subscription": "subscription",
    "tags": "tags",
    "teams": "teams",
    "trees": "git/trees{/sha}",
}


def account_node(account: Account) -> str:
    return node_id({"User": "U", "Organization": "O", "Bot": "BOT"}[account.kind], account.id)


def user(github: GitHub, login: str) -> Json:
    """A "simple user"."""
    account = github.person(login)
    base = f"{github.api_url}/users/{login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": account_node(account),
        "avatar_url": avatar(github, account),
        "gravatar_id": "",
        "url": base,
        "html_url": f"{github.url}/{login}",
        "followers_url": f"{base}/followers",
        "following_url": f"{base}/following{{/other_user}}",
        "gists_url": f"{base}/gists{{/gist_id}}",
        "starred_url": f"{base}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{base}/subscriptions",
        "organizations_url": f"{base}/orgs",
        "repos_url": f"{base}/repos",
        "events_url": f"{base}/events{{/privacy}}",
        "received_events_url": f"{base}/received_events",
        "type": account.kind.value,
        "user_view_type": "public",
        "site_admin": False,
    }


def avatar(github: GitHub, account: Account) -> str:
    return f"{github.url}/avatars/u/{account.id}?v=4"


def public_user(github: GitHub, login: str) -> Json:
    account = github.person(login)
    owned = [repository for repository in github.repositories.values() if repository.owner.lower() == login.lower()]
    return {
        **user(github, login),
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email if account.kind == AccountKind.USER else None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": sum(not repository.private for repository in owned),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": stamp(account.created_at),
        "updated_at": stamp(account.created_at),
    }


def repository(shown: Repository, credential: Credential | None = None) -> Json:
    """A repository as it is listed and nested."""
    github, name = shown.github, shown.full_name
    url = f"{github.api_url}/repos/{name}"
    opened = len(shown.pulls.listed({"open"}))
    links = {f"{key}_url": f"{url}/{rest}" for key, rest in REPOSITORY_LINKS.items()}
    return {
        "id": shown.id,
        "node_id": node_id("R", shown.id),
        "name": shown.name,
        "full_name": name,
        "private": shown.private,
        "owner": user(github, shown.owner),
        "html_url": f"{github.url}/{name}",
        "description": shown.settings.description,
        "fork": shown.parent is not None,
        "url": url,
        **links,
        "git_url": f"git://{github.url.partition('//')[2]}/{name}.git",
        "ssh_url": f"git@{github.url.partition('//')[2]}:{name}.git",
        "clone_url": shown.remote,
        "svn_url": f"{github.url}/{name}",
        "created_at": stamp(shown.created_at),
        "updated_at": stamp(shown.updated_at),
        "pushed_at": stamp(shown.pushed_at),
        "homepage": None,
        "size": 0 if not shown.store.refs else 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": True,
        "has_projects": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": shown.archived_at is not None,
        "disabled": False,
        "open_issues_count": opened,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if shown.private else "public",
        "forks": 0,
        "open_issues": opened,
        "watchers": 0,
        "default_branch": shown.default_branch,
        **({"permissions": permissions(shown, credential)} if credential and credential.login else {}),
    }


def permissions(shown: Repository, credential: Credential) -> Json:
    if credential.permissions is not None and credential.installation is not None:
        level = credential.permissions.get("contents", "none")
        role = {"none": Role.NONE, "read": Role.READ, "write": Role.WRITE}[level]
    else:
        role = shown.role_of(credential.login)
    return {
        "admin": role.admits(Role.ADMIN),
        "maintain": role.admits(Role.MAINTAIN),
        "push": role.admits(Role.WRITE),
        "triage": role.admits(Role.TRIAGE),
        "pull": role.admits(Role.READ),
    }


def full_repository(shown: Repository, credential: Credential) -> Json:
    """A repository asked for by itself: the settings are shown to those who may push (docs, "Get a repository")."""
    settings = shown.settings
    found = {**repository(shown, credential), "temp_clone_token": None, "network_count": 0, "subscribers_count": 0}
    if found.get("permissions", {}).get("push"):
        found |= {
            "allow_squash_merge": settings.allow_squash_merge,
            "allow_merge_commit": settings.allow_merge_commit,
            "allow_rebase_merge": settings.allow_rebase_merge,
            "allow_auto_merge": settings.allow_auto_merge,
            "delete_branch_on_merge": settings.delete_branch_on_merge,
            "allow_update_branch": settings.allow_update_branch,
            "use_squash_pr_title_as_default": False,
            "squash_merge_commit_message": "COMMIT_MESSAGES",
            "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
            "merge_commit_message": "PR_TITLE",
            "merge_commit_title": "MERGE_MESSAGE",
        }
    if shown.parent:
        found |= {"parent": repository(shown.parent, credential), "source": repository(shown.parent, credential)}
    return found


def person(signature: Signature) -> Json:
    return {"name": signature.name, "email": signature.email, "date": stamp(signature.date)}


def author_of(github: GitHub, signature: Signature) -> Json | None:
    """The account whose address it is, else null."""
    account = github.by_email(signature.email)
    return user(github, account.login) if account else None


def git_commit(shown: Repository, commit: CommitObject) -> Json:
    url = f"{shown.github.api_url}/repos/{shown.full_name}/git"
    return {
        "author": person(commit.author),
        "committer": person(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{url}/trees/{commit.tree}"},
        "url": f"{url}/commits/{commit.sha}",
        "comment_count": 0,
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def commit(shown: Repository, sha: str) -> Json:
    """A commit as it is listed."""
    github, found = shown.github, shown.store.commit(sha)
    url, html = f"{github.api_url}/repos/{shown.full_name}/commits", f"{github.url}/{shown.full_name}/commit"
    return {
        "sha": sha,
        "node_id": node_id("C", shown.id, sha),
        "commit": git_commit(shown, found),
        "url": f"{url}/{sha}",
        "html_url": f"{html}/{sha}",
        "comments_url": f"{url}/{sha}/comments",
        "author": author_of(github, found.author),
        "committer": author_of(github, found.committer),
        "parents": [
            {"sha": parent, "url": f"{url}/{parent}", "html_url": f"{html}/{parent}"} for parent in found.parents
        ],
    }


def files(shown: Repository, old: str | None, new: str) -> list[Json]:
    """The changed files between two trees, at most 300, without patches."""
    raw = f"{shown.github.url}/{shown.full_name}"
    entries: list[Json] = []
    for path, entry in sorted(shown.store.difference(old, new).items())[:300]:
        existed = old is not None and shown.store.entry(old, path) is not None
        status = "removed" if entry is None else ("modified" if existed else "added")
        before = shown.store.entry(old, path) if old else None
        sha = entry[1] if entry else (before[1] if before else "0" * 40)
        entries.append(
            {
                "sha": sha,
                "filename": path,
                "status": status,
                "additions": 0 if entry is None else 1,
                "deletions": 0 if status == "added" else 1,
                "changes": 1 if status != "modified" else 2,
                "blob_url": f"{raw}/blob/{sha}/{path}",
                "raw_url": f"{raw}/raw/{sha}/{path}",
                "contents_url": f"{shown.github.api_url}/repos/{shown.full_name}/contents/{path}?ref={sha}",
            }
        )
    return entries


def ref(shown: Repository, name: str, sha: str) -> Json:
    """A git ref; `object` of an annotated tag is the tag, not the commit."""
    url = f"{shown.github.api_url}/repos/{shown.full_name}/git"
    kind = shown.store.kind(sha) or "commit"
    return {
        "ref": name,
        "node_id": node_id("REF", shown.id, name),
        "url": f"{url}/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"},
    }


def etag(body: bytes, secret: str) -> str:
    """Specific to the token, as GitHub's support says in otterdog #201."""
    return f'W/"{hashlib.sha256(secret.encode() + body).hexdigest()}"'
