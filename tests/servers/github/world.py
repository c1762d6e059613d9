"""Everything this GitHub knows: accounts, tokens, Apps, repositories, limits, faults, and what happened.

No HTTP here: `server.GitHubServer` puts it on a port.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.github.access import App, Credential, Installation
from tests.servers.github.disturbances import Disturbances
from tests.servers.github.history import HEADS, TAGS
from tests.servers.github.model import Account, AccountKind, Act, Counter, Json
from tests.servers.github.repository import Repository

if TYPE_CHECKING:
    from tests.servers.github.pull_request import PullRequest

DEFAULT_OWNER = "octocat"
EVERYTHING = {
    "metadata": "read",
    "contents": "write",
    "pull_requests": "write",
    "issues": "write",
    "statuses": "write",
    "checks": "read",
    "administration": "read",
    "members": "read",
}


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook would tell: the event's name, its action, the repository and what moved."""

    name: str
    action: str | None
    repository: Repository
    by: str
    data: Json


@cache
def app_key(app_id: int) -> rsa.RSAPrivateKey:
    """One key for each App id in this process: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class GitHub(Disturbances):
    """The state and how tests change it; see the package for the list of what there is."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="github-"))
        self.ids = Counter()
        self.accounts: dict[str, Account] = {}
        self.strangers: set[str] = set()
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.installation_token_seconds = 3600
        self.repositories: dict[int, Repository] = {}
        self.names: dict[str, int] = {}  # lower-case names, former ones included
        self.acts: list[Act] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.url = "http://github.invalid"

    # addresses

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def graphql_url(self) -> str:
        return f"{self.url}/api/graphql"

    def remote(self, full_name: str) -> str:
        return f"{self.url}/{full_name}.git"

    # accounts

    def add_user(
        self, login: str, name: str | None = None, email: str | None = None, *, kind: str = "User", member: bool = True
    ) -> Account:
        """`member` is whether organizations count the person as one of theirs, with write access."""
        with self.lock:
            account = Account(
                self.ids.next(),
                login,
                AccountKind(kind),
                name or login.title(),
                email or f"{login}@example.com",
                self.now(),
            )
            self.accounts[login.lower()] = account
            if not member:
                self.strangers.add(login.lower())
            return account

    def add_organization(self, login: str) -> Account:
        return self.add_user(login, kind="Organization")

    def person(self, login: str) -> Account:
        """The account of that login, made when there is none."""
        return self.accounts.get(login.lower()) or self.add_user(login)

    def is_organization(self, login: str) -> bool:
        account = self.accounts.get(login.lower())
        return account is not None and account.kind == AccountKind.ORGANIZATION

    def by_email(self, email: str) -> Account | None:
        """The account that a commit's address belongs to, also "ID+login@users.noreply.github.com"."""
        if email.lower().endswith("@users.noreply.github.com"):
            return self.accounts.get(email.lower().partition("@")[0].rpartition("+")[2])
        return next((account for account in self.accounts.values() if account.email.lower() == email.lower()), None)

    # credentials

    def add_token(
        self,
        secret: str,
        login: str = "horizon-bot",
        *,
        scopes: Sequence[str] | None = None,
        permissions: dict[str, str] | None = None,
        repositories: Sequence[str] | None = None,
        expires: datetime | None = None,
    ) -> Credential:
        """A classic token (scope `repo` and `workflow` unless said otherwise), fine-grained when `permissions` are
        given.
        """
        with self.lock:
            self.person(login)
            classic = tuple(scopes if scopes is not None else ("repo", "workflow")) if permissions is None else None
            credential = Credential(secret, login, classic, permissions, self._selection(repositories), expires)
            self.credentials[secret] = credential
            return credential

    def revoke_token(self, secret: str) -> None:
        with self.lock:
            self.credentials[secret].revoked = True

    def _selection(self, names: Sequence[str] | None) -> frozenset[int] | None:
        return None if names is None else frozenset(self.repository(name).id for name in names)

    def add_app(self, app_id: int, *, slug: str | None = None, owner: str = DEFAULT_OWNER) -> App:
        with self.lock:
            if owner != DEFAULT_OWNER and owner.lower() not in self.accounts:
                self.add_organization(owner)
            app = App(app_id, slug or f"app-{app_id}", owner, app_key(app_id), self.now())
            self.add_user(app.bot, app.slug, f"{app_id}+{app.bot}@users.noreply.github.com", kind="Bot")
            self.apps[app_id] = app
            return app

    def add_installation(
        self,
        app_id: int,
        account: str,
        *,
        repositories: Sequence[str] | None = None,
        permissions: dict[str, str] | None = None,
    ) -> Installation:
        with self.lock:
            if account.lower() not in self.accounts:
                self.add_organization(account)
            made = Installation(
                self.ids.next(),
                self.apps[app_id],
                account,
                self._selection(repositories),
                dict(EVERYTHING if permissions is None else permissions),
                self.now(),
            )
            self.installations[made.id] = made
            return made

    def suspend_installation(self, identifier: int) -> None:
        with self.lock:
            self.installations[identifier].suspended_at = self.now()

    # repositories

    def add_repository(
        self,
        full_name: str,
        *,
        private: bool = False,
        default_branch: str = "main",
        branches: Sequence[str] = (),
        initial: bool = True,
    ) -> Repository:
        """With one first commit on the default branch (unless `initial` is false), where `branches` start, too."""
        with self.lock:
            owner, name = full_name.split("/")
            if owner.lower() not in self.accounts:
                self.add_organization(owner)
            repository = Repository(self, self.ids.next(), full_name, private=private, default_branch=default_branch)
            self.repositories[repository.id] = repository
            self.names[full_name.lower()] = repository.id
            if initial:
                sha = repository.commit(default_branch, "First commit", files={"README.md": f"# {name}\n"})
                for branch in branches:
                    repository.branch(branch, at=sha)
            return repository

    def repository(self, full_name: str) -> Repository:
        """By its name or a former one; KeyError when there is none."""
        return self.repositories[self.names[full_name.lower()]]

    def find_repository(self, full_name: str) -> Repository | None:
        identifier = self.names.get(full_name.lower())
        return self.repositories.get(identifier) if identifier is not None else None

    def rename(self, repository: Repository, full_name: str) -> None:
        owner, _, name = full_name.rpartition("/")
        old_owner, old_name = repository.owner, repository.name
        repository.owner, repository.name = owner or repository.owner, name
        self.person(repository.owner)
        self.names[repository.full_name.lower()] = repository.id
        repository.updated_at = self.now()
        if repository.owner != old_owner:
            self._tell("repository", "transferred", repository, repository.owner, from_owner=old_owner)
        else:
            self._tell("repository", "renamed", repository, repository.owner, from_name=old_name)

    def forget(self, repository: Repository) -> None:
        self._tell("repository", "deleted", repository, repository.owner)
        del self.repositories[repository.id]
        self.names = {name: identifier for name, identifier in self.names.items() if identifier != repository.id}
        if repository.parent:
            repository.parent.forks.remove(repository)
        for other in self.network(repository):
            for pull in other.pulls.all.values():
                if pull.head_repository is repository:
                    pull.head_repository = None

    def network(self, repository: Repository) -> Iterator[Repository]:
        """The repository, its parent and its forks: where its branches may be heads of pull requests."""
        yield repository
        if repository.parent:
            yield repository.parent
        yield from repository.forks

    def next_number(self, repository: Repository) -> int:
        return max(repository.pulls.all, default=0) + 1

    def visible_count(self, installation: Installation) -> int:
        if installation.repositories is not None:
            return len(installation.repositories)
        return sum(1 for repository in self.repositories.values() if repository.owner == installation.account)

    # what happens

    def pushed(self, repository: Repository, ref: str, before: str | None, after: str | None, by: str) -> None:
        if before is None or after is None:
            kind = "tag" if ref.startswith(TAGS) else "branch"
            name = ref.removeprefix(TAGS).removeprefix(HEADS)
            about = {"master_branch": repository.default_branch, "description": repository.settings.description}
            about = about if before is None else {}
            event = "create" if before is None else "delete"
            self._tell(event, None, repository, by, ref=name, ref_type=kind, pusher_type="user", **about)
        self._tell("push", None, repository, by, ref=ref, before=before or "0" * 40, after=after or "0" * 40)

    def changed(self, pull: PullRequest, action: str, by: str, **more: Any) -> None:
        self._tell("pull_request", action, pull.repository, by, number=pull.number, **more)

    def checked(self, repository: Repository, sha: str, event: str) -> None:
        self._tell(event, "completed" if event == "check_run" else None, repository, "octocat", sha=sha)

    def _tell(self, name: str, action: str | None, repository: Repository, by: str, **data: Any) -> None:
        for listener in self.listeners:
            listener(Event(name, action, repository, by, data))

    def act(self, kind: str, repository: Repository, actor: str, **data: Any) -> None:
        """Notes what was done through the API."""
        self.acts.append(Act(kind, repository.full_name, actor, data, self.now()))

    def close(self) -> None:
        """Removes the folder of the repositories, unless it was given."""
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
