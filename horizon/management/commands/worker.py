"""`manage.py worker QUEUE...`: does the background work of these queues."""

import gc
import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from horizon import processes
from horizon.celery import app

GRACE = 5.0  # seconds for the end that the kernel's signal asks for


class Command(BaseCommand):
    help = "Do the background work of the named queues (all, when none is named)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queues", nargs="*", choices=[[], *settings.QUEUES], metavar="QUEUE")
        parser.add_argument("--slots", type=int, help="how many tasks at a time (default: as settings.QUEUES says)")

    def handle(self, *_: Any, **options: Any) -> None:
        if supervisor := os.environ.get("SUPERVISOR"):
            processes.end_with(int(supervisor), grace=GRACE)
        queues = options["queues"] or list(settings.QUEUES)
        slots = options["slots"] or sum(settings.QUEUES[queue] for queue in queues)
        # Loaded once here and never looked at by the garbage collector: the processes of the pool share it.
        app.loader.import_default_modules()
        gc.collect()
        gc.freeze()
        app.worker_main(
            [
                "--quiet",
                "worker",
                "--pool=prefork",  # the others ignore time limits
                f"--concurrency={slots}",
                f"--queues={','.join(queues)}",
                f"--hostname={'-'.join(queues)}@%h",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ]
        )
