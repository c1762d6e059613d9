"""The admin's pages of projects: a project with its stages in one page; archived instead of deleted."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from projects import configure, sources
from projects.admin_base import ConfiguredAdmin, PageButton, actor_of, back
from projects.admin_forms import ListInput, RuledForm
from projects.admin_stages import StageInline
from projects.merging import StillMerging
from projects.models import Project, Stage
from projects.reading import StageUnreadable
from projects.validation import Problem, normalised_tags, project_problems


class ProjectForm(RuledForm):
    tags = ListInput(help_text="Often teams. Put a comma between two tags.")

    class Meta:
        model = Project
        fields = ["organization", "name", "description", "tags", "criticality"]

    def clean_tags(self) -> list[str]:
        return normalised_tags(self.cleaned_data["tags"])

    def rules(self) -> Iterable[Problem]:
        return project_problems(self.instance)


class StateFilter(admin.SimpleListFilter):
    """Archived projects are shown when asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("archived", "Archived"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.exclude(archived_at=None) if self.value() == "archived" else queryset.filter(archived_at=None)

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield {**choice, "display": "Active"} if choice["display"] == "All" and self.is_first(choice) else choice

    def is_first(self, choice: Any) -> bool:
        return "state=" not in choice["query_string"]


@admin.register(Project)
class ProjectAdmin(ConfiguredAdmin):
    form = ProjectForm
    inlines = [StageInline]
    list_display = ["name", "organization", "tag_list", "criticality", "stage_count", "refreshed_at", "state"]
    list_filter = [StateFilter, "organization", "criticality"]
    search_fields = ["name", "description", "tags", "organization__name"]
    actions = ["archive_selected", "restore_selected"]
    fields = [("organization", "name"), "description", ("tags", "criticality")]

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super().get_queryset(request).select_related("organization", "poll").annotate(stage_count=Count("stages"))
        )

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only an archived project can be deleted: archiving is what people want, and can be taken back."""
        if obj is not None and (obj.archived_at is None or any(self.archive_problems(obj))):
            return False
        return super().has_delete_permission(request, obj)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "stages__profile__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/archive/", wrap(self.archive), name="projects_project_archive"),
            path("<int:pk>/restore/", wrap(self.restore), name="projects_project_restore"),
            path("stage/<int:pk>/test/", wrap(self.test_stage), name="projects_project_test_stage"),
            *super().get_urls(),
        ]

    def buttons(self, request: HttpRequest, thing: Any) -> Sequence[PageButton]:
        if not self.has_change_permission(request, thing):
            return ()
        if thing.archived_at is None:
            return [PageButton("Archive", reverse("admin:projects_project_archive", args=[thing.pk]), "archive")]
        return [PageButton("Restore", reverse("admin:projects_project_restore", args=[thing.pk]), "unarchive")]

    def archive(self, request: HttpRequest, pk: int) -> HttpResponse:
        project = self._project(request, pk)
        self._archive(request, [project])
        return back(request, reverse("admin:projects_project_change", args=[pk]))

    def restore(self, request: HttpRequest, pk: int) -> HttpResponse:
        project = self._project(request, pk)
        self._restore(request, [project])
        return back(request, reverse("admin:projects_project_change", args=[pk]))

    def test_stage(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the host now where a stored stage is."""
        stage = get_object_or_404(Stage.objects.select_related("project__organization", "profile__organization"), pk=pk)
        self.require_change(request, stage.project)
        try:
            self.tell(request, f"{stage}: {sources.test_stage(stage)}", good=True)
        except StageUnreadable as error:
            self.tell(request, f"{stage}: {error.message}", good=False)
        return back(request, reverse("admin:projects_project_change", args=[stage.project_id]))

    @admin.action(description="Archive: stop reading, showing and releasing", permissions=["change"])
    def archive_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._archive(request, queryset)

    @admin.action(description="Restore archived projects", permissions=["change"])
    def restore_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._restore(request, queryset)

    def restore_problems(self, project: Project) -> Iterable[Problem]:
        """Why an archived project cannot be taken back; releases/admin.py knows reasons."""
        return ()

    def archive_problems(self, project: Project) -> Iterable[Problem]:
        """Why a project cannot be archived, or deleted, at this moment; releases/admin.py knows reasons."""
        return ()

    def left_behind(self, project: Project) -> Iterable[str]:
        """What is left at the host of a project that is archived; releases/admin.py knows."""
        return ()

    def _project(self, request: HttpRequest, pk: int) -> Project:
        project = get_object_or_404(Project.objects.select_related("organization"), pk=pk)
        self.require_change(request, project)
        return project

    def _archive(self, request: HttpRequest, projects: Iterable[Project]) -> None:
        try:
            with transaction.atomic():
                projects = list(projects)
                self.hold_back_merges(request, projects)
                self._archive_each(request, projects)
        except StillMerging as merging:
            self.tell(request, str(merging), good=False)

    def _archive_each(self, request: HttpRequest, projects: Iterable[Project]) -> None:
        for project in projects:
            problems = list(self.archive_problems(project))
            for problem in problems:
                self.tell(request, f"{project} is not archived: {problem.message}", good=False)
            if not problems and configure.archive(project, actor=actor_of(request), at=timezone.now()):
                self.tell(request, f"{project} is archived: it is no longer read, shown or released.", good=True)
                for words in self.left_behind(project):
                    self.tell(request, words, good=False)
                self.tell_too_late(request, {project.pk})

    @transaction.atomic
    def _restore(self, request: HttpRequest, projects: Iterable[Project]) -> None:
        for project in projects:
            problems = list(self.restore_problems(project))
            for problem in problems:
                self.tell(request, f"{project} stays archived: {problem.message}", good=False)
            if not problems and configure.restore(project, actor=actor_of(request), at=timezone.now()):
                self.tell(request, f"{project} is back: it will be read within a minute.", good=True)

    @admin.display(description="tags")
    def tag_list(self, project: Project) -> str:
        return ", ".join(project.tags)

    @admin.display(description="stages", ordering="stage_count")
    def stage_count(self, project: Any) -> int:
        return int(project.stage_count)

    @admin.display(description="last read", ordering="poll__refreshed_at")
    def refreshed_at(self, project: Project) -> Any:
        poll = getattr(project, "poll", None)
        return poll.refreshed_at if poll else None

    @admin.display(description="state")
    def state(self, project: Project) -> str:
        return "archived" if project.archived_at else "active"
