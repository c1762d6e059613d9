"""What is done around a release, claimed before and written down after: at most one of a kind is under way.

A failed one is tried again after a pause that doubles each time. What a crash or a lost answer left unfinished is
settled by looking at the host, each act in its own module.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from audit.record import HORIZON
from projects.github_values import ActRefused, AnswerLost
from projects.live import announce
from releases.models import Attempt, Release
from releases.recording import record_of

Act = Attempt.Act

UPKEEP = (Act.STATUS, Act.EDIT, Act.RESTORE)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
REMEMBERED = timedelta(hours=6)  # failures older than that are no reason to wait
# After so long no request of a process that died is still on its way: GitHub ends each after 10 seconds.
SETTLED_AFTER = timedelta(seconds=60)


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    doublings: int = min(max(failures - 1, 0), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def failing(releases: Collection[Release], now: datetime) -> dict[tuple[int, str], list[Attempt]]:
    """The failures since the last success of each act, newest first, and what is unfinished: one query."""
    known = Q(begun_at__gte=now - REMEMBERED) | Q(finished_at=None)
    rows = Attempt.objects.filter(known, release__in=releases, act__in=UPKEEP)
    found: dict[tuple[int, str], list[Attempt]] = {}
    over: set[tuple[int, str]] = set()
    for row in rows.order_by("-begun_at", "-id"):
        key = (row.release_id, row.act)
        if row.outcome == Attempt.Outcome.DONE:
            over.add(key)
        elif key not in over:
            found.setdefault(key, []).append(row)
    return found


def unfinished(failures: Iterable[Attempt]) -> Attempt | None:
    """That of which nobody knows what became: it is settled before another is made, whatever became of the release."""
    return next((attempt for attempt in failures if attempt.finished_at is None), None)


def may_try(failures: Iterable[Attempt], now: datetime) -> bool:
    """Whether the pause after these is over. One that is unfinished is settled first, once it can be."""
    rows = list(failures)
    if not rows:
        return True
    newest = rows[0]
    if newest.finished_at is None:
        return now - newest.begun_at >= SETTLED_AFTER
    return now >= newest.finished_at + pause_after(len(rows))


def claim(release: Release, act: Attempt.Act, sha: str, said: str, now: datetime) -> Attempt | None:
    """Take the act; None where another engine has it. `said` is what it will say, to know its effect again."""
    try:
        with transaction.atomic():
            return Attempt.objects.create(release=release, act=act, sha=sha, begun_at=now, message=said)
    except IntegrityError:
        return None


def done(
    attempt: Attempt,
    at: datetime,
    kind: str,
    more: Mapping[str, object],
    release_values: Mapping[str, object] | None = None,
) -> bool:
    """It happened: the row, its only event, and what is known of the release now. False: told by another before."""
    with transaction.atomic():
        mine = Attempt.objects.filter(pk=attempt.pk, finished_at=None)
        if not mine.update(finished_at=at, outcome=Attempt.Outcome.DONE, message=""):
            return False
        if release_values:
            Release.objects.filter(pk=attempt.release_id).update(**release_values)
        tell(kind, attempt.release, at, {"sha": attempt.sha, **more})
    return True


def failed(attempt: Attempt, error: ActRefused | AnswerLost, at: datetime) -> None:
    """GitHub said no: in its own words. After a lost answer it stays unfinished: the next pass looks."""
    if isinstance(error, ActRefused):
        _finish(attempt, Attempt.Outcome.REFUSED, error.message, at)


def without_effect(attempt: Attempt, at: datetime) -> None:
    """The answer was lost, and nothing had happened: it may be tried again."""
    _finish(attempt, Attempt.Outcome.UNKNOWN, "The answer was lost, and nothing had happened.", at)


def tell(kind: str, release: Release, at: datetime, more: Mapping[str, object]) -> None:
    record_of(kind, release, HORIZON, at, more)
    announce([release.strategy.stage.project_id])


def sent(attempt: Attempt, send: Callable[[], None], at: Callable[[], datetime]) -> bool | None:
    """Send it once. True: done; False: refused; None: not known."""
    try:
        send()
    except ActRefused as refusal:
        failed(attempt, refusal, at())
        return False
    except AnswerLost as loss:
        failed(attempt, loss, at())
        return None
    return True


def _finish(attempt: Attempt, outcome: Attempt.Outcome, message: str, at: datetime) -> None:
    mine = Attempt.objects.filter(pk=attempt.pk, finished_at=None)
    mine.update(finished_at=at, outcome=outcome, message=message)
    announce([attempt.release.strategy.stage.project_id])
