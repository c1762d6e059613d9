"""Objects and refs of one repository in memory, and its history: ancestors, differences, merge bases.

Not safe for threads: the server's lock is held around it.
"""

import heapq
from collections.abc import Iterator

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


class Memory:
    """Objects, refs and the questions about them that need no disk."""

    def __init__(self, default_branch: str) -> None:
        self.default_branch = default_branch
        self.refs: dict[str, str] = {}
        self._objects: dict[str, tuple[str, bytes]] = {}
        self._commits: dict[str, CommitObject] = {}
        self._unwritten: list[str] = []

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

    def copy_from(self, other: "Memory", head: str) -> None:
        """Takes over a commit and all that it needs, as GitHub's forks share one pool of objects."""
        for sha in other.ancestors(head):
            if sha not in self._objects:
                self._take(other, sha)
                self._take_tree(other, other.commit(sha).tree)

    def _take_tree(self, other: "Memory", tree: str) -> None:
        if tree in self._objects:
            return
        self._take(other, tree)
        for mode, sha in other.tree(tree).values():
            if mode == DIRECTORY:
                self._take_tree(other, sha)
            else:
                self._take(other, sha)

    def _take(self, other: "Memory", sha: str) -> None:
        kind = other.kind(sha)
        if kind and sha not in self._objects:
            self.put(kind, other.body(sha))
