"""Merged is not live: watches the stage that shows what production runs, until it runs each release.

From the rows that polls write; a host is asked only where production moved to a commit that no release names.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from audit.record import HORIZON
from projects.github import GitHubReader
from projects.live import announce
from projects.models import Project, Stage, StageHead, StageMove
from projects.reading import StageUnreadable, Trouble
from releases import production
from releases.models import DeployStrategy, Release
from releases.production import Place, names_of
from releases.recording import record_of

logger = logging.getLogger(__name__)

FOLLOWED = timedelta(days=7)  # after its merge
MOST = 1000  # releases of a pass, the newest first
MOST_COMPARISONS = 20  # of a pass: each is a request
# The repository does not know what production runs: that is not the release.
STRANGE = (Trouble.GONE, Trouble.UNRELATED)


class Seen(StrEnum):
    """How a merged release stands in production, as pages say it."""

    LIVE = "live"
    WAITING = "waiting"
    NOT_LIVE = "not live"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be said now, and why it is not known where it is not."""

    seen: Seen
    stage: str = ""
    at: datetime | None = None
    until: datetime | None = None
    why: str = ""


def follow(clock: Callable[[], datetime]) -> None:
    """Look at every release that was merged in the last days and not seen live: four queries, whatever their number."""
    now = clock()
    waiting = _waiting(now)
    if not waiting:
        return
    strategies = {release.strategy_id: release.strategy for release in waiting}.values()
    stages = production.stages_of(strategies)
    places = production.places_of(strategies, stages)
    since = min(release.merged_at or now for release in waiting)
    moves = _moves(stages, since)
    merged = _merged(places, since)
    asked = 0
    for release in waiting:
        place = places.get(release.strategy_id)
        if place is None:
            continue
        others = merged.get(release.strategy_id, [])
        at = _seen_at(release, place.stage, moves.get((place.stage.project_id, place.stage.name), []), others)
        if at is None and asked < MOST_COMPARISONS and _must_ask(release, place.stage):
            asked += 1
            at = _asked(release, place.stage)
        if at is not None:
            _be_live(release, place, at, now)
        elif _is_late(release, place, now):
            _alarm(release, place, now)


def _waiting(now: datetime) -> list[Release]:
    rows = Release.objects.filter(
        state=Release.State.MERGED, live_at=None, merged_at__gt=now - FOLLOWED,
        strategy__stage__project__archived_at=None,
    )  # fmt: skip
    return list(
        rows.select_related(
            "strategy__stage__project__organization", "strategy__stage__profile", "strategy__profile"
        ).order_by("-merged_at", "-pk")[:MOST]
    )


def _moves(stages: Mapping[int, Sequence[Stage]], since: datetime) -> dict[tuple[int, str], list[StageMove]]:
    found: dict[tuple[int, str], list[StageMove]] = {}
    for move in StageMove.objects.filter(project__in=list(stages), seen_at__gte=since).order_by("seen_at", "id"):
        found.setdefault((move.project_id or 0, move.stage_name), []).append(move)
    return found


def _merged(places: Mapping[int, Place], since: datetime) -> dict[int, list[Release]]:
    """The merged releases of each strategy, oldest first."""
    found: dict[int, list[Release]] = {}
    rows = Release.objects.filter(
        strategy__in=list(places), state=Release.State.MERGED, merged_at__gte=since - FOLLOWED
    )
    for release in rows.defer("commits").order_by("merged_at", "pk"):
        found.setdefault(release.strategy_id, []).append(release)
    return found


def _seen_at(release: Release, stage: Stage, moves: Iterable[StageMove], merged: Sequence[Release]) -> datetime | None:
    """When the stage was first seen at a commit that holds this release, by rows alone."""
    if release.merged_at is None:
        return None
    names = _names(release, merged)
    for move in moves:
        if move.seen_at >= release.merged_at and move.to_sha in names:
            return move.seen_at
    head = _head(stage)
    if head is not None and head.sha in names:
        return max(head.since, release.merged_at)
    return None


def _names(release: Release, merged: Sequence[Release]) -> set[str]:
    """Its own commits, and those of later releases, which hold it, as long as nobody went back."""
    names = names_of(release, merged)
    if release.kind == Release.Kind.ROLLBACK:
        return names
    later = [each for each in merged if (each.merged_at, each.pk) > (release.merged_at, release.pk)]
    for each in later:
        if each.kind == Release.Kind.ROLLBACK:
            break
        names |= names_of(each, merged)
    return names


def _head(stage: Stage) -> StageHead | None:
    head: StageHead | None = getattr(stage, "head", None)
    return head if head is not None and head.sha else None


def _must_ask(release: Release, stage: Stage) -> bool:
    """Whether the stage moved since the merge, to a commit that nobody was asked about. What went back holds less, so
    only its very commit shows it."""
    head = _head(stage)
    if head is None or head.error or release.merged_at is None or release.kind == Release.Kind.ROLLBACK:
        return False
    return head.since > release.merged_at and head.sha != release.live_looked_sha


def _asked(release: Release, stage: Stage) -> datetime | None:
    """Ask whether the commit of the stage holds the release. An answer "no" is remembered, trouble is not."""
    head = _head(stage)
    if head is None or release.merged_at is None:
        return None
    tip = release.merge_sha if release.squashed and release.merge_sha else release.head_sha
    try:
        profile, remote = production.remote_of(release.strategy)
        if GitHubReader(profile).difference(remote, head.sha, tip).total == 0:
            return max(head.since, release.merged_at)
    except StageUnreadable as error:
        if error.trouble not in STRANGE:
            return None
    release.live_looked_sha = head.sha
    release.save(update_fields=["live_looked_sha"])
    return None


