"""The admin of organizations; importing the other files registers their pages."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects import admin_projects  # noqa: F401  (registers)
from projects.admin_base import ConfiguredAdmin
from projects.admin_forms import RuledForm
from projects.admin_profiles import ProfileInline
from projects.models import Organization
from projects.validation import Problem, organization_problems


class OrganizationForm(RuledForm):
    class Meta:
        model = Organization
        fields = ["name"]

    def rules(self) -> Iterable[Problem]:
        return organization_problems(self.instance)


@admin.register(Organization)
class OrganizationAdmin(ConfiguredAdmin):
    form = OrganizationForm
    inlines = [ProfileInline]
    list_display = ["name", "project_count", "profile_count"]
    search_fields = ["name"]
    readonly_fields = ["its_projects"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["name", "its_projects"] if obj else ["name"]

    def get_queryset(self, request: HttpRequest) -> Any:
        active = Count("projects", distinct=True, filter=Q(projects__archived_at=None))
        return (
            super().get_queryset(request).annotate(project_count=active, profile_count=Count("profiles", distinct=True))
        )

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An organization can be deleted while nothing would go with it but its profiles."""
        if obj is not None and (obj.projects.exists() or obj.blocks.exists()):
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description="projects", ordering="project_count")
    def project_count(self, organization: Any) -> int:
        return int(organization.project_count)

    @admin.display(description="profiles", ordering="profile_count")
    def profile_count(self, organization: Any) -> int:
        return int(organization.profile_count)

    @admin.display(description="projects")
    def its_projects(self, organization: Any) -> SafeString:
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}?organization__id__exact={}">{} project{}</a> · '
            '<a class="text-primary-600 dark:text-primary-500" href="{}?organization={}">Add a project</a>',
            reverse("admin:projects_project_changelist"),
            organization.pk,
            organization.project_count,
            "" if organization.project_count == 1 else "s",
            reverse("admin:projects_project_add"),
            organization.pk,
        )
