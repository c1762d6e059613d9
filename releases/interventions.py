"""What a person says to one release: now, not before a moment, not this one; and that it no longer holds.

Saying so merges nothing: the engine does, which is asked to look at once. Whoever says no takes the lock that blocks
take, so that it either stops the merge or is told that it came too late.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from audit.record import Actor, record
from blocks.models import DeployBlock
from blocks.queries import unresolved_blocks
from projects.live import announce
from projects.merging import hold_back_merges
from projects.models import StageHead
from releases.calendar import ClosedRule, closed_by
from releases.closed_rules import of_strategy
from releases.facts_rows import calendars_of
from releases.messages import exactly, listed, sentence
from releases.models import DeployStrategy, Intervention, Note, Release, StrategyReading
from releases.readings import stored_reading
from releases.situation import NOW_HOLDS, seen_block

Clock = Callable[[], datetime]
Kind = Intervention.Kind

LONGEST_POSTPONEMENT = timedelta(days=366)
KINDS = {Kind.RELEASE_NOW: "release.now", Kind.POSTPONE: "release.postponed", Kind.SKIP: "release.skipped"}
# The newest word counts: now takes back every no, and a no takes back now. A skip does not end a postponement.
ENDS = {
    Kind.RELEASE_NOW: [Kind.RELEASE_NOW, Kind.POSTPONE, Kind.SKIP],
    Kind.POSTPONE: [Kind.RELEASE_NOW, Kind.POSTPONE],
    Kind.SKIP: [Kind.RELEASE_NOW, Kind.SKIP],
}


class NotPossible(Exception):
    """What a person asked for cannot be; the message says why, and what to do."""


class HeadMoved(NotPossible):
    """The head is no longer the commit that the person saw."""

    def __init__(self, strategy: DeployStrategy, seen: str, now: str | None) -> None:
        self.sha = now
        if now is None:
            words = f"{strategy.head} does not exist any more, so there is nothing to say about {seen[:7]}."
        else:
            words = (
                f"{strategy.head} moved meanwhile: you saw {seen[:7]}, now it is at {now[:7]}. Nothing was done yet; "
                "look at what is new and confirm again."
            )
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person who releases in spite of blocks and closed hours saw of them: `seen` of each."""

    blocks: frozenset[str]
    hours: frozenset[str]


def release_now(
    strategy: DeployStrategy,
    sha: str,
    *,
    reason: str,
    actor: Actor,
    clock: Clock,
    spite_blocks: Sequence[int] = (),
    spite_closed: bool = False,
    seen: Seen | None = None,
) -> Intervention:
    """Have this commit released now, whatever its age and notice; in spite of the blocks named, and of closed hours.

    `seen` is what the person saw of them; without it they are meant as they are now. What is changed after that holds
    the release. Who may name them is for the caller to know. Raises NotPossible.
    """
    with transaction.atomic():
        now = clock()
        stored = _locked(strategy)
        _check_head(stored, sha)
        named = _named_blocks(strategy, spite_blocks, now)
        closing = _closing(stored, now, seen) if spite_closed else []
        if seen is None:
            seen = Seen(frozenset(seen_block(block.pk, block.updated_at) for block in named), _seen_of(closing))
        wish = Intervention(kind=Kind.RELEASE_NOW, head_sha=sha, reason=reason, spite_closed=bool(closing))
        wish.spite_blocks = [block.pk for block in named]
        wish.seen_blocks, wish.seen_hours = sorted(seen.blocks), sorted(seen.hours)
        return _save(strategy, wish, actor, now, _in_spite(named, [rule.name for rule in closing]))


def postpone(
    strategy: DeployStrategy, sha: str, until: datetime, *, reason: str, actor: Actor, clock: Clock
) -> Intervention:
    """Release nothing before `until`, whatever commits come. Raises NotPossible."""
    with transaction.atomic():
        hold_back_merges(strategy.stage.project.organization_id)
        now = clock()
        if until <= now:
            raise NotPossible("This moment is past: choose a later one.")
        if until > now + LONGEST_POSTPONEMENT:
            raise NotPossible("A release can be postponed for a year at most. For longer, make a block without an end.")
        _check_head(_locked(strategy), sha)
        _check_unreleased(strategy, sha)
        wish = Intervention(kind=Kind.POSTPONE, head_sha=sha, reason=reason, until=until)
        return _save(strategy, wish, actor, now, {"until": until.isoformat()})


