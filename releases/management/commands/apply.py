"""`manage.py apply FILE.yml`"""

import getpass
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit.record import Actor
from projects.merging import StillMerging
from releases.declare import Refused, apply
from releases.yaml_tree import LARGEST_FILE


class Command(BaseCommand):
    help = "Make organizations, profiles, projects, stages and strategies what FILE.yml declares (docs/yaml.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.yml", help="the file, or - for the standard input")
        parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="in the organizations that the file names, archive projects, and remove profiles, stages and "
            "strategies, that it does not name",
        )

        parser.add_argument(
            "--offline", action="store_true", help="do not ask hosts whether the branches of strategies exist"
        )

    def handle(self, *, file: str, dry_run: bool, prune: bool, offline: bool = False, **_: Any) -> None:
        try:
            count = apply(
                _content(file),
                environment=os.environ,
                actor=Actor.command(_user()),
                at=timezone.now(),
                prune=prune,
                dry_run=dry_run,
                ask_hosts=not offline,
                say=self.stdout.write,
            )
        except Refused as refused:
            raise CommandError(_in_words(file, refused)) from None
        except StillMerging as merging:
            raise CommandError(str(merging)) from None
        if not count:
            self.stdout.write("Nothing to change.")
        elif dry_run:
            self.stdout.write(f"Dry run: {_changes(count)} planned, nothing was changed.")
        else:
            self.stdout.write(f"{_changes(count)} made.")


def _content(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(LARGEST_FILE + 1)
        with Path(file).open("rb") as opened:
            return opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in a container
        return f"uid {os.getuid()}"


def _in_words(file: str, refused: Refused) -> str:
    count = len(refused.complaints)
    lines = [f"{file}: {count} error{'' if count == 1 else 's'}, nothing was changed."]
    return "\n".join([*lines, *(f"  line {one.line or '-'}: {one.message}" for one in refused.complaints)])


def _changes(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"
