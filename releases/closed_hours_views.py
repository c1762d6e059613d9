"""Pages of closed hours: people who are signed in read them, staff change them, after a look at the cost."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from audit.record import Actor
from blocks.options import zone_options
from blocks.viewer import zone_of
from blocks.views import for_staff
from projects.merging import StillMerging
from projects.models import Organization
from projects.queries import organizations_and_tags
from releases.closed_hours import CannotChange, Change, change_calendar
from releases.closed_hours_forms import HolidayForm, HoursForm, ImportForm
from releases.closed_hours_ical import CalendarUnreadable, ReadCalendar, ReadHoliday, read_calendar
from releases.closed_hours_import import import_of
from releases.closed_hours_plan import four_weeks, outlook
from releases.models import ClosedHours, Holiday

SALT = "closed hours import"
KEPT = 3600  # seconds that a previewed file may wait
KINDS: dict[str, tuple[type[ClosedHours] | type[Holiday], type[HoursForm] | type[HolidayForm], str]] = {
    "hours": (ClosedHours, HoursForm, "weekly closed hours"),
    "holidays": (Holiday, HolidayForm, "a holiday"),
}


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """What is closed for one organization: the one that was asked for, else the first."""
    organizations, tags = organizations_and_tags()
    chosen = _chosen(request, organizations)
    today = timezone.now().date()
    holidays = list(Holiday.objects.filter(organization=chosen)) if chosen else []
    context = {
        "organizations": organizations,
        "all_tags": tags,
        "chosen": chosen,
        "hours": ClosedHours.objects.filter(organization=chosen) if chosen else [],
        "holidays": [row for row in holidays if row.last_day >= today],
        "over": [row for row in reversed(holidays) if row.last_day < today],
    }
    return render(request, "closed_hours/index.html", context)


@require_safe
@login_required
def calendar(request: HttpRequest) -> HttpResponse:
    """Four weeks of one organization: what is closed, and what will merge when."""
    organizations, tags = organizations_and_tags()
    chosen = _chosen(request, organizations)
    zone = zone_of(request)
    context = {"organizations": organizations, "all_tags": tags, "chosen": chosen, "zone": zone}
    if chosen is not None:
        context["plan"] = four_weeks(chosen, timezone.now(), zone)
    return render(request, "closed_hours/calendar.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def edit(request: HttpRequest, kind: str, row_id: int | None = None) -> HttpResponse:
    """A form, then what it would do, then it is saved. `again` leads from the second step back to the first."""
    model, form_class, what = KINDS[kind]
    row: Any = get_object_or_404(model.objects.select_related("organization"), pk=row_id) if row_id else None
    bound = {**request.POST.dict(), **{name: request.POST.getlist(name) for name in ["weekdays"]}}
    if row is not None:
        bound["organization"] = row.organization_id
    form = form_class(bound if request.method == "POST" else None, initial=_initial(request, row))
    if row is not None:
        form.fields["organization"].widget = forms.HiddenInput()
    page = {"form": form, "row": row, "what": what, "kind": kind, "zones": zone_options()}
    if not form.is_valid() or "again" in request.POST:
        status = 422 if form.is_bound and not form.is_valid() else 200
        return render(request, "closed_hours/form.html", page, status=status)
    wanted = form.row(row)
    return _step(request, Change(wanted.organization, put=(wanted,)), page)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def remove(request: HttpRequest, kind: str, row_id: int) -> HttpResponse:
    """What opens up when this goes, then it goes."""
    row: Any = get_object_or_404(KINDS[kind][0].objects.select_related("organization"), pk=row_id)
    return _step(request, Change(row.organization, removed=(row,)), {"row": row, "what": KINDS[kind][2]})


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def take_in(request: HttpRequest) -> HttpResponse:
    """A calendar file: read, shown, then saved. What was read travels with the page, signed."""
    if "read" in request.POST:
        return _take_in_again(request)
    data = request.POST if request.method == "POST" else None
    form = ImportForm(data, request.FILES or None, initial=_initial(request, None))
    page: dict[str, Any] = {"form": form, "what": "a calendar file", "zones": zone_options()}
    if form.is_valid():
        today = timezone.now().astimezone(form.zone).date()
        try:
            read = read_calendar(form.cleaned_data["file"].read(), form.zone, today)
        except CalendarUnreadable as error:
            form.add_error("file", str(error))
        else:
            return _import_step(request, form.cleaned_data["organization"], read, form.file_name)
    return render(request, "closed_hours/form.html", page, status=422 if form.is_bound else 200)


def _take_in_again(request: HttpRequest) -> HttpResponse:
    try:
        kept = signing.loads(request.POST["read"], salt=SALT, max_age=KEPT)
    except signing.BadSignature:
        messages.error(request, "This was looked at too long ago. Choose the file again; nothing was saved.")
        return redirect("closed-hours-import")
    organization = get_object_or_404(Organization, pk=kept["organization"])
    return _import_step(request, organization, _unpacked(kept), kept["source"])


def _import_step(request: HttpRequest, organization: Organization, read: ReadCalendar, source: str) -> HttpResponse:
    found = import_of(organization, read, source, timezone.now().date())
    if not found.change.put and not found.change.removed:
        messages.info(request, f"Nothing is new in {found.change.source}: {found.same} days are as they were.")
        return _back(organization)
    packed = {
        "organization": organization.pk,
        "source": source,
        "name": read.name,
        "left_out": read.left_out,
        "holidays": [
            [each.uid, each.name, each.first_day.isoformat(), each.last_day.isoformat(), _hm(each.begins_at),
             _hm(each.ends_at), each.zone] for each in read.holidays
        ],
    }  # fmt: skip
    return _step(
        request,
        found.change,
        {"found": found, "read": signing.dumps(packed, salt=SALT, compress=True), "what": "a calendar file"},
    )


def _hm(at: Any) -> str | None:
    return f"{at:%H:%M}" if at is not None else None


def _unpacked(kept: dict[str, Any]) -> ReadCalendar:
    day, minute = forms.DateField(), forms.TimeField(required=False)
    holidays = [
        ReadHoliday(uid, name, day.clean(first), day.clean(last), minute.clean(begins), minute.clean(ends), zone)
        for uid, name, first, last, begins, ends, zone in kept["holidays"]
    ]
    return ReadCalendar(kept["name"], tuple(holidays), kept["left_out"])


def _step(request: HttpRequest, change: Change, page: dict[str, Any]) -> HttpResponse:
    """Show what the change would do; or do it, where the person has seen that."""
    trouble = ""
    if request.method == "POST" and "confirmed" in request.POST:
        try:
            return _saved(request, change)
        except (CannotChange, StillMerging) as error:
            trouble = str(error)
    seen = outlook(change, timezone.now())
    context = {**page, "change": change, "outlook": seen, "trouble": trouble or seen.trouble, "zone": zone_of(request)}
    return render(request, "closed_hours/preview.html", context, status=422 if context["trouble"] else 200)


def _saved(request: HttpRequest, change: Change) -> HttpResponse:
    overtaken = change_calendar(change, actor=Actor.person(request.user.get_username()), clock=timezone.now)
    names = ", ".join(row.name for row in [*change.put, *change.removed][:3])
    what = "saved" if change.put else "taken away"
    messages.success(request, f"The closed hours of {change.organization} are {what}: {names}.")
    for each in overtaken:
        messages.warning(request, each.words("these closed hours", zone_of(request)))
    return _back(change.organization)


def _back(organization: Organization) -> HttpResponse:
    return redirect(f"{reverse('closed-hours')}?organization={organization.pk}")


def _chosen(request: HttpRequest, organizations: list[Organization]) -> Organization | None:
    asked = request.GET.get("organization", "")
    if not asked:
        return organizations[0] if organizations else None
    found = next((each for each in organizations if asked in (str(each.pk), each.name)), None)
    if found is None:
        raise Http404("There is no such organization.")
    return found


def _initial(request: HttpRequest, row: Any) -> dict[str, object]:
    if row is not None:
        names = ("name", "weekdays", "begins_at", "ends_at", "first_day", "last_day", "time_zone")
        return {"organization": row.organization_id, **{name: getattr(row, name, None) for name in names}}
    asked = request.GET.get("organization", "")
    organization = asked if asked.isdecimal() and len(asked) < 19 else None
    if organization is None and Organization.objects.count() == 1:
        organization = str(Organization.objects.get().pk)
    return {"organization": organization, "time_zone": str(zone_of(request))}
