"""The admin of deploy strategies: inside the stages of a project's page, and on pages of their own."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects import sources
from projects.admin_base import ConfiguredAdmin, PageButton, StackedInline, actor_of, back
from projects.admin_profiles import ProfileAdmin
from projects.admin_projects import ProjectAdmin
from projects.admin_stages import BaseInlineFormSet, StageFormSet, StageInline, profile_choice
from projects.models import Profile, Project, Stage
from projects.validation import Problem
from releases import admin_lookup, engine, facts  # noqa: F401  (admin_lookup registers)
from releases.admin_forms import ROWS, StrategyForm, StrategyFormOfItsOwnPage
from releases.admin_webhooks import webhooks_of
from releases.models import DeployStrategy, Release
from releases.slack_trial import ask_bot, send_test_message
from releases.strategy_page import WOULD, page_of, sentence_of
from releases.validation import possible_rivals, removal_problems, rival_problems


class StrategyFormSet(BaseInlineFormSet):
    on_this_page: list[DeployStrategy]  # the strategies of all stages of one submission

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            if form not in self.deleted_forms and form.has_changed() and form.instance.head:
                for problem in rival_problems(form.instance, self.on_this_page):
                    form.add_problem(problem)
                self.on_this_page.append(form.instance)
        for problem in removal_problems([form.instance for form in self.deleted_forms if form.instance.pk]):
            raise ValidationError(problem.message)


class StrategyInline(StackedInline):
    """How a stage is released, inside the row of the stage."""

    model = DeployStrategy
    form = StrategyForm
    formset = StrategyFormSet
    extra = 0
    collapsible = True
    fields = [*ROWS, "in_words"]
    readonly_fields = ["in_words"]

    class Media:
        js = ["js/admin-rows.js"]

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **options)
        formset.on_this_page = request.__dict__.setdefault("horizon_strategies", [])
        return formset

    def get_queryset(self, request: HttpRequest) -> Any:
        strategies = super().get_queryset(request).select_related("stage__project__organization")
        return strategies.prefetch_related("stage__project__organization__closed_hours")

    @admin.display(description="What it does")
    def in_words(self, strategy: DeployStrategy) -> str | SafeString:
        if not strategy.pk:
            return "Said once it is saved."
        return format_html(
            '{} <a class="text-primary-600 dark:text-primary-500" href="{}">When it merges, and what Horizon would do '
            "now</a>",
            sentence_of(strategy),
            reverse("admin:releases_deploystrategy_change", args=[strategy.pk]),
        )

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "profile":
            options |= profile_choice(request, Profile.GITHUB_KINDS)
        elif db_field.name == "slack_profile":
            options |= profile_choice(request, [Profile.Kind.SLACK_BOT])
        return super().formfield_for_foreignkey(db_field, request, **options)


def rivals_of_restored(self: ProjectAdmin, project: Project) -> Iterable[Problem]:
    """Other projects may have taken over what an archived one released."""
    for strategy in DeployStrategy.objects.filter(stage__project=project).select_related("stage__profile", "profile"):
        yield from rival_problems(strategy, possible_rivals(strategy))


def removals_of_stages(self: StageFormSet, stages: list[Stage]) -> Iterable[Problem]:
    return removal_problems(DeployStrategy.objects.filter(stage__in=stages))


def tested(self: ProfileAdmin, profile: Profile) -> str:
    return ask_bot(profile) if profile.kind == Profile.Kind.SLACK_BOT else sources.test_profile(profile)


def removals_of_project(self: ProjectAdmin, project: Project) -> Iterable[Problem]:
    """An archived project is not looked at any more: what the host is doing would never be written down."""
    return removal_problems(DeployStrategy.objects.filter(stage__project=project))


def open_pull_requests(self: ProjectAdmin, project: Project) -> Iterable[str]:
    """Their texts say that Horizon merges them."""
    rows = Release.objects.filter(strategy__stage__project=project, state__in=Release.UNFINISHED, number__isnull=False)
    for url in rows.order_by("pk").values_list("url", flat=True):
        yield f"Its release stays open on GitHub. Horizon says there that it leaves it alone: close or merge {url}"


# A project's page is one page, though what releases a stage is no business of `projects`.
StageInline.inlines = [StrategyInline]
StageFormSet.removal_problems = removals_of_stages  # type: ignore[method-assign]
ProjectAdmin.restore_problems = rivals_of_restored  # type: ignore[method-assign]
ProjectAdmin.archive_problems = removals_of_project  # type: ignore[method-assign]
ProjectAdmin.left_behind = open_pull_requests  # type: ignore[method-assign]
ProfileAdmin.webhooks_of = webhooks_of  # type: ignore[method-assign]
ProfileAdmin.tested = tested  # type: ignore[method-assign]


@admin.register(DeployStrategy)
class DeployStrategyAdmin(ConfiguredAdmin):
    form = StrategyFormOfItsOwnPage
    fields = ["stage", *ROWS]
    change_form_outer_after_template = "admin/strategy/_page.html"
    list_display = ["stage", "branches", "automatic", "in_words"]
    list_filter = ["stage__project__organization", "automatic", "merge_method"]
    list_select_related = ["stage__project__organization"]
    search_fields = ["stage__project__name", "stage__name", "base", "head", "repository"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("stage__project__organization__closed_hours")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["stage"] if obj else []

    def get_urls(self) -> list[URLPattern]:
        look, tell = self.admin_site.admin_view(self.look), self.admin_site.admin_view(self.test_slack)
        return [
            path("<int:pk>/look/", look, name="releases_deploystrategy_look"),
            path("<int:pk>/test-slack/", tell, name="releases_deploystrategy_test_slack"),
            *super().get_urls(),
        ]

    def buttons(self, request: HttpRequest, thing: Any) -> Sequence[PageButton]:
        if not self.has_change_permission(request, thing):
            return ()
        where = reverse("admin:releases_deploystrategy_look", args=[thing.pk])
        found = [PageButton("Look at GitHub now", where, "visibility")]
        if thing.slack_webhook_urls or thing.slack_channels:
            where = reverse("admin:releases_deploystrategy_test_slack", args=[thing.pk])
            found.append(PageButton("Send a test message", where, "send"))
        return found

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        stored = context.get("original")
        context["strategy_page"] = page_of(stored.pk, timezone.now()) if stored else None
        return super().render_change_form(request, context, *args, **options)

    def look(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the host now, and say what Horizon would do; nothing is done."""
        strategy = get_object_or_404(facts.strategies_with_all(), pk=pk)
        self.require_change(request, strategy)
        facts.read([strategy], timezone.now(), asked=True)
        (outcome,) = engine.advance(engine.releasable().filter(pk=pk), timezone.now, dry_run=True)
        said = f"Horizon would now {WOULD[outcome.decision.action]}: {outcome.decision.reason} Nothing was done."
        self.tell(request, said, good=not outcome.decision.unknown)
        return back(request, reverse("admin:releases_deploystrategy_change", args=[pk]))

    def test_slack(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Post a message to each of its targets now, and say what each answered."""
        strategies = DeployStrategy.objects.select_related("stage__project__organization", "slack_profile")
        strategy = get_object_or_404(strategies, pk=pk)
        self.require_change(request, strategy)
        tried = send_test_message(strategy, actor_of(request), timezone.now())
        for each in tried:
            self.tell(request, each.words, good=each.good)
        if not tried:
            self.tell(request, "It has no Slack webhooks and no channels: give it some, and save.", good=False)
        return back(request, reverse("admin:releases_deploystrategy_change", args=[pk]))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "stage":
            manager = db_field.remote_field.model.objects
            options["queryset"] = manager.filter(project__archived_at=None).select_related("project__organization")
        elif db_field.name == "profile":
            options["queryset"] = Profile.objects.filter(kind__in=Profile.GITHUB_KINDS).select_related("organization")
            options["required"] = False
        elif db_field.name == "slack_profile":
            bots = Profile.objects.filter(kind=Profile.Kind.SLACK_BOT)
            options["queryset"] = bots.select_related("organization")
            options["required"] = False
        return super().formfield_for_foreignkey(db_field, request, **options)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not while the host is asked to merge: what it did would have no place in history."""
        busy = obj is not None and any(removal_problems([obj]))
        return not busy and super().has_delete_permission(request, obj)

    @admin.display(description="promotes")
    def branches(self, strategy: DeployStrategy) -> str:
        return f"{strategy.head} → {strategy.base}"

    @admin.display(description="what it does")
    def in_words(self, strategy: DeployStrategy) -> str:
        return sentence_of(strategy)
