"""A repository as people change it: settings, roles, rules, checks, pull requests; its git side is in `history`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tests.servers.github.history import HEADS, TAGS, History
from tests.servers.github.model import Activity, CheckRun, Checks, CommitStatus, Role, Rule, Settings
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.pulls import Pulls

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.github.world import GitHub


class Repository(History):
    """Made by `GitHub.add_repository`. Each public method takes the server's lock, so tests may call it at any time."""

    def __init__(self, github: GitHub, identifier: int, full_name: str, *, private: bool, default_branch: str) -> None:
        super().__init__(github, github.folder / f"{identifier}.git", default_branch)
        self.id = identifier
        self.owner, self.name = full_name.split("/")
        self.private = private
        self.archived_at: datetime | None = None
        self.parent: Repository | None = None
        self.forks: list[Repository] = []
        self.created_at = self.pushed_at = self.updated_at = github.now()
        self.settings = Settings()
        self.roles: dict[str, Role] = {}
        self.rules: list[Rule] = []
        self.checks = Checks()
        self.mergeable_after = 1
        self.digesting = True
        self.pulls = Pulls(self)
        self.activities: list[Activity] = []

    def __repr__(self) -> str:
        return f"<Repository {self.full_name}>"

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def path(self) -> Path:
        """The bare repository on disk, written when asked for."""
        with self.github.lock:
            return self.store.path

    @property
    def remote(self) -> str:
        return self.github.remote(self.full_name)

    def moved(self, ref: str, before: str | None, after: str | None, *, by: str) -> None:
        """What follows when a ref has moved already, as after a push by git."""
        if ref.startswith(HEADS):
            self.pushed_at = self.github.now()
            self.activities.append(Activity(ref, before, after, by, self.pushed_at))
            self.pulls.branch_moved(ref[len(HEADS) :], before, after, by)
        if ref.startswith((HEADS, TAGS)):
            self.github.pushed(self, ref, before, after, by)

    # the repository itself

    def rename(self, full_name: str) -> None:
        """To another name, or another owner (a transfer); the old name leads here as long as nobody takes it."""
        with self.github.lock:
            self.github.rename(self, full_name)

    def archive(self) -> None:
        with self.github.lock:
            self.archived_at = self.updated_at = self.github.now()

    def unarchive(self) -> None:
        with self.github.lock:
            self.archived_at = None

    def delete(self) -> None:
        with self.github.lock:
            self.github.forget(self)

    def fork(self, owner: str) -> Repository:
        """A copy with another owner, whose pull requests may be opened here."""
        with self.github.lock:
            copy = self.github.add_repository(
                f"{owner}/{self.name}", private=self.private, default_branch=self.default_branch, initial=False
            )
            copy.parent = self
            self.forks.append(copy)
            for ref, sha in list(self.store.refs.items()):
                if ref.startswith((HEADS, TAGS)):
                    copy.store.copy_from(self.store, self.store.peel(sha))
                    copy.store.refs[ref] = self.store.peel(sha)
            return copy

    def set_default_branch(self, name: str) -> None:
        with self.github.lock:
            self.store.default_branch = name

    def set(self, **settings: bool | str | None) -> None:
        """Changes settings by their REST names; TypeError for one that does not exist."""
        with self.github.lock:
            unknown = settings.keys() - {field.name for field in fields(Settings)}
            if unknown:
                raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
            for name, value in settings.items():
                setattr(self.settings, name, value)

    def set_role(self, login: str, role: str) -> None:
        with self.github.lock:
            self.github.person(login)
            self.roles[login.lower()] = Role(role)

    def role_of(self, login: str | None) -> Role:
        """Owners administer; members of the place may write unless told otherwise; strangers read what is public."""
        if login is None:
            return Role.READ if not self.private else Role.NONE
        if (given := self.roles.get(login.lower())) is not None:
            return given if given != Role.NONE or self.private else Role.READ
        if login.lower() == self.owner.lower():
            return Role.ADMIN
        if self.github.is_organization(self.owner) and login.lower() not in self.github.strangers:
            return Role.WRITE
        return Role.READ if not self.private else Role.NONE

    # rules and checks

    def protect(
        self, pattern: str, *, checks: Sequence[str] = (), reviews: int = 0, strict: bool = False, admins: bool = False
    ) -> None:
        """Classic branch protection."""
        with self.github.lock:
            self.rules.append(Rule(pattern, tuple(checks), reviews, strict, admins))

    def add_ruleset(
        self,
        pattern: str,
        *,
        checks: Sequence[str] = (),
        reviews: int = 0,
        strict: bool = False,
        merge_queue: bool = False,
        methods: Sequence[str] | None = None,
        bypass: Sequence[str] = (),
    ) -> int:
        """A ruleset; returns its id. `bypass` names who may pass it, e.g. the account of a token."""
        with self.github.lock:
            identifier = self.github.ids.next()
            rule = Rule(pattern, tuple(checks), reviews, strict, True, merge_queue)
            rule = replace(
                rule, methods=tuple(methods) if methods else None, ruleset_id=identifier, bypass=tuple(bypass)
            )
            self.rules.append(rule)
            return identifier

    def unprotect(self, pattern: str) -> None:
        with self.github.lock:
            self.rules = [rule for rule in self.rules if rule.pattern != pattern]

    def check_run(
        self,
        name: str,
        *,
        at: str = "HEAD",
        status: str = "completed",
        conclusion: str | None = "success",
        app: str = "github-actions",
    ) -> CheckRun:
        """A check run; a second one of the same name and App on the same commit takes the first one's place."""
        with self.github.lock:
            sha, now = self.sha(at), self.github.now()
            done = status == "completed"
            run = CheckRun(
                self.github.ids.next(), sha, name, status, conclusion if done else None, app, now, now if done else None
            )
            runs = self.checks.runs.setdefault(sha, [])
            runs[:] = [other for other in runs if (other.name, other.app) != (name, app)]
            runs.append(run)
            self.pulls.checks_changed(sha)
            self.github.checked(self, sha, "check_run")
            return run

    def status(
        self,
        context: str,
        *,
        at: str = "HEAD",
        state: str = "success",
        description: str | None = None,
        target_url: str | None = None,
        creator: str = "octocat",
    ) -> CommitStatus:
        """A commit status; the newest of a context counts."""
        with self.github.lock:
            self.github.person(creator)
            made = CommitStatus(
                self.github.ids.next(),
                self.sha(at),
                context,
                state,
                description,
                target_url,
                creator,
                self.github.now(),
            )
            self.checks.statuses.setdefault(made.sha, []).append(made)
            self.pulls.checks_changed(made.sha)
            self.github.checked(self, made.sha, "status")
            return made

    # pull requests, as people use them

    def open_pull_request(
        self,
        head: str,
        base: str,
        *,
        title: str = "Deploy",
        body: str | None = "",
        author: str = "octocat",
        draft: bool = False,
        created_at: datetime | None = None,
        head_repository: Repository | None = None,
    ) -> PullRequest:
        with self.github.lock:
            self.github.person(author)
            pull = self.pulls.open(
                head_repository or self, head, base, title=title, body=body, author=author, draft=draft
            )
            if created_at:
                pull.created_at = created_at
            return pull

    def pull(self, number: int) -> PullRequest:
        with self.github.lock:
            return self.pulls.get(number)

    def close_pull_request(self, number: int, *, by: str = "octocat") -> None:
        with self.github.lock:
            self.pulls.close(self.pulls.get(number), by)

    def reopen_pull_request(self, number: int) -> None:
        with self.github.lock:
            self.pulls.reopen(self.pulls.get(number))

    def merge_pull_request(self, number: int, *, by: str = "octocat", method: str = "merge") -> str:
        """As a person with every right does in the browser; rules are passed over. Returns the new commit of base."""
        with self.github.lock:
            self.github.person(by)
            return self.pulls.merge(self.pulls.get(number), by=by, method=method, rules=False)

    def edit_pull_request(
        self,
        number: int,
        *,
        title: str | None = None,
        body: str | None = None,
        draft: bool | None = None,
        base: str | None = None,
        locked: bool | None = None,
    ) -> None:
        with self.github.lock:
            pull = self.pulls.get(number)
            self.pulls.edit(pull, title=title, body=body, base=base)
            pull.draft = pull.draft if draft is None else draft
            pull.locked = pull.locked if locked is None else locked

    def approve(self, number: int, *, by: str = "octocat", state: str = "APPROVED") -> None:
        with self.github.lock:
            self.github.person(by)
            self.pulls.review(self.pulls.get(number), by, state)

    def digest(self) -> None:
        """Lets pull requests see what was pushed while `digesting` was off."""
        with self.github.lock:
            self.digesting = True
            self.pulls.digest()

    def fail_in_merge_queue(self, number: int, reason: str = "failed_checks", **checks: str) -> None:
        """The queue takes it out; `checks` are the conclusions of check runs on the commit that it had tested."""
        with self.github.lock:
            self.pulls.fail_in_queue(self.pulls.get(number), reason, checks)

    def process_merge_queue(self, branch: str) -> list[int]:
        """Lets the queue work once: each waiting pull request is merged, or put out when it cannot be; returns the
        merged.
        """
        with self.github.lock:
            return self.pulls.process_queue(branch)
