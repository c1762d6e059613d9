"""Messages of releases at their targets: each claimed before it is sent, and written down after it.

A crash in between leaves a claim that runs out; then it is sent again, which is the one way to a message twice. Edits
are the same whether once or twice. All messages are sent at once, so that slow targets do not add up; in threads, which
have no business with the database.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from audit.record import HORIZON
from projects.live import announce
from releases import slack
from releases.models import Release, SlackPost
from releases.recording import record_of
from releases.slack import Posted, SlackTrouble, Target

FIRST_PAUSE: Final = timedelta(seconds=30)
REFUSED_PAUSE: Final = timedelta(minutes=5)  # after a refusal, which only people can mend
LONGEST_PAUSE: Final = timedelta(hours=1)
# Slack has been seen to deliver and answer 429 all the same, again and again: then it is left alone.
MOST_LIMITED: Final = 2  # times that one message is answered 429; after that it is not sent any more
LIMITED_PAUSE: Final = timedelta(hours=2)
AT_ONCE: Final = 16  # threads
LAST_TURN: Final = 40  # seconds after which no message is begun
CLAIMED: Final = timedelta(seconds=90)  # LAST_TURN, and as long as a call takes where several addresses do not answer


@dataclass(frozen=True, slots=True)
class News:
    """What a message is to say: `said` names the state (another one is another message), `text` is the whole message.

    `anew`: people must hear it, so it is a message of its own and no edit. `line` is the change for the message's
    thread; or, of one that is `anew`, what the older message says from now on.
    """

    said: str
    text: str
    line: str = ""
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be said about a release at one target."""

    release: Release
    target: Target
    news: News


@dataclass(frozen=True, slots=True)
class Unsent:
    """It was not its turn: Slack was slow, or wants this target to be left alone."""

    pause: timedelta


Answer = Posted | SlackTrouble | Unsent
Job = tuple[Target, Callable[[], Posted]]


def bring(errands: Sequence[Errand], now: datetime) -> list[bool]:
    """Have each message say its news, and say of each whether it does. False: it could not be sent, or another worker
    is at it."""
    posts = {number: post for number, each in enumerate(errands) if (post := _claim(each, now)) is not None}
    told = {number for number, post in posts.items() if post.said == errands[number].news.said}
    claimed = {number: post for number, post in posts.items() if number not in told}
    olders = {number: Posted(post.channel, post.ts) for number, post in claimed.items()}
    answers = at_once([(errands[number].target, _sending(errands[number], olders[number])) for number in claimed])
    for (number, post), answer in zip(claimed.items(), answers, strict=True):
        if _written_down(errands[number], post, answer, now):
            told.add(number)
    _follow([(errands[number], post, olders[number]) for number, post in claimed.items() if number in told], now)
    return [number in told for number in range(len(errands))]


def waits(post: SlackPost, said: str, now: datetime) -> bool:
    """Whether the target is left alone now: for a while, or with this message for good."""
    return (post.retry_at is not None and post.retry_at > now) or (post.wanted == said and post.limited >= MOST_LIMITED)


@transaction.atomic
def _claim(errand: Errand, now: datetime) -> SlackPost | None:
    """The message: ours to send, or one that says it already. None where it is not to be sent now."""
    release, target, said = errand.release, errand.target, errand.news.said
    SlackPost.objects.bulk_create(
        [SlackPost(release=release, target=target.digest, label=target.label, begun_at=now)], ignore_conflicts=True
    )
    post = SlackPost.objects.select_for_update(skip_locked=True).filter(release=release, target=target.digest).first()
    if post is None or post.said == said:
        return post
    if waits(post, said, now):
        return None
    if post.wanted != said:
        post.failures = post.limited = 0
    post.wanted, post.tried_at, post.retry_at, post.label = said, now, now + CLAIMED, target.label
    post.save()
    return post


def _edits(errand: Errand, posted: Posted) -> bool:
    return bool(posted.ts) and errand.target.can_edit and not errand.news.anew


def _sending(errand: Errand, posted: Posted) -> Callable[[], Posted]:
    def update() -> Posted:
        slack.update(errand.target, posted, errand.news.text)
        return posted

    return update if _edits(errand, posted) else lambda: slack.post(errand.target, errand.news.text)


