"""Pages on which staff say something to one release: each shows what it means, asks for a reason, and does it once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from audit.record import Actor
from blocks.viewer import remember_zone, zone_of
from projects.merging import StillMerging
from projects.models import Comparison, Project
from releases import interventions, upkeep_repairs
from releases.calendar import closed_by
from releases.decision import Facts, Item, Mark, checklist
from releases.forms import NowForm, PostponeForm, ReasonForm
from releases.interventions import HeadMoved, NotPossible, Seen
from releases.messages import exactly
from releases.models import Intervention, Release
from releases.queries import StrategyDecision, decisions
from releases.situation import ReleaseNow

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
SPITE = "releases.release_in_spite"
HEAL = "releases.change_deploystrategy"
SHOWN = 10  # commits
UNMET = (Mark.NOT_MET, Mark.UNKNOWN)
DONE_BY_HORIZON = ("not_opened", "nobody_assigned")
WAITS = ("before_notice", "not_told", "too_young")


def for_staff(view: View[P]) -> View[P]:
    """Signed in, and staff; others are told so."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_staff:
            raise PermissionDenied(
                "Only staff may release, postpone or skip. Ask somebody who is, or an administrator."
            )
        return view(request, *args, **kwargs)

    return login_required(guarded)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the person looks at: one strategy's release as it stands now. `head` is the commit of head that is known."""

    project: Project
    standing: StrategyDecision
    head: str | None
    commits: list[dict[str, Any]]
    now: datetime

    @property
    def subject(self) -> str:
        """The first line of the head commit; empty for a merge, which lists leave out."""
        newest = self.commits[0] if self.commits else {}
        return str(newest.get("message") or "") if newest.get("sha") == self.head else ""

    def since(self, sha: str) -> list[dict[str, Any]]:
        """The commits that came after this one; all that are known where it is not among them."""
        places = [place for place, commit in enumerate(self.commits) if commit.get("sha") == sha]
        return self.commits[: places[0]] if places else self.commits


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def now(request: HttpRequest, project_id: int, strategy_id: int) -> HttpResponse:
    """Release this commit now."""
    seen = _seen(project_id, strategy_id)
    facts = seen.standing.facts
    closed = closed_by(facts.plan.closed, seen.now)
    may_spite = request.user.has_perm(SPITE)
    form = NowForm(
        request.POST or None, named=facts.blocks, closed=closed, may_spite=may_spite, initial={"sha": seen.head}
    )
    held, passed = _after(facts, seen.head or "")
    about = {"passed": passed, "held": held, "blocks": facts.blocks, "closed": closed, "may_spite": may_spite}

    def act() -> str:
        cleaned = form.cleaned_data
        named = Seen(frozenset(cleaned.get("blocks", [])), frozenset(cleaned.get("closed", [])))
        interventions.release_now(
            seen.standing.strategy, cleaned["sha"], reason=cleaned["reason"], actor=_actor(request),
            clock=timezone.now, spite_blocks=[block.id for block in facts.blocks if block.seen in named.blocks],
            spite_closed=bool(named.hours), seen=named,
        )  # fmt: skip
        return (
            f"{seen.project.name}: {cleaned['sha'][:7]} is released as soon as its other conditions are met, if that "
            "is within a day."
        )

    return _answer(request, "releases/now.html", seen, form, act, about)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def postpone(request: HttpRequest, project_id: int, strategy_id: int) -> HttpResponse:
    """Not before a moment."""
    seen = _seen(project_id, strategy_id)
    zone = zone_of(request)
    form = PostponeForm(request.POST or None, now=seen.now, initial={"sha": seen.head, "zone": str(zone)})

    def act() -> str:
        cleaned = form.cleaned_data
        until = cleaned["moment"]
        interventions.postpone(
            seen.standing.strategy, cleaned["sha"], until, reason=cleaned["reason"], actor=_actor(request),
            clock=timezone.now,
        )  # fmt: skip
        remember_zone(request, cleaned["zone"])
        return f"{seen.project.name} is postponed: nothing is merged before {exactly(until, str(cleaned['zone']))[3:]}."

    return _answer(request, "releases/postpone.html", seen, form, act, {})


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def skip(request: HttpRequest, project_id: int, strategy_id: int) -> HttpResponse:
    """Not this commit."""
    seen = _seen(project_id, strategy_id)
    form = ReasonForm(request.POST or None, initial={"sha": seen.head})

    def act() -> str:
        sha = form.cleaned_data["sha"]
        interventions.skip(
            seen.standing.strategy, sha, reason=form.cleaned_data["reason"], actor=_actor(request), clock=timezone.now
        )
        return f"{seen.project.name}: {sha[:7]} is skipped. Horizon waits for new commits."

    return _answer(request, "releases/skip.html", seen, form, act, {})


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def resume(request: HttpRequest, project_id: int, strategy_id: int) -> HttpResponse:
    """Take back what was said; the page shows what holds and asks which."""
    seen = _seen(project_id, strategy_id)
    held = Intervention.objects.filter(strategy=strategy_id)
    if request.method == "POST":
        row = get_object_or_404(held, pk=_whole(request.POST.get("intervention", "")))
        try:
            interventions.withdraw(row, actor=_actor(request), clock=timezone.now)
        except (NotPossible, StillMerging) as error:
            messages.info(request, str(error))
        else:
            messages.success(request, f"{seen.project.name}: you took it back ({row.get_kind_display()}).")
        return redirect(seen.project)
    rows = held.filter(ended_at=None)
    if chosen := _whole(request.GET.get("intervention", "")):
        rows = rows.filter(pk=chosen)
    about = {"interventions": rows, "viewer_zone": zone_of(request)}
    return render(request, "releases/resume.html", {**_context(seen), **about})


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff
def heal(request: HttpRequest, project_id: int, strategy_id: int) -> HttpResponse:
    """Have a pull request opened from base into head, so that the branches share their history again."""
    seen = _seen(project_id, strategy_id)
    if not request.user.has_perm(HEAL):
        raise PermissionDenied("Only administrators of deploy strategies may heal a history. Ask one of them.")
    if request.method != "POST":
        return render(request, "releases/heal.html", {**_context(seen), "squashed": seen.standing.facts.squashed})
    try:
        upkeep_repairs.ask_to_heal(seen.standing.strategy, actor=_actor(request), clock=timezone.now)
    except NotPossible as error:
        messages.info(request, str(error))
    else:
        messages.success(request, f"{seen.project.name}: the pull request that heals the history is opened now.")
    return redirect(seen.project)


