"""What people did to a release, told on its pull request: each note is one comment, known again by its key."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from projects.github_pulls import GitHub
from projects.github_values import ActRefused, AnswerLost
from projects.live import announce
from projects.reading import StageUnreadable
from releases import upkeep_attempts as attempts
from releases.facts import github_profile
from releases.messages import comment
from releases.models import DeployStrategy, Note
from releases.repositories import repository

Clock = Callable[[], datetime]
MOST_FAILURES = 12  # with their pauses that is most of a day; then it stays unsaid, and the page says so
MOST_AT_ONCE = 5


def waiting(now: datetime) -> QuerySet[Note]:
    """Notes that are to be written now, oldest first."""
    open_notes = Note.objects.filter(posted_at=None, given_up_at=None, release__number__isnull=False)
    return open_notes.filter(Q(retry_at=None) | Q(retry_at__lte=now)).order_by("created_at", "id")


def keep(strategy: DeployStrategy, clock: Clock) -> None:
    """Write them, as far as GitHub takes them. Raises StageUnreadable where the strategy has no profile for it."""
    mine = waiting(clock()).filter(release__strategy=strategy).select_related("release")[:MOST_AT_ONCE]
    for note in mine:
        note.release.strategy = strategy
        if _claimed(note, clock()) and not _write(strategy, note, clock):
            return


def _claimed(note: Note, now: datetime) -> bool:
    """Take it for as long as a request may be under way."""
    free = Note.objects.filter(Q(retry_at=None) | Q(retry_at__lte=now), pk=note.pk, posted_at=None)
    return bool(free.update(tried_at=now, retry_at=now + attempts.SETTLED_AFTER))


def _write(strategy: DeployStrategy, note: Note, clock: Clock) -> bool:
    owner, name = repository(strategy)
    github, number = GitHub(github_profile(strategy)), note.release.number or 0
    try:
        if note.tried_at is not None and any(str(note.key) in text for text in github.comments(owner, name, number)):
            _posted(note, clock())
            return True
        github.comment(owner, name, number, comment(note.text, str(note.key)))
    except ActRefused as refusal:
        _refused(note, refusal.message, refusal.retry_at or clock(), clock())
        return False
    except StageUnreadable as trouble:
        _refused(note, trouble.message, trouble.retry_at or clock(), clock())
        return False
    except AnswerLost:
        return False  # it is looked for when the claim is over
    _posted(note, clock())
    return True


def _posted(note: Note, now: datetime) -> None:
    with transaction.atomic():
        if Note.objects.filter(pk=note.pk, posted_at=None).update(posted_at=now, retry_at=None, error=""):
            attempts.tell("pull-request.commented", note.release, now, {"text": note.text})


def _refused(note: Note, words: str, not_before: datetime, now: datetime) -> None:
    Note.objects.filter(pk=note.pk).update(
        failures=F("failures") + 1,
        error=words,
        retry_at=max(now + attempts.pause_after(note.failures + 1), not_before),
        given_up_at=now if note.failures + 1 >= MOST_FAILURES else None,
    )
    announce([note.release.strategy.stage.project_id])
