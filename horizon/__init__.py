"""Settings, addresses, background work and processes: wires the apps and knows no rule of theirs."""

from horizon.celery import app as celery_app

__all__ = ["celery_app"]
