"""What Horizon does on GitHub: each act claimed, its intention written, called once, its result and history written.

The claim is committed before the call, so that whatever dies in between leaves a row that says what was tried;
`releases.observe` settles it by looking at GitHub.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from blocks.change import blocks_held_back
from projects.github import GitHubReader
from projects.github_pulls import ActRefused, AnswerLost, GitHub, PullRequest, RefusalCode
from projects.reading import Commit, StageUnreadable
from releases import facts, recording
from releases.decision import Action, Decision, decide
from releases.messages import Announcement, Waiting, body, later, title
from releases.models import Attempt, DeployStrategy, Release
from releases.readings import stored_reading
from releases.repositories import remote_of, repository

Clock = Callable[[], datetime]
CLAIMS = 0x484F53  # the first number of the lock under which merges of an organization are counted


# --- open ---------------------------------------------------------------------------------------------------------


def open_pull_request(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Open the release pull request, or adopt the one that is there. False where nothing came of it."""
    with blocks_held_back(strategy.stage.project.organization_id):
        release = _claim_opening(strategy, decision.sha or "", clock())
        if release is None:
            return False
        return _do(release, strategy, decision, clock, lambda fresh: _send_opening(fresh, release, clock))


def _claim_opening(strategy: DeployStrategy, sha: str, now: datetime) -> Release | None:
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


def _send_opening(strategy: DeployStrategy, release: Release, clock: Clock) -> bool:
    owner, name = repository(strategy)
    text = _text(strategy, release, clock())
    try:
        pull = GitHub(facts.github_profile(strategy)).create_pull_request(
            owner, name, base=strategy.base, head=strategy.head, title=text[0], body=text[1]
        )
    except ActRefused as refusal:
        if refusal.code is RefusalCode.ALREADY_EXISTS:
            return _found_opened(strategy, release, clock())
        recording.refused(release, Action.OPEN, release.head_sha, refusal, clock())
        return False
    except AnswerLost:
        return _found_opened(strategy, release, clock())
    recording.opened(release, pull, clock())
    return True


