"""REST: pull requests, merging, assignees and comments."""

from __future__ import annotations

from tests.servers.github import show, show_pulls
from tests.servers.github.access import can_see, may_touch_workflows, workflow_refusal
from tests.servers.github.merging import HEAD_MOVED
from tests.servers.github.messages import Answer
from tests.servers.github.model import AsyncMerge, Comment, Json, Refused, Role
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository
from tests.servers.github.rest import Call, route
from tests.servers.github.rest_repositories import assignable

MOST_ASSIGNEES = 10
LONGEST_COMMENT = 65536
METHODS = ("merge", "squash", "rebase")


@route("GET", "{r}/pulls")
def list_pulls(call: Call) -> Answer:
    """`head` counts as owner:branch only: a bare name is passed over (PyGithub #1566)."""
    call.require("pull_requests")
    query = call.incoming.query
    states = {"all": {"open", "closed"}, "closed": {"closed"}}.get(query.get("state", "open"), {"open"})
    owner, colon, branch = query.get("head", "").partition(":")
    found = [
        pull
        for pull in call.repository.pulls.listed(states)
        if (not colon or (pull.head_owner.lower(), pull.head_ref) == (owner.lower(), branch))
        and query.get("base", pull.base_ref) == pull.base_ref
    ]
    if query.get("sort") == "updated":
        found.sort(key=lambda pull: pull.updated_at, reverse=True)
    if query.get("direction") == "asc":
        found.reverse()
    return call.page(found, show_pulls.pull_simple)


@route("POST", "{r}/pulls")
def create_pull(call: Call) -> Answer:
    call.require("pull_requests", "write")
    title, head, base = (call.text(name, required=True) for name in ("title", "head", "base"))
    assert title and head and base
    heads, branch = head_side(call, head)
    pull = call.repository.pulls.open(
        heads,
        branch,
        base,
        title=title,
        body=call.text("body"),
        author=call.actor,
        draft=bool(call.json.get("draft")),
    )
    call.github.act(
        "pull-request.opened", call.repository, call.actor, number=pull.number, head=head, base=base, sha=pull.head_sha
    )
    return Answer.of(show_pulls.pull_full(pull, asked=False), 201)


def head_side(call: Call, head: str) -> tuple[Repository, str]:
    """The repository and branch of "branch" or "owner:branch"."""
    owner, colon, branch = head.rpartition(":")
    if not colon or owner.lower() == call.repository.owner.lower():
        return call.repository, branch
    for other in call.github.network(call.repository):
        if other.owner.lower() == owner.lower() and can_see(call.credential, other):
            return other, branch
    raise Refused(422, "Validation Failed", [{"resource": "PullRequest", "field": "head", "code": "invalid"}])


@route("GET", "{r}/pulls/{number}")
def get_pull(call: Call) -> Answer:
    call.require("pull_requests")
    return Answer.of(show_pulls.pull_full(call.pull()))


@route("PATCH", "{r}/pulls/{number}")
def update_pull(call: Call) -> Answer:
    call.require("pull_requests", "write")
    pull, state = call.pull(), call.text("state")
    title, body, base = call.text("title"), call.text("body"), call.text("base")
    if state not in (None, "open", "closed"):
        raise Refused(422, "Validation Failed", [{"resource": "PullRequest", "code": "invalid", "field": "state"}])
    if (title, body, base) != (None, None, None):
        call.repository.pulls.edit(pull, title=title, body=body, base=base)
        call.github.act("pull-request.edited", call.repository, call.actor, number=pull.number, title=title, body=body)
    if state == "closed" and pull.state == "open":
        call.repository.pulls.close(pull, call.actor)
        call.github.act("pull-request.closed", call.repository, call.actor, number=pull.number)
    elif state == "open" and pull.state == "closed":
        call.repository.pulls.reopen(pull)
        call.github.act("pull-request.reopened", call.repository, call.actor, number=pull.number)
    return Answer.of(show_pulls.pull_full(pull))


