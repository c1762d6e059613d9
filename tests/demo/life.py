"""What happens in the demo while you watch: people push, staging is deployed, what is to be merged by people is."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tests.demo.company import ORGANIZATION, PEOPLE, REPOSITORIES, SUBJECTS
from tests.servers.github import GitHubServer

# Those whose state the demo promises stay as they are.
QUIET = ("beacon", "harbor", "iris", "lumen", "solstice")
LIVELY: Sequence[str] = [name for name in REPOSITORIES if name not in QUIET]
QUEUE = timedelta(seconds=30)  # that GitHub's merge queue takes
SOON = timedelta(seconds=15)  # until somebody merges what heals or reverts
SQUASHED = "iris"


def happen(github: GitHubServer, chance: random.Random) -> str:
    """One thing happens; a line that tells it."""
    name = chance.choice(LIVELY)
    repo = github.repository(f"{ORGANIZATION}/{name}")
    if chance.random() < 0.25 and repo.sha("main") != repo.sha("staging"):
        repo.push("staging", "main")
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


def _squash(github: GitHubServer) -> Iterator[str]:
    """Bo merges the first release of iris by hand, with the wrong button; the work goes on."""
    repo = github.repository(f"{ORGANIZATION}/{SQUASHED}")
    with github.lock:
        first = [pull.number for pull in repo.pulls.listed({"open"}) if pull.number == 1]
    if first:
        repo.merge_pull_request(1, by="bostrom", method="squash")
        repo.commit("staging", "Recommend works of the same medium", author="chiara")
        yield f"{SQUASHED}: {PEOPLE['bostrom']} squashed #1"
