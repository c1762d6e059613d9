"""The warning in Slack before a merge: sent once to each target, or given up after two hours.

An act like opening and merging: claimed, looked at for a last time while no block can be saved, sent, written down.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from audit.record import HORIZON
from blocks.change import blocks_held_back
from projects.live import announce
from releases import facts, slack_texts
from releases.acts_common import Clock, last_look
from releases.decision import Decision
from releases.models import DeployStrategy, Notice, Release, SlackPost
from releases.recording import record_of
from releases.slack_posts import Errand, News, bring
from releases.slack_story import story_of
from releases.slack_targets import targets_of
from releases.timing import WAIVED_AFTER

CLAIMED: Final = timedelta(seconds=120)  # as long as all targets of a strategy may take together


def warn(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Tell every target when it merges. False where it was another engine's turn, or the last look said otherwise."""
    with blocks_held_back(strategy.stage.project.organization_id):
        notice = _claim(strategy, clock())
        if notice is None:
            return False
        fresh = last_look(strategy, decision, clock)
        if fresh is None:
            _give_back(notice)
            return False
        return _send(fresh, notice, clock)


def waive(strategies: Collection[DeployStrategy], now: datetime) -> None:
    """Give up the notices that nobody could be told for two hours: the release goes on, and history says so."""
    overdue = Notice.objects.filter(
        release__strategy__in=strategies,
        release__state__in=Release.UNFINISHED,
        delivered_at=None,
        waived_at=None,
        begun_at__lte=now - WAIVED_AFTER,
    )
    for notice in overdue.select_related("release__strategy__stage__project__organization"):
        _waive(notice, now)


@transaction.atomic
def _waive(notice: Notice, now: datetime) -> None:
    waived_at = notice.begun_at + WAIVED_AFTER
    undecided = Notice.objects.filter(pk=notice.pk, delivered_at=None, waived_at=None)
    if undecided.update(waived_at=waived_at):
        _record("notice.waived", notice, now, why=notice.error)


@transaction.atomic
def _claim(strategy: DeployStrategy, now: datetime) -> Notice | None:
    """Take the warning; None where another engine is at it, or a failed one waits for its next attempt."""
    open_now = Release.objects.select_for_update(of=("self",)).filter(strategy=strategy, state=Release.State.OPEN)
    release = open_now.select_related("strategy__stage__project__organization").first()
    if release is None:
        return None
    notice = release.notices.filter(delivered_at=None, waived_at=None).first()
    if notice is not None and notice.begun_at + WAIVED_AFTER <= now:
        _waive(notice, now)
        notice = None
    if notice is None:
        notice = Notice(release=release, merge_at=now, head_sha=release.head_sha, begun_at=now)
    elif not _may_try(notice, now):
        return None
    notice.tried_at, notice.retry_at = now, None
    notice.save()
    return notice


def _may_try(notice: Notice, now: datetime) -> bool:
    """One without a time for its next attempt is being sent, or whoever sent it has died."""
    if notice.retry_at is not None:
        return notice.retry_at <= now
    return notice.tried_at is None or notice.tried_at + CLAIMED <= now


def _give_back(notice: Notice) -> None:
    """Nothing was sent. One that was never sent before has not begun."""
    if notice.failures:
        Notice.objects.filter(pk=notice.pk).update(retry_at=notice.tried_at)
    else:
        notice.delete()


def _send(strategy: DeployStrategy, notice: Notice, clock: Clock) -> bool:
    """The moment that is named is reckoned from the moment that is kept as that of its delivery: so it is true."""
    now = clock()
    known = facts.facts_of([strategy], now)[strategy.pk]
    notice.merge_at, notice.head_sha = known.merge_at or now, known.pull.head_sha
    release = Release.objects.get(pk=notice.release_id)
    release.strategy = strategy
    news = warning(release, notice, now)
    results = bring([Errand(release, target, news) for target in targets_of(strategy)], now)
    if any(results):
        _delivered(notice, now)
    else:
        _failed(release, notice, now)
    return True


def warning(release: Release, notice: Notice, now: datetime) -> News:
    """What people read `now`. It comes as a message of its own, so that it is heard; one that is there already leads on
    to it."""
    text = slack_texts.notice(story_of(release), notice.merge_at, now)
    return News(said_of(notice), text, f"Announced anew, in a newer message: {release.url}", anew=True)


def said_of(notice: Notice) -> str:
    return f"warned:{notice.pk}"


def _delivered(notice: Notice, now: datetime) -> None:
    notice.delivered_at, notice.retry_at, notice.failures, notice.error = now, None, 0, ""
    notice.save()
    announce([notice.release.strategy.stage.project_id])


def _failed(release: Release, notice: Notice, now: datetime) -> None:
    """The next attempt comes when the first target may be tried again."""
    posts = list(SlackPost.objects.filter(release=release, wanted=said_of(notice)).order_by("retry_at"))
    notice.failures += 1
    later = [post.retry_at for post in posts if post.retry_at is not None and post.retry_at > now]
    notice.retry_at = min(later, default=now + timedelta(minutes=1))
    notice.error = next((f"{post.label}: {post.error}" for post in posts if post.error), "")
    notice.save()
    announce([release.strategy.stage.project_id])


def _record(kind: str, notice: Notice, at: datetime, why: str = "") -> None:
    record_of(kind, notice.release, HORIZON, at, {"merge_at": notice.merge_at.isoformat(), "why": why})
