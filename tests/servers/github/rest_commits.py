"""REST: commits, comparisons, statuses and check runs."""

from __future__ import annotations

from tests.servers.github import show, show_checks, show_pulls
from tests.servers.github.history import SHA
from tests.servers.github.messages import Answer
from tests.servers.github.model import Refused
from tests.servers.github.repository import Repository
from tests.servers.github.rest import Call, route

UNPAGED, COMPARE_PAGE = 250, 1000  # PyGithub's docstring for compare: 250 by default, 1,000 at most
LONGEST_DESCRIPTION = 140
MOST_STATUSES = 1000


@route("GET", "{r}/commits")
def list_commits(call: Call) -> Answer:
    call.require("contents")
    repository = call.repository
    if not repository.store.refs:
        raise Refused(409, "Git Repository is empty.")
    sha = commit_of(repository, call.incoming.query.get("sha") or repository.default_branch)
    return call.page(repository.store.between(None, sha), lambda one: show.commit(repository, one))


def commit_of(repository: Repository, revision: str) -> str:
    """404 for a name that is none, 422 for a sha that nobody knows, as the docs of "Get a commit" give them."""
    found = repository.find(revision)
    peeled = repository.store.peel(found) if found else None
    if peeled is None or not repository.store.has_commit(peeled):
        raise Refused(422, f"No commit found for SHA: {revision}")
    return peeled


@route("GET", "{r}/commits/{ref:path}/pulls")
def list_pulls_of_commit(call: Call) -> Answer:
    """Merged pull requests that brought the commit into the default branch, else open ones that have it."""
    call.require("pull_requests")
    repository = call.repository
    sha = commit_of(repository, call.arguments["ref"])
    found = [
        pull
        for pull in repository.pulls.listed({"open", "closed"})
        if (pull.merged or pull.state == "open") and sha in [*show_pulls.commits_of(pull), pull.merge_commit_sha]
    ]
    return call.page(found, show_pulls.pull_simple)


@route("GET", "{r}/commits/{ref:path}/status")
def combined_status(call: Call) -> Answer:
    """Statuses only, no check runs; success, pending (also when there are none) or failure."""
    call.require("statuses")
    repository = call.repository
    sha = commit_of(repository, call.arguments["ref"])
    newest = {status.context.lower(): status for status in repository.checks.statuses.get(sha, [])}
    states = {status.state for status in newest.values()}
    state = "failure" if states & {"failure", "error"} else ("success" if states == {"success"} else "pending")
    url = f"{call.github.api_url}/repos/{repository.full_name}/commits/{sha}"
    return Answer.of(
        {
            "state": state,
            "statuses": [show_checks.simple_status(repository, status) for status in newest.values()],
            "sha": sha,
            "total_count": len(newest),
            "repository": show.repository(repository),
            "commit_url": url,
            "url": f"{url}/status",
        }
    )


@route("GET", "{r}/commits/{ref:path}/statuses")
def list_statuses(call: Call) -> Answer:
    call.require("statuses")
    repository = call.repository
    found = repository.checks.statuses.get(commit_of(repository, call.arguments["ref"]), [])
    return call.page(
        list(reversed(found)),
        lambda one: {**show_checks.simple_status(repository, one), "creator": show.user(call.github, one.creator)},
    )


@route("GET", "{r}/commits/{ref:path}/check-runs")
def list_check_runs(call: Call) -> Answer:
    call.require("checks")
    repository = call.repository
    runs = repository.checks.runs.get(commit_of(repository, call.arguments["ref"]), [])
    wanted = call.incoming.query.get("check_name")
    runs = [run for run in runs if wanted in (None, run.name)]
    return call.page(list(reversed(runs)), lambda run: show_checks.check_run(repository, run), key="check_runs")


@route("GET", "{r}/commits/{ref:path}")
def get_commit(call: Call) -> Answer:
    call.require("contents")
    repository = call.repository
    if not repository.store.refs:
        raise Refused(409, "Git Repository is empty.")
    sha = commit_of(repository, call.arguments["ref"])
    commit = repository.store.commit(sha)
    parent = repository.store.commit(commit.parents[0]).tree if commit.parents else None
    files = show.files(repository, parent, commit.tree)
    stats = {
        "additions": sum(file["additions"] for file in files),
        "deletions": sum(file["deletions"] for file in files),
        "total": sum(file["changes"] for file in files),
    }
    return Answer.of({**show.commit(repository, sha), "stats": stats, "files": files})


