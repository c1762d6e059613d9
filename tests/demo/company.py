"""The company of `make demo`: its people, repositories and their histories, on a GitHub server of our own."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.servers.github import GitHubServer
from tests.servers.github.repository import Repository

ORGANIZATION = "northlight"
PASSWORD = "demo-horizon"  # of everybody at a company that does not exist
TOKEN = "demo-token"  # opens nothing but the server of the demo

PEOPLE = {
    "ana": "Ana Lee",
    "bostrom": "Bo Ström",
    "chiara": "Chiara Rossi",
    "dana": "دانا حداد",
    "eunji": "Eun-ji Park",
    "francois": "François Müller",
    "gita": "Gita Rao 🎨",
    "hugo": "Hugo Alvarez-Montgomery",
}

SUBJECTS = [
    "Show the artist's other works below the fold",
    "Retry a payment when the card network times out",
    "Stop the carousel when it has the focus",
    "Cache exchange rates for an hour",
    "Use the new shipping quotes",
    "Remove the feature flag of the old checkout",
    "Explain why an offer was declined",
    "Keep filters when going back to the results",
    "Log the request id with each error",
    "Raise the memory limit of the image resizer",
    "Translate the condition report",
    "Let galleries upload several images at once",
    "Fix the rounding of prices in yen",
    "Index works by medium",
    "Bump the GraphQL client",
    "Send the reminder in the collector's time zone",
]


@dataclass(frozen=True, slots=True)
class History:
    """Writes commits of the past into one repository. `start` is how many days ago it begins."""

    repo: Repository
    now: datetime
    chance: random.Random

    def work(self, branch: str, count: int, *, days: float, until: float = 0.0) -> None:
        """So many commits between `days` and `until` days ago, every third as a pull request."""
        for number in range(count):
            age = days - (days - until) * number / max(count, 1)
            date = self.now - timedelta(days=age)
            subject = self.chance.choice(SUBJECTS)
            if number % 3 == 2:
                subject += f" (#{self.chance.randint(100, 900)})"
            self.repo.commit(branch, subject, author=self.chance.choice(list(PEOPLE)), date=date)

    def promote(self, *, days: float) -> None:
        """What staging has goes to release, as a merge commit."""
        date = self.now - timedelta(days=days)
        self.repo.merge("release", "staging", author="ana", message="Merge pull request #1 from staging", date=date)


def up_to_date(history: History) -> None:
    history.work("main", 6, days=20, until=3)
    history.repo.push("staging", "main")
    history.promote(days=2)


def waiting(main: int, staging: int) -> Callable[[History], None]:
    """So many commits wait on main, and so many on staging."""

    def write(history: History) -> None:
        history.work("main", 5, days=30, until=12)
        history.repo.push("staging", "main")
        history.promote(days=11)
        history.work("main", staging, days=6, until=1)
        history.repo.push("staging", "main")
        history.work("main", main, days=0.9, until=0.01)

    return write


def drifted(history: History) -> None:
    waiting(1, 3)(history)
    history.repo.commit("release", "Hot fix: turn the new resizer off", author="hugo")


def queued(history: History) -> None:
    """GitHub merges into release through a queue only."""
    waiting(0, 3)(history)
    history.repo.add_ruleset("release", merge_queue=True)


def tagged(history: History) -> None:
    history.work("main", 3, days=40, until=20)
    history.repo.tag("v1.4.0", at="main", annotated=True, tagger="gita", date=history.now - timedelta(days=19))
    history.work("main", 4, days=12, until=2)


def crowded(history: History) -> None:
    history.repo.commits("main", 300, author="dana")


REPOSITORIES: dict[str, Callable[[History], None]] = {
    "aurora": waiting(3, 5),
    "beacon": waiting(0, 4),
    "cobalt": drifted,
    "delta": waiting(0, 2),
    "ember": up_to_date,
    "fresco": waiting(2, 3),
    "harbor": crowded,
    "iris": waiting(0, 2),
    "jasper": tagged,
    "kestrel": waiting(1, 1),
    "lumen": up_to_date,
    "meadow": queued,
    "solstice": up_to_date,
}

FILES: dict[str, dict[str, str | bytes | None]] = {
    "aurora": {"package.json": '{"engines": {"node": ">=20.11"}}', "renovate.json": "{}"},
    "beacon": {"Gemfile": 'source "https://rubygems.org"\nruby "3.3.1"\n'},
    "fresco": {
        ".circleci/config.yml": "version: 2.1\norbs:\n  hokusai: northlight/hokusai@1.2.3\n",
        "package.json": "{}",
    },
    "delta": {".python-version": "3.12.1\n", ".github/workflows/test.yml": "on: push\n"},
}


def found(github: GitHubServer, now: datetime, seed: int) -> None:
    """Make people, token, repositories and histories."""
    chance = random.Random(seed)  # a lively history, no secret
    for login, name in PEOPLE.items():
        github.add_user(login, name=name, email=f"{login}@northlight.example")
    github.add_organization(ORGANIZATION)
    github.add_user("horizon-bot", name="Horizon", email="horizon@northlight.example", kind="Bot")
    for name, write in REPOSITORIES.items():
        repo = github.add_repository(f"{ORGANIZATION}/{name}", branches=("main", "staging", "release"))
        if files := FILES.get(name):
            repo.commit("main", "Declare versions", author="eunji", date=now - timedelta(days=31), files=files)
        write(History(repo, now, chance))
    github.add_token(TOKEN, login="horizon-bot", scopes=("repo",))
