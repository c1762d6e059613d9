"""The stages of a project page in order, and the commits that wait between them, grouped by pull request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_datetime

from dashboard import words
from projects.models import Comparison, Stage, StageHead
from projects.queries import UNCOMPARED, Detail, head_of
from projects.remotes import Remote, UnsafeRemote, commit_url, compare_url, parse_remote, web_url

SHOWN_AT_FIRST = 25  # commits; more are behind "Show all"


@dataclass(frozen=True, slots=True)
class WaitingCommit:
    sha: str
    subject: str
    author: str
    email: str
    date: datetime | None
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """Commits of one pull request, or such as came without one (`number` is None)."""

    number: int | None
    url: str
    commits: list[WaitingCommit]


@dataclass(frozen=True, slots=True)
class Between:
    """What stands between a stage and the one before it."""

    comparison: Comparison
    severity: str
    people: str
    first: list[Group]
    rest: list[Group]
    drift: list[WaitingCommit]
    url: str
    readable: bool

    @property
    def kept(self) -> int:
        return len(self.comparison.commits)

    @property
    def rest_count(self) -> int:
        return sum(len(group.commits) for group in self.rest)


@dataclass(frozen=True, slots=True)
class Step:
    """A stage, where it is now, and what waits to reach it (None for the first one)."""

    stage: Stage
    head: StageHead | None
    commit_url: str
    found_by: str
    before: Between | None


def pipeline(detail: Detail, now: datetime) -> list[Step]:
    """One step for each stage, in order of promotion."""
    comparisons = {comparison.behind: comparison for comparison in detail.comparisons}
    repository = repository_remote(detail)
    return [_step(stage, comparisons.get(stage.name), repository, now) for stage in detail.stages]


def repository_remote(detail: Detail) -> Remote | None:
    """The remote that the project's links go to: the first stage's that has one."""
    return next((remote for stage in detail.stages if (remote := _remote(stage.git_remote))), None)


def repository_url(detail: Detail) -> str:
    remote = repository_remote(detail)
    return (web_url(remote) if remote else None) or ""


def _remote(text: str) -> Remote | None:
    try:
        return parse_remote(text, insecure_hosts=settings.INSECURE_HOSTS) if text else None
    except UnsafeRemote:
        return None  # the stage's own error says so; here it only means that there is nothing to link to


def _step(stage: Stage, comparison: Comparison | None, repository: Remote | None, now: datetime) -> Step:
    head = head_of(stage)
    remote = _remote(stage.git_remote) or repository
    return Step(
        stage=stage,
        head=head,
        commit_url=_commit_url(remote, head.sha) if head else "",
        found_by=_found_by(stage),
        before=_between(comparison, remote, now) if comparison else None,
    )


def _found_by(stage: Stage) -> str:
    if stage.hokusai:
        return f"image tag {stage.hokusai}"
    return f"tags {stage.tag_pattern}" if stage.tag_pattern else f"branch {stage.branch}"


def _between(comparison: Comparison, remote: Remote | None, now: datetime) -> Between:
    commits = list(comparison.commits)
    url = comparison.url
    if not url and remote and comparison.ahead_sha and comparison.behind_sha:
        url = compare_url(remote, comparison.behind_sha, comparison.ahead_sha) or ""
    return Between(
        comparison=comparison,
        severity=words.severity_word(comparison.score(now)),
        people=words.in_words(comparison.contributors),
        first=_groups(commits[:SHOWN_AT_FIRST], remote),
        rest=_groups(commits[SHOWN_AT_FIRST:], remote),
        drift=[_commit(each, remote) for each in comparison.drift_commits],
        url=_web(url),
        readable=comparison.state not in UNCOMPARED,
    )


def _groups(waiting: Iterable[Mapping[str, Any]], remote: Remote | None) -> list[Group]:
    """Neighbours of one pull request belong together; their order stays newest first."""
    runs = groupby(waiting, key=lambda commit: commit.get("pull_request"))
    return [
        Group(number, _pull_request_url(remote, number), [_commit(each, remote) for each in run])
        for number, run in runs
    ]


def _commit(commit: Mapping[str, Any], remote: Remote | None) -> WaitingCommit:
    sha = str(commit["sha"])
    return WaitingCommit(
        sha=sha,
        subject=str(commit.get("message") or ""),
        author=str(commit.get("author") or commit.get("login") or "somebody"),
        email=str(commit.get("email") or ""),
        date=parse_datetime(str(commit.get("date") or "")),
        url=_web(str(commit.get("url") or "")) or _commit_url(remote, sha),
    )


def _commit_url(remote: Remote | None, sha: str) -> str:
    return (commit_url(remote, sha) if remote else None) or ""


def _pull_request_url(remote: Remote | None, number: int | None) -> str:
    page = web_url(remote) if remote and number else None
    return f"{page}/pull/{number}" if page else ""


def _web(url: str) -> str:
    """Addresses in commits come from hosts: only those of the web become links."""
    return url if url.startswith(("https://", "http://")) else ""
