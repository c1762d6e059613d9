"""Releases that people made past Horizon's pull requests, and rollbacks: found, written down once, told.

The source are the rows of stage moves: polls write exactly one for each move, in order, with what was there before, and
they are kept for ever. (Readings of strategies keep no past, and exist for automatic strategies only.) Watched are the
stage that is the strategy's base, where none is the stage that the strategy belongs to, and the stage that shows
production, for images that go back. The first sight of a stage is no release.

Row, event, block and how far was looked are written in one transaction under the lock of the strategy's watch, so a
crash or a second worker makes neither a second one nor a gap.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q

from audit.record import Actor
from projects.live import announce
from projects.merging import StillMerging, hold_back_merges
from projects.models import Stage, StageHead, StageMove
from projects.reading import StageUnreadable
from projects.snapshots import commits_json
from releases import facts, production
from releases.going_back import keep_back
from releases.models import DeployStrategy, Release, Watch
from releases.production import names_of
from releases.pushes_look import Found, Unsure, look_at
from releases.recording import How, record_of

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 200  # strategies of a pass, and moves of a strategy
# What cannot be told from a merge that Horizon still has to notice waits for that; after so long it is passed over.
PATIENCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of a strategy before its moves are looked at. `siblings` release to the same base."""

    strategy: DeployStrategy
    base: Stage | None
    watched: tuple[str, ...]
    siblings: tuple[DeployStrategy, ...]
    releases: list[Release] = field(default_factory=list)

    @property
    def merged(self) -> list[Release]:
        """Oldest first."""
        return [release for release in self.releases if release.state == Release.State.MERGED]

    @property
    def unfinished(self) -> list[Release]:
        return [release for release in self.releases if release.state in Release.UNFINISHED]


def find(clock: Callable[[], datetime]) -> None:
    """Look at every strategy whose project moved since it was looked at. One's trouble never stops another's."""
    _begin()
    bugs: list[Exception] = []
    for strategy in _moved():
        try:
            _look(strategy, clock)
        except StillMerging:
            logger.info("what became of %s is written down when the merge under way has ended", strategy)
        except Exception as error:
            # One strategy's trouble must not hide what happened to the others; it is raised at the end.
            logger.exception("the moves of %s could not be looked at", strategy)
            bugs.append(error)
    if bugs:
        raise ExceptionGroup("some moves could not be looked at", bugs)


def _begin() -> None:
    """Watch new strategies from the last move on that was seen before."""
    new = DeployStrategy.objects.filter(watch=None, stage__project__archived_at=None)
    rows = list(new.annotate(last=Max("stage__project__moves__seen_at")).values_list("pk", "last"))
    if rows:
        watches = [Watch(strategy_id=pk, until=last or EPOCH) for pk, last in rows]
        Watch.objects.bulk_create(watches, ignore_conflicts=True)


def _moved() -> list[DeployStrategy]:
    moved = StageHead.objects.filter(stage__project=OuterRef("stage__project"), since__gt=OuterRef("watch__until"))
    return list(facts.strategies_with_all().select_related("watch").filter(Exists(moved)).order_by("pk")[:MOST])


def _look(strategy: DeployStrategy, clock: Callable[[], datetime]) -> None:
    until: datetime = strategy.watch.until
    ground = _ground(strategy)
    newest = _newest(strategy, until)
    moves = StageMove.objects.filter(
        project=strategy.stage.project_id, stage_name__in=ground.watched, seen_at__gt=until
    ).order_by("seen_at", "id")[:MOST]
    for seen_at, group in groupby(list(moves), key=lambda move: move.seen_at):
        try:
            found = [each for move in group if (each := _found(ground, move, clock)) is not None]
        except (Unsure, StageUnreadable):
            if clock() - seen_at < PATIENCE:
                return
            found = []
        if not _write(strategy, until, seen_at, found, clock):
            return
        until = seen_at
        ground = _ground(strategy)
    if newest is not None and newest > until:
        _write(strategy, until, newest, [], clock)


def _newest(strategy: DeployStrategy, until: datetime) -> datetime | None:
    heads = StageHead.objects.filter(stage__project=strategy.stage.project_id, since__gt=until)
    newest: datetime | None = heads.aggregate(newest=Max("since"))["newest"]
    return newest


def _ground(strategy: DeployStrategy) -> Ground:
    stages = production.stages_of([strategy])
    own = stages[strategy.stage.project_id]
    base = production.base_stage(strategy, own)
    place = production.places_of([strategy], stages).get(strategy.pk)
    project = facts.strategies_with_all().filter(stage__project=strategy.stage.project_id, base=strategy.base)
    siblings = [each for each in project.order_by("pk") if _repository(each) == _repository(strategy)]
    watched = {base.name if base else strategy.stage.name}
    watched |= {place.stage.name} if place is not None and place.elsewhere else set()
    # Of several strategies with one base the first writes what people did.
    mine = not siblings or siblings[0].pk == strategy.pk
    releases = (
        Release.objects.filter(strategy__in=siblings)
        .defer("commits")
        .order_by(F("merged_at").asc(nulls_last=True), "pk")
    )
    return Ground(strategy, base, tuple(watched) if mine else (), tuple(siblings), list(releases))


