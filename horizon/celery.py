"""Background work: the queues, their limits, and the whole schedule.

`polls` and `hosts` read, `actions` does everything else, so a slow host never holds up a release. Waits are rows in the
database, never messages with an ETA: Redis delivers those again after its visibility timeout.
"""

import os
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "horizon.settings")

app = Celery("horizon")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Tasks that run when the broker goes away are left to end: they are made to be repeated, not to be cut off.
warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
# Root may run it: the messages are JSON, which runs no code.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")


def keep_logging_of_settings(**_: Any) -> None:
    """That there is a receiver makes Celery leave logging alone: one format and one filter of secrets everywhere."""


setup_logging.connect(keep_logging_of_settings)
