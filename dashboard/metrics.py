"""/metrics in Prometheus' text format, for whoever may use the API: its scraper signs in with HTTP Basic."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import redis
from django.conf import settings
from django.db.models import Count, Min, Q
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from dashboard.hub import open_tabs
from projects.models import ProfileBudget, Project
from projects.queries import profiles_with_budgets
from projects.queries_runtimes import RuntimeStatus, runtime_statuses
from releases import queries_webhooks
from releases.models import Release

Sample = tuple[dict[str, str], float]


class Metrics(APIView):
    """Figures for a monitoring system."""

    permission_classes = [IsAuthenticated]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        lines = [line for metric in _metrics(timezone.now()) for line in metric]
        return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; version=0.0.4; charset=utf-8")


def _metrics(now: datetime) -> Iterator[list[str]]:
    projects = _projects()
    yield _gauge("horizon_projects", "Projects by state.", [({"state": name}, projects[name]) for name in STATES])
    oldest: datetime | None = projects["oldest"]
    age = (now - oldest).total_seconds() if oldest else 0.0
    yield _gauge("horizon_poll_age_seconds", "Age of the oldest reading of any project.", [({}, age)])
    yield _gauge("horizon_queue_length", "Messages that wait for a worker.", _queues())
    yield _gauge("horizon_releases", "Releases under way, by state.", _releases())
    yield _gauge("horizon_live_tabs", "Live pages open at this web process.", [({}, open_tabs())])
    undone, heard_at = queries_webhooks.undone(), queries_webhooks.last_heard_at()
    yield _gauge("horizon_webhooks_undone", "Deliveries of GitHub that are not worked on yet.", [({}, undone)])
    heard: list[Sample] = [({}, (now - heard_at).total_seconds())] if heard_at else []
    yield _gauge("horizon_webhook_age_seconds", "Age of the last delivery of GitHub; absent when none came.", heard)
    budgets = [profile.budget for profile in profiles_with_budgets().filter(budget__isnull=False)]
    yield _gauge("horizon_budget_remaining", "Requests or points left at the host.", _budgets(budgets))
    paused = [(_profile(budget), float(budget.pauses(now))) for budget in budgets]
    yield _gauge("horizon_profile_paused", "1 while a limit of the host pauses the profile.", paused)
    meaning = "-1: below the least supported version, 0: unknown, 1: fine."
    yield _gauge("horizon_runtime_version_status", meaning, map(_runtime, runtime_statuses()))


STATES = ("released", "out_of_sync", "error", "unread")


def _projects() -> dict[str, Any]:
    current = Q(snapshots__is_current=True)
    return Project.objects.active().aggregate(
        released=Count("pk", filter=current & Q(snapshots__released=True, snapshots__error="")),
        out_of_sync=Count("pk", filter=current & Q(snapshots__released=False, snapshots__error="")),
        error=Count("pk", filter=current & ~Q(snapshots__error="")),
        unread=Count("pk", filter=Q(snapshots=None)),
        oldest=Min("poll__refreshed_at"),
    )


def _queues() -> list[Sample]:
    """The lists that kombu keeps for its queues; none while Valkey is away, which /readyz tells."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            return [({"queue": queue}, float(client.llen(queue))) for queue in settings.QUEUES]
    except (redis.RedisError, OSError):
        return []


def _releases() -> list[Sample]:
    rows = Release.objects.filter(state__in=Release.UNFINISHED).values_list("state").annotate(Count("pk"))
    counts = dict(rows.order_by())
    return [({"state": str(state)}, counts.get(state, 0)) for state in Release.UNFINISHED]


def _budgets(budgets: Iterable[ProfileBudget]) -> list[Sample]:
    samples: list[Sample] = []
    for budget in budgets:
        for api, left in (("rest", budget.rest_remaining), ("graphql", budget.graphql_remaining)):
            if left is not None:
                samples.append(({**_profile(budget), "api": api}, left))
    return samples


def _profile(budget: ProfileBudget) -> dict[str, str]:
    return {"organization": budget.profile.organization.name, "profile": budget.profile.name}


def _runtime(status: RuntimeStatus) -> Sample:
    labels = {
        "organization": status.organization,
        "project": status.project,
        "criticality": "" if status.criticality is None else str(status.criticality),
        "tags": ",".join(status.tags),
        "runtime": status.runtime,
        "version": status.version,
    }
    return labels, status.value


def _gauge(name: str, meaning: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
