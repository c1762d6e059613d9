"""`manage.py answering QUEUE`: does a worker of this queue answer? For health checks."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError

from horizon.celery import app

LIMIT = 5.0  # seconds


class Command(BaseCommand):
    help = "End with status 0 when a worker of the queue answers, else with 1."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queue", choices=settings.QUEUES)

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            answers = app.control.ping(timeout=LIMIT, limit=None)
        except OperationalError:
            raise CommandError("the broker does not answer: is REDIS_URL right?") from None
        names = {name.split("@")[0] for answer in answers for name in answer}
        if not any(options["queue"] in name.split("-") for name in names):
            raise CommandError(f"no worker of {options['queue']} answers")
