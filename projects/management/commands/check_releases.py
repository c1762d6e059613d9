"""The text report that users of releasecop know."""

import sys
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from projects.find import NameUnclear, find_projects
from projects.models import Comparison, Snapshot

UNRELEASED, UNKNOWN = 1, 2


class Command(BaseCommand):
    help = (
        "Says what each project has unreleased, as Horizon last read it. "
        "Exit status: 1 when something is unreleased, else 2 when something could not be read, else 0."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="project or organization/project")
        parser.add_argument("--all", action="store_true", help="all projects")
        parser.add_argument("--verbose", action="store_true", help="projects that are up to date, too")

    def handle(self, *_: Any, name: str | None, verbose: bool, **options: Any) -> None:
        if bool(name) == bool(options["all"]):
            raise CommandError("Give the NAME of one project, or --all.")
        try:
            projects = find_projects([name] if name else [])
        except NameUnclear as error:
            raise CommandError(str(error)) from error
        current = Snapshot.objects.filter(project__in=projects, is_current=True).prefetch_related("comparisons")
        snapshots = {snapshot.project_id: snapshot for snapshot in current}
        behind = unknown = 0
        for project in projects:
            snapshot = snapshots.get(project.pk)
            comparisons = list(snapshot.comparisons.all()) if snapshot else []
            behind += sum(comparison.count > 0 for comparison in comparisons)
            unknown += snapshot is None or bool(snapshot.error)
            if verbose or name or snapshot is None or not snapshot.released:
                self._write(str(project), snapshot, comparisons)
        self.stderr.write(f"{len(projects)} project(s) checked. {behind} environment(s) out-of-date.")
        if behind or unknown:
            sys.exit(UNRELEASED if behind else UNKNOWN)

    def _write(self, name: str, snapshot: Snapshot | None, comparisons: list[Comparison]) -> None:
        self.stdout.write(f"{name}...")
        if snapshot is None:
            self.stdout.write("  has not been read yet")
            return
        for line in snapshot.error.splitlines():
            self.stdout.write(f"  could not be read: {line}")
        if snapshot.error and snapshot.read_at:
            self.stdout.write(f"  what follows is from {snapshot.read_at:%Y-%m-%d %H:%M} UTC")
        for comparison in comparisons:
            self._write_comparison(comparison)

    def _write_comparison(self, comparison: Comparison) -> None:
        if comparison.explanation:
            self.stdout.write(f"  {comparison.behind} and {comparison.ahead}: {comparison.explanation}")
        if comparison.released:
            self.stdout.write(f"  {comparison.behind} is up-to-date with {comparison.ahead}")
        elif comparison.count:
            self.stdout.write(f"  {comparison.behind} is behind {comparison.ahead} by:")
            for commit in comparison.commits:
                date = datetime.fromisoformat(commit["date"])
                self.stdout.write(f"    {commit['sha'][:7]} {date:%Y-%m-%d} {commit['message']} ({commit['author']})")
            if comparison.count > len(comparison.commits):
                self.stdout.write(f"    and {comparison.count - len(comparison.commits)} more at least")
