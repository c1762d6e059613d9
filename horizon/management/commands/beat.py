"""`manage.py beat`: sends the tasks of the schedule when they are due. There must be only one."""

from typing import Any

from django.core.management.base import BaseCommand

from horizon.celery import app


class Command(BaseCommand):
    help = "Send the tasks of the schedule when they are due. Run one of it, never two."
    requires_system_checks = ()

    def handle(self, *_: Any, **_options: Any) -> None:
        # The schedule is kept in memory: a file that a kill left half written would keep beat from starting again.
        app.Beat(scheduler="celery.beat:Scheduler", quiet=True, loglevel="WARNING").run()
