"""A merge that goes through GitHub's merge queue: asked for, followed to its end, taken back.

While GitHub works on the request, the release is merging: its merge is not confirmed. Once GitHub has queued it, it is
queued, until GitHub merges it or takes it out, or Horizon does.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from projects.github_pulls import ActRefused, AnswerLost, GitHub, PullRequest, QueueResult, QueueStatus, Removal
from projects.reading import StageUnreadable
from releases import facts, recording
from releases.acts_common import Clock, is_claimed, look
from releases.decision import Action, Decision
from releases.messages import listed
from releases.models import Attempt, DeployStrategy, Release
from releases.recording import How
from releases.repositories import repository

Found = Callable[[DeployStrategy, Release, datetime], bool]

# What is not known for certain takes nothing out of the queue; nor does what cannot be a no.
STAYS = frozenset(
    {"queued", "stale", "unread", "unreadable", "merging", "not-compared", "head-moved", "mergeability-unknown",
     "checks-unknown", "others-first", "nothing-waits"}
)  # fmt: skip
TAKEN_OUT = "It was taken out of the merge queue, and GitHub does not say why."
NOT_OURS = "Somebody has put it into the merge queue, or asked for that, already."
PAUSE = timedelta(minutes=1)  # after a refusal to take it out


def send(strategy: DeployStrategy, release: Release, sha: str, clock: Clock, find_merged: Found) -> bool:
    """Ask for the merge; True where the pull request changed. The release's row is locked."""
    owner, name = repository(strategy)
    github, number = GitHub(facts.github_profile(strategy)), release.number or 0
    try:
        result = github.merge_asynchronously(owner, name, number, sha=sha, method=strategy.merge_method)
    except ActRefused as refusal:
        if find_merged(strategy, release, clock()):
            return True
        recording.refused(release, Action.MERGE, sha, refusal, clock())
        return False
    except AnswerLost:
        return find_merged(strategy, release, clock()) or _found_queued(strategy, release, clock())
    if result.was_there and result.status is QueueStatus.MERGED:
        return find_merged(strategy, release, clock())
    if result.was_there and not _asked_before(release, sha):
        recording.refused(release, Action.MERGE, sha, ActRefused(0, NOT_OURS), clock())
        return False
    return _accepted(strategy, release, result, clock())


def _accepted(strategy: DeployStrategy, release: Release, result: QueueResult, now: datetime) -> bool:
    """GitHub has the request: keep by what it is found again, and look at once."""
    if result.status is not QueueStatus.PENDING:
        return take(strategy, release, result, now)
    release.request_id = result.id
    release.save(update_fields=["request_id"])
    return _poll(strategy, release, now)


def _asked_before(release: Release, sha: str) -> bool:
    """Whether an earlier request of Horizon's, whose answer was lost, may have put it there."""
    lost = release.attempts.filter(act=Attempt.Act.MERGE, sha=sha, outcome=Attempt.Outcome.UNKNOWN)
    return lost.exists()


