"""What becomes of a release, written down: its row, and exactly one line of history, in one transaction.

Each function is called with the release's row locked, and does nothing where the row says that it was done.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from audit.record import HORIZON, Actor, record
from projects.configure import look_again
from projects.github_values import ActRefused, PullRequest
from projects.live import announce
from releases.models import Attempt, DeployStrategy, Release
from releases.situation import Action

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
# What moves a release, each in another state of it. Upkeep and assigning go beside, and are finished by themselves.
MOVES = (Attempt.Act.OPEN, Attempt.Act.MERGE, Attempt.Act.DEQUEUE)


def unfinished(release: Release, act: Attempt.Act | None = None) -> QuerySet[Attempt]:
    """The attempts to move this release of which nobody knows yet what became."""
    return release.attempts.filter(finished_at=None, act__in=[act] if act else MOVES)


class How(StrEnum):
    """Whether the commits of head are on base now, or copies of them: one of all, or one of each."""

    MERGED = "merged"
    SQUASHED = "squashed"
    REBASED = "rebased"

    @classmethod
    def by(cls, method: str) -> "How":
        """As `DeployStrategy.merge_method` does it."""
        return {"squash": cls.SQUASHED, "rebase": cls.REBASED}.get(method, cls.MERGED)


@transaction.atomic
def opened(release: Release, pull: PullRequest, at: datetime) -> None:
    """Horizon opened this pull request. Its age counts from the host's time, if that can be true by Horizon's clock."""
    attempt = unfinished(release, Attempt.Act.OPEN).first()
    begun_at = attempt.begun_at if attempt else release.begun_at
    _be_open(release, pull, min(max(pull.created_at, begun_at), at))
    _finish(release, Attempt.Outcome.DONE, at)
    record_of("pull-request.opened", release, HORIZON, at)


@transaction.atomic
def adopted(release: Release, pull: PullRequest, at: datetime) -> None:
    """A person opened this pull request; Horizon takes it for the release from now on."""
    _be_open(release, pull, min(pull.created_at, at))
    _finish(release, Attempt.Outcome.REFUSED, at, "A person had opened the pull request already.")
    record_of("pull-request.adopted", release, HORIZON, at, {"opened_by": pull.author})


@transaction.atomic
def reopened(release: Release, pull: PullRequest, at: datetime) -> None:
    """A person opened the pull request again that had been closed."""
    _be_open(release, pull, min(pull.created_at, at))
    record_of("pull-request.reopened", release, Actor.github("somebody"), at)


@transaction.atomic
def enqueued(release: Release, sha: str, at: datetime) -> None:
    """GitHub took it into its merge queue, because Horizon asked for its merge."""
    release.state, release.head_sha, release.asked_at, release.queued_at = Release.State.QUEUED, sha, None, at
    _forget_refusals(release)
    release.save()
    _finish(release, Attempt.Outcome.DONE, at)
    record_of("pull-request.enqueued", release, HORIZON, at)


@transaction.atomic
def dequeued(release: Release, why: str, at: datetime) -> None:
    """Horizon took it out of GitHub's merge queue."""
    _be_idle(release)
    release.save()
    _finish(release, Attempt.Outcome.DONE, at)
    record_of("pull-request.dequeued", release, HORIZON, at, {"why": why})


@transaction.atomic
def unqueued(release: Release, why: str, by: str, at: datetime) -> None:
    """GitHub, or a person there (`by`), took it out of the merge queue: it is put there again after a pause."""
    refused(release, Action.MERGE, release.head_sha, ActRefused(0, why), at)
    record_of("pull-request.unqueued", release, Actor.github(by or "GitHub"), at, {"why": why})


@transaction.atomic
def stays_queued(release: Release, outcome: Attempt.Outcome, message: str, at: datetime) -> None:
    """It could not be taken out of the queue: that is tried again."""
    unfinished(release, Attempt.Act.DEQUEUE).update(finished_at=at, outcome=outcome, message=message)
    _announce(release)


@transaction.atomic
def assigned(attempt: Attempt, login: str, at: datetime) -> None:
    """Horizon assigned somebody; two engines that find it out write it once."""
    if _finish_assigning(attempt, Attempt.Outcome.DONE, "", at):
        record_of("pull-request.assigned", attempt.release, HORIZON, at, {"assignee": login})


def not_assigned(attempt: Attempt, outcome: Attempt.Outcome, message: str, at: datetime) -> None:
    _finish_assigning(attempt, outcome, message, at)


def _finish_assigning(attempt: Attempt, outcome: Attempt.Outcome, message: str, at: datetime) -> bool:
    mine = Attempt.objects.filter(pk=attempt.pk, finished_at=None)
    return mine.update(finished_at=at, outcome=outcome, message=message) == 1


@transaction.atomic
def merged(release: Release, sha: str, merge_sha: str, at: datetime, how: How = How.MERGED) -> None:
    """Horizon merged it."""
    _put(how, release)
    _be_merged(release, sha, merge_sha, "Horizon", at)
    unfinished(release, Attempt.Act.DEQUEUE).update(
        finished_at=at, outcome=Attempt.Outcome.REFUSED, message="It had been merged."
    )
    _finish(release, Attempt.Outcome.DONE, at)
    record_of("release.merged", release, HORIZON, at)


