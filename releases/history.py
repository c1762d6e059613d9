"""Whether head still contains what was released last: asked where a poll saw that it was rewritten."""

from datetime import datetime

from projects.github import GitHubReader
from projects.reading import StageUnreadable, Trouble
from releases.facts import github_profile
from releases.models import DeployStrategy, Release
from releases.readings import stored_reading
from releases.repositories import remote_of

# GitHub does not know the commit any more, or no common one: head cannot contain it.
WITHOUT = (Trouble.GONE, Trouble.UNRELATED)


def must_look(strategy: DeployStrategy) -> bool:
    """Whether its head was rewritten since its last release, and is not the one that was looked at."""
    return _suspect(strategy) is not None


def look_for_rewriting(strategy: DeployStrategy) -> None:
    """Ask GitHub, once for each head, and keep the answer with the release; trouble is asked again."""
    reading, release = stored_reading(strategy), _suspect(strategy)
    if reading is None or reading.head_sha is None or release is None:
        return
    try:
        missing = _missing(strategy, reading.head_sha, release.head_sha)
    except StageUnreadable as error:
        if error.trouble not in WITHOUT:
            return
        missing = True
    Release.objects.filter(pk=release.pk).update(rewritten=missing, head_looked_sha=reading.head_sha)


def _missing(strategy: DeployStrategy, head_sha: str, released_sha: str) -> bool:
    remote = remote_of(strategy)
    return bool(remote) and GitHubReader(github_profile(strategy)).difference(remote, head_sha, released_sha).total > 0


def _suspect(strategy: DeployStrategy) -> Release | None:
    """The last release by a pull request, where head was rewritten since, and this head was not looked at.

    For strategies of `facts.strategies_with_all`; no query where nothing was ever rewritten.
    """
    forced_at: datetime | None = getattr(strategy, "forced_at", None)
    reading = stored_reading(strategy)
    if forced_at is None or reading is None or reading.head_sha is None:
        return None
    merged = Release.objects.filter(strategy=strategy, state=Release.State.MERGED).order_by("-id").defer("commits")
    release = merged.first()
    if release is None or release.number is None or release.merged_at is None or release.merged_at > forced_at:
        return None
    return release if release.head_looked_sha != reading.head_sha else None
