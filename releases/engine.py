"""The engine: look, decide, at most one act, look again, until there is nothing to do now.

Any number of engines may run at the same time: rows and their constraints say whose an act is.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, In, IsNull

from projects.models import Profile, Snapshot
from releases import acts, announce, facts, order, upkeep
from releases.decision import OTHERS_FIRST, STALE, Action, Decision, Facts, decide
from releases.models import DeployStrategy, Intervention, Release, StrategyReading
from releases.observe import observe, with_news

logger = logging.getLogger(__name__)

# Open, assign and merge, and one to see that nothing is left; a rule that never comes to rest must not hold up others.
MOST_PASSES = 4
RESTLESS = (STALE, OTHERS_FIRST)  # what looking again may change in the very same pass
BROKEN = "Horizon failed at this release by a fault of its own: its log says more. It is tried again with each poll."
TOLD_FOR = timedelta(hours=24)  # after its end people are told what became of a release


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the engine decided last for a strategy, and the acts that it performed before."""

    strategy: DeployStrategy
    decision: Decision
    acts: tuple[Decision, ...] = ()


def releasable() -> QuerySet[DeployStrategy]:
    """The strategies of active projects, the oldest open release first, so that no younger one passes it in a queue."""
    open_release = Release.objects.filter(strategy=OuterRef("pk"), state__in=Release.UNFINISHED)
    oldest = Subquery(open_release.values("opened_at")[:1])
    strategies = facts.strategies_with_all().annotate(waiting_since=oldest)
    return strategies.order_by(F("waiting_since").asc(nulls_last=True), "pk")


ASKS = Coalesce("profile", "stage__profile")  # whose credentials a strategy uses: its own, else its stage's


def followed(now: datetime | None = None) -> QuerySet[DeployStrategy]:
    """Those that the engine advances: automatic ones, those that somebody releases now, and those with a release that
    is not finished; with `now` also those whose release was finished in the last day, of which people are told."""
    wanted = Intervention.objects.filter(strategy=OuterRef("pk"), kind=Intervention.Kind.RELEASE_NOW, ended_at=None)
    mine = Q(automatic=True) | Q(has_release=True) | Q(Exists(wanted))
    if now is not None:
        since = now - TOLD_FOR
        finished = Q(merged_at__gte=since) | Q(closed_at__gte=since) | Q(live_at__gte=since)
        mine |= Q(Exists(Release.objects.filter(finished, strategy=OuterRef("pk"))))
    return releasable().filter(mine)


def profiles(now: datetime | None = None) -> list[int | None]:
    """The profiles that serve strategies that are followed; None where a strategy has none."""
    return list(followed(now).order_by().values_list(ASKS, flat=True).distinct())


def served_by(profile_id: int | None, now: datetime | None = None) -> QuerySet[DeployStrategy]:
    """The followed strategies of one profile."""
    return followed(now).filter(Exact(ASKS, profile_id) if profile_id else IsNull(ASKS, True))


def changed(now: datetime) -> QuerySet[DeployStrategy]:
    """Followed strategies of projects whose commits moved since GitHub was asked for the release, and those that
    somebody asked to be looked at since."""
    paused = Profile.objects.filter(budget__paused_until__gt=now)
    snapshots = Snapshot.objects.filter(project=OuterRef("stage__project"), is_current=True)
    return (
        followed()
        .annotate(moved_at=Subquery(snapshots.values("created_at")[:1]))
        .filter(
            Q(reading=None, moved_at__isnull=False)
            | Q(reading__tried_at__lt=F("moved_at"))
            | Q(reading__tried_at__lt=F("reading__asked_at"))
        )
        .exclude(In(ASKS, paused.values("pk")))
    )


