"""Merging exactly the commit that was decided on: directly, or where a token might go round rules, by asking GitHub."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from projects.github_pulls import ActRefused, AnswerLost, GitHub, PullRequest
from projects.merging import changes_held_back
from projects.reading import StageUnreadable
from releases import acts_queue, facts, recording, upkeep_status
from releases.acts_common import Clock, do, look, own_login
from releases.decision import Action, Decision
from releases.models import Attempt, DeployStrategy, Release
from releases.readings import stored_reading
from releases.recording import How
from releases.repositories import repository
from releases.situation import PullRequest as ReadPullRequest

CLAIMS = 0x484F53  # the first number of the lock under which merges of an organization are counted
SAME_OPENING = timedelta(days=1)  # clocks of hosts are wrong by hours, at most
QUEUE_WORDS = "merge queue"  # of GitHub's refusal: "Changes must be made through the merge queue"


def merge(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Merge exactly the commit that was decided on. False where nothing came of it."""
    sha = decision.sha or ""
    with changes_held_back(strategy.stage.project.organization_id):
        release = _claim(strategy, sha, clock())
        if release is None:
            return False
        # Where Horizon's own status is required, it would hold Horizon's own merge. The last look comes after it.
        upkeep_status.set_before_merge(strategy, release, sha, clock)
        return do(
            release, Attempt.Act.MERGE, strategy, decision, clock, lambda fresh: _send(fresh, release, sha, clock)
        )


def _claim(strategy: DeployStrategy, sha: str, now: datetime) -> Release | None:
    """Take the merge; None where another engine has it, or too many of the organization are under way."""
    organization_id = strategy.stage.project.organization_id
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [CLAIMS, organization_id % 2**31])
        merging = Release.objects.filter(
            state=Release.State.MERGING, strategy__stage__project__organization=organization_id
        )
        if merging.count() >= settings.MERGES_AT_ONCE:
            return None
        unclaimed = Release.objects.filter(strategy=strategy, state=Release.State.OPEN)
        if unclaimed.update(state=Release.State.MERGING, head_sha=sha, asked_at=now, request_id="") == 0:
            return None
        release = Release.objects.get(strategy=strategy, state=Release.State.MERGING)
        Attempt.objects.create(release=release, act=Attempt.Act.MERGE, sha=sha, begun_at=now)
    return release


def _send(strategy: DeployStrategy, release: Release, sha: str, clock: Clock) -> bool:
    if _needs_asking(strategy):
        return acts_queue.send(strategy, release, sha, clock, find_merged)
    owner, name = repository(strategy)
    github = GitHub(facts.github_profile(strategy))
    try:
        merge_sha = github.merge_pull_request(owner, name, release.number or 0, sha=sha, method=strategy.merge_method)
    except ActRefused as refusal:
        if find_merged(strategy, release, clock()):
            return True
        recording.refused(release, Action.MERGE, sha, refusal, clock())
        return False
    except AnswerLost:
        return find_merged(strategy, release, clock())
    recording.merged(release, sha, merge_sha, clock(), How.by(strategy.merge_method))
    return True


def _needs_asking(strategy: DeployStrategy) -> bool:
    """Whether a token that may go round GitHub's rules would do so by simply merging: then GitHub is asked to merge.

    That is where the base has a merge queue, or may have one, and where GitHub says that rules are not met. Asked,
    GitHub keeps to them, or refuses in its own words (`bypass_rules` of an asynchronous merge,
    https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request-asynchronously). Where these credentials may not
    see the rule of the queue, GitHub's own refusal has told, and is remembered.
    """
    reading = stored_reading(strategy)
    if reading is None or reading.merge_queue is not False:
        return True
    if reading.pull_request is not None and reading.pull_request.rules_unmet:
        return True
    told = Attempt.objects.filter(
        Q(message__icontains=QUEUE_WORDS), release__strategy=strategy, act=Attempt.Act.MERGE,
        outcome=Attempt.Outcome.REFUSED,
    )  # fmt: skip
    return told.exists()


def find_merged(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    """Look whether a merge happened whose answer says nothing, and by whom."""
    pull = look(strategy, release.number or 0)
    if pull is None or not pull.merged:
        return False
    record_merge(strategy, release, pull, now)
    return True


def record_merge(strategy: DeployStrategy, release: Release, pull: PullRequest, now: datetime) -> None:
    """Write down a merge that was found: Horizon's where Horizon asked for it and nobody else's name is on it."""
    how = how_merged(strategy, pull)
    if _is_horizons(strategy, release, pull):
        recording.merged(release, pull.head_sha, pull.merge_sha or "", now, how)
    else:
        recording.merged_by_hand(release, pull, now, how)


def _is_horizons(strategy: DeployStrategy, release: Release, pull: PullRequest) -> bool:
    asked = release.attempts.filter(act=Attempt.Act.MERGE, sha=pull.head_sha)
    if release.state == Release.State.QUEUED:
        # GitHub names either its queue's robot, or who put it there.
        queue = pull.merged_by is None or "merge-queue" in pull.merged_by
        return asked.exists() and (queue or own_login(strategy) in ("", pull.merged_by))
    return asked.filter(finished_at=None).exists() and own_login(strategy) in ("", pull.merged_by)


def how_merged(strategy: DeployStrategy, pull: PullRequest) -> How:
    """Where the commit that merged it stands alone, the base does not have the commits of the head, but copies."""
    reading = stored_reading(strategy)
    contained = reading is not None and reading.head_sha == pull.head_sha and reading.ahead == 0
    if pull.merge_parents != 1 or pull.merge_sha == pull.head_sha or contained:
        return How.MERGED
    try:
        owner, name = repository(strategy)
        rebased = GitHub(facts.github_profile(strategy)).was_rebased(owner, name, pull)
    except StageUnreadable:
        return How.by(strategy.merge_method) if strategy.merge_method != "merge" else How.SQUASHED
    return How.REBASED if rebased else How.SQUASHED


def follow(strategy: DeployStrategy, release: Release, pull: PullRequest, now: datetime) -> None:
    """Write down what people did with the release's pull request, if anything."""
    if is_another(release, pull):
        known = replace(pull, head_sha=release.head_sha)
        recording.closed(release, known, now, Release.Closing.LEFT, "the strategy releases another repository now")
    elif pull.merged:
        full = pull if pull.merge_parents is not None else look(strategy, pull.number)
        record_merge(strategy, release, full or pull, now)
    elif not pull.is_open:
        recording.closed(release, pull, now, Release.Closing.CLOSED, "closed", _closer(strategy, pull.number))
    elif (pull.base, pull.head) == (release.base, release.head) != (strategy.base, strategy.head):
        why = f"the strategy releases {strategy.head} to {strategy.base} now"
        recording.closed(release, pull, now, Release.Closing.LEFT, why)
    elif (pull.base, pull.head) != (strategy.base, strategy.head):
        why = f"it now goes from {pull.head} to {pull.base}"
        recording.closed(release, pull, now, Release.Closing.RETARGETED, why)


def is_another(release: Release, pull: PullRequest | ReadPullRequest) -> bool:
    """Whether it only bears the same number: an admin has given the strategy another repository. One that was renamed
    has another address as well, but its pull request was opened when the release was."""
    if release.url == pull.url or release.opened_at is None:
        return False
    return abs(pull.created_at - release.opened_at) > SAME_OPENING


def _closer(strategy: DeployStrategy, number: int) -> str:
    """Who closed it; empty where nobody says: that is no reason not to write it down."""
    try:
        owner, name = repository(strategy)
        return GitHub(facts.github_profile(strategy)).closer(owner, name, number)
    except StageUnreadable:
        return ""