def _is_late(release: Release, place: Place, now: datetime) -> bool:
    return release.live_alarm_at is None and sight(release, place, now).seen is Seen.NOT_LIVE


def sight(release: Release, place: Place | None, now: datetime) -> Sight:
    """How a merged release stands in production, from its row and those of its stage. Unknown is never live."""
    if place is None or release.merged_at is None:
        return Sight(Seen.UNKNOWN, why="The stage that would show it is gone.")
    name, due = place.stage.name, release.merged_at + timedelta(seconds=release.strategy.live_within)
    if release.live_at is not None:
        return Sight(Seen.LIVE, name, release.live_at)
    if why := _why_unknown(release, place, due, now):
        return Sight(Seen.UNKNOWN, name, why=why)
    if now < due or not place.elsewhere:
        return Sight(Seen.WAITING, name, until=due if place.elsewhere else None)
    return Sight(Seen.NOT_LIVE, name, at=release.live_alarm_at)


def _why_unknown(release: Release, place: Place, due: datetime, now: datetime) -> str:
    """Why nobody can say whether it is live; empty where that is known."""
    name, read_at = place.stage.name, _read_at(place.stage)
    if trouble := _unreadable(place.stage):
        return trouble
    if due <= now - FOLLOWED and release.live_alarm_at is None:
        return f"It was not seen in {name}, and is no longer looked for."
    if place.elsewhere and now >= due:
        if read_at is None or read_at < due:
            return f"{name} was not read since {due:%H:%M} UTC."
        if _must_ask(release, place.stage):
            return f"{name} runs a commit that could not be compared with the release yet."
    return ""


@dataclass(frozen=True, slots=True)
class Lately:
    """A merged release, and how it stands in production."""

    release: Release
    sight: Sight


_TOLD = (
    "id", "strategy_id", "kind", "state", "number", "url", "head_sha", "merge_sha", "merged_at", "merged_by", "live_at",
    "live_alarm_at", "live_looked_sha", "commit_count", "squashed",
)  # fmt: skip


def merged_lately(most: int = 3) -> ArraySubquery:
    """The newest merged releases of the project that a query is about, for `lately`."""
    merged = Release.objects.filter(strategy__stage__project=OuterRef("pk"), state=Release.State.MERGED)
    newest = merged.order_by("-merged_at", "-pk")[:most]
    return ArraySubquery(newest.values(told=JSONObject(**{name: name for name in _TOLD})))


def lately(
    project: Project,
    merged: Sequence[Mapping[str, Any]],
    strategies: Sequence[DeployStrategy],
    stages: Sequence[Stage],
    now: datetime,
) -> list[Lately]:
    """How the releases that `merged_lately` fetched stand; no query. `project` comes with its poll."""
    by_id = {strategy.pk: strategy for strategy in strategies}
    for stage in stages:
        stage.project = project
    served = {strategy.stage_id for strategy in strategies}
    places = {pk: production.place_of(strategy, stages, served) for pk, strategy in by_id.items()}
    found = []
    for values in merged:
        release = _release(values)
        if release.strategy_id in by_id:
            release.strategy = by_id[release.strategy_id]
            found.append(Lately(release, sight(release, places[release.strategy_id], now)))
    return found


def _release(values: Mapping[str, Any]) -> Release:
    """JSON tells times as text."""
    times = {name: parse_datetime(values[name]) if values[name] else None for name in _TOLD if name.endswith("_at")}
    return Release(**{**values, **times})


def _unreadable(stage: Stage) -> str:
    head: StageHead | None = getattr(stage, "head", None)
    if head is None:
        return f"{stage.name} was not read yet."
    if head.error:
        return head.error
    return "" if head.sha else f"{stage.name} was not found yet."


def _read_at(stage: Stage) -> datetime | None:
    poll = getattr(stage.project, "poll", None)
    return poll.refreshed_at if poll is not None else None


def _be_live(release: Release, place: Place, at: datetime, now: datetime) -> None:
    with transaction.atomic():
        unseen = Release.objects.filter(pk=release.pk, state=Release.State.MERGED, live_at=None)
        if unseen.update(live_at=at) == 1:
            seconds = int((at - (release.merged_at or at)).total_seconds())
            _record("release.live", release, place, now, {"seconds": seconds, "seen_at": at.isoformat()})


def _alarm(release: Release, place: Place, now: datetime) -> None:
    with transaction.atomic():
        silent = Release.objects.filter(pk=release.pk, state=Release.State.MERGED, live_at=None, live_alarm_at=None)
        if silent.update(live_alarm_at=now) == 1:
            head = _head(place.stage)
            within = {"live_within": release.strategy.live_within, "runs": head.sha if head else None}
            _record("release.not-live", release, place, now, within)


def _record(kind: str, release: Release, place: Place, at: datetime, more: Mapping[str, object]) -> None:
    merged_at = release.merged_at.isoformat() if release.merged_at else None
    told = {"release": release.pk, "stage": place.stage.name, "merged_at": merged_at, **more}
    record_of(kind, release, HORIZON, at, told)
    announce([release.strategy.stage.project_id])