def skip(strategy: DeployStrategy, sha: str, *, reason: str, actor: Actor, clock: Clock) -> Intervention:
    """Do not release this commit; the next one is released again. Raises NotPossible."""
    with transaction.atomic():
        hold_back_merges(strategy.stage.project.organization_id)
        _check_head(_locked(strategy), sha)
        _check_unreleased(strategy, sha)
        return _save(strategy, Intervention(kind=Kind.SKIP, head_sha=sha, reason=reason), actor, clock(), {})


def withdraw(intervention: Intervention, *, actor: Actor, clock: Clock) -> None:
    """Take it back. Raises NotPossible where it had ended before, or the release that it asked for is made."""
    with transaction.atomic():
        if intervention.kind == Kind.RELEASE_NOW:
            hold_back_merges(intervention.strategy.stage.project.organization_id)
        now = clock()
        row = Intervention.objects.select_for_update(of=("self",)).select_related(
            "strategy__stage__project__organization"
        )
        stored = row.get(pk=intervention.pk)
        if stored.kind == Kind.RELEASE_NOW:
            _check_unreleased(stored.strategy, stored.head_sha)
        if stored.ended_at is not None:
            by = f"{stored.ended_by} ended" if stored.ended_by else "It ended"
            raise NotPossible(f"{by} it {exactly(stored.ended_at, 'UTC')}, before you did.")
        stored.ended_at, stored.ended_by = now, actor.name
        stored.save(update_fields=["ended_at", "ended_by"])
        _tell("release.resumed", stored, actor, now, {"withdrawn": stored.kind})


def known_head(strategy: DeployStrategy) -> str | None:
    """The commit of head as Horizon saw it last: read for the release, else for the stage of that branch."""
    reading = stored_reading(strategy)
    if strategy.automatic and reading is not None:
        return reading.head_sha
    heads = StageHead.objects.filter(stage__project=strategy.stage.project_id, stage__branch=strategy.head)
    of_stage = heads.exclude(sha="").values_list("sha", flat=True).first()
    return of_stage or (reading.head_sha if reading is not None else None)


def active(strategy_ids: Sequence[int]) -> dict[int, list[Intervention]]:
    """What still holds, by strategy, newest first, with `is_released`: its commit was merged. One query."""
    merged = Release.objects.filter(
        strategy=OuterRef("strategy"), state=Release.State.MERGED, head_sha=OuterRef("head_sha")
    )
    found: dict[int, list[Intervention]] = {}
    for row in Intervention.objects.filter(strategy__in=strategy_ids, ended_at=None).annotate(
        is_released=Exists(merged)
    ):
        found.setdefault(row.strategy_id, []).append(row)
    return found


def end(interventions: Sequence[int], at: datetime, by: str = "Horizon") -> int:
    """They are used up: without an event, because nobody did anything."""
    return Intervention.objects.filter(pk__in=interventions, ended_at=None).update(ended_at=at, ended_by=by)


def _locked(strategy: DeployStrategy) -> DeployStrategy:
    """As it is stored now, with its reading; nobody else says anything to it before this transaction ends."""
    DeployStrategy.objects.select_for_update().get(pk=strategy.pk)
    return DeployStrategy.objects.select_related("stage__project__organization", "reading").get(pk=strategy.pk)


def _check_head(strategy: DeployStrategy, sha: str) -> None:
    now = known_head(strategy)
    if now != sha:
        raise HeadMoved(strategy, sha, now)


def _check_unreleased(strategy: DeployStrategy, sha: str) -> None:
    of_sha = Release.objects.filter(strategy=strategy, head_sha=sha)
    merged = of_sha.filter(state=Release.State.MERGED).order_by("-merged_at").first()
    if merged is not None and merged.merged_at is not None:
        raise NotPossible(
            f"{sha[:7]} was released {exactly(merged.merged_at, 'UTC', seconds=True)}, too late for this."
        )
    if of_sha.filter(state=Release.State.MERGING).exists():
        raise NotPossible(
            f"{sha[:7]} is being merged: whether that happened is not known yet. Look again in a minute; nothing was "
            "saved."
        )


