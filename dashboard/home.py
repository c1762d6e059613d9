"""All projects at a glance: `/`."""

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from blocks.queries import forgotten_blocks
from dashboard import board, memory
from dashboard.access import for_readers
from dashboard.board import Asked
from dashboard.listing import listing
from projects.models import Organization, Project
from projects.queries import organizations_and_tags


@require_safe
@for_readers
def home(request: HttpRequest) -> HttpResponse:
    """The cards or the list; with `changed` only what is new of these projects, for pages that are open."""
    asked = Asked.of(request.GET)
    if not asked.parts:
        return render(request, "home/home.html", _page(asked, request.user.pk or 0))
    # A push reaches every open page at once, and all of them ask for the same parts.
    remembered = memory.parts(request.GET.urlencode(), lambda: _parts(asked))
    return HttpResponse(remembered, headers={"Cache-Control": "no-store"})


def _page(asked: Asked, reader: int) -> dict[str, object]:
    now = timezone.now()
    forgotten = forgotten_blocks(now).filter(owner=reader, organization=OuterRef("pk")).values("pk")
    organizations, tags = organizations_and_tags(forgotten=ArraySubquery(forgotten))
    found = board.lines(asked, organizations, now)
    context: dict[str, object] = {
        "asked": asked,
        "organizations": organizations,
        "all_tags": tags,
        "forgotten": sum(len(vars(each)["forgotten"]) for each in organizations),
        "criticalities": Project.Criticality.choices,
        "heading": f"Team: {', '.join(asked.filters.tags)}" if asked.filters.tags else "Projects",
        "count": len(found),
        "nothing_yet": not found and not asked.filters,
        "rendered_at": int(now.timestamp() * 1000),
        "poll_seconds": int(settings.POLL_INTERVAL.total_seconds()),
        "cards_address": asked.address(view="", sort=""),
        "list_address": asked.address(view="list"),
    }
    if asked.as_list:
        return {**context, "list": listing(found, asked, now)}
    return {**context, "board": board.board(found, now, several_organizations=len(organizations) > 1)}


def _parts(asked: Asked) -> str:
    now = timezone.now()
    organizations = list(Organization.objects.order_by("name"))
    found = board.lines(asked, organizations, now)
    gone = sorted(set(asked.changed or ()) - {line.overview.project.pk for line in found})
    if asked.as_list:
        parts = [row.html for row in listing(found, asked, now).rows]
    else:
        parts = [each.html for each in board.board(found, now, several_organizations=len(organizations) > 1).all]
    return "".join([*parts, *(f"<li id=p{number} data-gone></li>" for number in gone)])
