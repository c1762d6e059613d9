"""Celery's shells around what projects do by themselves."""

from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from projects import poll as polling
from projects.git import prune_mirrors
from projects.models import Stage
from projects.properties import read_due_properties
from projects.prune import prune_snapshots

# A lane gives its worker back after this time, and goes on as a message behind the other lanes.
LANE_TIME = timedelta(seconds=40)
# What was asked for is sent again every second, while it was not read.
ASKED_LASTS = timedelta(seconds=3)


@shared_task
def poll() -> None:
    """Send out every lane with projects that are due."""
    now = timezone.now()
    _send(polling.lanes(now), now)


@shared_task(queue="events", ignore_result=True)
def poll_asked() -> None:
    """Send out what was asked for meanwhile: a project that was pushed to, a new one, a changed one."""
    now = timezone.now()
    lanes = polling.lanes(now, only_asked=True)
    # As many as one request asks for; what is more, is a sweep.
    _send([lane[: polling.CHUNK] for lane in lanes], now, asked=True, lasts=ASKED_LASTS)
    _send([lane[polling.CHUNK :] for lane in lanes if len(lane) > polling.CHUNK], now, lasts=ASKED_LASTS)


def _send(lanes: list[list[int]], due_at: datetime, *, asked: bool = False, lasts: timedelta | None = None) -> None:
    for lane in lanes:
        # A message that waits for a whole interval is superseded by the next one.
        poll_lane.apply_async(
            [lane, due_at.isoformat()],
            queue=polling.queue_of(lane, asked=asked),
            expires=(lasts or settings.POLL_INTERVAL).total_seconds(),
        )


@shared_task
def poll_lane(project_ids: list[int], due_at: str) -> None:
    """Read these projects, as many as fit into the time; the rest again at once.

    Where workers are busy, several messages wait for the same project: what was read since it was due is left alone.
    """
    since = datetime.fromisoformat(due_at)
    rest = polling.poll(project_ids, clock=timezone.now, until=timezone.now() + LANE_TIME, since=since)
    if rest:
        _send([rest], since)


@shared_task
def read_properties(held_up: list[str] | None = None) -> None:
    """Read the files of projects that are due, as many as fit into the time; the rest again at once."""
    rest = read_due_properties(clock=timezone.now, until=timezone.now() + LANE_TIME, held_up=held_up or [])
    if rest is not None:
        read_properties.apply_async([rest], expires=LANE_TIME.total_seconds() * 10)


@shared_task
def prune() -> None:
    """Delete old snapshots, and the mirrors of repositories that no stage names any more."""
    prune_snapshots(timezone.now())
    prune_mirrors(
        set(Stage.objects.exclude(git_remote="").values_list("git_remote", flat=True)),
        data_dir=settings.DATA_DIR,
        insecure_hosts=settings.INSECURE_HOSTS,
    )
