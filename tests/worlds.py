"""Builders of small worlds: each gives something whole and valid, and takes what a test wants to be different."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

from projects.models import Comparison, Organization, Profile, Project, ProjectPoll, Snapshot, Stage
from projects.secrets import Secret

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKEN = "ghp_worldtoken"
BRANCHES = {"main": "main", "staging": "staging", "production": "release"}

_numbers = count(1)


def sha(number: int) -> str:
    """A commit's name, the same for the same number."""
    return f"{number:040x}"


def organization(name: str = "artsy") -> Organization:
    return Organization.objects.get_or_create(name=name)[0]


def github_profile(owner: Organization | None = None, **changed: Any) -> Profile:
    values: dict[str, Any] = {"name": "github", "kind": Profile.Kind.GITHUB_TOKEN, "secret": Secret.of(TOKEN)}
    values |= {"api_url": Profile.DEFAULT_API_URL} | changed
    return Profile.objects.create(organization=owner or organization(), **values)


def project(name: str = "", *, stages: Mapping[str, str] | None = None, remote: str = "", **changed: Any) -> Project:
    """A project with main, staging and production on branches, unless `stages` maps other names to branches.

    `profile` is that of all stages.
    """
    name = name or f"project{next(_numbers)}"
    profile = changed.pop("profile", None)
    owner = changed.pop("organization", None) or organization()
    made = Project.objects.create(organization=owner, name=name, **changed)
    remote = remote or f"https://github.com/{owner.name}/{name}.git"
    for position, (stage, branch) in enumerate((BRANCHES if stages is None else stages).items(), start=1):
        Stage.objects.create(
            project=made, position=position, name=stage, git_remote=remote, branch=branch, profile=profile
        )
    ProjectPoll.objects.create(project=made, refreshed_at=NOW)
    return made


def commit(number: int = 1, **changed: Any) -> dict[str, Any]:
    """One waiting commit as a comparison stores it."""
    return {
        "sha": sha(number),
        "date": (NOW - timedelta(hours=number)).isoformat(),
        "message": f"Change number {number}",
        "author": "Ana Lee",
        "email": "ana@example.com",
        "login": "ana",
        "url": f"https://github.com/artsy/candela/commit/{sha(number)}",
        "pull_request": None,
    } | changed


def snapshot(of: Project, *waiting: Sequence[Mapping[str, Any]], error: str = "", at: datetime = NOW) -> Snapshot:
    """The current snapshot of a project, with the commits that wait for each pair of neighbouring stages."""
    of.snapshots.update(is_current=False)
    released = not error and not any(waiting)
    made = Snapshot.objects.create(project=of, created_at=at, error=error, released=released)
    stages = list(of.stages.order_by("position"))
    for position, (ahead, behind) in enumerate(pairwise(stages), start=1):
        commits = list(waiting[position - 1]) if position <= len(waiting) else []
        Comparison.objects.create(
            snapshot=made, position=position, ahead=ahead.name, behind=behind.name,
            ahead_sha=sha(position), behind_sha=sha(position + 1), count=len(commits), commits=commits,
            contributors=list(dict.fromkeys(each["author"] for each in commits)),
            oldest_at=min((datetime.fromisoformat(each["date"]) for each in commits), default=None),
        )  # fmt: skip
    return made
