"""`manage.py beat`: sends the tasks of the schedule when they are due. There must be only one."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from horizon.celery import app
from horizon.embedded import data_folder, private_folder


class Command(BaseCommand):
    help = "Send the tasks of the schedule when they are due. Run one of it, never two."
    requires_system_checks = ()

    def handle(self, *_: Any, **_options: Any) -> None:
        folder = private_folder(data_folder(settings.DATA_DIR) / "beat")
        app.Beat(schedule=str(folder / "schedule"), quiet=True, loglevel="WARNING").run()
