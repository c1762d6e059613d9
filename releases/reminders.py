"""Remind in Slack, once a week for each, of blocks that have no end and are older than a week."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from audit.record import HORIZON, record
from blocks.models import DeployBlock
from blocks.queries import covered_projects, forgotten_blocks
from releases.models import DeployStrategy

AGAIN = timedelta(days=7)
AFTER_TROUBLE = timedelta(days=1)
AT_ONCE = 20  # blocks in one run
MOST_PLACES = 3  # strategies, each with other targets, that one reminder goes to

# Posts a text to the Slack targets of a strategy, and tells whether at least one of them took it.
Post = Callable[[DeployStrategy, str], bool]


def remind_owners(post: Post, clock: Callable[[], datetime]) -> list[DeployBlock]:
    """The blocks of which somebody was reminded. What could not be posted anywhere is tried again a day later."""
    now = clock()
    due = forgotten_blocks(now).filter(Q(reminded_at=None) | Q(reminded_at__lte=now - AGAIN))
    claimed = [block for block in due.select_related("organization", "owner")[:AT_ONCE] if _claim(block, now)]
    return [block for block in claimed if _remind(block, post, now)]


def _claim(block: DeployBlock, now: datetime) -> bool:
    """Whether this one is ours to remind of; another worker that read the same row finds it taken."""
    unclaimed = DeployBlock.objects.filter(pk=block.pk, reminded_at=block.reminded_at, resolved_at=None)
    return unclaimed.update(reminded_at=now) == 1


def _remind(block: DeployBlock, post: Post, now: datetime) -> bool:
    places = _places(block)
    told = [strategy for strategy in places if post(strategy, reminder(block, now))]
    with transaction.atomic():
        if places and not told:
            DeployBlock.objects.filter(pk=block.pk).update(reminded_at=now - AGAIN + AFTER_TROUBLE)
        if told:
            _record(block, told, now)
    return bool(told)


def _record(block: DeployBlock, told: list[DeployStrategy], now: datetime) -> None:
    projects = covered_projects(block)
    record(
        "block.reminded",
        actor=HORIZON,
        at=now,
        project=projects[0] if len(projects) == 1 else None,
        organization_name=block.organization.name,
        data={
            "block": block.pk,
            "owner": block.created_by,
            "reason": block.description,
            "scope": block.scope,
            "tag": block.tag,
            "projects": [project.name for project in projects] if block.scope == DeployBlock.Scope.PROJECTS else [],
            "strategies": [str(strategy) for strategy in told],
        },
    )


def _places(block: DeployBlock) -> list[DeployStrategy]:
    """Strategies of what is blocked that post to Slack: one for each set of targets."""
    strategies = DeployStrategy.objects.filter(stage__project__in=covered_projects(block)).select_related(
        "stage__project__organization"
    )
    places: dict[tuple[str, tuple[str, ...]], DeployStrategy] = {}
    for strategy in strategies.order_by("stage__project__name", "pk"):
        urls = strategy.slack_webhook_urls
        key = (urls.reveal() if urls else "", tuple(strategy.slack_channels))
        if key != ("", ()):
            places.setdefault(key, strategy)
    return list(places.values())[:MOST_PLACES]


def reminder(block: DeployBlock, now: datetime) -> str:
    """What people read; the text is a person's, so whoever posts it escapes it."""
    days = (now - block.begins_at).days
    reason = block.description if len(block.description) <= 200 else f"{block.description[:199]}…"
    return (
        f"{block.created_by} has blocked releases for {days} days, without an end: {reason}\n"
        "Is it still needed? Give it an end, or end it, on the page of deploy blocks."
    )
