"""What all acts on GitHub have in common: the claim is still ours, the last look, and looking what became of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from projects.github_pulls import GitHub, PullRequest
from projects.reading import StageUnreadable
from releases import facts, recording
from releases.decision import Decision, decide
from releases.models import Attempt, DeployStrategy, Release
from releases.readings import stored_reading
from releases.repositories import repository

Clock = Callable[[], datetime]


def look(strategy: DeployStrategy, number: int) -> PullRequest | None:
    """The pull request as GitHub has it now; None where that cannot be read."""
    try:
        owner, name = repository(strategy)
        return GitHub(facts.github_profile(strategy)).pull_request(owner, name, number)
    except StageUnreadable:
        return None


def own_login(strategy: DeployStrategy) -> str:
    """Who Horizon is on GitHub; empty where nobody says."""
    profile = facts.github_profile(strategy)
    budget = getattr(profile, "budget", None)
    return (budget.login if budget is not None else "") or GitHub(profile).login()


def do(
    release: Release,
    act: Attempt.Act,
    strategy: DeployStrategy,
    decision: Decision,
    clock: Clock,
    send: Callable[[DeployStrategy], bool],
) -> bool:
    """Look for the last time and send; the caller sees to it that no block can be saved meanwhile."""
    with transaction.atomic():
        if not is_claimed(release, act):
            return False
        fresh = last_look(strategy, release, decision, clock)
        if fresh is None:
            recording.withdrawn(release)
            return False
        release.strategy = fresh
        return send(fresh)


def is_claimed(release: Release, act: Attempt.Act) -> bool:
    """Lock the release; whether its act is still to be done: a settler may have found it too old."""
    try:
        release.refresh_from_db(from_queryset=Release.objects.select_for_update(of=("self",)))
    except Release.DoesNotExist:
        return False
    return recording.unfinished(release, act).exists()


def last_look(strategy: DeployStrategy, release: Release, decision: Decision, clock: Clock) -> DeployStrategy | None:
    """Everything anew, from database and GitHub, and the same question: the same answer, or None.

    None also where the answer is about another pull request than the release's: its strategy was given another base or
    head, and what became of the release could not be read yet.

    A release in spite of certain blocks is asked with the blocks of now: one that nobody named stops it.
    """
    fresh = facts.strategies_with_all().filter(pk=strategy.pk).first()
    if fresh is None:
        return None
    facts.read([fresh], clock())
    # Its own claim must not hold it up.
    again = decide(replace(facts.facts_of([fresh], clock())[fresh.pk], asked_at=None))
    same = (again.action, again.sha) == (decision.action, decision.sha)
    return fresh if same and _is_read(release, fresh) else None


def _is_read(release: Release, strategy: DeployStrategy) -> bool:
    """Whether the pull request that was read is the release's; one that is not opened yet has none."""
    reading = stored_reading(strategy)
    pull = reading.pull_request if reading is not None else None
    return release.number is None or (pull is not None and pull.number == release.number)
