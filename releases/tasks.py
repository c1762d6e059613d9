"""Shells around the engine for Celery, on the queue "actions"."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from projects.tasks import poll_asked
from releases import engine, farewells, going_back, live, pushes, reminders, repairs_closed, webhooks_look

# So that no task is stopped in the middle of an act; what is left comes first in the next one.
RUN_TIME = timedelta(seconds=120)


@shared_task(queue="actions", ignore_result=True)
def advance() -> None:
    """Every release, one task for each profile: a slow or limited host delays only itself."""
    for profile_id in engine.profiles(timezone.now()):
        advance_profile.apply_async([profile_id], expires=settings.RELEASE_INTERVAL.total_seconds())


@shared_task(queue="actions", ignore_result=True)
def advance_profile(profile_id: int | None) -> None:
    """The releases that one profile serves; those without any, to say so on their pages."""
    engine.advance(engine.served_by(profile_id, timezone.now()), timezone.now, until=timezone.now() + RUN_TIME)


@shared_task(queue="actions", ignore_result=True)
def advance_changed() -> None:
    """The releases of projects that changed since they were looked at."""
    engine.advance(engine.changed(timezone.now()), timezone.now, until=timezone.now() + RUN_TIME)


# --- events: a queue of its own, so that neither a sweep of all projects nor one of all releases holds them up -------


@shared_task(queue="events", ignore_result=True)
def heed() -> None:
    """What GitHub told: projects are read, and releases looked at, at once. Every second, too, for what was asked for
    while it was looked at, and for deliveries whose message was lost."""
    webhooks_look.message_arrived()
    webhooks_look.take_in(timezone.now())
    poll_asked()
    if webhooks_look.asked_releases(timezone.now()).exists():
        advance_asked.apply_async(expires=webhooks_look.MESSAGE_LASTS)


@shared_task(queue="events", ignore_result=True)
def advance_asked() -> None:
    """The releases that events asked for."""
    if not webhooks_look.claim_engine():
        return
    try:
        now = timezone.now()
        engine.advance(webhooks_look.asked_releases(now), timezone.now, until=now + RUN_TIME)
    finally:
        webhooks_look.engine_ended()


@shared_task(queue="events", ignore_result=True)
def prune_deliveries() -> None:
    """Forget what GitHub told long ago."""
    webhooks_look.prune(timezone.now())


@shared_task(queue="actions", ignore_result=True)
def follow_live() -> None:
    """What happened after merges, and past them: releases by hand first, because they explain what production runs."""
    try:
        pushes.find(timezone.now)
    finally:
        live.follow(timezone.now)


@shared_task(queue="actions", ignore_result=True)
def go_back() -> None:
    """Reverts that people asked for, what became of them, and the blocks that end when a revert has arrived; and what
    is to be said on pull requests that are left behind."""
    going_back.open_reverts(timezone.now)
    repairs_closed.follow(timezone.now)
    going_back.lift(timezone.now)
    farewells.say(timezone.now)


@shared_task(queue="actions", ignore_result=True)
def remind() -> None:
    """Owners of blocks without an end, in Slack."""
    reminders.remind_owners(timezone.now)
