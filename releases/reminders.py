"""Remind in Slack, once a week for each, of blocks that have no end and are older than a week."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from audit.record import HORIZON, record
from blocks.models import DeployBlock
from blocks.queries import covered_projects, forgotten_blocks
from releases import slack
from releases.models import DeployStrategy
from releases.slack import SlackTrouble, Target
from releases.slack_targets import targets_of
from releases.slack_texts import plain

log = logging.getLogger(__name__)

AGAIN = timedelta(days=7)
AFTER_TROUBLE = timedelta(days=1)
AT_ONCE = 20  # blocks in one run
RUN_TIME = timedelta(seconds=120)  # after which no other block is begun, so that the run ends before it is ended
MOST_TARGETS = 3  # that one reminder goes to


def remind_owners(clock: Callable[[], datetime]) -> list[DeployBlock]:
    """The blocks of which somebody was reminded. What could not be posted anywhere is tried again a day later."""
    begun = clock()
    due = forgotten_blocks(begun).filter(Q(reminded_at=None) | Q(reminded_at__lte=begun - AGAIN))
    reminded = []
    for block in due.select_related("organization", "owner")[:AT_ONCE]:
        now = clock()
        if now - begun > RUN_TIME:
            break
        if _claim(block, now) and _remind(block, now):
            reminded.append(block)
    return reminded


def _claim(block: DeployBlock, now: datetime) -> bool:
    """Whether this one is ours to remind of; another worker that read the same row finds it taken. It is written down
    as one that nobody took, and stays so where this worker dies."""
    unclaimed = DeployBlock.objects.filter(pk=block.pk, reminded_at=block.reminded_at, resolved_at=None)
    return unclaimed.update(reminded_at=now - AGAIN + AFTER_TROUBLE) == 1


def _remind(block: DeployBlock, now: datetime) -> bool:
    targets = _targets(block)
    told = [target.label for target in targets if _posted(target, reminder(block, now))]
    if told:
        with transaction.atomic():
            DeployBlock.objects.filter(pk=block.pk).update(reminded_at=now)
            _record(block, told, now)
    return bool(told)


def _posted(target: Target, text: str) -> bool:
    try:
        slack.post(target, text)
    except SlackTrouble as error:
        log.warning("could not remind of a block at %s: %s", target.label, error.message)
        return False
    return True


def _record(block: DeployBlock, told: list[str], now: datetime) -> None:
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
            "targets": told,
        },
    )


def _targets(block: DeployBlock) -> list[Target]:
    """Where the releases of what is blocked are announced."""
    strategies = DeployStrategy.objects.filter(stage__project__in=covered_projects(block)).select_related(
        "stage__project__organization", "slack_profile"
    )
    found: dict[str, Target] = {}
    for strategy in strategies.order_by("stage__project__name", "pk"):
        for target in targets_of(strategy):
            found.setdefault(target.digest, target)
        if len(found) >= MOST_TARGETS:
            break
    return list(found.values())[:MOST_TARGETS]


def reminder(block: DeployBlock, now: datetime) -> str:
    days = (now - block.begins_at).days
    return (
        f"{plain(block.created_by)} has blocked releases for {days} days, without an end: {plain(block.description)}\n"
        f"Is it still needed? Give it an end, or end it, here: {settings.PUBLIC_URL}/blocks/"
    )
