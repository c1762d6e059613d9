"""The text of the pull request: rewritten when head, plan or announced time move, and only between its markers."""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256

from projects.github import GitHubReader
from projects.github_pulls import GitHub
from projects.reading import StageUnreadable
from releases import upkeep_attempts as attempts
from releases.decision import Facts
from releases.facts import github_profile
from releases.messages import later, part_of, with_body
from releases.models import Attempt, DeployStrategy, Release
from releases.pull_text import digest_of, text_of
from releases.repositories import remote_of, repository

Clock = Callable[[], datetime]


def told_at(facts: Facts) -> datetime | None:
    """The moment that people are told, while it does not move on by itself: that of a notice, or one to come.

    A release that is due and held has none: it would be another one every minute.
    """
    if facts.reading is None or facts.reading.pull_request is None or facts.plan.merge_after is None:
        return None
    if facts.covering_notice is not None:
        return facts.covering_notice.merge_at
    if facts.due is None or facts.released_now is not None:
        return None
    ends = [block.ends_at for block in facts.standing_blocks if block.ends_at is not None]
    postponed = [facts.postponed.until] if facts.postponed is not None else []
    warned = facts.plan.merge_prior_warning if facts.plan.slack_targets else 0
    return facts.announced_at if max([facts.due, *ends, *postponed]) > later(facts.now, warned) else None


def _digest(strategy: DeployStrategy, release: Release, facts: Facts, warned_sha: str) -> str:
    return digest_of(strategy, release, told_at(facts), warned_sha)


def is_due(
    strategy: DeployStrategy,
    release: Release,
    facts: Facts,
    failures: Sequence[Attempt],
    warned_sha: str,
    now: datetime,
) -> bool:
    if attempts.unfinished(failures) is not None:
        return True
    if (
        release.state != Release.State.OPEN
        or facts.error
        or facts.reading is None
        or facts.reading.pull_request is None
    ):
        return False
    if facts.pull.number != release.number or release.text_said == _digest(strategy, release, facts, warned_sha):
        return False
    return attempts.may_try(failures, now)


def keep(
    strategy: DeployStrategy,
    release: Release,
    facts: Facts,
    failures: Sequence[Attempt],
    warned_sha: str,
    clock: Clock,
) -> None:
    """Bring Horizon's part of the text up to date; text without markers is a person's. Raises StageUnreadable."""
    owner, name = repository(strategy)
    github = GitHub(github_profile(strategy))
    body = github.pull_request(owner, name, release.number or 0).body.replace("\r\n", "\n")
    unfinished = attempts.unfinished(failures)
    if unfinished is not None:
        _settle(release, unfinished, body, clock())
        return
    digest = _digest(strategy, release, facts, warned_sha)
    ours = text_of(
        strategy, release, merge_at=told_at(facts), now=facts.now, late=_late(strategy, release, warned_sha)
    )[1]
    text = with_body(body, ours)
    if text is None or part_of(body) == ours:
        Release.objects.filter(pk=release.pk).update(text_said=digest)
        return
    said = f"{digest} {sha256(ours.encode()).hexdigest()}"
    attempt = attempts.claim(release, Attempt.Act.EDIT, release.head_sha, said, clock())
    if attempt is None:
        return
    outcome = attempts.sent(
        attempt, lambda: github.edit_pull_request(owner, name, release.number or 0, body=text), clock
    )
    if outcome:
        attempts.done(attempt, clock(), "pull-request.edited", {}, {"text_said": digest})


def _settle(release: Release, attempt: Attempt, body: str, now: datetime) -> None:
    """Horizon's part of the text tells whether it was written."""
    digest, _, written = attempt.message.partition(" ")
    if sha256(part_of(body).encode()).hexdigest() == written:
        attempts.done(attempt, now, "pull-request.edited", {}, {"text_said": digest})
    elif now - attempt.begun_at >= attempts.SETTLED_AFTER:
        attempts.without_effect(attempt, now)


def _late(strategy: DeployStrategy, release: Release, warned_sha: str) -> list[str]:
    """The commits that came after the notice; none where they cannot be read: the text is no condition."""
    remote = remote_of(strategy)
    if not warned_sha or warned_sha == release.head_sha or not remote:
        return []
    try:
        difference = GitHubReader(github_profile(strategy)).difference(remote, warned_sha, release.head_sha)
    except StageUnreadable:
        return []
    return [commit.sha for commit in difference.commits]
