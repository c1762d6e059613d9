"""The head branch that GitHub deleted with the merge, because the repository is set so: restored at the merged commit.

Only where the merge did it: the setting is on, and the branch was not seen again after the merge. Whoever deletes it
later meant it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from projects.github_pulls import GitHub
from projects.github_values import ActRefused, AnswerLost, RefusalCode
from releases import upkeep_attempts as attempts
from releases.decision import Facts
from releases.facts import github_profile
from releases.models import Attempt, DeployStrategy, Release, StrategyReading
from releases.repositories import repository
from releases.situation import Reading

Clock = Callable[[], datetime]
DELETED_WITHIN = timedelta(minutes=1)  # GitHub deletes it a moment after the merge
LOOKED_AFTER = timedelta(days=7)


def is_due(release: Release, facts: Facts, failures: Sequence[Attempt], now: datetime, *, is_newest: bool) -> bool:
    """Whether the merged release's head is to be restored, or seen to be there."""
    reading, read_at = facts.reading, facts.read_at
    if (unfinished := attempts.unfinished(failures)) is not None:
        return reading is not None and read_at is not None and not facts.error and _is_settled(unfinished, reading, now)
    if not is_newest or release.state != Release.State.MERGED or reading is None or facts.error or read_at is None:
        return False
    if release.branch_restored_at or release.branch_seen_at or release.merged_at is None:
        return False
    if not reading.delete_branch_on_merge or now - release.merged_at > LOOKED_AFTER or read_at < release.merged_at:
        return False
    if reading.head_sha is not None:
        return read_at - release.merged_at > DELETED_WITHIN
    return reading.base_sha is not None and attempts.may_try(failures, now)


def _is_settled(unfinished: Attempt, reading: Reading, now: datetime) -> bool:
    """Whether it is known what became of it: the branch is there, or no request can be under way any more."""
    return reading.head_sha is not None or now - unfinished.begun_at >= attempts.SETTLED_AFTER


def keep(strategy: DeployStrategy, release: Release, facts: Facts, failures: Sequence[Attempt], clock: Clock) -> None:
    """Restore it, or settle what a crash left: a branch that is there now was restored. Raises StageUnreadable."""
    is_there = facts.known.head_sha is not None
    unfinished = attempts.unfinished(failures)
    if unfinished is not None and is_there:
        _done(strategy, release, unfinished, clock())
    elif unfinished is not None:
        attempts.without_effect(unfinished, clock())
    elif is_there:
        Release.objects.filter(pk=release.pk).update(branch_seen_at=clock())
    else:
        _restore(strategy, release, clock)


def _restore(strategy: DeployStrategy, release: Release, clock: Clock) -> None:
    owner, name = repository(strategy)
    github = GitHub(github_profile(strategy))
    attempt = attempts.claim(release, Attempt.Act.RESTORE, release.head_sha, "", clock())
    if attempt is None:
        return
    try:
        github.create_branch(owner, name, strategy.head, release.head_sha)
    except ActRefused as refusal:
        attempts.failed(attempt, refusal, clock())
        if refusal.code is RefusalCode.ALREADY_EXISTS:
            Release.objects.filter(pk=release.pk).update(branch_seen_at=clock())
    except AnswerLost:
        return  # the next look shows whether it is there
    else:
        _done(strategy, release, attempt, clock())


def _done(strategy: DeployStrategy, release: Release, attempt: Attempt, now: datetime) -> None:
    why = (
        f"GitHub deleted {strategy.head} with the merge of #{release.number}: in the settings of the repository "
        '"Automatically delete head branches" is on. Switch it off, or protect the branch.'
    )
    if attempts.done(
        attempt, now, "branch.restored", {"branch": strategy.head, "why": why}, {"branch_restored_at": now}
    ):
        StrategyReading.objects.filter(strategy=strategy).update(asked_at=now)
