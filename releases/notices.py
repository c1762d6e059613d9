"""The warning in Slack before a merge: sent once to each target, or given up after two hours.

An act like opening and merging: claimed, looked at for a last time while no block can be saved, sent, written down.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from audit.record import HORIZON
from projects.live import announce
from projects.merging import changes_held_back
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
# A block, closed hours or an outage of Horizon kept it from trying for longer than this: nobody knows whether Slack was
# there meanwhile, so that the two hours begin anew.
INTERRUPTION: Final = timedelta(minutes=30)


def warn(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Tell every target when it merges. False where it was another engine's turn, or the last look said otherwise."""
    with changes_held_back(strategy.stage.project.organization_id):
        notice = _claim(strategy, clock())
        if notice is None:
            return False
        fresh = last_look(strategy, notice.release, decision, clock)
        if fresh is None:
            _give_back(notice)
            return False
        return _send(fresh, notice, clock)


@transaction.atomic
def _claim(strategy: DeployStrategy, now: datetime) -> Notice | None:
    """Take the warning; None where another engine is at it, or a failed one waits for its next attempt."""
    open_now = Release.objects.select_for_update(of=("self",)).filter(strategy=strategy, state=Release.State.OPEN)
    release = open_now.select_related("strategy__stage__project__organization").first()
    if release is None:
        return None
    notice = release.notices.filter(delivered_at=None, waived_at=None).first()
    if notice is None:
        return Notice.objects.create(
            release=release, merge_at=now, head_sha=release.head_sha, begun_at=now, tried_at=now
        )
    again = _again_at(notice)
    if again > now:
        return None
    if again + INTERRUPTION < now:
        notice.begun_at = now
    notice.tried_at, notice.retry_at = now, None
    notice.save()
    notice.retry_at = again  # where it is given back
    return notice


def _again_at(notice: Notice) -> datetime:
    """When its next attempt is due. One without a time is being sent, or whoever sent it has died."""
    return notice.retry_at or (notice.tried_at or notice.begun_at) + CLAIMED


def _give_back(notice: Notice) -> None:
    """Nothing was sent. One that was never sent before has not begun."""
    if notice.failures:
        Notice.objects.filter(pk=notice.pk).update(retry_at=notice.retry_at)
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


@transaction.atomic
def _failed(release: Release, notice: Notice, now: datetime) -> None:
    """The next attempt comes when the first target may be tried again, and one when two hours of them are over: where
    that fails, too, the release goes on without the notice, and history says so."""
    gives_up_at = notice.begun_at + WAIVED_AFTER
    posts = list(SlackPost.objects.filter(release=release, wanted=said_of(notice)).order_by("retry_at"))
    notice.failures += 1
    later = [post.retry_at for post in posts if post.retry_at is not None and post.retry_at > now]
    again = min(later, default=now + timedelta(minutes=1))
    notice.retry_at = min(again, gives_up_at) if now < gives_up_at else again
    notice.error = next((f"{post.label}: {post.error}" for post in posts if post.error), "")
    if now >= gives_up_at:
        notice.waived_at, notice.retry_at = now, None
        data = {"merge_at": notice.merge_at.isoformat(), "why": notice.error}
        record_of("notice.waived", release, HORIZON, now, data)
    notice.save()
    announce([release.strategy.stage.project_id])
