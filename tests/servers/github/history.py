"""The git side of a repository, as people change it: commits, merges, branches, tags."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.github.model import Counter
from tests.servers.github.objects import CommitObject, Signature
from tests.servers.github.store import Store

if TYPE_CHECKING:
    from tests.servers.github.world import GitHub

Person = str | tuple[str, str]
HEADS, TAGS = "refs/heads/", "refs/tags/"
SHA = re.compile(r"[0-9a-f]{40}")
RELATIVE = re.compile(r"[~^]\d*")


class History(ABC):
    """Each public method takes the server's lock, so tests may call it at any time."""

    def __init__(self, github: GitHub, folder: Path, default_branch: str) -> None:
        self.github = github
        self.store = Store(folder, default_branch)
        self._files = Counter(0)

    @property
    @abstractmethod
    def full_name(self) -> str:
        """owner/name."""

    @abstractmethod
    def moved(self, ref: str, before: str | None, after: str | None, *, by: str) -> None:
        """What follows when a ref has moved already, as after a push by git."""

    @property
    def default_branch(self) -> str:
        return self.store.default_branch

    # reading

    def find(self, revision: str) -> str | None:
        """The object that a revision names: branch, tag, full ref, sha (from 7 digits), HEAD; each with ~N and ^N."""
        name = re.split(r"[~^]", revision, maxsplit=1)[0]
        sha = self._named(name)
        for step in RELATIVE.findall(revision[len(name) :]):
            sha = self._step(sha, step) if sha else None
        return sha

    def _named(self, name: str) -> str | None:
        if name == "HEAD":
            name = self.default_branch
        for candidate in (name, HEADS + name, TAGS + name, f"refs/{name}"):
            if candidate in self.store.refs:
                return self.store.refs[candidate]
        if SHA.fullmatch(name):
            return name if self.store.kind(name) else None
        return self.store.starting_with(name) if re.fullmatch(r"[0-9a-f]{7,39}", name) else None

    def _step(self, sha: str, step: str) -> str | None:
        sha = self.store.peel(sha)
        count = int(step[1:] or 1)
        if step[0] == "^":
            parents = self.store.commit(sha).parents
            return parents[count - 1] if 0 < count <= len(parents) else None
        for _ in range(count):
            parents = self.store.commit(sha).parents
            if not parents:
                return None
            sha = parents[0]
        return sha

    def sha(self, revision: str) -> str:
        """The commit behind a revision; KeyError when there is none."""
        with self.github.lock:
            found = self.find(revision)
            if found is None:
                raise KeyError(f"{self.full_name} has no {revision}")
            return self.store.peel(found)

    def head(self, branch: str) -> str:
        return self.sha(HEADS + branch)

    def branches(self) -> dict[str, str]:
        with self.github.lock:
            return {name[len(HEADS) :]: sha for name, sha in self.store.refs.items() if name.startswith(HEADS)}

    def log(self, span: str) -> list[CommitObject]:
        """The commits of "base..head" or of one revision, newest first."""
        with self.github.lock:
            base, _, head = span.rpartition("..")
            found = self.store.between(self.sha(base) if base else None, self.sha(head))
            return [self.store.commit(sha) for sha in found]

    # writing

    def signature(self, person: Person | None, date: datetime | None) -> Signature:
        """A login becomes that account's name and address; a pair is taken as it is; nobody is octocat."""
        if isinstance(person, tuple):
            return Signature(*person, date or self.github.now())
        account = self.github.person(person or "octocat")
        return Signature(account.name, account.email, date or self.github.now())

    def commit(
        self,
        branch: str,
        message: str | bytes,
        *,
        author: Person | None = None,
        committer: Person | None = None,
        date: datetime | None = None,
        files: dict[str, str | bytes | None] | None = None,
        parents: Sequence[str] | None = None,
    ) -> str:
        """One commit on a branch (a new branch starts without history, or from `parents`); returns its sha."""
        with self.github.lock:
            tip = self.store.refs.get(HEADS + branch)
            before = tuple(parents) if parents is not None else ((tip,) if tip else ())
            sha = self._write(
                before, message, self.signature(author, date), self._committer(committer, author, date), files
            )
            self.move(HEADS + branch, sha, by=self._login(committer or author))
            return sha

    def commits(
        self,
        branch: str,
        count: int,
        *,
        author: Person | None = None,
        subject: str = "Change",
        date: datetime | None = None,
    ) -> list[str]:
        """Many commits in one push; returns their shas, oldest first."""
        with self.github.lock:
            tip = self.store.refs.get(HEADS + branch)
            made: list[str] = []
            who = self.signature(author, date)
            for number in range(1, count + 1):
                sha = self._write((tip,) if tip else (), f"{subject} {number}", who, who, None)
                made.append(sha)
                tip = sha
            if tip:
                self.move(HEADS + branch, tip, by=self._login(author))
            return made

    def _write(
        self,
        parents: tuple[str, ...],
        message: str | bytes,
        author: Signature,
        committer: Signature,
        files: dict[str, str | bytes | None] | None,
    ) -> str:
        if files is None:
            number = self._files.next()
            files = {f"changes/{number % 64:02}/{number}.txt": f"{number}\n"}
        bodies = {path: body.encode() if isinstance(body, str) else body for path, body in files.items()}
        tree = self.store.edit_tree(self.store.commit(parents[0]).tree if parents else None, bodies)
        return self.store.write_commit(tree, parents, author, committer, message)

    def _committer(self, committer: Person | None, author: Person | None, date: datetime | None) -> Signature:
        return self.signature(committer if committer is not None else author, date)

    def _login(self, person: Person | None) -> str:
        return person if isinstance(person, str) else "octocat"

    def move(self, ref: str, sha: str | None, *, by: str = "octocat") -> None:
        """Moves, makes or (None) removes a ref, with all that follows from it for pull requests and webhooks."""
        before = self.store.refs.get(ref)
        if sha == before:
            return
        if sha is None:
            del self.store.refs[ref]
        else:
            self.store.refs[ref] = sha
        self.moved(ref, before, sha, by=by)

    def branch(self, name: str, *, at: str = "HEAD") -> str:
        with self.github.lock:
            sha = self.sha(at)
            self.move(HEADS + name, sha)
            return sha

    def delete_branch(self, name: str, *, by: str = "octocat") -> None:
        with self.github.lock:
            self.head(name)
            self.move(HEADS + name, None, by=by)

    def push(self, branch: str, revision: str, *, by: str = "octocat") -> str:
        """A fast-forward; ValueError for anything else, as git refuses it."""
        with self.github.lock:
            sha = self.sha(revision)
            tip = self.store.refs.get(HEADS + branch)
            if tip and tip not in self.store.ancestors(sha):
                raise ValueError(f"{revision} is no descendant of {branch}: use force_push")
            self.move(HEADS + branch, sha, by=by)
            return sha

    def force_push(self, branch: str, revision: str, *, by: str = "octocat") -> str:
        with self.github.lock:
            sha = self.sha(revision)
            self.move(HEADS + branch, sha, by=by)
            return sha

    def merge(
        self,
        base: str,
        head: str,
        *,
        author: Person | None = None,
        message: str | None = None,
        date: datetime | None = None,
    ) -> str:
        """A merge commit on `base`, always one, as a person makes it with git; raises Conflict."""
        with self.github.lock:
            ours, theirs = self.head(base), self.sha(head)
            who = self.signature(author, date)
            text = message or f"Merge branch '{head}' into {base}"
            sha = self.merge_commit(ours, theirs, text, who, who)
            self.move(HEADS + base, sha, by=self._login(author))
            return sha

    def squash(
        self,
        base: str,
        head: str,
        *,
        author: Person | None = None,
        message: str | None = None,
        date: datetime | None = None,
    ) -> str:
        """All of `head` as one commit with one parent on `base`."""
        with self.github.lock:
            who = self.signature(author, date)
            sha = self.squash_commit(self.head(base), self.sha(head), message or f"Squash {head}", who, who)
            self.move(HEADS + base, sha, by=self._login(author))
            return sha

    def rebase(self, base: str, head: str, *, author: Person | None = None, date: datetime | None = None) -> str:
        """The commits of `head` written anew on top of `base`."""
        with self.github.lock:
            sha = self.rebase_commits(self.head(base), self.sha(head), self.signature(author, date))
            self.move(HEADS + base, sha, by=self._login(author))
            return sha

    def merge_commit(self, ours: str, theirs: str, message: str, author: Signature, committer: Signature) -> str:
        tree = self.store.merged_tree(self.store.merge_base(ours, theirs), ours, theirs)
        return self.store.write_commit(tree, (ours, theirs), author, committer, message)

    def squash_commit(self, ours: str, theirs: str, message: str, author: Signature, committer: Signature) -> str:
        tree = self.store.merged_tree(self.store.merge_base(ours, theirs), ours, theirs)
        return self.store.write_commit(tree, (ours,), author, committer, message)

    def rebase_commits(self, ours: str, theirs: str, committer: Signature) -> str:
        """Merge commits are left out, as `git rebase` does; the author stays, the committer does not."""
        for sha in reversed(self.store.between(ours, theirs)):
            commit = self.store.commit(sha)
            if len(commit.parents) > 1:
                continue
            parent = commit.parents[0] if commit.parents else None
            tree = self.store.merged_tree(parent, ours, sha)
            ours = self.store.write_commit(tree, (ours,), commit.author, committer, commit.message)
        return ours

    def tag(
        self,
        name: str,
        *,
        at: str = "HEAD",
        annotated: bool = False,
        date: datetime | None = None,
        tagger: Person | None = None,
        message: str | None = None,
    ) -> str:
        """A tag; annotated ones have an object of their own, whose sha is returned, and whose `date` orders them."""
        with self.github.lock:
            sha = self.sha(at)
            if annotated:
                sha = self.store.write_tag(sha, name, self.signature(tagger, date), message or name)
            self.move(TAGS + name, sha, by=self._login(tagger))
            return sha

    def delete_tag(self, name: str) -> None:
        with self.github.lock:
            self.move(TAGS + name, None)
