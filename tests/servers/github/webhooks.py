"""Webhooks: what GitHub tells other systems about pushes, pull requests, checks and repositories.

docs.github.com, "Webhook events and payloads", "Best practices for using webhooks" (an answer within 10 seconds) and
"Handling failed webhook deliveries" (nothing is sent again by itself; a redelivery has the same id).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.servers.github import show, show_checks, show_pulls
from tests.servers.github.history import HEADS
from tests.servers.github.model import Json
from tests.servers.github.repository import Repository
from tests.servers.github.world import Event, GitHub

PATIENCE = 10  # seconds that GitHub waits for an answer
MOST_COMMITS = 2048
NOTHING = "0" * 40


@dataclass(slots=True)
class Hook:
    """Where events go. `losing` of them are not sent, as when GitHub has an outage. None for `events` means all."""

    id: int
    url: str
    secret: str | None = field(repr=False)
    events: frozenset[str] | None
    repository_id: int | None
    app_id: int | None
    losing: int = 0

    def wants(self, event: Event) -> bool:
        here = self.repository_id in {None, event.repository.id}
        return here and (self.events is None or event.name in self.events)


@dataclass(slots=True)
class Delivery:
    """One event on its way to one hook; `status` is None until it was answered, 0 when nobody answered."""

    id: str
    hook: Hook
    event: str
    body: bytes = field(repr=False)
    status: int | None = None


class Webhooks:
    """Sends what happens to all hooks, one after another, from a thread of its own."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self.hooks: list[Hook] = []
        self.deliveries: list[Delivery] = []
        self._waiting: queue.Queue[Delivery | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True, name="github-webhooks")
        github.listeners.append(self.heard)

    def add(
        self,
        url: str,
        *,
        secret: str | None = None,
        repository: str | None = None,
        events: Sequence[str] | None = None,
        app_id: int | None = None,
    ) -> Hook:
        """A hook of one repository (None: of all), or of an App."""
        with self.github.lock:
            repository_id = self.github.repository(repository).id if repository else None
            wanted = frozenset(events) if events is not None else None
            hook = Hook(self.github.ids.next(), url, secret, wanted, repository_id, app_id)
            self.hooks.append(hook)
            if not self._thread.is_alive():
                self._thread.start()
            return hook

    def heard(self, event: Event) -> None:
        hooks = [hook for hook in self.hooks if hook.wants(event)]
        body = json.dumps(payload(event), separators=(",", ":")).encode() if hooks else b""
        for hook in hooks:
            if hook.losing:
                hook.losing -= 1
                continue
            delivery = Delivery(str(uuid.uuid4()), hook, event.name, body)
            self.deliveries.append(delivery)
            self._waiting.put(delivery)

    def redeliver(self, delivery: Delivery) -> None:
        """By hand: the same id once more."""
        self._waiting.put(delivery)

    def join(self) -> None:
        """Waits until everything that happened so far was sent and answered."""
        self._waiting.join()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(PATIENCE + 1)

    def _run(self) -> None:
        while (delivery := self._waiting.get()) is not None:
            delivery.status = sent(delivery)
            self._waiting.task_done()


def sent(delivery: Delivery) -> int:
    """The status of the answer, 0 without one."""
    request = urllib.request.Request(delivery.hook.url, delivery.body, headers(delivery), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return 0


def headers(delivery: Delivery) -> dict[str, str]:
    hook = delivery.hook
    found = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/f00d",
        "X-GitHub-Delivery": delivery.id,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration" if hook.app_id else "repository",
        "X-GitHub-Hook-Installation-Target-ID": str(hook.app_id or hook.repository_id or 0),
    }
    if hook.secret is not None:
        key = hook.secret.encode()
        found["X-Hub-Signature"] = "sha1=" + hmac.new(key, delivery.body, hashlib.sha1).hexdigest()
        found["X-Hub-Signature-256"] = "sha256=" + hmac.new(key, delivery.body, hashlib.sha256).hexdigest()
    return found


