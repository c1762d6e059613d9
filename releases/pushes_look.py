"""What the host tells of a move that no release explains: which way it went, with which commits, by whom."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projects.github import GitHubReader
from projects.github_pulls import GitHub, PullRequest
from projects.github_revert import Push, Reverts
from projects.models import StageMove
from projects.reading import Commit, Difference, StageUnreadable, Trouble
from releases import facts, production
from releases.acts_merge import how_merged
from releases.models import DeployStrategy, Release
from releases.recording import How

SOMEBODY = "somebody"
# The subjects that GitHub gives to merges and squashed pull requests.
_NUMBER = re.compile(r"^Merge pull request #(\d{1,9}) from |\(#(\d{1,9})\)$")


class Unsure(Exception):
    """It is not known yet whether Horizon's own release explains a move: look again later."""


@dataclass(frozen=True, slots=True)
class Found:
    """A release by hand, or a rollback. `commits` are those that it brought, or took away; without merges.

    `opened_at` and `how` are of a pull request between the strategy's own branches: a release as Horizon makes them.
    """

    kind: str
    stage: str
    from_sha: str
    to_sha: str
    head_sha: str
    at: datetime
    by: str
    label: str = ""
    forced: bool = False
    number: int | None = None
    url: str = ""
    head: str = ""
    commits: tuple[Commit, ...] = ()
    count: int = 0
    opened_at: datetime | None = None
    how: How = How.MERGED


@dataclass(frozen=True, slots=True)
class _Way:
    """Between two commits: those that came, and those that went. None: the host no longer has one of them."""

    came: Difference | None
    went: Difference | None

    @property
    def is_back(self) -> bool:
        return self.came is not None and self.came.total == 0


def look_at(
    strategy: DeployStrategy, move: StageMove, before: str, merged: Sequence[Release], *, at_base: bool
) -> Found | None:
    """Ask the host about a move; None where a release in the midst of it explains all of it.

    Raises StageUnreadable where the host cannot be asked now.
    """
    profile, remote = production.remote_of(strategy)
    reader = GitHubReader(profile)
    way = _way(reader, remote, before, move.to_sha)
    known = {sha for release in merged for sha in (release.merge_sha, release.head_sha) if sha}
    if way.is_back or (move.forced and move.to_sha in known):
        push = _push(strategy, move) if at_base else None
        return _rollback(move, before, way, push)
    start = _last_release(way.came, merged)
    if start:
        before, way = start, _way(reader, remote, start, move.to_sha)
        if way.came is not None and way.came.total == 0:
            return None
    pull = _pull(strategy, move.to_sha, way.came)
    if pull is not None:
        return _merged(strategy, move, before, way, pull)
    return _by_hand(move, before, way, _push(strategy, move) if at_base else None)


def _way(reader: GitHubReader, remote: str, before: str, after: str) -> _Way:
    try:
        came = reader.difference(remote, before, after)
        went = reader.difference(remote, after, before) if came.behind else None
    except StageUnreadable as error:
        if error.trouble not in (Trouble.GONE, Trouble.UNRELATED):
            raise
        return _Way(None, None)
    return _Way(came, went)


def _last_release(came: Difference | None, merged: Sequence[Release]) -> str:
    """The newest merge of a release among commits that came; empty where there is none."""
    merges = {release.merge_sha for release in merged if release.merge_sha}
    return next((commit.sha for commit in (came.commits if came else ()) if commit.sha in merges), "")


def _pull(strategy: DeployStrategy, sha: str, came: Difference | None) -> PullRequest | None:
    """The pull request whose merge this commit is, by the number in its subject and by what the host says of it."""
    newest = next((commit for commit in (came.commits if came else ()) if commit.sha == sha), None)
    match = _NUMBER.search(newest.subject) if newest else None
    if match is None:
        return None
    owner, name = facts.repository_of_strategy(strategy)
    try:
        pull = GitHub(facts.github_profile(strategy)).pull_request(owner, name, int(match[1] or match[2]))
    except StageUnreadable as error:
        if error.trouble is Trouble.GONE:
            return None
        raise
    return pull if pull.merged and pull.merge_sha == sha and pull.base == strategy.base else None


def _push(strategy: DeployStrategy, move: StageMove) -> Push | None:
    """Who pushed, where the host says so; that it does not is no reason to tell nothing."""
    owner, name = facts.repository_of_strategy(strategy)
    try:
        return Reverts(facts.github_profile(strategy)).push(owner, name, strategy.base, move.to_sha)
    except StageUnreadable:
        return None


def _rollback(move: StageMove, before: str, way: _Way, push: Push | None) -> Found:
    return Found(
        Release.Kind.ROLLBACK, move.stage_name, before, move.to_sha, move.to_sha, _at(move, push), _by(push),
        label=move.label, forced=True, commits=_own(way.went), count=_count(way.went),
    )  # fmt: skip


def _by_hand(move: StageMove, before: str, way: _Way, push: Push | None) -> Found:
    forced = move.forced or (push is not None and push.forced) or way.went is not None
    return Found(
        Release.Kind.MANUAL, move.stage_name, before, move.to_sha, move.to_sha, _at(move, push), _by(push),
        label=move.label, forced=forced, commits=_own(way.came), count=_count(way.came),
    )  # fmt: skip


def _merged(strategy: DeployStrategy, move: StageMove, before: str, way: _Way, pull: PullRequest) -> Found:
    """A pull request that somebody merged before Horizon saw it; one that Horizon opened to go back is a rollback."""
    back = strategy.repairs.filter(kind="revert", number=pull.number).exists()
    is_release = not back and pull.head == strategy.head
    return Found(
        Release.Kind.ROLLBACK if back else Release.Kind.MANUAL,
        move.stage_name, before, move.to_sha, move.to_sha if back else pull.head_sha,
        pull.merged_at or move.seen_at, pull.merged_by or SOMEBODY,
        label=move.label, number=pull.number, url=pull.url, head=pull.head,
        commits=_own(way.came), count=_count(way.came), opened_at=pull.created_at if is_release else None,
        how=how_merged(strategy, pull) if is_release else How.MERGED,
    )  # fmt: skip


def _at(move: StageMove, push: Push | None) -> datetime:
    return min(push.at, move.seen_at) if push is not None and push.at is not None else move.seen_at


def _by(push: Push | None) -> str:
    return push.login if push is not None else SOMEBODY


def _own(difference: Difference | None) -> tuple[Commit, ...]:
    return tuple(commit for commit in (difference.commits if difference else ()) if not commit.is_merge)


def _count(difference: Difference | None) -> int:
    if difference is None:
        return 0
    merges = sum(commit.is_merge for commit in difference.commits)
    return max(difference.total - merges, 0)
