"""One project: `/projects/<id>/`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from audit.models import AuditEvent
from blocks.queries import forgotten_blocks, unresolved_blocks
from blocks.viewer import zone_of as viewer_zone
from dashboard import words
from dashboard.access import for_readers
from dashboard.cards import stale_after
from dashboard.pipeline import pipeline, repository_url
from dashboard.sentences import QUIET, told
from dashboard.upkeep import deployment_of_detail, recommended
from projects.queries import Detail, details, project_and_tags
from releases.live import lately, merged_lately
from releases.queries import decisions
from releases.standing import standings, with_standing

RECENT = 8  # events


@require_safe
@for_readers
def project(request: HttpRequest, project_id: int) -> HttpResponse:
    """Its stages, what waits between them, what happens next, and what happened."""
    with_people = request.user.is_authenticated
    now = timezone.now()
    forgotten = forgotten_blocks(now).filter(owner=request.user.pk or 0).values("pk")
    row, tags = project_and_tags(
        project_id,
        merged=merged_lately(),
        events=_newest_events(RECENT if with_people else 0),
        forgotten=ArraySubquery(forgotten),
    )
    if row is None:
        raise Http404("There is no such project.")
    shown = page(details([row])[0], now, with_history=with_people)
    # What the frame would ask for came with the project.
    frame = {"all_tags": tags, "forgotten": len(vars(row)["forgotten"])}
    return render(request, "project/project.html", {**shown, **frame, "viewer_zone": viewer_zone(request)})


def page(detail: Detail, now: datetime, *, with_history: bool) -> dict[str, object]:
    """What the page shows; history names people, so it is for those who are signed in."""
    project = detail.project
    blocks = unresolved_blocks([project], now)
    decided = decisions([project], now, blocks, with_standing())[project.pk]
    severity = detail.severity(now)
    return {
        "project": project,
        "name": words.title_case(project.name),
        "detail": detail,
        "error": detail.error(now),
        "severity": f"{severity:.0f}" if severity >= 10 else f"{severity:.1f}",
        "severity_word": words.severity_word(severity) if detail.released or severity else "unknown",
        "stale": detail.refreshed_at is not None and now - detail.refreshed_at > stale_after(),
        "good_at": detail.snapshot.read_at if detail.snapshot else None,
        "steps": pipeline(detail, now),
        "repository_url": repository_url(detail),
        "deployment": deployment_of_detail(detail),
        "properties": getattr(project, "properties", None),
        "recommendations": recommended(detail, decided),
        "blocks": blocks[project.pk],
        "decisions": standings(decided),
        "lately": lately(project, vars(project)["merged"], [each.strategy for each in decided], detail.stages, now),
        "with_history": with_history,
        "lines": [told(_event(values)) for values in vars(project)["events"] or ()],
        "rendered_at": int(now.timestamp() * 1000),
    }


_TOLD = ("id", "at", "actor", "actor_kind", "kind", "project_id", "project_name", "data")


def _newest_events(most: int) -> ArraySubquery:
    """In the query of the project itself: there are too many others already. Without what only accompanies others."""
    events = AuditEvent.objects.filter(project_id=OuterRef("pk")).exclude(kind__in=QUIET).order_by("-id")[:most]
    return ArraySubquery(events.values(told=JSONObject(**{name: name for name in _TOLD})))


def _event(values: Mapping[str, Any]) -> AuditEvent:
    return AuditEvent(**{**values, "at": parse_datetime(values["at"])})
