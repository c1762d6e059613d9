"""What happens in the demo while you watch: people push, staging is deployed, what is to be merged by people is."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tests.demo.company import ORGANIZATION, PEOPLE, REPOSITORIES, SUBJECTS
from tests.servers.github import GitHubServer
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository

# Those whose state the demo promises stay as they are.
QUIET = ("beacon", "harbor", "iris", "lumen", "solstice")
LIVELY: Sequence[str] = [name for name in REPOSITORIES if name not in QUIET]
QUEUE = timedelta(seconds=30)  # that GitHub's merge queue takes
SOON = timedelta(seconds=15)  # until somebody merges what heals or reverts
BACK = timedelta(seconds=45)  # until a revert that went live is brought back to staging, too
SQUASHED = "iris"


def happen(github: GitHubServer, chance: random.Random) -> str:
    """One thing happens; a line that tells it."""
    name = chance.choice(LIVELY)
    repo = github.repository(f"{ORGANIZATION}/{name}")
    if chance.random() < 0.25 and not _has(repo, "staging", "main"):
        _bring(repo, "staging", "main")
        return f"{name}: staging was deployed"
    login = chance.choice(list(PEOPLE))
    subject = chance.choice(SUBJECTS)
    repo.commit("main", subject, author=login)
    return f"{name}: {PEOPLE[login]} pushed “{subject}”"


def follow(github: GitHubServer, now: datetime) -> Iterator[str]:
    """What comes of Horizon's pull requests on GitHub's side; lines that tell it."""
    yield from _squash(github)
    for name in REPOSITORIES:
        repo = github.repository(f"{ORGANIZATION}/{name}")
        with github.lock:
            pulls = repo.pulls.listed({"open"})
            queued = any(pull.queue_entry and now - pull.queue_entry.enqueued_at > QUEUE for pull in pulls)
            repairs = [pull.number for pull in pulls if pull.head_ref != "staging" and now - pull.created_at > SOON]
        for number in repo.process_merge_queue("release") if queued else ():
            yield f"{name}: GitHub's merge queue merged #{number}"
        for number in repairs:
            repo.merge_pull_request(number, by="bostrom")
            yield f"{name}: {PEOPLE['bostrom']} merged #{number}"
        if any(_is_only_live(pull, now) for pull in repo.pulls.listed({"closed"})):
            _bring(repo, "staging", "release")
            yield f"{name}: {PEOPLE['bostrom']} merged release, with the revert, back into staging"


def _squash(github: GitHubServer) -> Iterator[str]:
    """Bo merges the first release of iris by hand, with the wrong button; the work goes on."""
    repo = github.repository(f"{ORGANIZATION}/{SQUASHED}")
    with github.lock:
        first = [pull.number for pull in repo.pulls.listed({"open"}) if pull.number == 1]
    if first:
        repo.merge_pull_request(1, by="bostrom", method="squash")
        repo.commit("staging", "Recommend works of the same medium", author="chiara")
        yield f"{SQUASHED}: {PEOPLE['bostrom']} squashed #1"


def _is_only_live(pull: PullRequest, now: datetime) -> bool:
    """Whether this is a revert that staging has not had yet."""
    if pull.base_ref != "release" or pull.head_ref == "staging" or now - (pull.merged_at or now) < BACK:
        return False
    return not _has(pull.repository, "staging", pull.merge_commit_sha or "release")


def _has(repo: Repository, branch: str, other: str) -> bool:
    """Whether a branch has a commit, or all that another branch has."""
    with repo.github.lock:
        return repo.sha(other) in repo.store.ancestors(repo.sha(branch))


def _bring(repo: Repository, branch: str, other: str) -> None:
    """What one branch has goes to another: as it is, or as a merge where both have something."""
    if _has(repo, other, branch):
        repo.push(branch, other)
    else:
        repo.merge(branch, other, author="bostrom", message=f"Merge {other} into {branch}")
