"""What a release brings: the commits of its head that the base has not, kept with its row while it is open."""

from typing import Any

from projects.compare import pull_requests_of, titles_of
from projects.github import GitHubReader
from projects.reading import Difference, StageUnreadable, Trouble
from projects.snapshots import commits_json
from releases.facts import github_profile
from releases.models import DeployStrategy, Release
from releases.readings import stored_reading
from releases.repositories import remote_of

# Asking again does not help.
LASTING = (Trouble.GONE, Trouble.UNRELATED, Trouble.TOO_LARGE, Trouble.MISCONFIGURED)


def put_contents(strategy: DeployStrategy, release: Release, head_sha: str) -> None:
    """Put what this head brings into the row (not saved); one request. `base_sha` stays empty where it is to be tried
    again: the text of a pull request is no condition of its release."""
    reading = stored_reading(strategy)
    release.commits, release.commit_count, release.base_sha = [], 0, ""
    if reading is None or reading.base_sha is None:
        return
    try:
        remote = remote_of(strategy)
        found = (
            GitHubReader(github_profile(strategy)).difference(remote, reading.base_sha, head_sha) if remote else None
        )
    except StageUnreadable as error:
        if error.trouble in LASTING:
            release.base_sha = reading.base_sha
        return
    release.base_sha = reading.base_sha
    if found is not None:
        release.commits, release.commit_count = _commits(found), _count(found)


def save_contents(release: Release) -> None:
    release.save(update_fields=["commits", "commit_count", "base_sha"])


def _commits(found: Difference) -> list[dict[str, Any]]:
    """Without merges, each with number and title of the pull request that brought it, as far as messages tell."""
    numbers, titles = pull_requests_of(found.commits), titles_of(found.commits)
    rows = commits_json(commit for commit in found.commits if not commit.is_merge)
    for row in rows:
        row["pull_request"] = number = numbers.get(row["sha"])
        row["pull_request_title"] = titles.get(number, "") if number else ""
    return rows


def _count(found: Difference) -> int:
    """Exact where all were told, else the host's total without the merges that were."""
    merges = sum(commit.is_merge for commit in found.commits)
    return max(found.total - merges, len(found.commits) - merges)
