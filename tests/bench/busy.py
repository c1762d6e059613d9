"""A company at work, for pages to show: a release under way in every project, closed hours, blocks, much history."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from blocks.models import DeployBlock
from projects.models import Organization, Project, Stage
from releases.models import ClosedHours, DeployStrategy, Holiday, Notice, Release, StrategyReading
from releases.readings import to_json
from releases.situation import Check, CheckState, PullRequest, Reading

ZONES = ("America/New_York", "Europe/Berlin", "UTC")
CLOSED_HOURS = 12
HOLIDAYS = 40
EARLIER = 5  # releases of each project that were merged before
MOVES = 20  # of each production
PEOPLE = 50
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def begin(now: datetime) -> None:
    """Closed hours lie a day from now, where they delay merges and are walked through; cron buckets half a day."""
    owner = Organization.objects.get()
    _close(owner, now)
    stages = Stage.objects.filter(name="production").select_related("project").order_by("pk")
    strategies = DeployStrategy.objects.bulk_create(_strategy(n, stage, now) for n, stage in enumerate(stages))
    StrategyReading.objects.bulk_create(_reading(n, each, now) for n, each in enumerate(strategies))
    Release.objects.bulk_create(_earlier(n, each, now) for each in strategies for n in range(EARLIER))
    releases = Release.objects.bulk_create(_under_way(n, each, now) for n, each in enumerate(strategies))
    Notice.objects.bulk_create(notice for n, each in enumerate(releases) for notice in _notices(n, each, now))
    _block(owner, now)
    _move()


def _close(owner: Organization, now: datetime) -> None:
    later = [now + 20 * HOUR + number * 10 * MINUTE for number in range(CLOSED_HOURS)]
    same: dict[str, Any] = {"organization": owner, "created_at": now, "created_by": "bench"}
    ClosedHours.objects.bulk_create(
        ClosedHours(
            name=f"closed {number}", weekdays=list(range(7)), begins_at=at.time().replace(microsecond=0),
            ends_at=(at + 2 * HOUR).time().replace(microsecond=0), **same,
        )
        for number, at in enumerate(later)
    )  # fmt: skip
    days = [(now + (2 + 9 * number) * DAY).date() for number in range(HOLIDAYS)]
    Holiday.objects.bulk_create(
        Holiday(name=f"holiday {number}", first_day=day, last_day=day, time_zone=ZONES[number % len(ZONES)], **same)
        for number, day in enumerate(days)
    )


def _strategy(number: int, stage: Stage, now: datetime) -> DeployStrategy:
    hour = (now.hour + 12) % 24
    return DeployStrategy(
        stage=stage, base="release", head="staging", automatic=True, merge_after=86_400, slack_channels=["#dev"],
        blocked_time_buckets=[f"* {hour} * * *", f"30-59 {hour} * * 5"], time_zone=ZONES[number % len(ZONES)],
    )  # fmt: skip


def _reading(number: int, strategy: DeployStrategy, now: datetime) -> StrategyReading:
    sha = f"{number:040x}"
    pull = PullRequest(
        number=1000 + number, url=f"https://github.com/bench/project{number:05d}/pull/{1000 + number}",
        created_at=now - DAY, head_sha=sha, assignees=("ana",),
        checks=tuple(Check(name, CheckState.SUCCESS, required=True) for name in ("build", "test", "lint")),
    )  # fmt: skip
    reading = Reading(f"bench/project{number:05d}", number, sha, "f" * 40, ahead=2, behind=1, pull_request=pull)
    if number % 10 == 9:
        reading = replace(reading, ahead=0, pull_request=None)
    # They are not to grow stale while pages are measured.
    return StrategyReading(
        strategy=strategy, read_at=now + HOUR, tried_at=now, head_since=now - DAY, facts=to_json(reading)
    )


def _earlier(number: int, strategy: DeployStrategy, now: datetime) -> Release:
    at = now - (number + 2) * DAY
    commits = [{"sha": f"{number:039x}{each}", "message": "Change", "author": "Ana Lee"} for each in range(10)]
    return Release(
        strategy=strategy, state=Release.State.MERGED, number=number + 1, head_sha=f"{number:040x}", begun_at=at,
        opened_at=at, merged_at=at, merge_sha=f"{number:039x}a", live_at=at, commits=commits, commit_count=10,
    )  # fmt: skip


def _under_way(number: int, strategy: DeployStrategy, now: datetime) -> Release:
    """A third is young, a third was announced, and of the last third Slack did not take the notice."""
    age = (HOUR + number * timedelta(seconds=10), 23 * HOUR + 20 * MINUTE, 23 * HOUR + 30 * MINUTE)[number % 3]
    return Release(
        strategy=strategy, state=Release.State.OPEN, number=1000 + number, head_sha=f"{number:040x}",
        begun_at=now - age, opened_at=now - age, assigned_sha=f"{number:040x}",
    )  # fmt: skip


def _notices(number: int, release: Release, now: datetime) -> Sequence[Notice]:
    if number % 3 == 0:
        return []
    begun, merge_at = now - 20 * MINUTE, now + 40 * MINUTE
    notice = Notice(release=release, merge_at=merge_at, head_sha=release.head_sha, begun_at=begun, tried_at=begun)
    if number % 3 == 1:
        notice.delivered_at = begun
    else:
        notice.failures, notice.retry_at, notice.error = 3, now + 30 * MINUTE, "Slack answered 503."
    return [notice]


def _block(owner: Organization, now: datetime) -> None:
    """Of one of twenty teams, and of fifty projects."""
    same: dict[str, Any] = {"organization": owner, "created_by": "ana", "created_at": now}
    same |= {"begins_at": now - DAY, "updated_at": now, "description": "Waits for the auditors"}
    DeployBlock.objects.create(scope=DeployBlock.Scope.TAG, tag="team7", **same)
    for project in Project.objects.order_by("pk")[:50]:
        DeployBlock.objects.create(scope=DeployBlock.Scope.PROJECTS, **same).projects.add(project)


def _move() -> None:
    """Each production moved every day, up to the commit where it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO projects_stagemove
                (project_id, project_name, stage_name, from_sha, to_sha, label, forced, seen_at)
            SELECT p.id, p.name, 'production', lpad(to_hex(n), 40, '0'), lpad(to_hex(n - 1), 40, '0'), '', false,
                   now() - n * interval '1 day'
            FROM projects_project AS p, generate_series(1, %s) AS n
            """,
            [MOVES],
        )


def audit_events(count: int) -> int:
    """So many lines of history, spread over all projects, written by the database itself.

    Horizon did most of it and PEOPLE did the rest; "gone" did much, long ago, for a team that is gone as well.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO audit_auditevent
                (at, actor, actor_kind, kind, organization_name, project_id, project_name, tags, data)
            SELECT now() - (%(count)s - n) * interval '10 seconds',
                   CASE WHEN n < %(count)s / 4 THEN 'gone' WHEN n %% 5 > 0 THEN 'Horizon'
                        ELSE 'person' || n %% %(people)s END,
                   'horizon', (ARRAY['pull-request.opened', 'release.merged', 'block.created'])[1 + n %% 3],
                   'bench', p.id, p.name, CASE WHEN n < %(count)s / 4 THEN ARRAY['gone'] ELSE p.tags END, '{}'
            FROM generate_series(1, %(count)s) AS n
            JOIN (SELECT id, name, tags, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS many
                  FROM projects_project) AS p ON p.place = n %% p.many
            """,
            {"count": count, "people": PEOPLE},
        )
        cursor.execute("ANALYZE")
    return count
