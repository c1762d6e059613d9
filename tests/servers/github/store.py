"""One bare repository: objects and refs in memory, written to disk when git itself has to read them.

Answers about refs never touch the disk, and a thousand repositories are built in a second. Whoever pushes by git over
http changes the disk; `adopt` takes that over. Not safe for threads: the server's lock is held around it.
"""

import heapq
import os
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.servers.github.objects import (
    DIRECTORY,
    FILE,
    CommitObject,
    Signature,
    TagObject,
    Tree,
    decode_commit,
    decode_tag,
    decode_tree,
    encode_commit,
    encode_tag,
    encode_tree,
    sha_of,
)

GIT_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "LC_ALL": "C.UTF-8",
}
CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[gc]
\tauto = 0
[receive]
\tautogc = false
\tunpackLimit = 1000
"""


class Conflict(Exception):
    """The two sides cannot be merged without a person."""


class Store:
    def __init__(self, path: Path, default_branch: str) -> None:
        self._path = path
        self.default_branch = default_branch
        self.refs: dict[str, str] = {}
        self._objects: dict[str, tuple[str, bytes]] = {}
        self._commits: dict[str, CommitObject] = {}
        self._unwritten: list[str] = []
        self._laid_out = False
        self._written_refs: dict[str, str] | None = None
        self._written_head = ""

    # objects

    def put(self, kind: str, body: bytes) -> str:
        sha = sha_of(kind, body)
        if sha not in self._objects:
            self._objects[sha] = (kind, body)
            self._unwritten.append(sha)
        return sha

    def kind(self, sha: str) -> str | None:
        """commit, tree, blob or tag; None when there is no such object."""
        found = self._objects.get(sha)
        return found[0] if found else None

    def body(self, sha: str) -> bytes:
        return self._objects[sha][1]

    def has_commit(self, sha: str) -> bool:
        return self.kind(sha) == "commit"

    def commit(self, sha: str) -> CommitObject:
        found = self._commits.get(sha)
        if found is None:
            found = self._commits[sha] = decode_commit(sha, self.body(sha))
        return found

    def tag(self, sha: str) -> TagObject:
        return decode_tag(sha, self.body(sha))

    def tree(self, sha: str) -> Tree:
        return decode_tree(self.body(sha))

    def peel(self, sha: str) -> str:
        """The commit (or tree, blob) behind any number of annotated tags."""
        while self.kind(sha) == "tag":
            sha = self.tag(sha).target
        return sha

    def starting_with(self, prefix: str) -> str | None:
        """The only commit whose sha begins so, as `git rev-parse` allows from 4 digits on."""
        found = [sha for sha, (kind, _) in self._objects.items() if kind == "commit" and sha.startswith(prefix)]
        return found[0] if len(found) == 1 else None

    def write_commit(
        self, tree: str, parents: tuple[str, ...], author: Signature, committer: Signature, message: str | bytes
    ) -> str:
        return self.put("commit", encode_commit(tree, parents, author, committer, message))

    def write_tag(self, target: str, name: str, tagger: Signature, message: str) -> str:
        return self.put("tag", encode_tag(target, self.kind(target) or "commit", name, tagger, message))

    def edit_tree(self, tree: str | None, changes: dict[str, bytes | None]) -> str:
        """A tree with these paths written (None: deleted); only the folders on the way are written anew."""
        entries: Tree = {path: (FILE, self.put("blob", body)) for path, body in changes.items() if body is not None}
        return self.graft(tree, {path: entries.get(path) for path in changes})

    def graft(self, tree: str | None, changes: dict[str, tuple[str, str] | None]) -> str:
        """As `edit_tree`, with blobs that are there already: path -> (mode, sha) or None."""
        return self._graft(tree, {tuple(path.split("/")): entry for path, entry in changes.items()})

    def _graft(self, tree: str | None, changes: dict[tuple[str, ...], tuple[str, str] | None]) -> str:
        entries = self.tree(tree) if tree else {}
        folders: dict[str, dict[tuple[str, ...], tuple[str, str] | None]] = {}
        for path, entry in changes.items():
            if len(path) > 1:
                folders.setdefault(path[0], {})[path[1:]] = entry
            elif entry is None:
                entries.pop(path[0], None)
            else:
                entries[path[0]] = entry
        for name, inner in folders.items():
            mode, sha = entries.get(name, (DIRECTORY, ""))
            below = self._graft(sha if sha and mode == DIRECTORY else None, inner)
            if self.body(below):
                entries[name] = (DIRECTORY, below)
            else:
                entries.pop(name, None)
        return self.put("tree", encode_tree(entries))

    def files(self, tree: str, prefix: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
        """All paths of a tree with mode and blob."""
        for name, (mode, sha) in self.tree(tree).items():
            if mode == DIRECTORY:
                yield from self.files(sha, f"{prefix}{name}/")
            else:
                yield prefix + name, (mode, sha)

    def entry(self, tree: str, path: str) -> tuple[str, str] | None:
        """(mode, sha) of a path below a tree; the tree itself for an empty path."""
        here = (DIRECTORY, tree)
        for part in [part for part in path.split("/") if part]:
            if here[0] != DIRECTORY or (below := self.tree(here[1]).get(part)) is None:
                return None
            here = below
        return here

    def difference(self, old: str | None, new: str) -> dict[str, tuple[str, str] | None]:
        """The paths that differ between two trees: path -> the new (mode, sha), None where it is gone."""
        found: dict[str, tuple[str, str] | None] = {}
        self._difference(old, new, "", found)
        return found

    def _difference(
        self, old: str | None, new: str | None, prefix: str, found: dict[str, tuple[str, str] | None]
    ) -> None:
        before, after = (self.tree(old) if old else {}), (self.tree(new) if new else {})
        for name in before.keys() | after.keys():
            was, now = before.get(name), after.get(name)
            if was == now:
                continue
            old_folder = was[1] if was and was[0] == DIRECTORY else None
            new_folder = now[1] if now and now[0] == DIRECTORY else None
            if old_folder or new_folder:
                self._difference(old_folder, new_folder, f"{prefix}{name}/", found)
            if now and not new_folder:
                found[prefix + name] = now
            elif was and not old_folder:
                found.setdefault(prefix + name, None)

    # history

    def ancestors(self, *tips: str) -> set[str]:
        """The tips and all commits reachable from them."""
        seen: set[str] = set()
        todo = [tip for tip in tips if tip]
        while todo:
            sha = todo.pop()
            if sha not in seen:
                seen.add(sha)
                todo.extend(self.commit(sha).parents)
        return seen

    def between(self, base: str | None, head: str) -> list[str]:
        """The commits of head that base has not (all without a base), newest first, children before parents."""
        hidden = self.ancestors(base) if base else set()
        wanted = self._reachable(head, hidden)
        children = dict.fromkeys(wanted, 0)
        for sha in wanted:
            for parent in self.commit(sha).parents:
                if parent in children:
                    children[parent] += 1
        ready = [(-self._stamp(sha), sha) for sha in wanted if not children[sha]]
        heapq.heapify(ready)
        order: list[str] = []
        while ready:
            _, sha = heapq.heappop(ready)
            order.append(sha)
            for parent in self.commit(sha).parents:
                if parent in children:
                    children[parent] -= 1
                    if not children[parent]:
                        heapq.heappush(ready, (-self._stamp(parent), parent))
        return order

    def _reachable(self, head: str, hidden: set[str]) -> set[str]:
        seen: set[str] = set()
        todo = [head]
        while todo:
            sha = todo.pop()
            if sha not in seen and sha not in hidden:
                seen.add(sha)
                todo.extend(self.commit(sha).parents)
        return seen

    def _stamp(self, sha: str) -> float:
        return self.commit(sha).committer.date.timestamp()

    def merge_base(self, one: str, two: str) -> str | None:
        """The best common ancestor, the newest when there are several; None for unrelated histories."""
        common = self.ancestors(one) & self.ancestors(two)
        if not common:
            return None
        inner: set[str] = set()
        for sha in common:
            inner.update(self.commit(sha).parents)
        return max(common - inner, key=lambda sha: (self._stamp(sha), sha))

    def merged_tree(self, base: str | None, ours: str, theirs: str) -> str:
        """The tree of a three-way merge of commits; raises Conflict. Only files changed on both sides need git."""
        root = self.commit(base).tree if base else None
        mine = self.difference(root, self.commit(ours).tree)
        other = self.difference(root, self.commit(theirs).tree)
        if any(mine[path] != other[path] for path in mine.keys() & other.keys()):
            return self._merged_by_git(ours, theirs)
        return self.graft(self.commit(ours).tree, other) if other else self.commit(ours).tree

    def _merged_by_git(self, ours: str, theirs: str) -> str:
        done = subprocess.run(
            ["git", "merge-tree", "--write-tree", "--allow-unrelated-histories", ours, theirs],
            cwd=self.path,
            env=GIT_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Conflict(done.stdout)
        self.adopt()
        return done.stdout.split()[0]

    def copy_from(self, other: "Store", head: str) -> None:
        """Takes over a commit and all that it needs, as GitHub's forks share one pool of objects."""
        for sha in other.ancestors(head):
            if sha not in self._objects:
                self._take(other, sha)
                self._take_tree(other, other.commit(sha).tree)

    def _take_tree(self, other: "Store", tree: str) -> None:
        if tree in self._objects:
            return
        self._take(other, tree)
        for mode, sha in other.tree(tree).values():
            if mode == DIRECTORY:
                self._take_tree(other, sha)
            else:
                self._take(other, sha)

    def _take(self, other: "Store", sha: str) -> None:
        kind = other.kind(sha)
        if kind and sha not in self._objects:
            self.put(kind, other.body(sha))

    # disk

    @property
    def path(self) -> Path:
        """The bare repository on disk, up to date with memory."""
        self.flush()
        return self._path

    def flush(self) -> None:
        if not self._laid_out:
            self._lay_out()
        for sha in self._unwritten:
            self._write_loose(sha)
        self._unwritten.clear()
        if self._written_refs != self.refs:
            self._write_refs()
        if self._written_head != self.default_branch:
            (self._path / "HEAD").write_text(f"ref: refs/heads/{self.default_branch}\n")
            self._written_head = self.default_branch

    def _lay_out(self) -> None:
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (self._path / folder).mkdir(parents=True, exist_ok=True)
        (self._path / "config").write_text(CONFIG)
        self._laid_out = True

    def _write_loose(self, sha: str) -> None:
        kind, body = self._objects[sha]
        file = self._path / "objects" / sha[:2] / sha[2:]
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            part = file.with_suffix(".part")
            part.write_bytes(zlib.compress(b"%s %d\0" % (kind.encode(), len(body)) + body, 1))
            part.rename(file)

    def _write_refs(self) -> None:
        """All refs in packed-refs, sorted and peeled as git writes them; loose ones go, for they would win over it."""
        lines = ["# pack-refs with: peeled fully-peeled sorted"]
        for name, sha in sorted(self.refs.items()):
            lines.append(f"{sha} {name}")
            if (peeled := self.peel(sha)) != sha:
                lines.append(f"^{peeled}")
        part = self._path / "packed-refs.part"
        part.write_text("\n".join(lines) + "\n")
        part.rename(self._path / "packed-refs")
        for file in sorted((self._path / "refs").rglob("*"), reverse=True):
            if file.is_file():
                file.unlink()
        self._written_refs = dict(self.refs)

    def adopt(self) -> dict[str, tuple[str | None, str | None]]:
        """Takes over what git wrote to the disk; returns the refs that changed: name -> (before, after)."""
        self._adopt_objects()
        found = self._disk_refs()
        names = found.keys() | self.refs.keys()
        changed = {name: (self.refs.get(name), found.get(name)) for name in names}
        changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
        self.refs = found
        self._write_refs()
        return changed

    def _disk_refs(self) -> dict[str, str]:
        listing = self._git("for-each-ref", "--format=%(objectname) %(refname)")
        return {name: sha for sha, name in (line.split(" ", 1) for line in listing.decode().splitlines())}

    def _adopt_objects(self) -> None:
        listing = self._git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").decode().split()
        missing = [sha for sha in listing if sha not in self._objects]
        for sha, kind, body in self._read(missing):
            self._objects[sha] = (kind, body)

    def _read(self, shas: Iterable[str]) -> Iterator[tuple[str, str, bytes]]:
        wanted = "\n".join(shas)
        answer = self._git("cat-file", "--batch", stdin=wanted.encode() + b"\n") if wanted else b""
        at = 0
        while at < len(answer):
            end = answer.index(b"\n", at)
            sha, kind, size = answer[at:end].decode().split(" ")
            yield sha, kind, answer[end + 1 : end + 1 + int(size)]
            at = end + 1 + int(size) + 1

    def _git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run(
            ["git", *arguments], cwd=self._path, env=GIT_ENVIRONMENT, input=stdin, capture_output=True, check=True
        )
        return done.stdout
