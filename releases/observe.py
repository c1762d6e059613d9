"""What happened without Horizon, or without its noticing: people's pull requests, and what a crash left behind."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from projects.github_pulls import PullRequest as HostPullRequest
from projects.reading import StageUnreadable
from releases import acts_assign, acts_merge, acts_open, acts_queue, history, recording
from releases.acts_common import look
from releases.contents import put_contents, save_contents
from releases.models import Attempt, DeployStrategy, Release
from releases.readings import stored_reading
from releases.situation import PullRequest

# After so long no request of a process that died is still on its way: GitHub ends each after 10 seconds.
SETTLED_AFTER = timedelta(seconds=60)


def with_news(strategies: Collection[DeployStrategy]) -> set[int]:
    """The ids of those for which `observe` has something to do, by what was read just now: two queries for all."""
    unfinished = Release.objects.filter(strategy__in=strategies, state__in=Release.UNFINISHED).defer("commits")
    releases = {release.strategy_id: release for release in unfinished}
    assigning = set(_assigning(strategies).values_list("release__strategy", flat=True))
    news = {strategy.pk for strategy in strategies if _has_news(strategy, releases.get(strategy.pk))}
    rewritten = {strategy.pk for strategy in strategies if history.must_look(strategy)}
    return news | assigning | rewritten


def _assigning(strategies: Collection[DeployStrategy]) -> QuerySet[Attempt]:
    """Attempts to assign somebody that nobody knows the end of, whatever became of their releases."""
    return Attempt.objects.filter(release__strategy__in=strategies, act=Attempt.Act.ASSIGN, finished_at=None).order_by()


def _has_news(strategy: DeployStrategy, release: Release | None) -> bool:
    reading = stored_reading(strategy)
    pull = reading.pull_request if reading is not None else None
    if release is None:
        return pull is not None
    if release.state != Release.State.OPEN or pull is None:
        return True
    known = (release.number, release.url, release.head_sha)
    return (pull.number, pull.url, pull.head_sha) != known or not release.base_sha


def observe(strategy: DeployStrategy, clock: Callable[[], datetime]) -> None:
    """Bring the release's row up to what was read just now. Does nothing where the facts could not be read."""
    reading = stored_reading(strategy)
    if reading is None or strategy.reading.error:
        return
    _settle_assigning(strategy, clock)
    history.look_for_rewriting(strategy)
    pull = reading.pull_request
    release = Release.objects.filter(strategy=strategy, state__in=Release.UNFINISHED).first()
    if release is not None:
        _observe_unfinished(strategy, release, pull, clock)
    elif pull is not None:
        _adopt(strategy, pull, clock)


def _observe_unfinished(
    strategy: DeployStrategy,
    release: Release,
    pull: PullRequest | None,
    clock: Callable[[], datetime],
) -> None:
    with transaction.atomic():
        # A locked row is in the hands of an engine that is at work on it right now.
        mine = Release.objects.select_for_update(of=("self",), skip_locked=True).filter(
            pk=release.pk, state__in=Release.UNFINISHED
        )
        locked = mine.select_related("strategy__stage__project__organization").first()
        if locked is None:
            return
        match locked.state:
            case Release.State.OPENING:
                _settle_opening(strategy, locked, pull, clock())
            case Release.State.MERGING:
                _settle_merging(strategy, locked, clock())
            case Release.State.QUEUED:
                _settle_queued(strategy, locked, clock())
            case Release.State.OPEN:
                _follow(strategy, locked, pull, clock())


def _settle_opening(strategy: DeployStrategy, release: Release, pull: PullRequest | None, now: datetime) -> None:
    attempt = release.attempts.filter(act=Attempt.Act.OPEN, finished_at=None).first()
    # What was read must be that much younger, too: what was read before the attempt could not show its effect.
    read_at = strategy.reading.read_at
    is_over = attempt is not None and read_at is not None and read_at - attempt.begun_at >= SETTLED_AFTER
    if pull is None and not is_over:
        return
    try:
        found = acts_open.find_opened(strategy, release, now)
    except StageUnreadable:
        return
    if is_over and not found:
        recording.unanswered(release, now)


def _settle_merging(strategy: DeployStrategy, release: Release, now: datetime) -> None:
    pull = look(strategy, release.number or 0)
    if pull is None:
        return
    attempt = recording.unfinished(release, Attempt.Act.MERGE).first()
    if pull.merged:
        acts_merge.record_merge(strategy, release, pull, now)
    elif acts_queue.settle_request(strategy, release, pull, now):
        return
    elif attempt is None or now - attempt.begun_at >= SETTLED_AFTER:
        if pull.is_open:
            recording.unanswered(release, now)
        else:
            acts_merge.follow(strategy, release, pull, now)


def _settle_queued(strategy: DeployStrategy, release: Release, now: datetime) -> None:
    pull = look(strategy, release.number or 0)
    if pull is None:
        return
    if pull.merged or not pull.is_open or (pull.base, pull.head) != (strategy.base, strategy.head):
        acts_merge.follow(strategy, release, pull, now)
    else:
        acts_queue.settle_queued(strategy, release, pull, now, SETTLED_AFTER)


def _settle_assigning(strategy: DeployStrategy, clock: Callable[[], datetime]) -> None:
    for attempt in _assigning([strategy]).select_related("release"):
        attempt.release.strategy = strategy
        now = clock()
        acts_assign.settle(strategy, attempt, now, is_over=now - attempt.begun_at >= SETTLED_AFTER)


def _follow(strategy: DeployStrategy, release: Release, pull: PullRequest | None, now: datetime) -> None:
    """Keep the head up to date; where the pull request is no longer among the open ones, find out what became of it."""
    if pull is not None and pull.number == release.number and not acts_merge.is_another(release, pull):
        if (pull.url, pull.head_sha) != (release.url, release.head_sha) or not release.base_sha:
            release.url, release.head_sha = pull.url, pull.head_sha
            release.save(update_fields=["url", "head_sha"])
            put_contents(strategy, release, pull.head_sha)
            save_contents(release)
        return
    found = look(strategy, release.number or 0)
    if found is not None:
        acts_merge.follow(strategy, release, found, now)


def _adopt(strategy: DeployStrategy, pull: PullRequest, clock: Callable[[], datetime]) -> None:
    """Take a person's pull request for the release.

    What was read may be older than a merge that another engine has written down since: then there is a row of this
    number, and the constraint refuses a second one.
    """
    mine = Release.objects.filter(strategy=strategy, number=pull.number, url=pull.url)
    if mine.exclude(state=Release.State.CLOSED).exists():
        return
    found = look(strategy, pull.number)
    if found is None or not _is_the_release(strategy, found):
        return
    now = clock()
    try:
        with transaction.atomic():
            known = mine.exists()
            release = Release.objects.create(
                strategy=strategy, head_sha=found.head_sha, number=found.number, begun_at=now
            )
            (recording.reopened if known else recording.adopted)(release, found, now)
    except IntegrityError:
        return


def _is_the_release(strategy: DeployStrategy, pull: HostPullRequest) -> bool:
    return pull.is_open and (pull.base, pull.head) == (strategy.base, strategy.head)
