"""What one stage has that the next has not: waiting commits, drift, squashed releases, the score.

Pure: the standard library and projects.reading only.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from projects.reading import Commit, Difference, Head

# Subjects of merge commits that GitHub makes for a pull request, and of squashed ones.
MERGED_PULL_REQUEST = re.compile(r"^Merge pull request #(\d{1,9}) from ")
SOMEBODY = "somebody"  # an author without a name
SQUASHED_PULL_REQUEST = re.compile(r"\(#(\d{1,9})\)$")


def score(commits: int, contributors: int, oldest: datetime | None, at: datetime) -> float:
    """Commits + contributors^2 + age^2, the age in days of the oldest waiting commit; 0 when none waits.

    The formula of the Rails Horizon. A commit dated in the future counts as made now.
    """
    if not commits:
        return 0.0
    age = max((at - oldest) / timedelta(days=1), 0.0) if oldest else 0.0
    return commits + contributors**2 + age**2


@dataclass(frozen=True, slots=True)
class Waiting:
    """A commit that waits, merges left out, and the pull request that brought it, where known."""

    commit: Commit
    pull_request: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two stages compared.

    `count` is exact, or the host's total when `at_least`. `drift` are the commits that only the stage behind has,
    merges left out. `squashed_at` is the commit of the stage ahead up to which everything was released by a squashed or
    rebased pull request: those commits are not in `waiting`.
    """

    waiting: tuple[Waiting, ...] = ()
    count: int = 0
    at_least: bool = False
    drift: tuple[Commit, ...] = ()
    behind_total: int | None = None
    squashed_at: str | None = None
    url: str | None = None

    @property
    def oldest(self) -> datetime | None:
        return min((each.commit.date for each in self.waiting), default=None)

    def may_be_squashed(self, behind_sha: str) -> bool:
        """Whether it is worth asking the host: trees tell nothing, and the stage behind ends in a commit of its own."""
        return bool(self.waiting) and self.squashed_at is None and behind_sha in {commit.sha for commit in self.drift}


def compare(
    behind: Head,
    forward: Difference,
    backward: Difference | None,
    known_drift: Sequence[Commit] = (),
    squashed_head: str | None = None,
) -> Compared:
    """Make sense of both differences between two stages.

    `forward` is what the stage ahead has and the stage behind has not; `backward` the other way, `None` when it was not
    asked because nothing can have changed: `known_drift` then stays. `squashed_head` is the commit whose squashed pull
    request made the head of the stage behind, where the host tells it.
    """
    drift = _drift(forward, backward, known_drift)
    released = _released_by_squash(behind, forward, drift, squashed_head)
    waiting = tuple(each for each in _waiting(forward.commits) if each.commit.sha not in released)
    complete = forward.total <= len(forward.commits)
    compared = Compared(
        waiting=waiting,
        count=len(waiting) if complete or released else forward.total,
        at_least=not complete and not released,
        drift=drift,
        behind_total=forward.behind if backward is None else backward.total,
        url=forward.url,
    )
    return replace(compared, squashed_at=next(iter(released))) if released else compared


def backward_is_needed(forward: Difference, *, behind_moved: bool, known_behind: int | None) -> bool:
    """Whether the commits of the stage behind must be listed, or what is known of its drift still holds.

    Each release adds a merge commit to the stage behind, so the list grows for ever and is asked only when it changed.
    """
    if forward.behind == 0:
        return False
    return behind_moved or forward.behind is None or forward.behind != known_behind


def _drift(forward: Difference, backward: Difference | None, known: Sequence[Commit]) -> tuple[Commit, ...]:
    if backward is None:
        return () if forward.behind == 0 else tuple(known)
    listed = tuple(commit for commit in backward.commits if not commit.is_merge)
    if backward.total <= len(backward.commits):
        return listed
    # The host lists only the newest; older drift was seen before it fell out of that window.
    shas = {commit.sha for commit in backward.commits}
    return listed + tuple(commit for commit in known if commit.sha not in shas)


def _waiting(commits: Sequence[Commit]) -> list[Waiting]:
    pull_requests = pull_requests_of(commits)
    return [Waiting(commit, pull_requests.get(commit.sha)) for commit in commits if not commit.is_merge]


def _released_by_squash(
    behind: Head, forward: Difference, drift: Sequence[Commit], squashed_head: str | None
) -> dict[str, None]:
    """Commits of `forward` that a squashed or rebased pull request released, the newest first.

    The head of the stage behind is then a commit of its own with one parent, and its tree is that of a commit ahead. A
    tree alone proves nothing: a revert has the tree of a commit before it.
    """
    own = next((commit for commit in drift if commit.sha == behind.sha), None)
    if own is None:
        return {}
    tree = behind.tree or own.tree  # plain git tells trees with the commits only
    same = next((c.sha for c in forward.commits if c.sha == squashed_head or (c.tree and c.tree == tree)), None)
    return dict.fromkeys(_history(same, _by_sha(forward.commits))) if same else {}


def pull_requests_of(commits: Sequence[Commit]) -> dict[str, int]:
    """The pull request that brought each commit, by sha, as far as subjects tell.

    A merge of a pull request claims what its second parent adds to its first; inner merges claim theirs first, as they
    were merged earlier.
    """
    known = _by_sha(commits)
    found: dict[str, int] = {}
    for commit in reversed(commits):
        match = MERGED_PULL_REQUEST.match(commit.subject) or SQUASHED_PULL_REQUEST.search(commit.subject)
        if match and commit.is_merge:
            before = set(_history(commit.parents[0], known))
            for sha in _history(commit.parents[1], known):
                if sha not in before:
                    found.setdefault(sha, int(match[1]))
        elif match and match.re is SQUASHED_PULL_REQUEST:
            found[commit.sha] = int(match[1])
    return found


def titles_of(commits: Iterable[Commit]) -> dict[int, str]:
    """The titles of the pull requests that brought these commits, by number: in the body of a merge, or in the subject,
    where a repository is set so, and where one was squashed."""
    found: dict[int, str] = {}
    for commit in commits:
        if match := SQUASHED_PULL_REQUEST.search(commit.subject):
            found.setdefault(int(match[1]), commit.subject[: match.start()].strip())
        elif commit.is_merge and (match := MERGED_PULL_REQUEST.match(commit.subject)):
            found.setdefault(int(match[1]), commit.body)
    return {number: title for number, title in found.items() if title}


def _by_sha(commits: Iterable[Commit]) -> dict[str, Commit]:
    return {commit.sha: commit for commit in commits}


def _history(sha: str, known: Mapping[str, Commit]) -> list[str]:
    """The commit and its ancestors among the known ones, the commit itself first."""
    seen: dict[str, None] = {}
    stack = [sha]
    while stack:
        current = stack.pop()
        if current in known and current not in seen:
            seen[current] = None
            stack.extend(known[current].parents)
    return list(seen)


def contributors(waiting: Iterable[Waiting]) -> list[str]:
    """One name for each distinct author e-mail, those with the most commits first; without an e-mail the name tells
    people apart."""
    commits = [each.commit for each in waiting]
    counts = Counter(_person(commit) for commit in commits)
    names = {_person(commit): commit.author or commit.login or SOMEBODY for commit in commits}
    return [names[person] for person, _ in counts.most_common()]


def _person(commit: Commit) -> str:
    return (commit.email or commit.author or commit.login or SOMEBODY).lower()
