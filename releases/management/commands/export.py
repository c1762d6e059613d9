"""`manage.py export`"""

from typing import Any

from django.core.management.base import BaseCommand

from releases.declare import export


class Command(BaseCommand):
    help = "Print the configuration as YAML, without secrets; `apply` reads it."

    def handle(self, **_: Any) -> None:
        self.stdout.write(export(), ending="")
