"""Somebody responsible: the person with the most commits in the pull request that GitHub lets be assigned.

Tried once for each head. Whatever goes wrong holds up nothing.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from projects.github_pulls import ActRefused, AnswerLost, GitHub
from projects.reading import StageUnreadable
from releases import facts, recording
from releases.acts_common import Clock, look, own_login
from releases.decision import Decision
from releases.models import Attempt, DeployStrategy, Release
from releases.repositories import repository

MOST_ASKED = 10  # candidates


def assign(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Assign the most frequent contributor. False where it was another engine's turn."""
    attempt = _claim(strategy, clock())
    if attempt is None:
        return False
    try:
        login = _candidate(strategy, attempt.release.number or 0)
        outcome = _send(strategy, attempt, login) if login else None
    except (ActRefused, StageUnreadable) as error:
        recording.not_assigned(attempt, Attempt.Outcome.REFUSED, error.message, clock())
    except AnswerLost:
        settle(strategy, attempt, clock())
    else:
        if outcome and login:
            recording.assigned(attempt, login, clock())
        else:
            why = f"GitHub did not assign {login}." if login else "Nobody of its commits can be assigned."
            recording.not_assigned(attempt, Attempt.Outcome.REFUSED, why, clock())
    return True


def _claim(strategy: DeployStrategy, now: datetime) -> Attempt | None:
    """Take it, for the head that the release has now: the next engine finds that it was tried."""
    try:
        with transaction.atomic():
            release = (
                Release.objects.select_for_update(of=("self",))
                .select_related("strategy__stage__project__organization")
                .filter(strategy=strategy, state=Release.State.OPEN)
                .first()
            )
            if release is None or release.assigned_sha == release.head_sha:
                return None
            release.assigned_sha = release.head_sha
            release.save(update_fields=["assigned_sha"])
            return Attempt.objects.create(release=release, act=Attempt.Act.ASSIGN, sha=release.head_sha, begun_at=now)
    except IntegrityError:
        return None


def _candidate(strategy: DeployStrategy, number: int) -> str:
    """The first contributor that can be assigned; empty where nobody can. Raises StageUnreadable."""
    owner, name = repository(strategy)
    github, own = GitHub(facts.github_profile(strategy)), own_login(strategy)
    people = [login for login in github.contributors(owner, name, number) if login != own]
    return next((login for login in people[:MOST_ASKED] if github.can_be_assigned(owner, name, login)), "")


def _send(strategy: DeployStrategy, attempt: Attempt, login: str) -> bool:
    """Whom it is about is written before it is sent, so that its effect is known again."""
    owner, name = repository(strategy)
    if not Attempt.objects.filter(pk=attempt.pk, finished_at=None).update(message=login):
        return False
    attempt.message = login
    return GitHub(facts.github_profile(strategy)).assign(owner, name, attempt.release.number or 0, login)


def settle(strategy: DeployStrategy, attempt: Attempt, now: datetime, *, is_over: bool = False) -> None:
    """What became of an attempt whose answer was lost. `is_over`: nothing of it can be on its way any more."""
    pull = look(strategy, attempt.release.number or 0) if attempt.message else None
    assignees = pull.assignees if pull is not None else None
    if assignees and attempt.message.lower() in {login.lower() for login in assignees}:
        recording.assigned(attempt, attempt.message, now)
    elif is_over and (not attempt.message or assignees is not None):
        recording.not_assigned(attempt, Attempt.Outcome.UNKNOWN, "The answer was lost, and nothing had happened.", now)