def at_once(jobs: Sequence[Job]) -> list[Answer]:
    """Do them all; those of one target one after another."""
    latest = time.monotonic() + LAST_TURN
    by_target: dict[str, list[int]] = {}
    for number, (target, _) in enumerate(jobs):
        by_target.setdefault(target.digest, []).append(number)
    rows = [[jobs[number][1] for number in numbers] for numbers in by_target.values()]
    if len(rows) < 2:
        done = [_in_turn(row, latest) for row in rows]
    else:
        with ThreadPoolExecutor(min(len(rows), AT_ONCE)) as pool:
            done = list(pool.map(lambda row: _in_turn(row, latest), rows))
    found = {
        number: answer
        for numbers, row in zip(by_target.values(), done, strict=True)
        for number, answer in zip(numbers, row, strict=True)
    }
    return [found[number] for number in range(len(jobs))]


def _in_turn(works: Sequence[Callable[[], Posted]], latest: float) -> list[Answer]:
    answers: list[Answer] = []
    pause = FIRST_PAUSE
    for work in works:
        if pause > FIRST_PAUSE or time.monotonic() > latest:
            answers.append(Unsent(pause))
            continue
        try:
            answers.append(work())
        except SlackTrouble as trouble:
            answers.append(trouble)
            pause = max(pause, trouble.pause or pause)
    return answers


def _written_down(errand: Errand, post: SlackPost, answer: Answer, now: datetime) -> bool:
    older = Posted(post.channel, post.ts)
    if isinstance(answer, Unsent):
        SlackPost.objects.filter(pk=post.pk).update(retry_at=now + answer.pause)
    elif isinstance(answer, SlackTrouble):
        _failed(errand, post, answer, edits=_edits(errand, older), now=now)
    else:
        _delivered(errand, post, answer, "notice.updated" if _edits(errand, older) else "notice.sent", now)
    return isinstance(answer, Posted)


@transaction.atomic
def _delivered(errand: Errand, post: SlackPost, posted: Posted, kind: str, now: datetime) -> None:
    if posted.ts:
        post.channel, post.ts = posted.channel, posted.ts
    post.said, post.delivered_at, post.retry_at, post.failures, post.limited = post.wanted, now, None, 0, 0
    post.error = ""
    post.save()
    _record(kind, errand.release, post, now)


@transaction.atomic
def _failed(errand: Errand, post: SlackPost, trouble: SlackTrouble, *, edits: bool, now: datetime) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(post.failures, 10), LONGEST_PAUSE)
    if not trouble.unknown:
        pause = max(pause, REFUSED_PAUSE)
    post.failures, post.error = post.failures + 1, trouble.message
    if trouble.pause is not None:
        # An edit does no harm twice.
        post.limited += 0 if edits else 1
        pause = max(pause, trouble.pause, LIMITED_PAUSE if post.limited >= MOST_LIMITED else pause)
    post.retry_at = now + pause
    post.save()
    if post.failures == 1:
        _record("notice.failed", errand.release, post, now, why=trouble.message)
    announce([errand.release.strategy.stage.project_id])


def _follow(told: Sequence[tuple[Errand, SlackPost, Posted]], now: datetime) -> None:
    """What comes after an edit or a message anew; that it failed is no reason to tell anything twice."""
    follows = [each for each in told if each[2].ts and each[0].target.can_edit and each[0].news.line]
    answers = at_once([(errand.target, _following(errand, older)) for errand, _, older in follows])
    for (errand, post, _), answer in zip(follows, answers, strict=True):
        what, kind = ("The older message", "notice.updated") if errand.news.anew else ("The thread", "notice.replied")
        if isinstance(answer, Posted):
            _record(kind, errand.release, post, now)
        else:
            why = answer.message if isinstance(answer, SlackTrouble) else "Slack was too slow."
            SlackPost.objects.filter(pk=post.pk).update(error=f"{what} could not be written to: {why}")


def _following(errand: Errand, older: Posted) -> Callable[[], Posted]:
    def update() -> Posted:
        slack.update(errand.target, older, errand.news.line)
        return older

    return update if errand.news.anew else lambda: slack.post(errand.target, errand.news.line, thread=older.ts)


def _record(kind: str, release: Release, post: SlackPost, at: datetime, why: str = "") -> None:
    said = {"target": post.label, "says": post.wanted.partition(":")[0], **({"why": why} if why else {})}
    record_of(kind, release, HORIZON, at, said)
    announce([release.strategy.stage.project_id])