def _repository(strategy: DeployStrategy) -> str:
    try:
        return "/".join(facts.repository_of_strategy(strategy)).lower()
    except StageUnreadable:
        return ""


def _found(ground: Ground, move: StageMove, clock: Callable[[], datetime]) -> Found | None:
    """What people did with this move, None where a release explains it, or where it was none.

    Raises Unsure while a release may yet explain it, StageUnreadable where the host cannot tell.
    """
    before = move.from_sha or _last_seen(move)
    if not move.to_sha or not before or before == move.to_sha:
        return None
    if _explains(ground, move):
        return None
    at_base = ground.base is not None and move.stage_name == ground.base.name
    # What was forced back, or runs elsewhere and went back, no merge explains: it must not be released again meanwhile.
    if at_base and not move.forced:
        _wait_for_the_engine(ground, move)
    found = look_at(ground.strategy, move, before, ground.merged, at_base=at_base)
    if found is None or found.kind == Release.Kind.ROLLBACK:
        return found
    if ground.base is not None and not at_base:
        return None
    _wait_for_the_engine(ground, move)
    return found


def _last_seen(move: StageMove) -> str:
    """Where a stage was before it was gone for a while."""
    earlier = StageMove.objects.filter(
        project=move.project_id, stage_name=move.stage_name, seen_at__lt=move.seen_at
    ).exclude(to_sha="")
    return earlier.order_by("-seen_at", "-id").values_list("to_sha", flat=True).first() or ""


def _explains(ground: Ground, move: StageMove) -> bool:
    """Whether the newest release brought the stage there; or an older one, and the stage was never there before."""
    merged = ground.merged
    if not merged:
        return False
    if move.to_sha in names_of(merged[-1], merged):
        return True
    known = any(move.to_sha in names_of(release, merged) for release in merged)
    return known and not move.forced and not _was_there(move)


def _was_there(move: StageMove) -> bool:
    return StageMove.objects.filter(
        Q(to_sha=move.to_sha) | Q(from_sha=move.to_sha),
        project=move.project_id, stage_name=move.stage_name, seen_at__lt=move.seen_at,
    ).exists()  # fmt: skip


def _wait_for_the_engine(ground: Ground, move: StageMove) -> None:
    """Raise Unsure while a merge may be on its way, or done and not yet written down by the engine."""
    for release in ground.unfinished:
        if release.state in (Release.State.MERGING, Release.State.QUEUED):
            raise Unsure
        strategy = next(each for each in ground.siblings if each.pk == release.strategy_id)
        if release.state != Release.State.OPEN or not strategy.automatic:
            continue
        reading = getattr(strategy, "reading", None)
        if reading is None or reading.read_at is None or reading.read_at <= move.seen_at:
            raise Unsure
        pull = reading.facts.get("pull_request") or {}
        if pull.get("number") != release.number:
            raise Unsure


def _write(
    strategy: DeployStrategy, until: datetime, seen_at: datetime, found: Sequence[Found], clock: Callable[[], datetime]
) -> bool:
    """Everything of one poll, or nothing; False where another worker has looked meanwhile."""
    with transaction.atomic():
        if any(each.kind == Release.Kind.ROLLBACK for each in found):
            hold_back_merges(strategy.stage.project.organization_id)  # for its block: before the first row
        watch = Watch.objects.select_for_update(skip_locked=True).filter(pk=strategy.pk, until=until).first()
        if watch is None:
            return False
        for each in found:
            _record(strategy, each, clock)
        watch.until = seen_at
        watch.save(update_fields=["until"])
    return True


def _record(strategy: DeployStrategy, found: Found, clock: Callable[[], datetime]) -> None:
    now = clock()
    if found.number is not None and _is_known(strategy, found.number):
        return  # the engine wrote this pull request down meanwhile
    release = Release.objects.create(
        strategy=strategy, kind=found.kind, state=Release.State.MERGED, head_sha=found.head_sha,
        merge_sha=found.to_sha, base_sha=found.from_sha, number=found.number, url=found.url,
        begun_at=now, opened_at=found.opened_at, merged_at=min(found.at, now), merged_by=found.by,
        squashed=found.how is not How.MERGED, rebased=found.how is How.REBASED,
        commits=commits_json(found.commits), commit_count=found.count,
    )  # fmt: skip
    rollback = found.kind == Release.Kind.ROLLBACK
    told = {
        "release": release.pk,
        "stage": found.stage,
        "head": found.head,
        "from_sha": found.from_sha,
        "label": found.label,
        "forced": found.forced,
        "count": found.count,
    }
    kind = "release.rollback" if rollback else "release.by-hand"
    record_of(kind, release, Actor.github(found.by), now, told)
    announce([strategy.stage.project_id])
    if rollback:
        keep_back(release, found, clock)


def _is_known(strategy: DeployStrategy, number: int) -> bool:
    known: Iterable[Release] = Release.objects.filter(
        strategy__stage__project=strategy.stage.project_id, strategy__base=strategy.base, number=number
    ).exclude(state=Release.State.CLOSED)
    return bool(list(known))
