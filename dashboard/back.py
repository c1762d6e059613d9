"""`/projects/<id>/back/`: what runs now, what ran before, and the way back there."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from audit.record import Actor
from blocks.forms import clean_text
from dashboard.moments import zone_of
from projects.merging import StillMerging
from projects.models import Project
from projects.reading import StageUnreadable
from releases import ways
from releases.going_back import WARNING, CannotRevert, ask_for_revert
from releases.models import Release
from releases.ways import by_hand, way_back

LONGEST_REASON = 1000


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def back(request: HttpRequest, project_id: int) -> HttpResponse:
    """`?revert=<release>` asks to confirm; only staff may ask for a revert."""
    project = Project.objects.select_related("organization").filter(pk=project_id).first()
    if project is None:
        raise Http404("There is no such project.")
    release = _release(project, request.POST.get("release") or request.GET.get("revert") or "")
    error = ""
    if request.method == "POST":
        if not request.user.is_staff:
            raise PermissionDenied("Only staff may open a revert.")
        error = _ask(request, release)
        if not error:
            return redirect("way-back", project_id=project_id)
    now = timezone.now()
    return render(
        request,
        "project/back.html",
        {
            "project": project,
            "way": way_back(project, now),
            "rendered_at": int(now.timestamp() * 1000),
            "zone": zone_of(request),
            "chosen": release,
            "by_hand": by_hand(release) if release else None,
            "reason": request.POST.get("reason", "")[:LONGEST_REASON],
            "error": error,
            "warning": WARNING,
        },
        status=400 if error else 200,
    )


@require_http_methods(["GET", "HEAD"])
@login_required
def images(request: HttpRequest, project_id: int) -> HttpResponse:
    """What the registry has that ran before, also from before Horizon watched. The registry is asked now."""
    project = Project.objects.select_related("organization").filter(pk=project_id).first()
    stage = ways.registry_stage(project) if project else None
    if project is None or stage is None:
        raise Http404("This project's production is not read from a container registry.")
    found, error = [], ""
    try:
        found = ways.images(stage)
    except StageUnreadable as trouble:
        error = str(trouble)
    about = {"project": project, "stage": stage, "found": found, "error": error, "zone": zone_of(request)}
    return render(request, "project/images.html", about)


def _release(project: Project, word: str) -> Release | None:
    if not (word.isascii() and word.isdigit() and len(word) < 19):
        return None
    rows = Release.objects.filter(strategy__stage__project=project, state=Release.State.MERGED)
    return rows.select_related("strategy__stage__project__organization").filter(pk=int(word)).first()


def _ask(request: HttpRequest, release: Release | None) -> str:
    """What is wrong with the wish; empty when it was noted."""
    reason = clean_text(request.POST.get("reason", ""))
    if release is None:
        return "This release is not known any more: choose one of those below."
    if not reason:
        return "Give a reason: it stands in the block, in the pull request's history and for whoever comes next."
    if len(reason) > LONGEST_REASON:
        return f"The reason may have {LONGEST_REASON:,} characters, this one has {len(reason):,}."
    try:
        ask_for_revert(
            release,
            reason=reason,
            actor=Actor.person(request.user.get_username()),
            owner=request.user if request.user.is_authenticated else None,
            clock=timezone.now,
        )
    except (CannotRevert, StillMerging) as trouble:
        return str(trouble)
    messages.success(
        request,
        f"Horizon opens a pull request that reverts #{release.number}. Its commits are blocked until "
        f"{release.strategy.head} takes them back as well.",
    )
    return ""