@route("GET", "{r}/pulls/{number}/commits")
def list_pull_commits(call: Call) -> Answer:
    """Oldest first, 250 at the most (docs, "List commits on a pull request")."""
    call.require("pull_requests")
    return call.page(show_pulls.commits_of(call.pull())[:250], lambda sha: show.commit(call.repository, sha))


@route("GET", "{r}/pulls/{number}/merge")
def is_merged(call: Call) -> Answer:
    call.require("pull_requests")
    if not call.pull().merged:
        raise Refused(404, "Not Found")
    return Answer(204)


@route("PUT", "{r}/pulls/{number}/merge")
def merge_pull(call: Call) -> Answer:
    call.require("contents", "write")
    pull = call.pull()
    method = merge_method(call)
    check_workflows(call, pull)
    title, message = call.text("commit_title"), call.text("commit_message")
    sha = call.repository.pulls.merge(
        pull, by=call.actor, method=method, sha=call.text("sha"), title=title, message=message
    )
    noted(call, pull, sha, method)
    return Answer.of({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def noted(call: Call, pull: PullRequest, sha: str, method: str) -> None:
    data = {"number": pull.number, "sha": sha, "head": pull.head_sha, "method": method}
    call.github.act("pull-request.merged", call.repository, call.actor, **data)


def merge_method(call: Call) -> str:
    method = call.text("merge_method") or "merge"
    if method not in METHODS:
        raise Refused(422, f"Invalid merge method: {method}")
    return method


def check_workflows(call: Call, pull: PullRequest) -> None:
    """Merging what touches .github/workflows/ needs a right of its own: Mergify2/mergify #2507."""
    if may_touch_workflows(call.credential):
        return
    store, base = call.repository.store, pull.base_tip()
    fork = store.merge_base(base, pull.head_sha) if base else None
    changed = store.difference(store.commit(fork).tree if fork else None, store.commit(pull.head_sha).tree)
    for path in sorted(changed):
        if path.startswith(".github/workflows/"):
            raise Refused(403, workflow_refusal(call.credential, path))


@route("PUT", "{r}/pulls/{number}/merge-async")
def merge_asynchronously(call: Call) -> Answer:
    """Only the pull request's own state is looked at; rules and conflicts show in the poll (gh-stack's reference)."""
    call.require("contents", "write")
    pull, action = call.pull(), call.text("merge_action") or "default"
    if action not in {"default", "merge_queue", "direct_merge"}:
        raise Refused(422, f"Invalid merge action: {action}")
    if pull.merged:
        details = {"message": "Pull request was already merged.", "sha": pull.merge_commit_sha}
        return Answer.of({"status": "merged", "details": details})
    if pull.queue_entry:
        return Answer.of({"status": "enqueued", "details": {"message": "Pull request is already in the merge queue."}})
    if pull.state == "closed" or pull.draft:
        text = "Pull request is closed." if pull.state == "closed" else "Pull request is a draft."
        return Answer.of({"status": "failed", "details": {"message": text}}, 400)
    if call.text("sha") not in (None, pull.head_sha):
        raise Refused(409, HEAD_MOVED)
    check_workflows(call, pull)
    if pending := call.repository.pulls.pending_of(pull):
        return Answer.of(wish_shown(pending), 409)  # gh-stack's reference: the existing one is returned, with its id
    wish = call.repository.pulls.merge_asynchronously(
        pull,
        by=call.actor,
        sha=call.text("sha"),
        method=call.text("merge_method"),
        action=action,
        bypass=bool(call.json.get("bypass_rules")),
    )
    return Answer.of(wish_shown(wish), 202)


@route("GET", "{r}/pulls/{number}/merge-async/{uuid}")
def poll_merge(call: Call) -> Answer:
    """The first poll finds it pending, the next one done: 200 in both cases, kept for 24 hours."""
    call.require("pull_requests")
    wish = call.repository.pulls.asynchronous.get(call.arguments["uuid"])
    if wish is None or (call.github.now() - wish.asked_at).days >= 1 or wish.number != int(call.arguments["number"]):
        raise Refused(404, "Not Found")
    if wish.state == "pending":
        wish.polls_left -= 1
        if wish.polls_left < 0:
            run(call, wish)
    return Answer.of(wish_shown(wish))


def run(call: Call, wish: AsyncMerge) -> None:
    call.repository.pulls.run_asynchronous(wish)
    pull = call.repository.pulls.get(wish.number)
    if wish.merge_sha:
        noted(call, pull, wish.merge_sha, wish.method)
    elif wish.state == "enqueued":
        call.github.act("pull-request.enqueued", call.repository, wish.actor, number=wish.number, head=pull.head_sha)


def wish_shown(wish: AsyncMerge) -> Json:
    if wish.state == "pending":
        details: Json = {
            "message": "Merge request is pending.",
            "uuid": wish.uuid,
            "merge_method": wish.method,
            "merge_action": wish.action,
            "expected_head_sha": wish.sha,
            "bypass_rules": wish.bypass,
        }
    else:
        details = {"message": wish.message} | ({"sha": wish.merge_sha} if wish.merge_sha else {})
    return {"status": wish.state, "details": details}


@route("GET", "{r}/issues/{number}")
def get_issue(call: Call) -> Answer:
    call.require("issues")
    return Answer.of(show_pulls.issue(call.pull()))


@route("POST", "{r}/issues/{number}/assignees")
def add_assignees(call: Call) -> Answer:
    """At most ten; who cannot be assigned is passed over without an error (vprusso/toqito#1522), and everybody where
    the caller may not push (docs)."""
    call.require("issues", "write")
    pull, wanted = call.pull(), call.json.get("assignees", [])
    if not isinstance(wanted, list) or not all(isinstance(login, str) for login in wanted):
        raise Refused(422, "Validation Failed", [{"resource": "Issue", "code": "invalid", "field": "assignees"}])
    if call.repository.role_of(call.actor).admits(Role.WRITE) or call.credential.installation:
        room = MOST_ASSIGNEES - len(pull.assignees)
        added = [login for login in wanted if assignable(call, login) and login not in pull.assignees][:room]
        pull.assignees.extend(added)
        call.github.act("pull-request.assigned", call.repository, call.actor, number=pull.number, assignees=added)
    return Answer.of(show_pulls.issue(pull), 201)


@route("DELETE", "{r}/issues/{number}/assignees")
def remove_assignees(call: Call) -> Answer:
    call.require("issues", "write")
    pull = call.pull()
    pull.assignees[:] = [login for login in pull.assignees if login not in call.json.get("assignees", [])]
    return Answer.of(show_pulls.issue(pull))


@route("GET", "{r}/issues/{number}/comments")
def list_comments(call: Call) -> Answer:
    call.require("issues")
    pull = call.pull()
    return call.page(pull.comments, lambda one: show_pulls.comment(pull, one))


@route("POST", "{r}/issues/{number}/comments")
def create_comment(call: Call) -> Answer:
    call.require("issues", "write")
    pull, body = call.pull(), call.text("body", required=True, resource="IssueComment")
    assert body
    if len(body) > LONGEST_COMMENT:
        text = f"Body is too long (maximum is {LONGEST_COMMENT} characters)"
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": text}
        raise Refused(422, "Validation Failed", [error])
    if pull.locked and not call.repository.role_of(call.actor).admits(Role.WRITE):
        raise Refused(403, "Unable to create comment because issue is locked.")
    made = Comment(call.github.ids.next(), call.actor, body, call.github.now())
    pull.comments.append(made)
    call.github.act("pull-request.commented", call.repository, call.actor, number=pull.number, body=body)
    return Answer.of(show_pulls.comment(pull, made), 201)


@route("PATCH", "{r}/issues/comments/{number}")
def update_comment(call: Call) -> Answer:
    call.require("issues", "write")
    for pull in call.repository.pulls.all.values():
        for one in pull.comments:
            if one.id == int(call.arguments["number"]):
                one.body = call.text("body", required=True, resource="IssueComment") or ""
                return Answer.of(show_pulls.comment(pull, one))
    raise Refused(404, "Not Found")
