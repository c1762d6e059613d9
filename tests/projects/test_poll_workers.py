"""Two workers, real processes, at the same projects at the same time."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from projects import leases
from projects.models import Profile, Project, ProjectPoll, Snapshot
from tests import worlds
from tests.servers.github import GitHubServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LIMIT = 60.0  # seconds for anything awaited; reached only when something is broken
POLL = """
import sys, django
django.setup()
from projects.tasks import poll_lane
due_at, *ids = sys.argv[1:]
sys.stdin.readline()
poll_lane([int(number) for number in ids], due_at)
"""


@pytest.fixture
def projects(github: GitHubServer, profile: Profile) -> list[int]:
    """Ids of projects on the server that nobody has read yet."""
    made: list[Project] = []
    for number in range(8):
        github.add_repository(f"artsy/project{number}", branches=("main", "staging", "release"))
        made.append(worlds.project(profile=profile, remote=github.remote(f"artsy/project{number}")))
    ProjectPoll.objects.update(refreshed_at=None)
    return [project.pk for project in made]


def worker(project_ids: list[int], due_at: datetime) -> "subprocess.Popen[bytes]":
    """A process that reads these projects once, when it is told to begin."""
    database = connection.settings_dict
    port = f"&port={database['PORT']}" if database["PORT"] else ""
    address = f"postgresql://{quote(database['USER'])}:{quote(database['PASSWORD'] or '')}@/{database['NAME']}"
    return subprocess.Popen(
        [sys.executable, "-c", POLL, due_at.isoformat(), *map(str, project_ids)],
        stdin=subprocess.PIPE,
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "horizon.settings",
            "DATABASE_URL": f"{address}?host={quote(database['HOST'], safe='')}{port}",
        },
    )


def begin(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.write(b"now\n")
    process.stdin.close()


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        Event().wait(0.05)


def test_two_workers_never_read_a_project_twice(github: GitHubServer, projects: list[int]) -> None:
    github.reset_requests()
    due_at = timezone.now()
    both = [worker(projects, due_at), worker(projects, due_at)]
    for process in both:
        begin(process)

    assert [process.wait(LIMIT) for process in both] == [0, 0]

    assert Snapshot.objects.count() == len(projects)
    assert len(github.requests) == 1  # the other one had nothing left to ask for


def test_a_killed_worker_frees_its_projects_after_its_lease(github: GitHubServer, projects: list[int]) -> None:
    github.fail("graphql", slow=LIMIT)
    killed = worker(projects, timezone.now())
    begin(killed)
    wait_until(lambda: ProjectPoll.objects.filter(lease__isnull=False).count() == len(projects))

    killed.kill()
    killed.wait(LIMIT)
    now = timezone.now()

    assert leases.claim(projects, uuid4(), now) == []
    assert leases.claim(projects, uuid4(), now + leases.LEASE + timedelta(seconds=1)) == projects
