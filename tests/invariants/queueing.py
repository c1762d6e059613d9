"""How many merges of an organization are under way at once, and in which order: by the log of the GitHub server."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from audit.models import AuditEvent
from tests.servers.github.model import Request

Pull = tuple[str, int]  # the name of the repository, and the number

MERGE = re.compile(r"^/repos/artsy/([^/]+)/pulls/(\d+)/merge(?:-async)?$")
LOOK = "GRAPHQL Pull"


@dataclass
class Queueing:
    """The merge requests of all projects so far. `unconfirmed`: those to which GitHub has not said what became of them,
    neither at once nor when it was asked for the pull request later."""

    unconfirmed: set[Pull] = field(default_factory=set)
    asked: set[Pull] = field(default_factory=set)
    most: int = 0  # so many were under way at once

    def read(self, requests: Iterable[Request]) -> list[Pull]:
        """Go through what was requested in a pass; the pull requests of which a merge was asked for the first time."""
        first = []
        for request in requests:
            if merge := _merge_of(request):
                others = self.unconfirmed - {merge}
                assert len(others) < settings.MERGES_AT_ONCE, f"{merge} was sent while {others} were unconfirmed"
                self.most = max(self.most, len(others) + 1)
                if merge not in self.asked:
                    first.append(merge)
                self.asked.add(merge)
                (self.unconfirmed.discard if request.status else self.unconfirmed.add)(merge)
            elif request.operation == LOOK and request.status == 200:
                variables = json.loads(request.body)["variables"]
                self.unconfirmed.discard((variables["n"], variables["i"]))
        return first

    def died(self, requests: Iterable[Request], projects: Mapping[str, int]) -> None:
        """The process died in this pass: where history does not know the end of its last merge, nobody was told it."""
        merges = [(merge, each) for each in requests if (merge := _merge_of(each))]
        if not merges:
            return
        (name, number), request = merges[-1]
        told = AuditEvent.objects.filter(project_id=projects[name], data__pull_request__number=number)
        if request.status == 200 and not told.filter(kind__in=["release.merged", "release.by-hand"]).exists():
            self.unconfirmed.add((name, number))


def _merge_of(request: Request) -> Pull | None:
    """The pull request whose merge was asked for."""
    match = MERGE.match(request.path) if request.method == "PUT" else None
    return (match[1], int(match[2])) if match else None


def check_order(asked: list[Pull], since: Mapping[Pull, datetime]) -> None:
    """Of those that wait since a known moment, and that nobody rushes, the older one is asked for first."""
    ages = [(since[pull], pull) for pull in asked if pull in since]
    assert [age for age, _ in ages] == sorted(age for age, _ in ages), f"not the oldest first: {ages}"
