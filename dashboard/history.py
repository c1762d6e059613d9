"""What happened: `/history/`, newest first, paged by key, so that the millionth event costs what the first does."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from audit.models import AuditEvent
from dashboard.sentences import SENTENCES, told
from projects.models import Organization, Project

PAGE = 50
DIGITS = 19  # a number with as many may be more than the database holds
DISORDER = 10_000  # events that may be written between the time of an event and its writing


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of the page, all of them in its address. Times are whole days in UTC, both included."""

    project: str
    organization: str
    kind: str
    actor: str
    since: str
    until: str
    before: int | None
    after: int | None

    @classmethod
    def of(cls, query: QueryDict) -> "Wanted":
        words = {name: query.get(name, "").replace("\0", "").strip()[:200] for name in FILTERS}
        return cls(**words, before=_number(query.get("before")), after=_number(query.get("after")))

    @property
    def any(self) -> bool:
        return any(getattr(self, name) for name in FILTERS)

    def address(self, **more: int) -> str:
        parts = {name: getattr(self, name) for name in FILTERS if getattr(self, name)}
        return f"?{urlencode({**parts, **more})}"

    def events(self) -> "QuerySet[AuditEvent]":
        found = AuditEvent.objects.all()
        if self.project:
            found = found.filter(project_id__in=_projects(self.project))
        if self.organization:
            found = found.filter(organization_name=self.organization)
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.actor:
            found = found.filter(actor=self.actor)
        if since := _day(self.since):
            found = _from(found, since)
        if until := _day(self.until):
            found = _before(found, until + timedelta(days=1))
        return found


FILTERS = ("project", "organization", "kind", "actor", "since", "until")


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
    wanted = Wanted.of(request.GET)
    page = page_of(wanted)
    return render(
        request,
        "history/history.html",
        {
            "wanted": wanted,
            "lines": [told(event) for event in page.events],
            "newer": wanted.address(after=page.newer) if page.newer else "",
            "older": wanted.address(before=page.older) if page.older else "",
            "kinds": sorted(SENTENCES),
            "organizations": Organization.objects.order_by("name").values_list("name", flat=True),
            "existing": set(Project.objects.filter(pk__in=_ids(page)).values_list("pk", flat=True)),
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


def _from(events: "QuerySet[AuditEvent]", moment: datetime) -> "QuerySet[AuditEvent]":
    """Those since a moment. Keys and times rise together, so the key of the first saves a walk through all before."""
    first = AuditEvent.objects.filter(at__gte=moment).order_by("at").values_list("id", flat=True).first()
    return events.none() if first is None else events.filter(at__gte=moment, id__gte=first - DISORDER)


def _before(events: "QuerySet[AuditEvent]", moment: datetime) -> "QuerySet[AuditEvent]":
    last = AuditEvent.objects.filter(at__lt=moment).order_by("-at").values_list("id", flat=True).first()
    return events.none() if last is None else events.filter(at__lt=moment, id__lte=last + DISORDER)


def _ids(page: Page) -> set[int]:
    return {event.project_id for event in page.events if event.project_id is not None}


def _projects(words: str) -> list[int]:
    """A project by its number, else by the name that it has now."""
    if number := _number(words):
        return [number]
    named = list(Project.objects.named(words).values_list("pk", flat=True)[:100])
    return named or [-1]


def _number(word: str | None) -> int | None:
    return int(word) if word and word.isascii() and word.isdigit() and len(word) < DIGITS else None


def _day(word: str) -> datetime | None:
    try:
        day = parse_date(word)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day and day.year < 9999 else None
