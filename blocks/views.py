"""Pages of blocks: people who are signed in read them, staff make, change and end them."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.record import Actor
from blocks.change import BlockEnded, Overtaken, Saved, change_block, create_block, resolve_block
from blocks.forms import BlockForm, ResolveForm, initial_of
from blocks.models import DeployBlock
from blocks.queries import listed
from blocks.until import Until
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
    past = Paginator(listed(DeployBlock.objects.past(now)).order_by("-resolved_at", "-id"), PAST_ON_A_PAGE)
    context = {
        "active": listed(DeployBlock.objects.unresolved(now)).order_by("begins_at", "id"),
        "planned": listed(DeployBlock.objects.planned(now)).order_by("begins_at", "id"),
        "past": past.get_page(request.GET.get("page")),
    }
    return render(request, "blocks/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def new(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    form = BlockForm(request.POST or None, now=now, initial=_initial(request))
    if "zone" not in request.session:
        form.fields["zone"].widget.attrs["data-guess"] = True
    if form.is_valid():
        saved = create_block(form.wish(), actor=_actor(request), owner=_user(request), clock=timezone.now)
        return _saved(request, form, saved, "is blocked")
    return _form(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def edit(request: HttpRequest, block_id: int) -> HttpResponse:
    now = timezone.now()
    block = get_object_or_404(DeployBlock.objects.select_related("organization"), pk=block_id)
    form = BlockForm(request.POST or None, now=now, block=block, initial=initial_of(block, _zone(request), now))
    if block.has_ended(now):
        messages.error(request, str(BlockEnded(block)))
        return _form(request, form) if request.POST else redirect("blocks")
    if form.is_valid():
        try:
            saved = change_block(block, form.wish(), actor=_actor(request), clock=timezone.now)
        except BlockEnded as ended:
            form.add_error(None, str(ended))
        else:
            return _saved(request, form, saved, "stays blocked")
    return _form(request, form)


@require_POST
@for_staff
def resolve(request: HttpRequest, block_id: int) -> HttpResponse:
    block = get_object_or_404(DeployBlock, pk=block_id)
    form = ResolveForm(request.POST)
    if not form.is_valid():
        return render(request, "blocks/resolve.html", {"blocked": block, "form": form}, status=422)
    if resolve_block(block, note=form.cleaned_data["note"], actor=_actor(request), clock=timezone.now):
        messages.success(request, f"The block is ended: {block}")
    else:
        block.refresh_from_db()
        messages.info(request, f"{block.resolved_by or 'Its end'} had ended this block before: {block}")
    return redirect("blocks")


def _initial(request: HttpRequest) -> dict[str, object]:
    """What a new form begins with: the project that the person comes from, else the whole choice."""
    asked = request.GET.get("project", "")
    project = Project.objects.active().filter(pk=asked).first() if asked.isdecimal() and len(asked) < 19 else None
    zone = str(_zone(request))
    return {
        "scope": DeployBlock.Scope.PROJECTS,
        "projects": [project] if project else [],
        "begins": "now",
        "until": Until.OPEN,
        "zone": zone,
    }


def _zone(request: HttpRequest) -> ZoneInfo:
    """The zone that this person used last."""
    try:
        return ZoneInfo(request.session.get("zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _form(request: HttpRequest, form: BlockForm) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, "blocks/form.html", {"form": form}, status=status)


def _saved(request: HttpRequest, form: BlockForm, saved: Saved, what: str) -> HttpResponse:
    request.session["zone"] = str(form.cleaned_data["zone"])
    names = [project.name for project in saved.projects]
    subject = names[0] if len(names) == 1 else f"{len(names)} projects"
    if saved.block.begins_at > timezone.now():
        what = "will be blocked"
    messages.success(request, f"{subject} {what}: {saved.block}")
    for overtaken in saved.too_late:
        messages.warning(request, _too_late(overtaken))
    return redirect("blocks")


def _too_late(overtaken: Overtaken) -> str:
    where = f"{overtaken.project.name} ({overtaken.stage})"
    if overtaken.at is None:
        return f"{where} was being merged when you blocked it: whether that release happened is not known yet."
    return f"{where} was released at {_clock(overtaken.at)}, too late for this block. It holds the next release."


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"


def _actor(request: HttpRequest) -> Actor:
    return Actor.person(request.user.get_username())


def _user(request: HttpRequest) -> AbstractBaseUser | None:
    return request.user if isinstance(request.user, AbstractBaseUser) else None
