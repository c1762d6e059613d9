"""Pull requests that an administrator asked for to heal a squashed history: from base into head, opened once."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from audit.record import HORIZON, Actor, record
from projects.github_pulls import GitHub
from projects.github_values import ActRefused, AnswerLost, PullRequest, RefusalCode
from projects.live import announce
from releases import upkeep_attempts as attempts
from releases.decision import Facts
from releases.facts import github_profile
from releases.interventions import NotPossible
from releases.messages import plain
from releases.models import DeployStrategy, Release, Repair, StrategyReading
from releases.repositories import repository

Clock = Callable[[], datetime]
HEAL = Repair.Kind.HEAL
HELD = (Repair.State.OPEN, Repair.State.REFUSED)  # what is over, and not to be shown any more, once history is healed
# Another attempt changes nothing about these: people must do something first.
FINAL = (RefusalCode.NO_COMMITS,)


def ask_to_heal(strategy: DeployStrategy, *, actor: Actor, clock: Clock) -> Repair:
    """Have the pull request opened. Raises NotPossible where one is asked for, or open, already."""
    now = clock()
    if Repair.objects.filter(strategy=strategy, kind=HEAL, state=Repair.State.OPEN).exists():
        raise NotPossible("The pull request that heals the history is open already: merge it on GitHub.")
    squashed = Release.objects.filter(strategy=strategy, state=Release.State.MERGED).order_by("-merged_at").first()
    try:
        with transaction.atomic():
            repair = Repair.objects.create(
                strategy=strategy, release=squashed, kind=HEAL, base=strategy.head, head=strategy.base,
                asked_by=actor.name, asked_at=now,
            )  # fmt: skip
            StrategyReading.objects.filter(strategy=strategy).update(asked_at=now)
            announce([strategy.stage.project_id])
    except IntegrityError:
        raise NotPossible("Healing was asked for already: the pull request is being opened.") from None
    return repair


def waiting(now: datetime) -> QuerySet[Repair]:
    """Repairs whose pull request is to be opened now."""
    asked = Repair.objects.filter(kind=HEAL, state=Repair.State.ASKED)
    return asked.filter(Q(retry_at=None) | Q(retry_at__lte=now))


def healed(facts: Facts) -> bool:
    """Whether the branches have their common history again."""
    return facts.reading is not None and not facts.error and facts.squashed is None


def keep(strategy: DeployStrategy, facts: Facts, clock: Clock) -> None:
    """Open what was asked for; a repair whose history is healed is done. Raises StageUnreadable."""
    if healed(facts):
        Repair.objects.filter(strategy=strategy, kind=HEAL, state__in=HELD).update(state=Repair.State.DONE)
    repair = waiting(clock()).filter(strategy=strategy).first()
    if repair is None:
        return
    now, tried = clock(), repair.retry_at is not None
    if not waiting(now).filter(pk=repair.pk).update(retry_at=now + attempts.SETTLED_AFTER):
        return
    repair.strategy = strategy
    _open(strategy, repair, clock, tried=tried)


def _open(strategy: DeployStrategy, repair: Repair, clock: Clock, *, tried: bool) -> None:
    owner, name = repository(strategy)
    github = GitHub(github_profile(strategy))
    if tried and _found(github, owner, name, repair, clock()):
        return
    title = f"Merge {repair.head} back into {repair.base}"[:256]
    try:
        pull = github.create_pull_request(
            owner, name, base=repair.base, head=repair.head, title=title, body=_text(strategy, repair)
        )
    except ActRefused as refusal:
        if refusal.code is RefusalCode.ALREADY_EXISTS and _found(github, owner, name, repair, clock()):
            return
        _refused(repair, refusal, clock())
    except AnswerLost:
        _found(github, owner, name, repair, clock())
    else:
        _opened(repair, pull, clock(), ours=True)


def _found(github: GitHub, owner: str, name: str, repair: Repair, now: datetime) -> bool:
    """Look for it: Horizon's own bears the key; an open one of a person serves as well."""
    pulls = [pull for pull in github.latest_pull_requests(owner, name, repair.head) if pull.base == repair.base]
    own = next((pull for pull in pulls if str(repair.key) in pull.body), None)
    found = own or next((pull for pull in pulls if pull.is_open), None)
    if found is None:
        return False
    _opened(repair, found, now, ours=own is not None)
    return True


def _opened(repair: Repair, pull: PullRequest, now: datetime, *, ours: bool) -> None:
    strategy = repair.strategy
    with transaction.atomic():
        asked = Repair.objects.filter(pk=repair.pk, state=Repair.State.ASKED)
        if not asked.update(
            state=Repair.State.OPEN, number=pull.number, url=pull.url, opened_at=now, error="", retry_at=None
        ):
            return
        announce([strategy.stage.project_id])
        if not ours:
            return  # a person opened it: no act of Horizon's
        data = {
            "kind": repair.kind,
            "stage": strategy.stage.name,
            "base": repair.base,
            "head": repair.head,
            "pull_request": {"number": pull.number, "url": pull.url},
            "asked_by": repair.asked_by,
        }
        record("repair.opened", actor=HORIZON, at=now, project=strategy.stage.project, data=data)


def _refused(repair: Repair, refusal: ActRefused, now: datetime) -> None:
    """GitHub's words are shown; what may change is tried again."""
    final = refusal.code in FINAL
    Repair.objects.filter(pk=repair.pk, state=Repair.State.ASKED).update(
        state=Repair.State.REFUSED if final else Repair.State.ASKED,
        failures=F("failures") + 1,
        error=refusal.message,
        retry_at=None if final else max(now + attempts.pause_after(repair.failures + 1), refusal.retry_at or now),
    )
    announce([repair.strategy.stage.project_id])


def _text(strategy: DeployStrategy, repair: Repair) -> str:
    url = f"{settings.PUBLIC_URL}{strategy.stage.project.get_absolute_url()}"
    why = (
        f"{plain(repair.asked_by)} asked [Horizon]({url}) to heal the history: the last release was squashed or "
        f"rebased, so {plain(repair.head)} and {plain(repair.base)} no longer share it."
    )
    how = (
        "**Merge it with a merge commit.** Squashing or rebasing it heals nothing. Where "
        f"{plain(repair.base)} has everything already, its content does not change."
    )
    return "\n\n".join([f"<!-- horizon:repair {repair.key} -->", why, how])
