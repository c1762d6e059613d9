"""REST: the account, repositories, branches, refs, rules, contents, collaborators."""

from __future__ import annotations

import base64

from tests.servers.github import show, show_checks
from tests.servers.github.access import ANONYMOUS, can_see
from tests.servers.github.history import SHA
from tests.servers.github.messages import Answer
from tests.servers.github.model import Activity, Json, Refused, Role, stamp
from tests.servers.github.protection import rules_for
from tests.servers.github.rest import Call, route

HEADS = "refs/heads/"
BIGGEST_CONTENT = 1_000_000  # above, `content` is empty and `encoding` none (docs, "Get repository content")


@route("GET", "/user")
def get_user(call: Call) -> Answer:
    if call.credential is ANONYMOUS:
        raise Refused(401, "Requires authentication")
    if call.credential.installation:
        raise Refused(403, "Resource not accessible by integration")
    extra = {
        "private_gists": 0,
        "total_private_repos": 0,
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
    }
    return Answer.of({**show.public_user(call.github, call.actor), **extra, "two_factor_authentication": True})


@route("GET", "/users/{login}")
def get_account(call: Call) -> Answer:
    if call.arguments["login"].lower() not in call.github.accounts:
        raise Refused(404, "Not Found")
    return Answer.of(show.public_user(call.github, call.arguments["login"]))


@route("GET", "/user/repos")
def list_repositories(call: Call) -> Answer:
    if call.credential is ANONYMOUS:
        raise Refused(401, "Requires authentication")
    seen = [
        repository
        for repository in call.github.repositories.values()
        if can_see(call.credential, repository) and repository.role_of(call.actor).admits(Role.TRIAGE)
    ]
    return call.page(seen, lambda repository: show.repository(repository, call.credential))


@route("GET", "/orgs/{org}/repos")
def list_organization(call: Call) -> Answer:
    seen = [
        repository
        for repository in call.github.repositories.values()
        if repository.owner.lower() == call.arguments["org"].lower() and can_see(call.credential, repository)
    ]
    return call.page(seen, lambda repository: show.repository(repository, call.credential))


@route("GET", "{r}")
def get_repository(call: Call) -> Answer:
    call.require("metadata")
    return Answer.of(show.full_repository(call.repository, call.credential))


@route("GET", "{r}/branches")
def list_branches(call: Call) -> Answer:
    call.require("contents")

    def show_one(name: str) -> Json:
        shown = show_checks.branch(call.repository, name)
        url = f"{call.github.api_url}/repos/{call.repository.full_name}/commits/{shown['commit']['sha']}"
        return {"name": name, "commit": {"sha": shown["commit"]["sha"], "url": url}, "protected": shown["protected"]}

    return call.page(sorted(call.repository.branches()), show_one)


@route("GET", "{r}/branches/{branch:path}/protection")
def get_protection(call: Call) -> Answer:
    """Administration read, as renovate PR 23885 found."""
    call.require("administration")
    name = branch_of(call)
    rules = [rule for rule in rules_for(call.repository, name) if rule.ruleset_id is None]
    if not rules:
        raise Refused(404, "Branch not protected")
    return Answer.of(show_checks.protection(call.repository, name, rules))


@route("GET", "{r}/branches/{branch:path}")
def get_branch(call: Call) -> Answer:
    call.require("contents")
    return Answer.of(show_checks.branch(call.repository, branch_of(call)))


def branch_of(call: Call) -> str:
    name = call.arguments["branch"]
    if HEADS + name not in call.repository.store.refs:
        raise Refused(404, "Branch not found")
    return name


@route("GET", "{r}/rules/branches/{branch:path}")
def get_rules(call: Call) -> Answer:
    """Answers for branches that do not exist, too: the rules that would apply (docs, "Get rules for a branch")."""
    call.require("metadata")
    return call.page(show_checks.branch_rules(call.repository, call.arguments["branch"]), lambda rule: rule)


@route("GET", "{r}/git/ref/{ref:path}")
def get_ref(call: Call) -> Answer:
    call.require("contents")
    name = "refs/" + call.arguments["ref"]
    sha = call.repository.store.refs.get(name)
    if sha is None:
        raise Refused(404, "Not Found")
    return Answer.of(show.ref(call.repository, name, sha))


@route("GET", "{r}/git/matching-refs/{ref:path}")
def matching_refs(call: Call) -> Answer:
    call.require("contents")
    prefix = "refs/" + call.arguments["ref"]
    names = sorted(name for name in call.repository.store.refs if name.startswith(prefix))
    return call.page(names, lambda name: show.ref(call.repository, name, call.repository.store.refs[name]))


@route("POST", "{r}/git/refs")
def create_ref(call: Call) -> Answer:
    call.require("contents", "write")
    name, sha = (
        call.text("ref", required=True, resource="Reference"),
        call.text("sha", required=True, resource="Reference"),
    )
    assert name and sha
    if not name.startswith("refs/") or name.count("/") < 2:
        raise Refused(422, "Reference name must start with 'refs/' and have at least two slashes")
    if not call.repository.store.refs:
        raise Refused(409, "Git Repository is empty.")
    if name in call.repository.store.refs:
        raise Refused(422, "Reference already exists")
    if not SHA.fullmatch(sha) or not call.repository.store.kind(sha):
        raise Refused(422, "Object does not exist")
    call.repository.move(name, sha, by=call.actor)
    call.github.act("branch.created", call.repository, call.actor, ref=name, sha=sha)
    return Answer.of(show.ref(call.repository, name, sha), 201)


