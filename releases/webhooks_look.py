"""Where deliveries say that there is something to see: which projects to read and which releases to ask for next.

An event only costs a look. That a project or a strategy is asked for is a time in its row; the delivery is processed in
the same transaction. So a worker that dies loses nothing, a thousand events of one repository are one look, and what is
asked for while it is looked at is looked at once more.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower
from django.db.models.lookups import In

from projects import leases
from projects.models import Profile, Project, Repository, Stage
from projects.poll import CHUNK, PAUSE
from projects.reading import StageUnreadable
from projects.repositories import path_of
from releases import engine
from releases.facts import repository_of_strategy
from releases.models import DeployStrategy, StrategyReading, WebhookDelivery
from releases.waking import wake
from releases.webhooks_payload import MOVES

BATCH = 2000  # deliveries in one transaction
MESSAGE_LASTS = 5  # seconds that a message to the workers may wait; then ticks have done its work
ENGINE_LASTS = 300  # seconds, the hard limit of a task
KEPT = timedelta(days=30)

MESSAGE, ENGINE = "webhooks:message", "webhooks:engine"
BRANCHES, TAGS = "refs/heads/", "refs/tags/"


# --- messages: at most one waits, at most one engine runs for events ----------------------------------------------


def claim_message() -> bool:
    """Whether a message is to be sent; false while another one waits, which will see this delivery as well."""
    return cache.add(MESSAGE, 1, timeout=MESSAGE_LASTS)


def message_arrived() -> None:
    """From now on deliveries are worth another message. To be called before rows are read."""
    cache.delete(MESSAGE)


def claim_engine() -> bool:
    """Whether no other engine runs for events: it takes all, and a second one would only ask GitHub the same."""
    return cache.add(ENGINE, 1, timeout=ENGINE_LASTS)


def engine_ended() -> None:
    cache.delete(ENGINE)


# --- from deliveries to what they ask for -------------------------------------------------------------------------


@dataclass(slots=True)
class Looks:
    """Ids of projects to read and of strategies to ask for."""

    projects: set[int] = field(default_factory=set)
    strategies: set[int] = field(default_factory=set)


def take_in(now: datetime) -> Looks:
    """Ask for a look at everything that unprocessed deliveries speak of, and call them processed, all or nothing."""
    with transaction.atomic():
        waiting = WebhookDelivery.objects.filter(processed_at=None).order_by("received_at", "pk")
        rows = list(waiting.select_for_update(skip_locked=True)[:BATCH])
        if not rows:
            return Looks()
        looks = looks_of(rows)
        leases.ask(looks.projects, now)
        wake(StrategyReading.objects.filter(strategy__in=looks.strategies), now)
        WebhookDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(processed_at=now)
    return looks


def looks_of(rows: Sequence[WebhookDelivery]) -> Looks:
    """What these deliveries concern: few queries, whatever their number."""
    looks = Looks()
    names = _names(rows)
    stages, strategies = _stages(), _strategies()
    for moved, ref, path in {(row.event in MOVES, row.ref, path) for row in rows for path in names[row.pk]}:
        if moved:
            looks.projects |= {stage.project_id for stage in stages[path] if _concerns(ref, stage)}
        looks.strategies |= {
            each.pk for each in strategies[path] if not ref or ref in (BRANCHES + each.base, BRANCHES + each.head)
        }
    _add_installations(looks, {row.installation for row in rows if row.installation})
    return looks


def _names(rows: Sequence[WebhookDelivery]) -> dict[int, set[str]]:
    """All names by which remotes may call the repository of each delivery: its own, and those that it once had."""
    paths, ids = {row.path for row in rows if row.path}, {row.host_id for row in rows if row.host_id}
    known = Repository.objects.annotate(now_at=Lower("current_path"))
    by_id, by_path = defaultdict(set), defaultdict(set)
    wanted = Q(host_id__in=ids) | Q(now_at__in=paths)
    for path, host_id, now_at in known.filter(wanted).values_list("path", "host_id", "now_at"):
        by_id[host_id].add(path)
        by_path[now_at].add(path)
    return {
        row.pk: {name for name in (row.path, *by_id.get(row.host_id or 0, ()), *by_path.get(row.path, ())) if name}
        for row in rows
    }


def _stages() -> dict[str, list[Stage]]:
    found: dict[str, list[Stage]] = defaultdict(list)
    stages = Stage.objects.filter(project__archived_at=None).exclude(git_remote="")
    for stage in stages.only("project_id", "git_remote", "branch", "tag_pattern"):
        if path := path_of(stage.git_remote):
            found[path].append(stage)
    return found


def _strategies() -> dict[str, list[DeployStrategy]]:
    found: dict[str, list[DeployStrategy]] = defaultdict(list)
    strategies = DeployStrategy.objects.filter(stage__project__archived_at=None)
    for strategy in strategies.select_related("stage__project__organization"):
        try:
            owner, name = repository_of_strategy(strategy)
        except StageUnreadable:  # no repository that an event could name; its page says so
            continue
        found[f"{owner}/{name}".lower()].append(strategy)
    return found


def _concerns(ref: str, stage: Stage) -> bool:
    """Whether a move of this ref can move the stage: pushes to the branches of people are most of all pushes."""
    if ref.startswith(BRANCHES):
        return stage.branch == ref.removeprefix(BRANCHES)
    if ref.startswith(TAGS):
        return bool(stage.tag_pattern)
    return True


def _add_installations(looks: Looks, installations: set[str]) -> None:
    """An App was installed, suspended, given other repositories: all that is read through it."""
    if not installations:
        return
    profiles = Profile.objects.filter(kind=Profile.Kind.GITHUB_APP, installation_id__in=installations)
    ids = list(profiles.values_list("pk", flat=True))
    projects = Project.objects.active().filter(stages__profile__in=ids)
    looks.projects |= set(projects.values_list("pk", flat=True))
    looks.strategies |= set(engine.releasable().filter(In(engine.ASKS, ids)).values_list("pk", flat=True))


# --- what was asked for -------------------------------------------------------------------------------------------


def asked_releases(now: datetime) -> QuerySet[DeployStrategy]:
    """Followed strategies that were asked for since GitHub was: those that one request asks for, the latest news.

    Not those of a moment ago, so that a burst costs few requests, and none whose profile pauses.
    """
    paused = Profile.objects.filter(budget__paused_until__gt=now)
    asked = (
        engine.followed()
        .filter(reading__asked_at__gt=F("reading__tried_at"), reading__tried_at__lte=now - PAUSE)
        .exclude(In(engine.ASKS, paused.values("pk")))
    )
    latest = list(asked.order_by("-reading__asked_at", "pk").values_list("pk", flat=True)[:CHUNK])
    return engine.releasable().filter(pk__in=latest)


def prune(now: datetime) -> int:
    """Forget old deliveries: GitHub offers to send them again for three days."""
    return WebhookDelivery.objects.filter(received_at__lt=now - KEPT).delete()[0]
