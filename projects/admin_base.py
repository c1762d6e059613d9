"""What the admin pages share: unfold's classes with types, and a base that saves through projects/configure.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString

from audit.admin import ReadOnlyAdmin
from audit.record import Actor
from projects import configure
from projects.admin_forms import keeps_no_secret
from projects.merging import StillMerging, Tied, too_late

if TYPE_CHECKING:  # unfold has no types, Django's classes have parameters only in them
    from django.contrib import admin

    ModelAdmin = admin.ModelAdmin[Any]
    StackedInline = admin.StackedInline[Any, Any]
else:
    from unfold.admin import ModelAdmin, StackedInline

__all__ = ["ConfiguredAdmin", "ModelAdmin", "PageButton", "ReadOnlyAdmin", "StackedInline"]

ASK_FORM = "horizon-ask"


@dataclass(frozen=True, slots=True)
class PageButton:
    """A button above a page's form. It posts to `url`, and what was typed into the form is not saved."""

    label: str
    url: str
    icon: str


def small_button(label: str, url: str) -> SafeString:
    """A button inside a page's form that posts to `url` instead, by the form of templates/projects/_buttons.html."""
    return format_html(
        '<button type="submit" form="{}" formaction="{}" class="border border-base-200 cursor-pointer font-medium '
        "px-3 py-2 rounded-default text-sm whitespace-nowrap hover:bg-base-100 dark:border-base-700 "
        'dark:hover:bg-base-800">{}</button>',
        ASK_FORM,
        url,
        label,
    )


def actor_of(request: HttpRequest) -> Actor:
    return Actor.person(request.user.get_username())


def back(request: HttpRequest, otherwise: str) -> HttpResponseRedirect:
    """To the page that a button was on."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if safe else otherwise)


class ConfiguredAdmin(ModelAdmin):
    """An admin page each of whose changes is saved with its audit event, under the lock that merges take: what was
    saved either stops a merge, or says that it came too late. Hosts are asked before, while the form is looked at."""

    change_form_outer_before_template = "projects/_buttons.html"
    warn_unsaved_form = True
    list_filter_submit = False
    list_fullwidth = True
    list_per_page = 50
    actions_on_bottom = False

    def buttons(self, request: HttpRequest, thing: Any) -> Sequence[PageButton]:
        """The buttons above the form of a stored thing."""
        return ()

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["page_buttons"] = self.buttons(request, obj) if obj is not None else ()
        context["ask_form"] = ASK_FORM
        if request.method == "POST":  # it comes back with errors
            keeps_no_secret(_forms_of(context))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (StillMerging, Tied) as refused:
            request.__dict__["horizon_refused"] = str(refused)  # the form comes back with what was typed
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except StillMerging as merging:
            self.tell(request, str(merging), good=False)
            page = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(page, args=[object_id]))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **options)
        form.refused = request.__dict__.get("horizon_refused", "")
        return form

    def hold_back_merges(self, request: HttpRequest, things: Iterable[models.Model]) -> None:
        """Before the first row is written. Raises StillMerging."""
        request.__dict__["horizon_asked_at"] = timezone.now()
        configure.hold_back_merges(things)

    def tell_too_late(self, request: HttpRequest, project_ids: Iterable[int]) -> None:
        """Which merges of these projects were quicker than what is being saved."""
        asked_at: datetime = request.__dict__["horizon_asked_at"]
        for each in too_late(list(project_ids), asked_at):
            messages.warning(request, each.words("this change", UTC))

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        self.hold_back_merges(request, [obj])
        if configure.save(obj, actor=actor_of(request), at=timezone.now()) and change:
            _stopped(request).update(configure.may_stop(obj, form.changed_data))
        self.warn(request, form)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if _stopped(request):
            self.tell_too_late(request, _stopped(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What people only look up here (releases, notices) goes with what it is of, and asks for no right of its own:
        nobody has that, so nothing that was ever released could be deleted."""
        shown, counts, rights, protected = super().get_deleted_objects(objs, request)
        pages = self.admin_site._registry.items()
        looked_up = {str(model._meta.verbose_name) for model, page in pages if isinstance(page, ReadOnlyAdmin)}
        return shown, counts, {right for right in rights if str(right) not in looked_up}, protected

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        self.hold_back_merges(request, [obj])
        if not self.has_delete_permission(request, obj):
            raise PermissionDenied  # a merge under way was waited for, and nobody knows yet what became of it
        stopped = configure.may_stop(obj, ())
        configure.delete(obj, actor=actor_of(request), at=timezone.now())
        self.tell_too_late(request, stopped)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        try:
            with transaction.atomic():
                things = list(queryset)
                self.hold_back_merges(request, things)
                for thing in things:
                    self.delete_model(request, thing)
        except StillMerging as merging:
            self.tell(request, str(merging), good=False)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save the rows of an inline, and of the inlines inside its rows."""
        actor, now = actor_of(request), timezone.now()
        changed = formset.save(commit=False)
        for thing in formset.deleted_objects:
            _stopped(request).update(configure.may_stop(thing, ()))
            configure.delete(thing, actor=actor, at=now)
        for thing in changed:
            stored = thing.pk is not None
            if configure.save(thing, actor=actor, at=now) and stored:
                _stopped(request).update(configure.may_stop(thing, ()))
        for row in formset.forms:
            if row not in formset.deleted_forms:
                self.warn(request, row)
                for inside in getattr(row, "nested_formsets", ()):
                    self.save_formset(request, row, inside.formset, change)

    def require_change(self, request: HttpRequest, thing: models.Model) -> None:
        if request.method != "POST" or not self.has_change_permission(request, thing):
            raise PermissionDenied

    def warn(self, request: HttpRequest, form: Any) -> None:
        """Tell what was saved all the same."""
        for warning in getattr(form, "warnings", ()):
            messages.warning(request, warning)

    def tell(self, request: HttpRequest, text: str, *, good: bool) -> None:
        messages.add_message(request, messages.SUCCESS if good else messages.ERROR, text)


def _stopped(request: HttpRequest) -> set[int]:
    """The projects of which this request may stop a release."""
    stopped: set[int] = request.__dict__.setdefault("horizon_stopped", set())
    return stopped


def _forms_of(context: dict[str, Any]) -> Iterable[Any]:
    yield context["adminform"].form
    for inline in context["inline_admin_formsets"]:
        for row in inline.formset.forms:
            yield row
            for inside in getattr(row, "nested_formsets", ()):
                yield from inside.formset.forms