def _answer(
    request: HttpRequest,
    template: str,
    seen: Subject,
    form: ReasonForm,
    act: Callable[[], str],
    about: dict[str, object],
) -> HttpResponse:
    """Do what a valid form asks for; else show it, with all that was typed and what is wrong."""
    status = 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                messages.success(request, act())
            except HeadMoved as moved:
                status, about = 409, {**about, "moved": moved, "news": seen.since(form.cleaned_data["sha"])}
                form.data = {**_typed(request), "sha": seen.head or ""}
            except (NotPossible, StillMerging) as error:
                status = 409
                form.add_error(None, str(error))
            else:
                return redirect(seen.project)
    return render(request, template, {**_context(seen), **about, "form": form}, status=status)


def _typed(request: HttpRequest) -> Any:
    """What was sent, to be changed; lists stay lists."""
    return request.POST.copy().dict() | {name: request.POST.getlist(name) for name in ("blocks", "closed")}


def _context(seen: Subject) -> dict[str, object]:
    return {
        "seen": seen,
        "project": seen.project,
        "strategy": seen.standing.strategy,
        "decision": seen.standing.decision,
        "commits": seen.commits[:SHOWN],
        "more": max(len(seen.commits) - SHOWN, 0),
    }


def _seen(project_id: int, strategy_id: int) -> Subject:
    project = get_object_or_404(Project.objects.active().select_related("organization"), pk=project_id)
    at = timezone.now()
    found = [each for each in decisions([project], at)[project.pk] if each.strategy.pk == strategy_id]
    if not found:
        raise Http404("This project has no such deploy strategy.")
    head = interventions.known_head(found[0].strategy)
    return Subject(project, found[0], head, _commits(found[0], head), at)


def _commits(standing: StrategyDecision, head: str | None) -> list[dict[str, Any]]:
    """What waits, newest first: of the open release, else of the stages' comparison."""
    strategy = standing.strategy
    release = Release.objects.filter(strategy=strategy, state__in=Release.UNFINISHED).first()
    if release is not None and release.commits:
        return list(release.commits)
    compared = Comparison.objects.filter(
        snapshot__project=strategy.stage.project_id, snapshot__is_current=True, behind=strategy.stage.name
    ).first()
    return list(compared.commits) if compared is not None else []


def _after(facts: Facts, sha: str) -> tuple[list[Item], list[Item]]:
    """What would still hold this commit if it were released now, and what would not any more: the rules say it.

    Age and notice are one wait to people, so the first of their reasons, which names the whole wait, is enough.
    """
    wish = ReleaseNow(by="", reason="", sha=sha)
    after = checklist(replace(facts, release_now=wish))
    held = [item for item in after if item.mark in UNMET and item.name not in DONE_BY_HORIZON]
    unmet = [item for item in checklist(facts) if item.mark in UNMET and item.name not in DONE_BY_HORIZON]
    passed = [item for item in unmet if item.name not in {each.name for each in held}]
    waits = [item for item in passed if item.name in WAITS]
    return held, [item for item in passed if item not in waits[1:]]


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else 0


def _actor(request: HttpRequest) -> Actor:
    return Actor.person(request.user.get_username())
