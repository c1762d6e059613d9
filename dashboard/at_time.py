"""`/history/at/`: what was live at a moment. `/history/between/`: what changed in production between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.history_filters import Wanted
from dashboard.moments import begin_of, wall, zone_of
from projects.models import Project, Stage
from projects.remotes import Remote, UnsafeRemote, commit_url, compare_url, parse_remote
from releases import at_time
from releases.at_time import Change, Then
from releases.models import Release

PAGE = 100  # projects
CHANGED = 50  # projects with their releases and commits
LONGEST_NAME = 200  # characters of a project that is not known, shown again


@dataclass(frozen=True, slots=True)
class Shown:
    """A stage then, with its link."""

    then: Then
    url: str

    @property
    def too_early(self) -> bool:
        """Whether it was not watched yet at that time."""
        return not self.then.known


@dataclass(frozen=True, slots=True)
class ShownChange:
    change: Change
    compare: str
    commits: int

    @property
    def went_back(self) -> bool:
        return any(release.kind == Release.Kind.ROLLBACK for release in self.change.releases)


@require_safe
@login_required
def live_at(request: HttpRequest) -> HttpResponse:
    """For one project all of its stages, else the production of every project."""
    zone, now = zone_of(request), timezone.now()
    asked = begin_of(request.GET.get("at", ""), zone)
    at = min(asked, now) if asked else None
    project, page = _project(request), _page(request)
    rows: list[Then] = []
    if at is not None:
        stages = Stage.objects.filter(project=project) if project else _production(page)
        rows = at_time.stages_at(stages, at)
    return render(
        request,
        "history/at.html",
        {
            "zone": zone,
            "guess": "zone" not in request.GET,
            "at": at,
            "in_future": asked is not None and asked > now,
            "unreadable": bool(request.GET.get("at")) and asked is None,
            "field": wall(at or now - timedelta(days=1), zone),
            "project": project,
            "unknown": "" if project else request.GET.get("project", "").strip()[:LONGEST_NAME],
            "rows": [Shown(row, _commit(row.remote, row.sha)) for row in rows],
            "gone": at_time.deleted_at(at) if at and not project and page == 0 else [],
            **_pager(request, page, more=len(rows) == PAGE and not project),
        },
    )


@require_safe
@login_required
def live_between(request: HttpRequest) -> HttpResponse:
    """The projects whose production changed, with the releases that did it."""
    zone, now = zone_of(request), timezone.now()
    since, until = (begin_of(request.GET.get(name, ""), zone) for name in ("since", "until"))
    project, page = _project(request), _page(request)
    ordered = since is not None and until is not None and since < until
    changes: list[Change] = []
    if since and until and ordered:
        projects = Project.objects.filter(pk=project.pk) if project else Project.objects.all()
        changes = at_time.changed_between(projects, since, min(until, now), offset=page * CHANGED, limit=CHANGED)
    return render(
        request,
        "history/between.html",
        {
            "zone": zone,
            "guess": "zone" not in request.GET,
            "since": since,
            "until": until,
            "ordered": ordered,
            "asked": bool(request.GET.get("since") or request.GET.get("until")),
            "since_field": wall(since or now - timedelta(days=1), zone),
            "until_field": wall(until or now, zone),
            "project": project,
            "unknown": "" if project else request.GET.get("project", "").strip()[:LONGEST_NAME],
            "changes": [_shown(change) for change in changes],
            **_pager(request, page, more=len(changes) == CHANGED),
        },
    )


def _production(page: int) -> "QuerySet[Stage]":
    """The production stages of one page of projects, archived ones included: they were live then."""
    chosen = Project.objects.exclude(stages=None).order_by("name", "pk").values_list("pk", flat=True)
    ids = list(chosen.distinct()[page * PAGE : (page + 1) * PAGE])
    return at_time.production_stages(Project.objects.filter(pk__in=ids))


def _project(request: HttpRequest) -> Project | None:
    ids = Wanted.of(request.GET).projects()
    return Project.objects.filter(pk__in=ids).select_related("organization").first() if ids else None


def _page(request: HttpRequest) -> int:
    word = request.GET.get("page", "")
    return min(int(word), 10_000) if word.isascii() and word.isdigit() and len(word) < 6 else 0


def _pager(request: HttpRequest, page: int, *, more: bool) -> dict[str, Any]:
    def address(number: int) -> str:
        kept = {
            name: request.GET[name] for name in ("project", "at", "since", "until", "zone") if request.GET.get(name)
        }
        return f"?{urlencode({**kept, 'page': number})}"

    return {"before": address(page - 1) if page else "", "after": address(page + 1) if more else ""}


def _shown(change: Change) -> ShownChange:
    before, after = change.before, change.after
    remote = _remote(after.remote)
    moved = bool(before.sha and after.sha and before.sha != after.sha)
    url = compare_url(remote, before.sha, after.sha) if remote and moved else None
    return ShownChange(change, url or "", sum(_brought(change.releases)))


def _brought(releases: Sequence[Release]) -> list[int]:
    return [release.commit_count for release in releases if release.kind != Release.Kind.ROLLBACK]


def _commit(remote_text: str, sha: str) -> str:
    remote = _remote(remote_text)
    return (commit_url(remote, sha) if remote and sha else None) or ""


def _remote(text: str) -> Remote | None:
    try:
        return parse_remote(text, insecure_hosts=settings.INSECURE_HOSTS) if text else None
    except UnsafeRemote:
        return None