def _found_queued(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    pull = look(strategy, release.number or 0)
    if pull is None or not pull.in_queue:
        return False
    recording.enqueued(release, pull.head_sha, now)
    return True


def _poll(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    try:
        owner, name = repository(strategy)
        github = GitHub(facts.github_profile(strategy))
        result = github.merge_result(owner, name, release.number or 0, release.request_id)
    except StageUnreadable:
        return False  # the next pass asks again
    return take(strategy, release, result, now)


def take(strategy: DeployStrategy, release: Release, result: QueueResult, now: datetime) -> bool:
    """Write down what became of the request; False while that is open, or where GitHub said no."""
    match result.status:
        case QueueStatus.ENQUEUED:
            recording.enqueued(release, release.head_sha, now)
        case QueueStatus.MERGED:
            recording.merged(release, release.head_sha, result.sha, now, How.by(strategy.merge_method))
        case QueueStatus.FAILED:
            words = result.words or "GitHub could not merge it, and does not say why."
            recording.refused(release, Action.MERGE, release.head_sha, ActRefused(0, words), now)
            return False
        case QueueStatus.GONE:
            recording.unanswered(release, now)
            return False
        case QueueStatus.PENDING:
            return False
    return True


def settle_request(strategy: DeployStrategy, release: Release, pull: PullRequest, now: datetime) -> bool:
    """What became of a merge that was asked for, and is not merged. False where only time can tell."""
    if pull.in_queue:
        recording.enqueued(release, pull.head_sha, now)
        return True
    if not release.request_id or not pull.is_open:
        return False
    _poll(strategy, release, now)
    return True


def settle_queued(
    strategy: DeployStrategy, release: Release, pull: PullRequest, now: datetime, over: timedelta
) -> None:
    """Follow a queued release that is not merged: it waits, or GitHub or Horizon has taken it out."""
    leaving = recording.unfinished(release, Attempt.Act.DEQUEUE).first()
    if pull.in_queue is not False:
        if leaving is not None and now - leaving.begun_at >= over:
            recording.stays_queued(release, Attempt.Outcome.UNKNOWN, "The answer was lost; it is still there.", now)
    elif leaving is not None:
        recording.dequeued(release, leaving.message, now)
    else:
        removal = _removal(strategy, release)
        recording.unqueued(release, _why(removal), removal.by if removal else "", now)


def _removal(strategy: DeployStrategy, release: Release) -> Removal | None:
    """None where GitHub does not tell: it is out of the queue all the same."""
    try:
        owner, name = repository(strategy)
        return GitHub(facts.github_profile(strategy)).removal(owner, name, release.number or 0)
    except StageUnreadable:
        return None


def _why(removal: Removal | None) -> str:
    """Who took it out, with GitHub's own word for why, and what failed there."""
    if removal is None or not (removal.reason or removal.by or removal.failed):
        return TAKEN_OUT
    who = f"{removal.by} took it out of the merge queue" if removal.by else "Its merge queue took it out"
    word = f": {removal.reason}" if removal.reason else ""
    failed = f" ({listed(removal.failed)} failed there)" if removal.failed else ""
    return f"{who}{word}{failed}."


# --- taking it out ------------------------------------------------------------------------------------------------


def must_leave(decision: Decision) -> bool:
    """Whether a queued release must not be merged any more."""
    return decision.action in (Action.HOLD, Action.WAIT) and decision.code not in STAYS


def dequeue(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Take it out of the queue: somebody, or something, says no. False where nothing came of it."""
    release = _claim(strategy, decision.reason, clock())
    if release is None:
        return False
    with transaction.atomic():
        if not is_claimed(release, Attempt.Act.DEQUEUE):
            return False
        return _send_dequeue(strategy, release, decision.reason, clock)


def _claim(strategy: DeployStrategy, why: str, now: datetime) -> Release | None:
    """`why` is kept with the attempt, for the history that is written after a crash."""
    release = Release.objects.filter(strategy=strategy, state=Release.State.QUEUED).first()
    if release is None:
        return None
    last = release.attempts.filter(act=Attempt.Act.DEQUEUE, outcome=Attempt.Outcome.REFUSED).first()
    if last is not None and last.finished_at is not None and now - last.finished_at < PAUSE:
        return None
    try:
        with transaction.atomic():
            Attempt.objects.create(
                release=release, act=Attempt.Act.DEQUEUE, sha=release.head_sha, begun_at=now, message=why
            )
    except IntegrityError:
        return None
    return release


def _send_dequeue(strategy: DeployStrategy, release: Release, why: str, clock: Clock) -> bool:
    pull = look(strategy, release.number or 0)
    if pull is None or not pull.in_queue:
        recording.stays_queued(
            release, Attempt.Outcome.REFUSED, "Nothing was sent: it could not be seen there.", clock()
        )
        return False
    try:
        GitHub(facts.github_profile(strategy)).dequeue(pull)
    except ActRefused as refusal:
        recording.stays_queued(release, Attempt.Outcome.REFUSED, refusal.message, clock())
        return False
    except AnswerLost:
        return False  # the attempt stays unfinished: the next pass looks
    recording.dequeued(release, why, clock())
    return True
