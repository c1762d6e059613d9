"""`manage.py advance [NAME...] [--dry-run]`: one pass of the engine, here and now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from projects.find import NameUnclear, find_projects
from projects.models import Project
from releases import engine


class Command(BaseCommand):
    help = "Look at the releases, do what is due now, and print each decision."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="project or organization/project; default: all")
        parser.add_argument("--dry-run", action="store_true", help="decide only: nothing is opened or merged")

    def handle(self, *args: Any, names: list[str], dry_run: bool, **options: Any) -> None:
        strategies = engine.releasable()
        if names:
            strategies = strategies.filter(stage__project__in=_projects(names))
        for outcome in engine.advance(strategies, timezone.now, dry_run=dry_run):
            stage = outcome.strategy.stage
            for decision in [*outcome.acts, outcome.decision]:
                self.stdout.write(f"{stage.project}  {stage.name}  {decision.action}  {decision.reason}")


def _projects(names: list[str]) -> list[Project]:
    try:
        return find_projects(names)
    except NameUnclear as error:
        raise CommandError(str(error)) from None
