"""What happens in the demo while you watch: people push, staging is deployed."""

import random
from collections.abc import Sequence

from tests.demo.company import ORGANIZATION, PEOPLE, REPOSITORIES, SUBJECTS
from tests.servers.github import GitHubServer

# Those whose state the demo promises stay as they are.
LIVELY: Sequence[str] = [name for name in REPOSITORIES if name not in ("beacon", "harbor", "iris", "lumen", "solstice")]


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
