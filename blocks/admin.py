"""Deploy blocks to look up. They are made and ended on their own pages, which take the lock that merges wait for."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from blocks.models import DeployBlock
from blocks.queries import holds_something
from projects.admin_base import ReadOnlyAdmin


class UnresolvedFilter(admin.SimpleListFilter):
    title = "in force"
    parameter_name = "unresolved"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "In force now")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.unresolved(timezone.now()).filter(holds_something()) if self.value() == "yes" else queryset


@admin.register(DeployBlock)
class DeployBlockAdmin(ReadOnlyAdmin):
    list_display = ["description", "organization", "covers", "created_by", "begins_at", "resolved_at", "resolved_by"]
    list_filter = [UnresolvedFilter, "organization", "scope"]
    list_select_related = ["organization"]
    search_fields = ["description", "created_by", "tag", "projects__name"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("projects")

    @admin.display(description="covers")
    def covers(self, block: DeployBlock) -> str:
        if block.scope == DeployBlock.Scope.PROJECTS:
            return ", ".join(project.name for project in block.projects.all())
        return f"tag {block.tag}" if block.tag else "everything"
