"""Read projects now, here, with progress."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from projects import poll
from projects.find import NameUnclear, find_projects
from projects.leases import ensure_polls
from projects.models import ProjectPoll, Snapshot

FOREVER = timedelta(days=1)


class Command(BaseCommand):
    help = "Reads projects now, here, and says what changed. Without a NAME: all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="project or organization/project")

    def handle(self, *_: Any, names: list[str], **__: Any) -> None:
        try:
            projects = find_projects(names)
        except NameUnclear as error:
            raise CommandError(str(error)) from error
        ensure_polls(projects)
        ids = [project.pk for project in projects]
        busy = set(
            ProjectPoll.objects.filter(project__in=ids, leased_until__gt=timezone.now()).values_list(
                "project", flat=True
            )
        )
        tally = self._poll([pk for pk in ids if pk not in busy])
        self._report(ids, busy, tally)

    def _poll(self, ids: list[int]) -> poll.Tally:
        tally = poll.Tally()
        with Progress(console=Console(stderr=True), disable=not self.stderr.isatty()) as progress:
            bar = progress.add_task("Reading", total=len(ids))
            for start in range(0, len(ids), poll.CHUNK):
                chunk = ids[start : start + poll.CHUNK]
                poll.poll(chunk, clock=timezone.now, until=timezone.now() + FOREVER, tally=tally)
                progress.update(bar, completed=tally.done)
        return tally

    def _report(self, ids: list[int], busy: set[int], tally: poll.Tally) -> None:
        troubled = Snapshot.objects.filter(project__in=ids, is_current=True).exclude(error="")
        for snapshot in troubled.select_related("project__organization"):
            self.stderr.write(f"{snapshot.project}: {snapshot.error}")
        counts = {
            "changed": tally.changed,
            "unchanged": tally.unchanged,
            "held up by a limit": tally.waiting,
            "being read by a worker": busy,
            "failed, see the log": tally.failed,
        }
        told = ", ".join(f"{len(found)} {what}" for what, found in counts.items() if found)
        self.stdout.write(f"{len(ids)} project(s): {told or 'nothing to do'}.")