def _named_blocks(strategy: DeployStrategy, ids: Sequence[int], now: datetime) -> list[DeployBlock]:
    """Those of the named blocks that are in force. Raises NotPossible where one was never there."""
    project = strategy.stage.project
    in_force = {block.pk: block for block in unresolved_blocks([project], now)[project.pk]}
    strangers = [pk for pk in ids if pk not in in_force and not DeployBlock.objects.filter(pk=pk).exists()]
    if strangers:
        raise NotPossible("A block that you named does not exist. Look again at what holds the release.")
    return [in_force[pk] for pk in dict.fromkeys(ids) if pk in in_force]


def _closing(strategy: DeployStrategy, now: datetime, seen: Seen | None) -> list[ClosedRule]:
    """The closed hours of now, those that the person saw."""
    organization = strategy.stage.project.organization_id
    rules = of_strategy(strategy, calendars_of([organization], now)[organization])
    return [rule for rule in closed_by(rules, now) if seen is None or rule.seen in seen.hours]


def _seen_of(rules: Iterable[ClosedRule]) -> frozenset[str]:
    return frozenset(rule.seen for rule in rules)


def _in_spite(blocks: Sequence[DeployBlock], closed: Sequence[str]) -> dict[str, object]:
    named = [{"id": block.pk, "by": block.created_by, "reason": block.description} for block in blocks]
    hours = {"in_closed_hours": True, "closed_hours": list(dict.fromkeys(closed))} if closed else {}
    return {**({"in_spite_of": named} if named else {}), **hours}


def _save(
    strategy: DeployStrategy, wish: Intervention, actor: Actor, now: datetime, more: Mapping[str, object]
) -> Intervention:
    """The row, its event and its note. Saying the same twice (a second click) is saying it once."""
    held = Intervention.objects.filter(strategy=strategy, ended_at=None)
    for each in held.filter(kind=wish.kind, created_by=actor.name):
        if _says_the_same(each, wish) and now < each.created_at + NOW_HOLDS:
            return each
    held.filter(kind__in=ENDS[Kind(wish.kind)]).update(ended_at=now, ended_by=actor.name)
    wish.strategy, wish.created_by, wish.created_at = strategy, actor.name, now
    wish.save()
    _tell(KINDS[Kind(wish.kind)], wish, actor, now, more)
    return wish


def _says_the_same(one: Intervention, other: Intervention) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("head_sha", "until", "reason", "seen_blocks", "seen_hours")
    )


def _tell(kind: str, row: Intervention, actor: Actor, now: datetime, more: Mapping[str, object]) -> None:
    """History, the pull request, open pages, and the engine."""
    strategy = row.strategy
    release = Release.objects.filter(strategy=strategy, state__in=Release.UNFINISHED).first()
    number = release.number if release is not None else None
    data = {
        "stage": strategy.stage.name,
        "base": strategy.base,
        "head": strategy.head,
        "sha": row.head_sha,
        "pull_request": {"number": number, "url": release.url if release is not None else ""},
        "reason": row.reason,
        **more,
    }
    record(kind, actor=actor, at=now, project=strategy.stage.project, data=data)
    if release is not None:
        Note.objects.create(release=release, text=note_of(kind, row, actor, more), created_at=now)
    StrategyReading.objects.filter(strategy=strategy).update(asked_at=now)
    announce([strategy.stage.project_id])


def note_of(kind: str, row: Intervention, actor: Actor, more: Mapping[str, object]) -> str:
    """What the pull request is told, before strangers' words in it are made harmless."""
    zone = row.strategy.time_zone
    said = {
        "release.now": f"{actor.name} releases {row.head_sha[:7]} now, whatever its age and notice.",
        "release.postponed": f"{actor.name} postponed this release"
        + (f" until {exactly(row.until, zone).removeprefix('on ')}." if row.until else "."),
        "release.skipped": f"{actor.name} skips {row.head_sha[:7]}: Horizon waits for new commits.",
        "release.resumed": f"{actor.name} took back: {Kind(row.kind).label}.",
    }[kind]
    if kind == "release.resumed":
        return said
    named = more.get("in_spite_of")
    blocks = [f"In spite of the block by {each['by']}: {sentence(each['reason'])}" for each in _list(named)]
    hours = more.get("closed_hours")
    closed = [f"In spite of closed hours: {sentence(listed(hours))}"] if isinstance(hours, list) else []
    return "\n".join([said, f"Reason: {sentence(row.reason)}", *blocks, *closed])


def _list(named: object) -> list[dict[str, str]]:
    return named if isinstance(named, list) else []
