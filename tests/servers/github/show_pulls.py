"""Pull requests, comments, checks and rules as the REST API shows them."""

from __future__ import annotations

from tests.servers.github import show
from tests.servers.github.model import Comment, Json, Role, node_id, stamp
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository


def urls(pull: PullRequest) -> tuple[str, str, str]:
    """(API address of the pull request, of its issue, the page's address)."""
    repository = pull.repository
    base = f"{repository.github.api_url}/repos/{repository.full_name}"
    page = f"{repository.github.url}/{repository.full_name}/pull/{pull.number}"
    return f"{base}/pulls/{pull.number}", f"{base}/issues/{pull.number}", page


def end(owner: str, ref: str, sha: str, repository: Repository | None) -> Json:
    """The head or the base of a pull request; a deleted fork is null."""
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": show.user(repository.github, owner) if repository else None,
        "repo": show.repository(repository) if repository else None,
    }


def association(pull: PullRequest) -> str:
    if pull.author.lower() == pull.repository.owner.lower():
        return "OWNER"
    return "MEMBER" if pull.repository.role_of(pull.author).admits(Role.WRITE) else "NONE"


def pull_simple(pull: PullRequest) -> Json:
    """As it is listed: no mergeability, no counts."""
    github = pull.repository.github
    url, issue, page = urls(pull)
    base = f"{github.api_url}/repos/{pull.repository.full_name}"
    assignees = [show.user(github, login) for login in pull.assignees]
    links = {
        "self": url,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{base}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{base}/statuses/{pull.head_sha}",
    }
    return {
        "url": url,
        "id": pull.id,
        "node_id": pull.node_id,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": links["statuses"],
        "number": pull.number,
        "state": pull.state,
        "locked": pull.locked,
        "title": pull.title,
        "user": show.user(github, pull.author),
        "body": pull.body,
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": stamp(pull.closed_at) if pull.closed_at else None,
        "merged_at": stamp(pull.merged_at) if pull.merged_at else None,
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [],
        "milestone": None,
        "draft": pull.draft,
        "head": end(pull.head_owner, pull.head_ref, pull.head_sha, pull.head_repository),
        "base": end(pull.repository.owner, pull.base_ref, pull.base_sha, pull.repository),
        "_links": {name: {"href": href} for name, href in links.items()},
        "author_association": association(pull),
        "auto_merge": None,
        "active_lock_reason": None,
    }


def pull_full(pull: PullRequest, *, asked: bool = True) -> Json:
    """Asked for by itself, which starts the computation of `mergeable`; in the answer to a change it is null."""
    repository, pulls = pull.repository, pull.repository.pulls
    mergeable = pulls.mergeable(pull) if asked else None
    shas = commits_of(pull)
    tree = repository.store.commit(pull.head_sha).tree
    base = repository.store.merge_base(pull.base_sha, pull.head_sha)
    changed = repository.store.difference(repository.store.commit(base).tree if base else None, tree)
    return {
        **pull_simple(pull),
        "merged": pull.merged,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": pulls.merge_state(pull, mergeable) if pull.state == "open" else "unknown",
        "merged_by": show.user(repository.github, pull.merged_by) if pull.merged_by else None,
        "comments": len(pull.comments),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(shas),
        "additions": len(changed),
        "deletions": 0,
        "changed_files": len(changed),
    }


def commits_of(pull: PullRequest) -> list[str]:
    """Oldest first. Of a merged one those that base had not before."""
    store = pull.repository.store
    return list(reversed(store.between(pull.base_sha, pull.head_sha)))


def issue(pull: PullRequest) -> Json:
    """The issue that every pull request is, too."""
    github, (url, api, page) = pull.repository.github, urls(pull)
    assignees = [show.user(github, login) for login in pull.assignees]
    return {
        "id": pull.id,
        "node_id": pull.node_id,
        "url": api,
        "repository_url": f"{github.api_url}/repos/{pull.repository.full_name}",
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "html_url": page,
        "number": pull.number,
        "state": pull.state,
        "title": pull.title,
        "body": pull.body,
        "user": show.user(github, pull.author),
        "labels": [],
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "locked": pull.locked,
        "active_lock_reason": None,
        "comments": len(pull.comments),
        "pull_request": {"url": url, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"},
        "closed_at": stamp(pull.closed_at) if pull.closed_at else None,
        "closed_by": show.user(github, pull.closed_by) if pull.closed_by else None,
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "author_association": association(pull),
    }


def comment(pull: PullRequest, shown: Comment) -> Json:
    github, (_, api, page) = pull.repository.github, urls(pull)
    base = f"{github.api_url}/repos/{pull.repository.full_name}"
    return {
        "id": shown.id,
        "node_id": node_id("IC", shown.id),
        "url": f"{base}/issues/comments/{shown.id}",
        "html_url": f"{page}#issuecomment-{shown.id}",
        "issue_url": api,
        "user": show.user(github, shown.author),
        "body": shown.body,
        "created_at": stamp(shown.created_at),
        "updated_at": stamp(shown.created_at),
        "author_association": "MEMBER",
        "performed_via_github_app": None,
    }