def payload(event: Event) -> Json:
    repository = event.repository
    shown: Json = {"action": event.action} if event.action else {}
    tell = {
        "push": push,
        "pull_request": pull_request,
        "check_run": check_run,
        "status": status,
        "repository": renamed,
    }.get(event.name, plain)
    shown |= tell(repository, event.data)
    shown["repository"] = show.repository(repository) | {"custom_properties": {}}
    shown["sender"] = show.user(repository.github, event.by)
    if event.name == "push":
        shown["pusher"] = {"name": event.by, "email": repository.github.person(event.by).email}
    return shown


def plain(repository: Repository, data: Json) -> Json:
    """What is told as it was noted: branches and tags made and removed."""
    return dict(data)


def renamed(repository: Repository, data: Json) -> Json:
    """The former name or owner; nothing when it was deleted."""
    if "from_name" in data:
        return {"changes": {"repository": {"name": {"from": data["from_name"]}}}}
    if "from_owner" not in data:
        return {}
    github, login = repository.github, data["from_owner"]
    owner = show.user(github, login)
    if not github.is_organization(login):
        return {"changes": {"owner": {"from": {"user": owner}}}}
    url = f"{github.api_url}/orgs/{login}"
    links = {
        f"{name}_url": f"{url}/{name}" for name in ("repos", "events", "hooks", "issues", "members", "public_members")
    }
    about = {name: owner[name] for name in ("login", "id", "node_id", "avatar_url")}
    organization = {**about, **links, "url": url, "description": None}
    return {"changes": {"owner": {"from": {"organization": organization}}}}


def push(repository: Repository, data: Json) -> Json:
    """`commits` are those that are new to the branch, oldest first; none for a removed branch."""
    before, after, store = data["before"], data["after"], repository.store
    known = before if before != NOTHING and store.has_commit(before) else None
    new = store.between(known, after) if after != NOTHING and data["ref"].startswith(HEADS) else []
    moved = known is not None and after != NOTHING
    page = f"{repository.github.url}/{repository.full_name}/compare/{before[:12]}...{after[:12]}"
    commits = [pushed_commit(repository, sha) for sha in reversed(new[:MOST_COMMITS])]
    return {
        "ref": data["ref"],
        "before": before,
        "after": after,
        "base_ref": None,
        "created": before == NOTHING,
        "deleted": after == NOTHING,
        "forced": moved and before not in store.ancestors(store.peel(after)),
        "compare": page,
        "commits": commits if known else commits[-1:],
        "head_commit": commits[-1] if commits else None,
    }


def pushed_commit(repository: Repository, sha: str) -> Json:
    commit = repository.store.commit(sha)
    return {
        "id": sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.committer.date.isoformat(),
        "url": f"{repository.github.url}/{repository.full_name}/commit/{sha}",
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
        "added": [],
        "removed": [],
        "modified": [],
    }


def pull_request(repository: Repository, data: Json) -> Json:
    pull = repository.pulls.get(data["number"])
    return {**data, "pull_request": show_pulls.pull_full(pull, asked=False)}


def check_run(repository: Repository, data: Json) -> Json:
    run = repository.checks.runs[data["sha"]][-1]
    return {"check_run": show_checks.check_run(repository, run)}


def status(repository: Repository, data: Json) -> Json:
    found = repository.checks.statuses[data["sha"]][-1]
    shown = show_checks.simple_status(repository, found)
    url = f"{repository.github.api_url}/repos/{repository.full_name}/commits/{found.sha}"
    branches = [
        {"name": name, "commit": {"sha": found.sha, "url": url}, "protected": False}
        for name, sha in repository.branches().items()
        if sha == found.sha
    ]
    wanted = ("id", "state", "description", "target_url", "context", "avatar_url", "created_at", "updated_at")
    commit = show.commit(repository, found.sha)
    return {
        **{name: shown[name] for name in wanted},
        "sha": found.sha,
        "name": repository.full_name,
        "commit": commit,
        "branches": branches,
    }
