"""How long polls take: the first one, one in which nothing changed, one with a tenth changed; beside git ls-remote."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from projects import poll
from projects.models import Organization, Profile, Project, ProjectPoll, Snapshot, Stage, StageHead, StageMove
from projects.secrets import Secret
from tests.bench.figures import Cost, Table, measured, median_of
from tests.servers.github.process import GitHubProcess

OWNER = "bench"
TOKEN = "bench-token"
STAGES = {"main": "main", "staging": "staging", "production": "release"}
AN_HOUR = timedelta(hours=1)
PLENTY = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """One poll of everything."""

    cost: Cost
    requests: int
    received: int  # bytes


def found_repositories(github: GitHubProcess, count: int) -> None:
    """Repositories with three branches; two commits wait on main, one on staging."""
    github.add_user("ana", name="Ana Lee", email="ana@example.com")
    github.add_token(TOKEN, login="ana", scopes=("repo",))
    for resource in ("core", "graphql"):  # the first polls of several runs would spend an hour's budget
        github.call("limit", secret=TOKEN, resource=resource, limit=PLENTY, remaining=PLENTY, reset_in=86_400)
    github.add_repositories(OWNER, count)


def declare(github: GitHubProcess, count: int) -> None:
    """The same number of projects with three stages each."""
    owner = Organization.objects.create(name=OWNER)
    profile = Profile.objects.create(
        organization=owner, name="github", kind="github-token", secret=Secret.of(TOKEN), api_url=github.api_url
    )
    names = [f"project{number:05d}" for number in range(count)]
    projects = Project.objects.bulk_create(
        [Project(organization=owner, name=name, tags=[f"team{number % 20}"]) for number, name in enumerate(names)]
    )
    Stage.objects.bulk_create(
        Stage(
            project=project, position=position, name=name, branch=branch, profile=profile,
            git_remote=github.remote(f"{OWNER}/{project.name}"),
        )
        for project in projects
        for position, (name, branch) in enumerate(STAGES.items(), start=1)
    )  # fmt: skip


def forget() -> None:
    """As if nothing had ever been read."""
    for model in (Snapshot, StageHead, StageMove, ProjectPoll):
        model.objects.all().delete()


def poll_all(github: GitHubProcess) -> Run:
    """Everything once, as the workers do it."""
    ProjectPoll.objects.update(refreshed_at=None)
    github.reset_requests()
    with measured() as cost:
        for lane in poll.lanes(timezone.now()):
            poll.poll(lane, clock=timezone.now, until=timezone.now() + AN_HOUR)
    traffic = github.traffic()
    return Run(cost, traffic.requests, traffic.bytes)


def measure(table: Table, github: GitHubProcess, count: int, *, runs: int, latencies: tuple[float, ...]) -> None:
    for latency in latencies:
        github.set_latency(latency)
        at = f"{count:,} projects x 3 stages, {latency * 1000:.0f} ms"
        tell(table, f"first poll, {at}", _median(runs, lambda: _first(github)))
        unchanged = _median(runs, lambda: poll_all(github))
        budget = "<= 40 requests, <= 10 s, <= 3 s CPU" if (count, latency) == (1000, 0.1) else ""
        tell(table, f"unchanged poll, {at}", unchanged, budget)
        tell(table, f"a tenth changed, {at}", _median(runs, lambda: _changed(github, count)))
    github.set_latency(0)


def _median(runs: int, run: Callable[[], Run]) -> Run:
    return median_of(runs, run, lambda each: each.cost.seconds)


def _first(github: GitHubProcess) -> Run:
    forget()
    return poll_all(github)


def _changed(github: GitHubProcess, count: int) -> Run:
    github.push_to_many(OWNER, range(0, count, 10))
    return poll_all(github)


def tell(table: Table, what: str, run: Run, budget: str = "") -> None:
    told = f"{run.requests} requests, {run.received / 1e6:.1f} MB, {run.cost.seconds:.1f} s, {run.cost.cpu:.2f} s CPU"
    table.add(what, told, budget)


def measure_ls_remote(table: Table, github: GitHubProcess, count: int) -> None:
    """What asking each repository by git costs, 16 at a time."""
    remotes = [github.remote(f"{OWNER}/project{number:05d}") for number in range(count)]
    with measured() as cost, ThreadPoolExecutor(16) as pool:
        list(pool.map(_ls_remote, remotes))
    table.add(f"git ls-remote of {count:,}, 16 at a time, 0 ms", f"{cost.seconds:.1f} s, {cost.cpu:.1f} s CPU")


def _ls_remote(remote: str) -> None:
    subprocess.run(["git", "ls-remote", "--heads", remote], check=True, capture_output=True, timeout=60)
