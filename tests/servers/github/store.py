"""One bare repository: objects and refs in memory, written to disk when git itself has to read them.

Answers about refs never touch the disk, and a thousand repositories are built in a second. Whoever pushes by git over
http changes the disk; `adopt` takes that over. Not safe for threads: the server's lock is held around it.
"""

import os
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.servers.github.memory import Memory

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


class Store(Memory):
    """One bare repository. Its folder is made and written when somebody asks for `path`."""

    def __init__(self, path: Path, default_branch: str) -> None:
        super().__init__(default_branch)
        self._path = path
        self._laid_out = False
        self._written_refs: dict[str, str] | None = None
        self._written_head = ""

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
