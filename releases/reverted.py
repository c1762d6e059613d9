"""Whether a history takes back certain commits: by what its commits say they revert.

Pure: the standard library only, over values that have `sha`, `parents` and `reverts`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class Told(Protocol):
    """A commit, and the commits that its message says it reverts ("This reverts commit <sha>")."""

    @property
    def sha(self) -> str: ...
    @property
    def parents(self) -> tuple[str, ...]: ...
    @property
    def reverts(self) -> frozenset[str]: ...


def not_reverted(bad: Iterable[str], history: Sequence[Told]) -> set[str]:
    """Those of the bad commits that this history (newest first) does not take back.

    The revert of a merge takes back what the merge brought: what its other parents reach and its first does not. A
    revert that is itself reverted takes nothing back. What the history does not tell counts as not reverted.
    """
    by_sha = {commit.sha: commit for commit in history}
    taken_back: set[str] = set()
    for commit in history:
        if commit.sha not in taken_back:
            for sha in commit.reverts:
                taken_back |= {sha} | _brought(sha, by_sha)
    return set(bad) - taken_back


def _brought(sha: str, by_sha: Mapping[str, Told]) -> set[str]:
    """What a merge brought, as far as the history knows; nothing for other commits."""
    merge = by_sha.get(sha)
    if merge is None or len(merge.parents) < 2:
        return set()
    return _reach(merge.parents[1:], by_sha) - _reach(merge.parents[:1], by_sha)


def _reach(starts: Iterable[str], by_sha: Mapping[str, Told]) -> set[str]:
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        sha = waiting.pop()
        if sha not in found and sha in by_sha:
            found.add(sha)
            waiting.extend(by_sha[sha].parents)
    return found
