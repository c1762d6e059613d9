"""Opening the release pull request, or adopting the one that is there."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from projects.github_pulls import ActRefused, AnswerLost, GitHub, PullRequest, RefusalCode
from projects.merging import changes_held_back
from projects.reading import StageUnreadable
from releases import facts, pull_text, recording
from releases.acts_common import Clock, do, own_login
from releases.acts_merge import follow
from releases.contents import put_contents, save_contents
from releases.decision import Action, Decision
from releases.messages import later
from releases.models import Attempt, DeployStrategy, Release
from releases.repositories import repository

# So much may GitHub's clock and Horizon's differ.
SKEW = timedelta(hours=3)


def open_pull_request(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Open the release pull request, or adopt the one that is there. False where nothing came of it."""
    with changes_held_back(strategy.stage.project.organization_id):
        release = _claim(strategy, decision.sha or "", clock())
        if release is None:
            return False
        return do(release, Attempt.Act.OPEN, strategy, decision, clock, lambda fresh: _send(fresh, release, clock))


def _claim(strategy: DeployStrategy, sha: str, now: datetime) -> Release | None:
    """Take the opening; None where another engine has it, or has done it. The constraints of the rows decide."""
    try:
        with transaction.atomic():
            unfinished = Release.objects.filter(strategy=strategy, state__in=Release.UNFINISHED).first()
            release = unfinished or Release.objects.create(strategy=strategy, head_sha=sha, begun_at=now)
            if release.state != Release.State.OPENING:
                return None
            Release.objects.filter(pk=release.pk).update(head_sha=sha)
            Attempt.objects.create(release=release, act=Attempt.Act.OPEN, sha=sha, begun_at=now)
    except IntegrityError:
        return None
    return release


def _send(strategy: DeployStrategy, release: Release, clock: Clock) -> bool:
    owner, name = repository(strategy)
    put_contents(strategy, release, release.head_sha)
    save_contents(release)
    now = clock()
    merge_at = None if strategy.merge_after is None else later(now, strategy.merge_after)
    title, body = pull_text.text_of(strategy, release, merge_at=merge_at, now=now)
    try:
        pull = GitHub(facts.github_profile(strategy)).create_pull_request(
            owner, name, base=strategy.base, head=strategy.head, title=title, body=body
        )
    except ActRefused as refusal:
        if refusal.code is RefusalCode.ALREADY_EXISTS:
            return _found(strategy, release, clock())
        recording.refused(release, Action.OPEN, release.head_sha, refusal, clock())
        return False
    except AnswerLost:
        return _found(strategy, release, clock())
    recording.opened(release, pull, clock())
    return True


def find_opened(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    """Look for the pull request of an opening whose answer says nothing, whatever became of it meanwhile.

    Horizon's own bears the release's key, or, where somebody took it out of the text, Horizon's name; an open one of a
    person is adopted. Raises StageUnreadable.
    """
    owner, name = repository(strategy)
    pulls = GitHub(facts.github_profile(strategy)).latest_pull_requests(owner, name, strategy.head)
    mine = next((pull for pull in pulls if str(release.key) in pull.body), None)
    mine = mine or next((pull for pull in pulls if _is_ours(strategy, release, pull)), None)
    if mine is not None:
        recording.opened(release, mine, now)
        follow(strategy, release, mine, now)
        return True
    for pull in pulls:
        if pull.is_open and pull.base == strategy.base:
            recording.adopted(release, pull, now)
            return True
    return False


def _is_ours(strategy: DeployStrategy, release: Release, pull: PullRequest) -> bool:
    """Opened by Horizon's login, at about the time of the attempt, and known by no release."""
    attempt = recording.unfinished(release, Attempt.Act.OPEN).first()
    if attempt is None or pull.base != strategy.base or pull.created_at < attempt.begun_at - SKEW:
        return False
    if Release.objects.filter(strategy=strategy, number=pull.number, url=pull.url).exists():
        return False
    return pull.author == own_login(strategy)


def _found(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    try:
        return find_opened(strategy, release, now)
    except StageUnreadable:
        return False  # the attempt stays unfinished: the next pass looks again
