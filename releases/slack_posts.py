"""One message of one release at one target: claimed before it is sent, written down after it.

A crash in between leaves a claim that runs out; then it is sent again, which is the one way to a message twice. Edits
are the same whether once or twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from audit.record import HORIZON, record
from projects.live import announce
from releases import slack
from releases.models import Release, SlackPost
from releases.slack import Posted, SlackTrouble, Target

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
CLAIMED: Final = timedelta(seconds=60)  # longer than a call takes


@dataclass(frozen=True, slots=True)
class News:
    """What a message is to say: `said` names the state (another one is another message), `text` is the whole message,
    `line` its change for the thread. `anew`: people must hear it, so it is a message of its own and no edit."""

    said: str
    text: str
    line: str = ""
    anew: bool = False


def bring(release: Release, target: Target, news: News, now: datetime) -> bool:
    """Have the message at the target say this. False where it could not be sent, or another worker is at it."""
    post = _claim(release, target, news, now)
    if post is None:
        return False
    edits = bool(post.ts) and target.can_edit and not news.anew
    try:
        if edits:
            slack.update(target, Posted(post.channel, post.ts), news.text)
        else:
            _remember(post, slack.post(target, news.text))
    except SlackTrouble as trouble:
        _failed(release, post, trouble, now)
        return False
    _delivered(release, post, "notice.updated" if edits else "notice.sent", now)
    if edits and news.line:
        _reply(release, target, post, news, now)
    return True


@transaction.atomic
def _claim(release: Release, target: Target, news: News, now: datetime) -> SlackPost | None:
    SlackPost.objects.bulk_create(
        [SlackPost(release=release, target=target.digest, label=target.label, begun_at=now)], ignore_conflicts=True
    )
    post = SlackPost.objects.select_for_update(skip_locked=True).filter(release=release, target=target.digest).first()
    if post is None or post.said == news.said or (post.retry_at is not None and post.retry_at > now):
        return None
    if post.wanted != news.said:
        post.failures = 0
    post.wanted, post.tried_at, post.retry_at, post.label = news.said, now, now + CLAIMED, target.label
    post.save()
    return post


def _remember(post: SlackPost, posted: Posted) -> None:
    if posted.ts:
        post.channel, post.ts = posted.channel, posted.ts


@transaction.atomic
def _delivered(release: Release, post: SlackPost, kind: str, now: datetime) -> None:
    post.said, post.delivered_at, post.retry_at, post.failures, post.error = post.wanted, now, None, 0, ""
    post.save()
    _record(kind, release, post, now)


@transaction.atomic
def _failed(release: Release, post: SlackPost, trouble: SlackTrouble, now: datetime) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(post.failures, 10), LONGEST_PAUSE)
    post.failures, post.error = post.failures + 1, trouble.message
    post.retry_at = now + max(pause, trouble.pause or pause)
    post.save()
    if post.failures == 1:
        _record("notice.failed", release, post, now, why=trouble.message)
    announce([release.strategy.stage.project_id])


def _reply(release: Release, target: Target, post: SlackPost, news: News, now: datetime) -> None:
    """The thread tells what changed; that it could not be told there is no reason to tell it twice."""
    try:
        slack.post(target, news.line, thread=post.ts)
    except SlackTrouble as trouble:
        SlackPost.objects.filter(pk=post.pk).update(error=f"The thread could not be written to: {trouble.message}")
    else:
        _record("notice.replied", release, post, now)


def _record(kind: str, release: Release, post: SlackPost, at: datetime, why: str = "") -> None:
    strategy = release.strategy
    data = {
        "stage": strategy.stage.name,
        "base": strategy.base,
        "head": strategy.head,
        "sha": release.head_sha,
        "pull_request": {"number": release.number, "url": release.url},
        "target": post.label,
        "says": post.wanted.partition(":")[0],
        **({"why": why} if why else {}),
    }
    record(kind, actor=HORIZON, at=at, project=strategy.stage.project, data=data)
    announce([strategy.stage.project_id])
