"""Shells around the engine for Celery, on the queue "actions"."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from releases import engine

# So that no task is stopped in the middle of an act; what is left comes first in the next one.
RUN_TIME = timedelta(seconds=120)


@shared_task(queue="actions", ignore_result=True)
def advance() -> None:
    """Every release, one task for each profile: a slow or limited host delays only itself."""
    for profile_id in engine.profiles():
        advance_profile.apply_async([profile_id], expires=settings.POLL_INTERVAL.total_seconds())


@shared_task(queue="actions", ignore_result=True)
def advance_profile(profile_id: int | None) -> None:
    """The releases that one profile serves; those without any, to say so on their pages."""
    engine.advance(engine.served_by(profile_id), timezone.now, until=timezone.now() + RUN_TIME)


@shared_task(queue="actions", ignore_result=True)
def advance_changed() -> None:
    """The releases of projects that changed since they were looked at."""
    engine.advance(engine.changed(timezone.now()), timezone.now, until=timezone.now() + RUN_TIME)
