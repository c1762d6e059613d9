"""Which events somebody wants to see: all of it is in the address, of pages, downloads and the API alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Value
from django.http import HttpRequest, QueryDict

from audit.models import AuditEvent, EventTag
from audit.record import HORIZON
from dashboard.moments import begin_of, end_of, zone_of
from projects.models import Project

DIGITS = 19  # a number with as many may be more than the database holds
DISORDER = 10_000  # events that may be written between the time of an event and its writing
FILTERS = ("project", "organization", "tag", "kind", "actor", "since", "until")
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters. Times are days, or minutes, on the clock of `zone`, both included."""

    project: str
    organization: str
    tag: str
    kind: str
    actor: str
    since: str
    until: str
    before: int | None
    after: int | None
    zone: ZoneInfo = UTC_ZONE

    @classmethod
    def of(cls, query: QueryDict, zone: ZoneInfo = UTC_ZONE) -> "Wanted":
        words = {name: query.get(name, "").replace("\0", "").strip()[:200] for name in FILTERS}
        return cls(**words, before=_number(query.get("before")), after=_number(query.get("after")), zone=zone)

    @classmethod
    def asked(cls, request: HttpRequest) -> "Wanted":
        return cls.of(request.GET, zone_of(request))

    @property
    def any(self) -> bool:
        return any(getattr(self, name) for name in FILTERS)

    def address(self, **more: Any) -> str:
        parts = {name: getattr(self, name) for name in FILTERS if getattr(self, name)}
        zone = {"zone": self.zone.key} if self.since or self.until else {}
        return f"?{urlencode({**parts, **zone, **more})}"

    def projects(self) -> list[int] | None:
        """The ids that the project's number or name means, by the name that it has now; None where all are wanted."""
        if not self.project:
            return None
        if number := _number(self.project):
            return [number]
        named = list(Project.objects.named(self.project).values_list("pk", flat=True)[:100])
        return named or [-1]

    def events(self) -> "QuerySet[AuditEvent]":
        found, values = AuditEvent.objects.all(), self._values()
        if (projects := self.projects()) is not None:
            found = found.filter(project_id__in=projects)
            if len(projects) == 1:
                values["project_id"] = projects[0]
        ends = [end for column, value in values.items() for end in _ends_of(column, value)]
        if self.tag:
            found = found.filter(borne__tag=self.tag)
            ends += _ends_of_tag(self.tag)
        found = _within(found.filter(**values), ends)
        if since := begin_of(self.since, self.zone):
            found = _from(found, since)
        if until := end_of(self.until, self.zone):
            found = _before(found, until)
        return found

    def _values(self) -> dict[str, object]:
        """What columns of events must be equal to."""
        actor = HORIZON.name if self.actor.lower() == HORIZON.name.lower() else self.actor
        values = {"organization_name": self.organization, "kind": self.kind, "actor": actor}
        return {column: value for column, value in values.items() if value}


Ends = list["QuerySet[Any]"]


def _ends_of(column: str, value: object) -> Ends:
    """The keys of the newest and the oldest event with this value. Asked as a range, the index that begins with the
    column is the only one in order; else all of history might be walked through for one that is not there."""
    alike = AuditEvent.objects.filter(**{f"{column}__gte": value, f"{column}__lte": value})
    return _ends(alike.order_by(column, "-id"), alike.order_by(f"-{column}", "id"), "id")


def _ends_of_tag(tag: str) -> Ends:
    tagged = EventTag.objects.filter(tag=tag)
    return _ends(tagged.order_by("-event_id"), tagged.order_by("event_id"), "event_id")


def _ends(newest: "QuerySet[Any]", oldest: "QuerySet[Any]", key: str) -> Ends:
    return [
        rows.annotate(is_newest=Value(value=is_newest)).values_list("is_newest", key)[:1]
        for is_newest, rows in ((True, newest), (False, oldest))
    ]


def _within(events: "QuerySet[AuditEvent]", ends: Ends) -> "QuerySet[AuditEvent]":
    """The events where all of these spans overlap, which one query tells.

    The database walks back from the newest event of all where it takes a value for frequent, which one of years ago may
    be: that walk begins and ends with the value.
    """
    if not ends:
        return events
    keys = list(ends[0].union(*ends[1:], all=True))
    if len(keys) < len(ends):
        return events.none()
    oldest, newest = ([key for is_newest, key in keys if is_newest is newer] for newer in (False, True))
    return events.filter(id__gte=max(oldest), id__lte=min(newest))


def _from(events: "QuerySet[AuditEvent]", moment: datetime) -> "QuerySet[AuditEvent]":
    """Those since a moment. Keys and times rise together, so the key of the first saves a walk through all before."""
    first = AuditEvent.objects.filter(at__gte=moment).order_by("at").values_list("id", flat=True).first()
    return events.none() if first is None else events.filter(at__gte=moment, id__gte=first - DISORDER)


def _before(events: "QuerySet[AuditEvent]", moment: datetime) -> "QuerySet[AuditEvent]":
    last = AuditEvent.objects.filter(at__lt=moment).order_by("-at").values_list("id", flat=True).first()
    return events.none() if last is None else events.filter(at__lt=moment, id__lte=last + DISORDER)


def _number(word: str | None) -> int | None:
    return int(word) if word and word.isascii() and word.isdigit() and len(word) < DIGITS else None
