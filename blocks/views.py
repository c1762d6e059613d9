"""Pages of blocks: people who are signed in read them, staff make, change and end them."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from audit.record import Actor
from blocks.change import (
    BlockChanged,
    BlockEnded,
    ReasonMissing,
    Saved,
    Wish,
    change_block,
    create_block,
    ended_before,
    resolve_block,
)
from blocks.forms import BlockForm, ResolveForm, initial_of, seen
from blocks.models import DeployBlock
from blocks.options import zone_options
from blocks.queries import FORGOTTEN_AFTER, holds_something, listed
from blocks.until import Until
from blocks.viewer import COOKIE, remember_zone, zone_of
from projects.merging import StillMerging
from projects.models import Project

PAST_ON_A_PAGE = 50
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def for_staff(view: View[P]) -> View[P]:
    """Signed in, and staff; others are told so."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_staff:
            raise PermissionDenied("Only staff may block releases. Ask somebody who is, or an administrator.")
        return view(request, *args, **kwargs)

    return login_required(guarded)


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    in_force = DeployBlock.objects.unresolved(now)
    past = Paginator(listed(DeployBlock.objects.past(now)).order_by("-resolved_at", "-id"), PAST_ON_A_PAGE)
    context = {
        "zone": zone_of(request),
        "forgotten_before": now - FORGOTTEN_AFTER,
        "active": listed(in_force.filter(holds_something())).order_by("begins_at", "id"),
        "idle": listed(in_force.exclude(holds_something())).order_by("begins_at", "id"),
        "planned": listed(DeployBlock.objects.planned(now)).order_by("begins_at", "id"),
        "past": past.get_page(request.GET.get("page")),
    }
    return render(request, "blocks/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def new(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    form = BlockForm(request.POST or None, now=now, initial=_initial(request))
    if "zone" not in request.session and COOKIE not in request.COOKIES:
        form.fields["zone"].widget.attrs["data-guess"] = True
    if form.is_valid():
        try:
            saved = create_block(form.wish(), actor=_actor(request), owner=_user(request), clock=timezone.now)
        except StillMerging as merging:
            form.add_error(None, str(merging))
        except ValidationError as wrong:
            form.take(wrong)
        else:
            return _saved(request, form, saved, "is blocked")
    return _form(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def edit(request: HttpRequest, block_id: int) -> HttpResponse:
    now = timezone.now()
    block = get_object_or_404(DeployBlock.objects.select_related("organization"), pk=block_id)
    form = BlockForm(request.POST or None, now=now, block=block, initial=initial_of(block, zone_of(request), now))
    if block.has_ended(now):
        messages.error(request, str(BlockEnded(block)))
        return _form(request, form) if request.POST else redirect("blocks")
    if form.is_valid():
        try:
            saved = _change(request, block, form)
        except (BlockChanged, BlockEnded, StillMerging) as refused:
            form.add_error(None, str(refused))
            block.refresh_from_db()
        except ValidationError as wrong:
            form.take(wrong)
        else:
            return _saved(request, form, saved, "stays blocked")
    return _form(request, form)


def _change(request: HttpRequest, block: DeployBlock, form: BlockForm) -> Saved:
    wish = form.wish()

    def wished(stored: DeployBlock) -> Wish:
        if request.POST.get("seen") != seen(stored):
            raise BlockChanged(stored, zone_of(request))
        return wish

    return change_block(block, wish.organization, wished, actor=_actor(request), clock=timezone.now)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def resolve(request: HttpRequest, block_id: int) -> HttpResponse:
    """The form for a link from elsewhere; the list of blocks has its own."""
    block = get_object_or_404(DeployBlock, pk=block_id)
    back_to = _came_from(request)
    if request.method != "POST":
        return render(request, "blocks/resolve.html", {"blocked": block, "form": ResolveForm(), "back_to": back_to})
    form = ResolveForm(request.POST)
    ended = False
    if form.is_valid():
        try:
            ended = resolve_block(block, note=form.cleaned_data["note"], actor=_actor(request), clock=timezone.now)
        except ReasonMissing as missing:
            form.add_error("note", str(missing))
    if form.errors:
        shown = {"blocked": block, "form": form, "back_to": back_to}
        return render(request, "blocks/resolve.html", shown, status=422)
    if ended:
        messages.success(request, f"The block is ended: {block}")
    else:
        block.refresh_from_db()
        messages.info(request, ended_before(block, form.cleaned_data["note"], zone_of(request)))
    return redirect(back_to)


def _asked_for(request: HttpRequest) -> Project | None:
    asked = request.GET.get("project", "")
    return Project.objects.filter(pk=asked).first() if asked.isdecimal() and len(asked) < 19 else None


def _initial(request: HttpRequest) -> dict[str, object]:
    """What a new form begins with: the project that the person comes from, else the whole choice."""
    project = _asked_for(request)
    if project is not None and project.archived_at is not None:
        messages.info(request, f"{project.name} is archived: nothing is released there, so nothing is to be blocked.")
        project = None
    zone = str(zone_of(request))
    return {
        "scope": DeployBlock.Scope.PROJECTS,
        "projects": [project] if project else [],
        "organization": project.organization_id if project else None,
        "begins": "now",
        "until": Until.OPEN,
        "zone": zone,
    }


def _form(request: HttpRequest, form: BlockForm) -> HttpResponse:
    status = 422 if form.is_bound else 200
    context = {"form": form, "zones": zone_options(), "back_to": _came_from(request)}
    return render(request, "blocks/form.html", context, status=status)


def _came_from(request: HttpRequest) -> str:
    """Where "Cancel" and the end of a block lead: to the project that opened the form, else to the list of blocks."""
    project = _asked_for(request)
    return project.get_absolute_url() if project else reverse("blocks")


def _saved(request: HttpRequest, form: BlockForm, saved: Saved, what: str) -> HttpResponse:
    zone: ZoneInfo = form.cleaned_data["zone"]
    remember_zone(request, zone)
    names = [project.name for project in saved.projects]
    subject = names[0] if len(names) == 1 else f"{len(names)} projects"
    if not saved.block.has_begun(timezone.now()):
        what = f"will be blocked from {_day(saved.block.begins_at, zone)}"
    end = f" Until {_day(saved.block.resolved_at, zone)}." if saved.block.resolved_at else ""
    messages.success(request, f"{subject} {what}: {saved.block}.{end}")
    for overtaken in saved.too_late:
        messages.warning(request, overtaken.words("this block", zone))
    return redirect("blocks")


def _day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%a %d %b %Y, %H:%M} {zone}"


def _actor(request: HttpRequest) -> Actor:
    return Actor.person(request.user.get_username())


def _user(request: HttpRequest) -> AbstractBaseUser | None:
    return request.user if isinstance(request.user, AbstractBaseUser) else None