@transaction.atomic
def merged_by_hand(release: Release, pull: PullRequest, at: datetime, how: How = How.MERGED) -> None:
    """A person merged it on GitHub."""
    by = pull.merged_by or "somebody"
    _put(how, release)
    release.kind = Release.Kind.MANUAL
    _be_merged(release, pull.head_sha, pull.merge_sha or "", by, pull.merged_at or at)
    _finish(release, Attempt.Outcome.REFUSED, at, f"{by} had merged it already.")
    record_of("release.by-hand", release, Actor.github(by), at, {"how": how.value})


def _put(how: How, release: Release) -> None:
    release.squashed, release.rebased = how is not How.MERGED, how is How.REBASED


@transaction.atomic
def closed(release: Release, pull: PullRequest, at: datetime, closing: Release.Closing, why: str, by: str = "") -> None:
    """It came to its end without a merge. `by` is the person; empty where nobody says."""
    release.state, release.closed_at, release.head_sha = Release.State.CLOSED, at, pull.head_sha
    release.closing, release.closed_by, release.queued_at, release.request_id = closing, by, None, ""
    release.save(update_fields=["state", "closed_at", "closing", "closed_by", "head_sha", "queued_at", "request_id"])
    _finish(release, Attempt.Outcome.REFUSED, at, why)
    who = HORIZON if closing == Release.Closing.LEFT else Actor.github(by or "somebody")
    record_of("pull-request.closed", release, who, at, {"why": why})


@transaction.atomic
def refused(release: Release, act: Action, sha: str, refusal: ActRefused, at: datetime) -> None:
    """GitHub said no: shown in its own words, and asked again after a pause that doubles each time.

    A first no that another look may overcome ("Base branch was modified") costs no pause.
    """
    before = release.refusals if (release.refused_act, release.refused_sha) == (act.value, sha) else 0
    pause = min(FIRST_PAUSE * 2 ** min(before, 10), LONGEST_PAUSE)
    if refusal.transient and before == 0:
        pause = timedelta(0)
    release.refused_act, release.refused_sha, release.refused_words = act.value, sha, refusal.message
    release.refusals, release.retry_at = before + 1, max(at + pause, refusal.retry_at or at)
    _be_idle(release)
    release.save()
    _finish(release, Attempt.Outcome.REFUSED, at, refusal.message)


@transaction.atomic
def unanswered(release: Release, at: datetime) -> None:
    """An act whose answer was lost, and which had no effect after all: it may be tried again."""
    _be_idle(release)
    release.save(update_fields=["state", "asked_at", "queued_at", "request_id"])
    _finish(release, Attempt.Outcome.UNKNOWN, at, "The answer was lost, and nothing had happened.")


@transaction.atomic
def withdrawn(release: Release) -> None:
    """Nothing was sent: the last look said otherwise."""
    _be_idle(release)
    release.save(update_fields=["state", "asked_at", "queued_at", "request_id"])
    unfinished(release).delete()
    _announce(release)


def _be_idle(release: Release) -> None:
    if release.state in (Release.State.MERGING, Release.State.QUEUED):
        release.state, release.asked_at = Release.State.OPEN, None
        release.queued_at, release.request_id = None, ""


def _be_open(release: Release, pull: PullRequest, opened_at: datetime) -> None:
    release.state, release.head_sha, release.opened_at = Release.State.OPEN, pull.head_sha, opened_at
    release.number, release.url, release.base, release.head = pull.number, pull.url, pull.base, pull.head
    _forget_refusals(release)
    release.save()


def _be_merged(release: Release, sha: str, merge_sha: str, by: str, at: datetime) -> None:
    release.state, release.merged_at, release.merged_by = Release.State.MERGED, at, by
    release.queued_at, release.request_id = None, ""
    release.head_sha, release.merge_sha = sha, merge_sha
    _forget_refusals(release)
    release.save()
    # A stage has moved: its pages show that with the next look, not with the next poll.
    look_again([release.strategy.stage.project_id], at=at)


def _forget_refusals(release: Release) -> None:
    release.refused_act, release.refused_sha, release.refused_words = "", "", ""
    release.refusals, release.retry_at = 0, None


def _finish(release: Release, outcome: Attempt.Outcome, at: datetime, message: str = "") -> None:
    unfinished(release).update(finished_at=at, outcome=outcome, message=message)
    _announce(release)


def _announce(release: Release) -> None:
    announce([release.strategy.stage.project_id])


def record_of(
    kind: str, release: Release, actor: Actor, at: datetime, more: Mapping[str, object] | None = None
) -> None:
    """One line of history about a release, with what names it: for all that is done with it, on GitHub and in Slack."""
    strategy: DeployStrategy = release.strategy
    data = {
        "stage": strategy.stage.name,
        "base": release.base or strategy.base,
        "head": release.head or strategy.head,
        "sha": release.head_sha,
        "merge_sha": release.merge_sha or None,
        **({"pull_request": {"number": release.number, "url": release.url}} if release.number else {}),
        **(more or {}),
    }
    record(kind, actor=actor, at=at, project=strategy.stage.project, data=data)
