"""Polling as the worker does, and looking at every page that shows what came of it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from projects import poll as polling
from projects.models import Comparison, Project, Snapshot
from projects.poll import Tally
from tests.servers.asking import asking
from tests.servers.github import GitHubServer
from tests.worlds import NOW, TOKEN

A_MINUTE = timedelta(minutes=1)
# What no page may hold, whatever was sent: the secrets, terminal sequences, characters that no document may hold.
FORBIDDEN = re.compile(rf"{TOKEN}|s3cret|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def polled(*projects: Project, at: datetime = NOW) -> Tally:
    tally = Tally()
    polling.poll([each.pk for each in projects], clock=lambda: at, until=at + A_MINUTE, tally=tally)
    assert not tally.failed, "an error of Horizon's own, see the log"
    return tally


def current(project: Project) -> Snapshot:
    return project.snapshots.get(is_current=True)


def compared(project: Project, ahead: str = "main") -> Comparison:
    return current(project).comparisons.get(ahead=ahead)


@dataclass(frozen=True, slots=True)
class Seen:
    """The pages that show a project, and what the API tells of it."""

    home: str
    page: str
    api: dict[str, Any]

    @property
    def commits(self) -> list[dict[str, Any]]:
        return [commit for comparison in self.api["comparisons"] for commit in comparison["commits"]]


def look(reader: Client, project: Project) -> Seen:
    """All that people and programs see of a project; none of it may be broken or hold what it must not."""
    home, _, page, answer, listed = _answers(
        reader, "/", "/?view=list", f"/projects/{project.pk}/", f"/api/projects/{project.pk}/", "/api/projects/"
    )
    api = json.loads(answer)
    same = [each for each in json.loads(listed)["results"] if each["id"] == project.pk]
    # The severity grows from one answer to the next.
    assert [each | {"severity": 0} for each in same] == [api | {"severity": 0}]
    return Seen(home, page, api)


def _answers(reader: Client, *addresses: str) -> Iterable[str]:
    for address in addresses:
        answer = reader.get(address)
        assert answer.status_code == 200, address
        text = answer.content.decode()
        found = FORBIDDEN.search(text)
        assert found is None, f"{address}: …{text[max(0, found.start() - 80) :][:160]!r}…"
        yield text


def comparison_of(github: GitHubServer, path: str, base: str, head: str) -> dict[str, Any]:
    """What the server would answer about two branches, for a test to spoil."""
    repository = github.repository(path)
    with asking(github, TOKEN) as client:
        found: dict[str, Any] = client.json(f"/repos/{path}/compare/{repository.sha(base)}...{repository.sha(head)}")
    return found
