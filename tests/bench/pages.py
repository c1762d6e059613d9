"""What pages cost with many projects: queries, time on the server, bytes over the wire."""

import gzip
from time import perf_counter

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from projects.models import Project
from tests.bench.figures import Table, milliseconds

SAMPLES = 9


def measure(table: Table) -> None:
    user = User.objects.create_superuser("bench", "bench@example.com", "bench")
    client = Client(headers={"accept-encoding": "gzip", "host": "127.0.0.1"})
    client.force_login(user)
    project = Project.objects.order_by("pk")[0]
    events = _audit_events(1_000_000)
    pages = {
        f"dashboard of {Project.objects.count():,} projects": ("/", "<= 12 queries, <= 150 ms, <= 60 KB"),
        "dashboard as a list": ("/?view=list", "<= 12 queries, <= 150 ms, <= 60 KB"),
        "project page": (f"/projects/{project.pk}/", "<= 12 queries, <= 100 ms"),
        f"history of {events:,} events": ("/history/", "<= 12 queries, <= 100 ms"),
        "history of one project": (f"/history/?project={project.pk}", "<= 12 queries, <= 100 ms"),
        "blocks": ("/blocks/", "<= 12 queries, <= 100 ms"),
        "/api/projects/, one page": ("/api/projects/", "<= 12 queries, <= 100 ms"),
    }
    for what, (path, budget) in pages.items():
        table.add(what, _page(client, path), budget)


def _page(client: Client, path: str) -> str:
    response = client.get(path)  # templates are loaded once
    samples = []
    for _ in range(SAMPLES):
        began = perf_counter()
        response = client.get(path)
        samples.append(perf_counter() - began)
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status_code}")
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    body = response.content
    plain = gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" else body
    return f"{len(queries)} queries, {milliseconds(samples)}, {len(body) / 1000:.0f} KB of {len(plain) / 1000:.0f} KB"


def _audit_events(count: int) -> int:
    """So many lines of history, spread over all projects, written by the database itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO audit_auditevent
                (at, actor, actor_kind, kind, organization_name, project_id, project_name, tags, data)
            SELECT now() - (%s - n) * interval '10 seconds', 'Horizon', 'horizon',
                   (ARRAY['pull-request.opened', 'release.merged', 'block.created'])[1 + n %% 3], 'bench', p.id, p.name,
                   '{}', '{}'
            FROM generate_series(1, %s) AS n
            JOIN (SELECT id, name, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS many
                  FROM projects_project) AS p ON p.place = n %% p.many
            """,
            [count, count],
        )
        cursor.execute("ANALYZE audit_auditevent")
    return count