@route("PATCH", "{r}/git/refs/{ref:path}")
def update_ref(call: Call) -> Answer:
    call.require("contents", "write")
    name, sha = "refs/" + call.arguments["ref"], call.text("sha", required=True, resource="Reference")
    store = call.repository.store
    if name not in store.refs:
        raise Refused(422, "Reference does not exist")
    if not sha or not store.kind(sha):
        raise Refused(422, "Object does not exist")
    if not call.json.get("force") and store.refs[name] not in store.ancestors(sha):
        raise Refused(422, "Update is not a fast forward")
    call.repository.move(name, sha, by=call.actor)
    call.github.act("branch.updated", call.repository, call.actor, ref=name, sha=sha)
    return Answer.of(show.ref(call.repository, name, sha))


@route("DELETE", "{r}/git/refs/{ref:path}")
def delete_ref(call: Call) -> Answer:
    call.require("contents", "write")
    name = "refs/" + call.arguments["ref"]
    if name not in call.repository.store.refs:
        raise Refused(422, "Reference does not exist")
    call.repository.move(name, None, by=call.actor)
    call.github.act("branch.deleted", call.repository, call.actor, ref=name)
    return Answer(204)


@route("GET", "{r}/contents")
def get_root(call: Call) -> Answer:
    return contents(call, "")


@route("GET", "{r}/contents/{path:path}")
def get_contents(call: Call) -> Answer:
    return contents(call, call.arguments["path"])


def contents(call: Call, path: str) -> Answer:
    """A file with its content in base64, or the entries of a folder."""
    call.require("contents")
    repository, revision = call.repository, call.incoming.query.get("ref") or call.repository.default_branch
    found = repository.find(revision)
    if found is None:
        empty = not repository.store.refs
        raise Refused(404, "This repository is empty." if empty else f"No commit found for the ref {revision}")
    entry = repository.store.entry(repository.store.commit(repository.store.peel(found)).tree, path.strip("/"))
    if entry is None:
        raise Refused(404, "Not Found")
    if repository.store.kind(entry[1]) == "tree":
        listing = sorted(repository.store.tree(entry[1]).items())
        return Answer.of(
            [content(call, f"{path.strip('/')}/{name}".lstrip("/"), sha, revision) for name, (_, sha) in listing]
        )
    body = repository.store.body(entry[1])
    small = len(body) <= BIGGEST_CONTENT
    shown = content(call, path.strip("/"), entry[1], revision)
    text = base64.encodebytes(body).decode() if small else ""
    return Answer.of({**shown, "content": text, "encoding": "base64" if small else "none"})


def content(call: Call, path: str, sha: str, revision: str) -> Json:
    repository, github = call.repository, call.github
    folder = repository.store.kind(sha) == "tree"
    kind = "tree" if folder else "blob"
    url = f"{github.api_url}/repos/{repository.full_name}/contents/{path}?ref={revision}"
    git = f"{github.api_url}/repos/{repository.full_name}/git/{kind}s/{sha}"
    html = f"{github.url}/{repository.full_name}/{kind}/{revision}/{path}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": 0 if folder else len(repository.store.body(sha)),
        "url": url,
        "html_url": html,
        "git_url": git,
        "download_url": None if folder else f"{github.url}/{repository.full_name}/raw/{revision}/{path}",
        "type": "dir" if folder else "file",
        "_links": {"self": url, "git": git, "html": html},
    }


@route("GET", "{r}/assignees/{login}")
def check_assignee(call: Call) -> Answer:
    call.require("metadata")
    if not assignable(call, call.arguments["login"]):
        raise Refused(404, "Not Found")
    return Answer(204)


def assignable(call: Call, login: str) -> bool:
    """Who may at least read and belongs there: a person, or a bot that writes (docs, "Check if a user can be
    assigned").
    """
    known = login.lower() in call.github.accounts and not call.github.is_organization(login)
    return known and call.repository.role_of(login).admits(Role.TRIAGE)


@route("GET", "{r}/collaborators/{login}/permission")
def get_permission(call: Call) -> Answer:
    call.require("metadata")
    login = call.arguments["login"]
    if login.lower() not in call.github.accounts:
        raise Refused(404, f"{login} is not a user")
    role = call.repository.role_of(login)
    legacy = {Role.MAINTAIN: "write", Role.TRIAGE: "read"}.get(role, role.value)
    user = {**show.user(call.github, login), "role_name": role.value}
    return Answer.of({"permission": legacy, "role_name": role.value, "user": user})


@route("GET", "{r}/activity")
def list_activities(call: Call) -> Answer:
    """docs.github.com, "List repository activities": newest first."""
    call.require("contents")
    ref = call.incoming.query.get("ref")
    found = [one for one in reversed(call.repository.activities) if ref in (None, one.ref)]
    return call.page(found, lambda one: activity(call, one))


def activity(call: Call, one: Activity) -> Json:
    return {
        "id": call.repository.activities.index(one) + 1,
        "before": one.before or "0" * 40,
        "after": one.after or "0" * 40,
        "ref": one.ref,
        "timestamp": stamp(one.at),
        "activity_type": activity_type(call, one),
        "actor": show.public_user(call.github, one.by),
    }


def activity_type(call: Call, one: Activity) -> str:
    if one.before is None or one.after is None:
        return "branch_creation" if one.before is None else "branch_deletion"
    return "push" if one.before in call.repository.store.ancestors(one.after) else "force_push"