def advance(
    strategies: QuerySet[DeployStrategy],
    clock: Callable[[], datetime],
    *,
    dry_run: bool = False,
    until: datetime | None = None,
) -> list[Outcome]:
    """Advance each release as far as it can go now. One strategy's trouble never stops another's.

    After `until` none is begun: the next run goes on with the oldest.

    Raises ExceptionGroup, after all of them had their turn, for what should never happen.
    """
    chosen = list(strategies)
    facts.read(chosen, clock())
    at_rest = _at_rest(chosen, clock())
    outcomes: list[Outcome] = []
    bugs: list[Exception] = []
    for strategy in chosen:
        if until is not None and clock() > until:
            break
        try:
            quiet = at_rest.get(strategy.pk)
            outcomes.append(quiet or _advance(strategy, clock, dry_run=dry_run))
        except Exception as error:
            logger.exception("the release of %s could not be advanced", strategy)
            # It is not ready, whatever else is known of it: younger releases of its organization wait for it no longer.
            StrategyReading.objects.filter(strategy=strategy).update(error=BROKEN)
            bugs.append(error)
    if not dry_run:
        _ask_for_the_next(outcomes, clock())
        bugs += _tell(chosen, outcomes, clock)
    if bugs:
        raise ExceptionGroup("some releases could not be advanced", bugs)
    return outcomes


def _ask_for_the_next(outcomes: list[Outcome], now: datetime) -> None:
    """Where one was merged or gave way, the next of its organization is looked at in seconds, whoever serves it."""
    organizations = {
        outcome.strategy.stage.project.organization_id
        for outcome in outcomes
        if outcome.decision.code == OTHERS_FIRST or any(act.action is Action.MERGE for act in outcome.acts)
    }
    ids = order.next_in_line(organizations, lambda some: facts.facts_alone(some, now))
    StrategyReading.objects.filter(strategy__in=ids).update(asked_at=now)


def _tell(chosen: list[DeployStrategy], outcomes: list[Outcome], clock: Callable[[], datetime]) -> list[Exception]:
    """Keep what people were told true, with what is known now; trouble with it stops no release."""
    known = {strategy.pk: strategy for strategy in chosen} | {each.strategy.pk: each.strategy for each in outcomes}
    try:
        announce.keep_true(list(known.values()), clock)
    except Exception as error:
        # A message that cannot be made must hold up no release; the caller raises it after all had their turn.
        logger.exception("what people were told of releases could not be kept true")
        return [error]
    return []


def _at_rest(strategies: list[DeployStrategy], now: datetime) -> dict[int, Outcome]:
    """Those for which nothing is to be done, most of them nearly always: found in a few queries for all."""
    try:
        news, known = with_news(strategies), facts.facts_of(strategies, now)
        decided = {strategy.pk: Outcome(strategy, decide(known[strategy.pk])) for strategy in strategies}
        decisions = {pk: outcome.decision for pk, outcome in decided.items()}
        news |= upkeep.needed(strategies, decisions, known, now)
    except Exception:
        # One of them is broken: each is tried by itself, and that one reported.
        logger.exception("the releases could not be looked at together")
        return {}
    return {
        pk: outcome
        for pk, outcome in decided.items()
        if pk not in news
        and acts.act_for(outcome.decision, known[pk]) is None
        and outcome.decision.code not in RESTLESS
    }


def _advance(strategy: DeployStrategy, clock: Callable[[], datetime], *, dry_run: bool) -> Outcome:
    done: list[Decision] = []
    decision, known = _decide(strategy, clock, dry_run=dry_run)
    while not dry_run and len(done) < MOST_PASSES and (act := acts.act_for(decision, known)):
        acted = act(strategy, decision, clock)
        done += [decision] if acted else []
        fresh = facts.strategies_with_all().filter(pk=strategy.pk).first()
        if fresh is None:
            break
        strategy = fresh
        if acted:
            facts.read([strategy], clock())
        decision, known = _decide(strategy, clock, dry_run=dry_run)
        # A notice and a merge never come in one pass: people are given time to say no.
        if not acted or done[-1].action is Action.WARN:
            break
    if not dry_run:
        upkeep.keep_up(strategy, decision, known, clock)
    return Outcome(strategy, decision, tuple(done))


def _decide(strategy: DeployStrategy, clock: Callable[[], datetime], *, dry_run: bool) -> tuple[Decision, Facts]:
    """Bring the rows up to what was read, and ask; once more, where others took so long that the facts are old."""
    if not dry_run:
        observe(strategy, clock)
    known = facts.facts_of([strategy], clock())[strategy.pk]
    decision = decide(known)
    if decision.code == STALE:
        facts.read([strategy], clock())
        known = facts.facts_of([strategy], clock())[strategy.pk]
        decision = decide(known)
    return decision, known