def find_opened(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    """Look for the pull request of an opening whose answer says nothing, whatever became of it meanwhile.

    Horizon's own bears the release's key; an open one of a person is adopted. Raises StageUnreadable.
    """
    owner, name = repository(strategy)
    pulls = GitHub(facts.github_profile(strategy)).latest_pull_requests(owner, name, strategy.head)
    for pull in pulls:
        if str(release.key) in pull.body:
            recording.opened(release, pull, now)
            follow(strategy, release, pull, now)
            return True
    for pull in pulls:
        if pull.is_open and pull.base == strategy.base:
            recording.adopted(release, pull, now)
            return True
    return False


def _found_opened(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    try:
        return find_opened(strategy, release, now)
    except StageUnreadable:
        return False  # the attempt stays unfinished: the next pass looks again


def follow(strategy: DeployStrategy, release: Release, pull: PullRequest, now: datetime) -> None:
    """Write down what people did with the release's pull request, if anything."""
    if pull.merged:
        record_merge(strategy, release, pull, now)
    elif not pull.is_open:
        recording.closed(release, pull, now, "closed")
    elif (pull.base, pull.head) != (strategy.base, strategy.head):
        recording.closed(release, pull, now, f"it now goes from {pull.head} to {pull.base}")


def _text(strategy: DeployStrategy, release: Release, now: datetime) -> tuple[str, str]:
    commits, count = _commits(strategy)
    stage = strategy.stage
    announcement = Announcement(
        key=str(release.key),
        base=strategy.base,
        head=strategy.head,
        commits=[Waiting(each.sha, each.subject, each.author, each.login, each.url) for each in commits],
        count=count,
        merge_after=strategy.merge_after,
        merge_at=None if strategy.merge_after is None else later(now, strategy.merge_after),
        now=now,
        zone=strategy.time_zone,
        project_url=f"{settings.PUBLIC_URL}{stage.project.get_absolute_url()}",
        block_url=f"{settings.PUBLIC_URL}/blocks/new/?project={stage.project_id}",
    )
    return title(strategy.base, strategy.head), body(announcement)


def _commits(strategy: DeployStrategy) -> tuple[list[Commit], int]:
    """The commits that the release brings, without merges; none where they cannot be read: the text is no condition."""
    reading, remote = stored_reading(strategy), remote_of(strategy)
    if not remote or reading is None or reading.base_sha is None or reading.head_sha is None:
        return [], 0
    try:
        reader = GitHubReader(facts.github_profile(strategy))
        difference = reader.difference(remote, reading.base_sha, reading.head_sha)
    except StageUnreadable:
        return [], 0
    commits = [commit for commit in difference.commits if not commit.is_merge]
    return commits, max(difference.total - (len(difference.commits) - len(commits)), len(commits))


# --- merge --------------------------------------------------------------------------------------------------------


def merge(strategy: DeployStrategy, decision: Decision, clock: Clock) -> bool:
    """Merge exactly the commit that was decided on. False where nothing came of it."""
    sha = decision.sha or ""
    with blocks_held_back(strategy.stage.project.organization_id):
        release = _claim_merge(strategy, sha, clock())
        if release is None:
            return False
        return _do(release, strategy, decision, clock, lambda fresh: _send_merge(fresh, release, sha, clock))


def _claim_merge(strategy: DeployStrategy, sha: str, now: datetime) -> Release | None:
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
        if unclaimed.update(state=Release.State.MERGING, head_sha=sha, asked_at=now) == 0:
            return None
        release = Release.objects.get(strategy=strategy, state=Release.State.MERGING)
        Attempt.objects.create(release=release, act=Attempt.Act.MERGE, sha=sha, begun_at=now)
    return release


def _send_merge(strategy: DeployStrategy, release: Release, sha: str, clock: Clock) -> bool:
    owner, name = repository(strategy)
    github = GitHub(facts.github_profile(strategy))
    number = release.number or 0
    try:
        merge_sha = github.merge_pull_request(owner, name, number, sha=sha, method=strategy.merge_method)
    except ActRefused as refusal:
        if find_merged(strategy, release, clock()):
            return True
        recording.refused(release, Action.MERGE, sha, refusal, clock())
        return False
    except AnswerLost:
        return find_merged(strategy, release, clock())
    recording.merged(release, sha, merge_sha, clock())
    return True


def find_merged(strategy: DeployStrategy, release: Release, now: datetime) -> bool:
    """Look whether a merge happened whose answer says nothing, and by whom."""
    pull = look(strategy, release.number or 0)
    if pull is None or not pull.merged:
        return False
    record_merge(strategy, release, pull, now)
    return True


def record_merge(strategy: DeployStrategy, release: Release, pull: PullRequest, now: datetime) -> None:
    """Write down a merge that was found: Horizon's where Horizon asked for it and nobody else's name is on it."""
    attempt = release.attempts.filter(act=Attempt.Act.MERGE, finished_at=None).first()
    asked = attempt is not None and attempt.sha == pull.head_sha
    if asked and _own_login(strategy) in ("", pull.merged_by):
        recording.merged(release, pull.head_sha, pull.merge_sha or "", now)
    else:
        recording.merged_by_hand(release, pull, now)


def _own_login(strategy: DeployStrategy) -> str:
    """Who Horizon is on GitHub; empty where nobody says."""
    profile = facts.github_profile(strategy)
    budget = getattr(profile, "budget", None)
    return (budget.login if budget is not None else "") or GitHub(profile).login()


def look(strategy: DeployStrategy, number: int) -> PullRequest | None:
    """The pull request as GitHub has it now; None where that cannot be read."""
    owner, name = repository(strategy)
    try:
        return GitHub(facts.github_profile(strategy)).pull_request(owner, name, number)
    except StageUnreadable:
        return None


# --- both ---------------------------------------------------------------------------------------------------------


def _do(
    release: Release,
    strategy: DeployStrategy,
    decision: Decision,
    clock: Clock,
    send: Callable[[DeployStrategy], bool],
) -> bool:
    """Look for the last time and send, while no block can be saved."""
    with transaction.atomic():
        if not _is_claimed(release):
            return False
        fresh = _last_look(strategy, decision, clock)
        if fresh is None:
            recording.withdrawn(release)
            return False
        release.strategy = fresh
        return send(fresh)


def _is_claimed(release: Release) -> bool:
    """Lock the release; whether its act is still to be done: a settler may have found it too old."""
    try:
        release.refresh_from_db(from_queryset=Release.objects.select_for_update(of=("self",)))
    except Release.DoesNotExist:
        return False
    return recording.unfinished(release).exists()


def _last_look(strategy: DeployStrategy, decision: Decision, clock: Clock) -> DeployStrategy | None:
    """Everything anew, from database and GitHub, and the same question: the same answer, or None."""
    fresh = facts.strategies_with_all().filter(pk=strategy.pk).first()
    if fresh is None:
        return None
    facts.read([fresh], clock())
    # Its own claim must not hold it up.
    again = decide(replace(facts.facts_of([fresh], clock())[fresh.pk], asked_at=None))
    return fresh if (again.action, again.sha) == (decision.action, decision.sha) else None


ACTS: dict[Action, Callable[[DeployStrategy, Decision, Clock], bool]] = {
    Action.OPEN: open_pull_request,
    Action.MERGE: merge,
}
