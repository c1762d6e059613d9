"""What pages cost with many projects: queries, time on the server, bytes over the wire.

Garbage is collected as in the web process, which `horizon.asgi` sees to.
"""

import gzip
import importlib
from collections.abc import Iterator
from datetime import timedelta
from os import times
from time import perf_counter
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from projects.models import Project
from tests.bench import busy
from tests.bench.figures import Table, milliseconds

SAMPLES = 9
EVENTS = 1_000_000
DASHBOARD = "<= 12 queries, <= 150 ms, <= 60 KB"
PAGE = "<= 12 queries, <= 100 ms, <= 60 KB"


def measure(table: Table) -> None:
    importlib.import_module("horizon.asgi")
    user = User.objects.create_superuser("bench", "bench@example.com", "bench")
    client = Client(headers={"accept-encoding": "gzip", "host": "127.0.0.1"})
    client.force_login(user)
    events = busy.audit_events(EVENTS)
    count = f"{Project.objects.count():,} projects"
    table.add(f"dashboard of {count} without strategies", _page(client, "/"), DASHBOARD)
    busy.begin(timezone.now())
    project = Project.objects.order_by("pk")[100]
    for what, path in _dashboards(count):
        table.add(what, _page(client, path), DASHBOARD)
    for what, path in [*_pages(project), *_histories(project, events)]:
        table.add(what, _page(client, path), PAGE)


def _dashboards(count: str) -> Iterator[tuple[str, str]]:
    yield f"dashboard of {count}, each with a release under way", "/"
    half = [("tag", f"team{number}") for number in range(10)]
    yield "the same of half of them, all shown in full", f"/?{urlencode(half)}"
    yield "the same as a list", "/?view=list"
    yield "the same as an open page asks for it", "/?changed=all"


def _pages(project: Project) -> Iterator[tuple[str, str]]:
    yield "project page", f"/projects/{project.pk}/"
    yield "its way back", f"/projects/{project.pk}/back/"
    yield "blocks", "/blocks/"
    yield "new block", "/blocks/new/"
    yield "new block of one project", f"/blocks/new/?project={project.pk}"
    yield "closed hours", "/closed-hours/"
    yield "calendar of closed hours", "/closed-hours/calendar/"
    yield "/api/projects/, one page", "/api/projects/"


def _histories(project: Project, events: int) -> Iterator[tuple[str, str]]:
    yield f"history of {events:,} events", "/history/"
    filters: dict[str, dict[str, object]] = {
        "of one project": {"project": project.pk},
        "of a project that is not there": {"project": 987_654_321},
        "of a tag": {"tag": "team3"},
        "of a tag that no event bears": {"tag": "nobody"},
        "of a tag of a quarter of all events, long ago": {"tag": "gone"},
        "of a person": {"actor": "person10"},
        "of a person without events": {"actor": "nobody"},
        "of a person with a quarter of all events, long ago": {"actor": "gone"},
        "of a kind without events": {"kind": "release.rollback"},
        "of an organization without events": {"organization": "nobody"},
        "of a tag and a person who never met": {"tag": "gone", "actor": "person10"},
    }
    for what, asked in filters.items():
        yield f"history {what}", f"/history/?{urlencode(asked)}"
    yield "/api/audit/ of a tag that no event bears", "/api/audit/?tag=nobody"
    now = timezone.now()
    at, since = (f"{now - timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (3, 10))
    yield "what was live at a moment", f"/history/at/?{urlencode({'at': at})}"
    yield "what changed between two", f"/history/between/?{urlencode({'since': since, 'until': at})}"


def _page(client: Client, path: str) -> str:
    response = client.get(path)  # templates are loaded once
    walls, cpus = [], []
    for _ in range(SAMPLES):
        began, before = perf_counter(), times()
        response = client.get(path)
        walls.append(perf_counter() - began)
        cpus.append(sum(times()[:2]) - sum(before[:2]))
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status_code}")
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    body = response.content
    plain = gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" else body
    cost = f"{milliseconds(walls)}, {sum(cpus) / SAMPLES * 1000:.0f} ms CPU"
    return f"{len(queries)} queries, {cost}, {len(body) / 1000:.0f} KB of {len(plain) / 1000:.0f} KB"
