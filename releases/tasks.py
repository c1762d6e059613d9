"""Shells around the engine for Celery, on the queue "actions"."""

from celery import shared_task
from django.utils import timezone

from releases import engine


@shared_task(queue="actions", ignore_result=True)
def advance() -> None:
    """Every release, one task for each profile: a slow or limited host delays only itself."""
    for profile_id in engine.profiles():
        advance_profile.delay(profile_id)


@shared_task(queue="actions", ignore_result=True)
def advance_profile(profile_id: int | None) -> None:
    """The releases that one profile serves; those without any, to say so on their pages."""
    engine.advance(engine.served_by(profile_id), timezone.now)


@shared_task(queue="actions", ignore_result=True)
def advance_changed() -> None:
    """The releases of projects that changed since they were looked at."""
    engine.advance(engine.changed(timezone.now()), timezone.now)
