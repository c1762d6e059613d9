"""Solstice, whose release began yesterday: opened, announced, blocked; it goes on while you watch, after a minute.

The story is told by Horizon's own engine, on a clock of the past that the server of GitHub shares. All of it is one
transaction, so that the Horizon that runs already sees the project when the story stands.
"""

import io
import tempfile
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from tests.demo.company import ORGANIZATION
from tests.servers.github import GitHubServer

NAME = "solstice"
WARNING = 60  # seconds between a notice and its merge: short, so that you need not wait for an hour
DAY = 86_400
BLOCKED_FOR = timedelta(seconds=60)  # from the start of the demo


def live_yesterday(github: GitHubServer, company: dict[str, Any]) -> None:
    """Declare the project alone, and let its release get as far as its block."""
    from django.core.management import call_command
    from django.db import transaction

    now = datetime.now(UTC)
    opened_at = now - timedelta(seconds=DAY, hours=3)  # the notice of then has lapsed
    organization = company["organizations"][0]
    alone = {**organization, "projects": [each for each in organization["projects"] if each["name"] == NAME]}
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file, transaction.atomic():
            yaml.safe_dump({"organizations": [alone]}, file, allow_unicode=True)
            file.flush()
            call_command("apply", file.name, stdout=io.StringIO())
            github.repository(f"{ORGANIZATION}/{NAME}").commit(
                "staging", "Show the longest day of the year", author="eunji", date=opened_at
            )
            _advance(github, opened_at)
            _advance(github, opened_at + timedelta(seconds=DAY - WARNING))
            _block(github, opened_at + timedelta(seconds=DAY - WARNING + 20))
    finally:
        github.freeze(None)


def go_on() -> str:
    """Whoever blocked it is content; a line that tells it."""
    from django.utils import timezone

    from audit.record import Actor
    from blocks.change import resolve_block
    from blocks.models import DeployBlock

    for block in DeployBlock.objects.filter(projects__name=NAME, resolved_at=None):
        resolve_block(block, note="The auction is over.", actor=Actor.person("ana"), clock=timezone.now)
    return f"{NAME}: Ana ended her block; it is announced again, and merged a minute later"


def _advance(github: GitHubServer, at: datetime) -> None:
    from releases import engine

    github.freeze(at)
    engine.advance(engine.releasable().filter(stage__project__name=NAME), lambda: at)


def _block(github: GitHubServer, at: datetime) -> None:
    from django.contrib.auth.models import User

    from audit.record import Actor
    from blocks.change import Wish, create_block
    from projects.models import Project

    project = Project.objects.select_related("organization").get(name=NAME)
    wish = Wish(project.organization, "Not before the auction of tonight is over.", projects=[project])
    owner = User.objects.get(username="ana")
    create_block(wish, actor=Actor.person("ana"), owner=owner, clock=lambda: at)
    _advance(github, at)
