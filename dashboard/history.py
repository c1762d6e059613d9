"""What happened: `/history/`, newest first, paged by key, so that the millionth event costs what the first does."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit.models import AuditEvent
from dashboard.history_filters import Wanted
from dashboard.moments import begin_of, end_of, wall
from dashboard.sentences import kinds_in_words, told
from projects.models import Project
from projects.queries import organizations_and_tags

PAGE = 50
MINUTE = timedelta(minutes=1)

__all__ = ["Page", "Wanted", "history", "page_of"]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, and the keys of the pages beside this one."""

    events: list[AuditEvent]
    newer: int | None
    older: int | None


@require_safe
@login_required
def history(request: HttpRequest) -> HttpResponse:
    """One page of it."""
    wanted = Wanted.asked(request)
    page = page_of(wanted)
    organizations, tags = organizations_and_tags()
    named = Project.objects.filter(pk__in=_ids(page) | set(wanted.projects() or ())).select_related("organization")
    existing = {project.pk: project for project in named}
    return render(
        request,
        "history/history.html",
        {
            "wanted": wanted,
            # Addresses may name whole days, of which the fields of a form know nothing.
            "since": wall(since, wanted.zone) if (since := begin_of(wanted.since, wanted.zone)) else "",
            "until": wall(until - MINUTE, wanted.zone) if (until := end_of(wanted.until, wanted.zone)) else "",
            "download": wanted.address(),
            "about": [existing[pk] for pk in wanted.projects() or () if pk in existing],
            "lines": [told(event) for event in page.events],
            "newer": wanted.address(after=page.newer) if page.newer else "",
            "older": wanted.address(before=page.older) if page.older else "",
            "groups": kinds_in_words(),
            "organizations": [organization.name for organization in organizations],
            "tags": tags,
            "existing": existing,
        },
    )


def page_of(wanted: Wanted) -> Page:
    """Backwards from `before`, or forwards from `after`; one more than a page tells whether there is another."""
    events = wanted.events()
    if wanted.after is not None:
        found = list(events.filter(id__gt=wanted.after).order_by("id")[: PAGE + 1])
        more, shown = len(found) > PAGE, found[:PAGE][::-1]
        return Page(shown, shown[0].pk if shown and more else None, shown[-1].pk if shown else None)
    if wanted.before is not None:
        events = events.filter(id__lt=wanted.before)
    found = list(events.order_by("-id")[: PAGE + 1])
    more, shown = len(found) > PAGE, found[:PAGE]
    newer = shown[0].pk if shown and wanted.before is not None else None
    return Page(shown, newer, shown[-1].pk if shown and more else None)


def _ids(page: Page) -> set[int]:
    return {event.project_id for event in page.events if event.project_id is not None}