@route("GET", "{r}/git/commits/{sha}")
def get_git_commit(call: Call) -> Answer:
    call.require("contents")
    repository, sha = call.repository, call.arguments["sha"]
    if not repository.store.has_commit(sha):
        raise Refused(404, "Not Found")
    shown = show.commit(repository, sha)
    git = show.git_commit(repository, repository.store.commit(sha))
    git.pop("comment_count")
    return Answer.of({**git, "sha": sha, **{key: shown[key] for key in ("node_id", "html_url", "parents")}})


@route("GET", "{r}/compare/{basehead:path}")
def compare(call: Call) -> Answer:
    """docs.github.com, "Compare two commits": unpaged the newest 250 (the newest last), paged from the oldest."""
    call.require("contents")
    repository = call.repository
    base_name, dots, head_name = call.arguments["basehead"].partition("...")
    base, head = side(repository, base_name), side(repository, head_name)
    if not dots or base is None or head is None:
        raise Refused(404, "Not Found")
    merge_base = repository.store.merge_base(base, head)
    if merge_base is None:
        raise Refused(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead = list(reversed(repository.store.between(base, head)))
    behind = len(repository.store.between(head, base))
    status = ("diverged" if behind else "ahead") if ahead else ("behind" if behind else "identical")
    paged = "page" in call.incoming.query or "per_page" in call.incoming.query
    size, number = call.incoming.number("per_page", UNPAGED, COMPARE_PAGE), call.incoming.number("page", 1, 10**9)
    shown = ahead[(number - 1) * size : number * size] if paged else ahead[-UNPAGED:]
    span = f"{repository.full_name}/compare/{base_name}...{head_name}"
    html = f"{call.github.url}/{span}"
    permalink = f"{repository.full_name}/compare/{repository.owner}:{base[:7]}...{repository.owner}:{head[:7]}"
    value = {
        "url": f"{call.github.api_url}/repos/{span}",
        "html_url": html,
        "permalink_url": f"{call.github.url}/{permalink}",
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "base_commit": show.commit(repository, base),
        "merge_base_commit": show.commit(repository, merge_base),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": [show.commit(repository, sha) for sha in shown],
    }
    if number == 1:
        old, new = repository.store.commit(merge_base).tree, repository.store.commit(head).tree
        value["files"] = show.files(repository, old, new)
    return Answer.of(value, headers=call.links(len(ahead), size, number) if paged else None)


def side(repository: Repository, name: str) -> str | None:
    """One end of a comparison: a revision, or owner:branch of the same network."""
    owner, colon, branch = name.rpartition(":")
    if colon and owner.lower() != repository.owner.lower():
        for other in repository.github.network(repository):
            if other.owner.lower() == owner.lower() and (sha := other.find(branch)):
                repository.store.copy_from(other.store, other.store.peel(sha))
                return other.store.peel(sha)
        return None
    found = repository.find(branch)
    peeled = repository.store.peel(found) if found else None
    return peeled if peeled and repository.store.has_commit(peeled) else None


@route("POST", "{r}/statuses/{sha}")
def create_status(call: Call) -> Answer:
    """422 for a description above 140 characters (argo-diff #49) and for the 1,001st of a commit and context."""
    call.require("statuses", "write")
    repository, sha = call.repository, call.arguments["sha"]
    if not SHA.fullmatch(sha) or not repository.store.has_commit(sha):
        raise Refused(422, f"No commit found for SHA: {sha}")
    state, context = call.text("state"), call.text("context") or "default"
    description = call.text("description")
    if state not in {"error", "failure", "pending", "success"}:
        raise invalid("state", "state is not included in the list")
    if description and len(description) > LONGEST_DESCRIPTION:
        raise invalid("description", "description is too long (maximum is 140 characters)")
    given = [one for one in repository.checks.statuses.get(sha, []) if one.context.lower() == context.lower()]
    if len(given) >= MOST_STATUSES:
        raise invalid("base", "This SHA and context has reached the maximum number of statuses.")
    target = call.text("target_url")
    made = repository.status(
        context, at=sha, state=state, description=description, target_url=target, creator=call.actor
    )
    call.github.act(
        "status.created", repository, call.actor, sha=sha, context=context, state=state, description=description
    )
    shown = {**show_checks.simple_status(repository, made), "creator": show.user(call.github, call.actor)}
    return Answer.of(shown, 201)


def invalid(field: str, message: str) -> Refused:
    error = {"resource": "Status", "code": "custom", "field": field, "message": message}
    return Refused(422, "Validation Failed", [error])


@route("GET", "{r}/check-runs/{number}")
def get_check_run(call: Call) -> Answer:
    call.require("checks")
    for runs in call.repository.checks.runs.values():
        for run in runs:
            if run.id == int(call.arguments["number"]):
                return Answer.of(show_checks.check_run(call.repository, run))
    raise Refused(404, "Not Found")
