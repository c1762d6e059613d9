"""The last word in pull requests that Horizon leaves behind: their texts say that Horizon merges them.

So it is where a project was archived, a strategy was removed, or releases something else now. Claimed before it is
sent, sent once, told by exactly one event; what a crash left is settled by looking at the pull request.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from audit.record import HORIZON, record
from projects.github_pulls import GitHub
from projects.github_values import ActRefused, AnswerLost
from projects.models import Project
from projects.reading import StageUnreadable, Trouble
from releases.facts import github_profile, repository_of_strategy
from releases.messages import farewell, part_of, with_body
from releases.models import DeployStrategy, Farewell, Release
from releases.upkeep_attempts import SETTLED_AFTER, pause_after

Clock = Callable[[], datetime]
MOST = 20  # of a pass: each is a request or two
MOST_FAILURES = 12  # with their pauses most of a day; then it stays unsaid
LEFT_LATELY = timedelta(days=1)
ARCHIVED = "the project was archived in Horizon"
REMOVED = "Horizon no longer has the strategy that released it"


def leave_behind(strategy: DeployStrategy, why: str, at: datetime) -> None:
    """In the transaction that takes a strategy away: have the text of its open pull request say so, later."""
    for release in Release.objects.filter(strategy=strategy, state__in=Release.UNFINISHED, number__isnull=False):
        release.strategy = strategy
        _leave(release, why, at)


def say(clock: Clock) -> None:
    """Say what is to be said. Trouble with GitHub is kept, and tried again with growing pauses."""
    now = clock()
    for release in _left(now):
        _leave(release, _why(release.strategy), now)
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    rows = Farewell.objects.filter(due, done_at=None, failures__lt=MOST_FAILURES).select_related("profile__budget")
    for row in rows.order_by("created_at", "pk")[:MOST]:
        mine = Farewell.objects.filter(due, pk=row.pk, done_at=None)
        if mine.update(retry_at=now + SETTLED_AFTER, failures=F("failures") + 1) == 1:
            _say(row, clock)


def _left(now: datetime) -> list[Release]:
    """Open ones of archived projects, and those that went from their branches to others, of which nothing was said."""
    archived = Q(state__in=Release.UNFINISHED, strategy__stage__project__archived_at__isnull=False)
    moved = Q(
        state=Release.State.CLOSED,
        closing__in=[Release.Closing.LEFT, Release.Closing.RETARGETED],
        closed_at__gte=now - LEFT_LATELY,
    )
    since = Coalesce(OuterRef("closed_at"), OuterRef("strategy__stage__project__archived_at"))
    said = Farewell.objects.filter(key=OuterRef("key"), created_at__gte=since)
    rows = Release.objects.filter(archived | moved, ~Exists(said), number__isnull=False)
    return list(
        rows.select_related(
            "strategy__stage__project__organization", "strategy__stage__profile", "strategy__profile"
        ).order_by("pk")[:MOST]
    )


def _why(strategy: DeployStrategy) -> str:
    if strategy.stage.project.archived_at is not None:
        return ARCHIVED
    repository = "/".join(repository_of_strategy(strategy))
    return f"it releases {strategy.head} to {strategy.base} of {repository} now"


def _leave(release: Release, why: str, at: datetime) -> None:
    """Where the strategy has no credentials any more, nobody can say anything."""
    try:
        profile = github_profile(release.strategy)
    except StageUnreadable:
        return
    owner, name = ([part for part in urlsplit(release.url).path.split("/") if part] + ["", ""])[:2]
    strategy, project = release.strategy, release.strategy.stage.project
    values: dict[str, Any] = {
        "profile": profile,
        "repository": f"{owner}/{name}",
        "number": release.number,
        "why": why[:500],
        "project_id": project.pk,
        "organization_name": project.organization.name,
        "data": {
            "stage": strategy.stage.name,
            "base": strategy.base,
            "head": strategy.head,
            "sha": release.head_sha,
            "pull_request": {"number": release.number, "url": release.url},
            "project": project.name,
            "why": why,
        },
        "created_at": at,
        "failures": 0,
        "retry_at": None,
        "done_at": None,
    }
    Farewell.objects.update_or_create(key=release.key, defaults=values)


def _say(row: Farewell, clock: Clock) -> None:
    """`row` is as it was before this try."""
    if _is_ours_again(row):
        row.delete()
        return
    owner, _, name = row.repository.partition("/")
    github, ours = GitHub(row.profile), farewell(row.why, str(row.key))
    try:
        pull = github.pull_request(owner, name, row.number)
        before = pull.body.replace("\r\n", "\n")
        text = with_body(before, ours) if pull.is_open and str(row.key) in part_of(before) else None
        if text is None or text == before:
            _done(row, clock(), told=row.failures > 0 and text == before)
            return
        github.edit_pull_request(owner, name, row.number, body=text)
    except ActRefused as refusal:
        _refused(row, refusal.message, refusal.retry_at, clock())
    except StageUnreadable as trouble:
        if trouble.trouble is Trouble.GONE:
            _done(row, clock(), told=False)
        else:
            _refused(row, trouble.message, trouble.retry_at, clock())
    except AnswerLost as loss:
        Farewell.objects.filter(pk=row.pk).update(error=loss.message)  # it is looked for when the claim is over
    else:
        _done(row, clock(), told=True)


def _is_ours_again(row: Farewell) -> bool:
    """The project was taken back, or the pull request opened again: Horizon merges it after all."""
    ours = Release.objects.filter(key=row.key, state__in=Release.UNFINISHED)
    return ours.filter(strategy__stage__project__archived_at=None).exists()


def _done(row: Farewell, now: datetime, *, told: bool) -> None:
    with transaction.atomic():
        mine = Farewell.objects.filter(pk=row.pk, done_at=None)
        if mine.update(done_at=now, retry_at=None, error="") != 1 or not told:
            return
        # Should the project come back, its text is written anew.
        Release.objects.filter(key=row.key).update(text_said="")
        project = Project.objects.select_related("organization").filter(pk=row.project_id).first()
        record(
            "pull-request.edited",
            actor=HORIZON,
            at=now,
            project=project,
            organization_name=row.organization_name,
            data=row.data,
        )


def _refused(row: Farewell, words: str, not_before: datetime | None, now: datetime) -> None:
    retry_at = max(now + pause_after(row.failures + 1), not_before or now)
    Farewell.objects.filter(pk=row.pk).update(error=words, retry_at=retry_at)
