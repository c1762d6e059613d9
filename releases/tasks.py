"""Shells around the engine for Celery, on the queue "actions"."""

from celery import shared_task
from django.db.models.functions import Coalesce
from django.utils import timezone

from releases import engine


@shared_task(queue="actions", ignore_result=True)
def advance() -> None:
    """Every release, one task for each profile: a slow or limited host delays only itself."""
    automatic = engine.releasable().filter(automatic=True)
    profiles = automatic.annotate(asks=Coalesce("profile", "stage__profile")).order_by().values_list("asks", flat=True)
    for profile_id in profiles.distinct():
        advance_profile.delay(profile_id)


@shared_task(queue="actions", ignore_result=True)
def advance_profile(profile_id: int | None) -> None:
    """The releases that one profile serves; those without any, to say so on their pages."""
    automatic = engine.releasable().filter(automatic=True).annotate(asks=Coalesce("profile", "stage__profile"))
    engine.advance(automatic.filter(asks=profile_id), timezone.now)


@shared_task(queue="actions", ignore_result=True)
def advance_projects(project_ids: list[int]) -> None:
    """The releases of projects that have just changed."""
    engine.advance(engine.releasable().filter(automatic=True, stage__project__in=project_ids), timezone.now)
