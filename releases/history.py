"""Whether head still contains what was released last: asked of the strategy's repository, once for each new head."""

from collections.abc import Mapping
from typing import Any

from projects.github import GitHubReader
from projects.github_pulls import GitHub
from projects.reading import StageUnreadable, Trouble
from releases.facts import github_profile
from releases.models import DeployStrategy, Release
from releases.readings import stored_reading
from releases.repositories import remote_of, repository

# GitHub does not know the commit any more, or no common one: head cannot contain it.
WITHOUT = (Trouble.GONE, Trouble.UNRELATED)


def must_look(strategy: DeployStrategy) -> bool:
    """Whether its head moved since its last release, and is not the one that was asked about."""
    return _unsure(strategy) is not None


def look_for_rewriting(strategy: DeployStrategy) -> None:
    """Ask GitHub, once for each head, and keep the answer with the release; trouble is asked again."""
    reading, last = stored_reading(strategy), _unsure(strategy)
    if reading is None or reading.head_sha is None or last is None:
        return
    try:
        rewritten = _lacks(strategy, reading.head_sha, last["head_sha"]) and _is_of_these_branches(strategy, last)
    except StageUnreadable:
        return
    Release.objects.filter(pk=last["pk"]).update(rewritten=rewritten, head_looked_sha=reading.head_sha)


def _lacks(strategy: DeployStrategy, head_sha: str, released_sha: str) -> bool:
    """Raises StageUnreadable."""
    remote = remote_of(strategy)
    try:
        return (
            bool(remote) and GitHubReader(github_profile(strategy)).difference(remote, head_sha, released_sha).total > 0
        )
    except StageUnreadable as error:
        if error.trouble in WITHOUT:
            return True
        raise


def _is_of_these_branches(strategy: DeployStrategy, last: Mapping[str, Any]) -> bool:
    """Not so where an admin has given the strategy another repository or other branches since.

    Raises StageUnreadable.
    """
    owner, name = repository(strategy)
    try:
        pull = GitHub(github_profile(strategy)).pull_request(owner, name, last["number"])
    except StageUnreadable as error:
        if error.trouble is Trouble.GONE:
            return False
        raise
    return (pull.base, pull.head, pull.head_sha) == (strategy.base, strategy.head, last["head_sha"])


def _unsure(strategy: DeployStrategy) -> Mapping[str, Any] | None:
    """The last release by a pull request, where this head may lack it and was not asked about.

    For strategies of `facts.strategies_with_all`; no query.
    """
    last: Mapping[str, Any] | None = getattr(strategy, "last_merged", None)
    reading = stored_reading(strategy)
    if last is None or last["number"] is None or reading is None or reading.head_sha is None:
        return None
    # A head that has all of base contains what was merged there, too.
    if reading.behind == 0 or reading.head_sha in (last["head_sha"], last["head_looked_sha"]):
        return None
    return last
