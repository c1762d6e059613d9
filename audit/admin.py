"""History to look up: nobody changes it, and a database trigger holds that."""

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.models import AuditEvent

if TYPE_CHECKING:  # unfold has no types
    from django.core.paginator import Paginator as InfinitePaginator

    ModelAdmin = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin
    from unfold.paginator import InfinitePaginator


class ReadOnlyAdmin(ModelAdmin):
    """Pages to look things up; what they show is changed elsewhere."""

    list_per_page = 50
    list_fullwidth = True
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "kind", "project_name", "organization_name", "actor", "actor_kind"]
    list_display_links = ["at", "kind"]
    list_filter = ["actor_kind"]
    search_fields = ["=project_name", "=actor", "=kind", "=organization_name"]
    search_help_text = "The exact name of a project, organization, person or kind of event."
    fields = ["at", "kind", "actor", "actor_kind", "organization_name", "project_name", "project_id", "tags", "details"]
    readonly_fields = ["details"]
    # Counting a million rows for "page 1 of 20,000" is what makes such lists slow.
    paginator = InfinitePaginator
    show_full_result_count = False

    @admin.display(description="data")
    def details(self, event: AuditEvent) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(event.data, indent=2, ensure_ascii=False))
