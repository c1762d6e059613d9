"""Pages of the admin to look up what happened to releases: nobody changes it there."""

from typing import TYPE_CHECKING

from django.contrib import admin

from projects.admin_base import ReadOnlyAdmin
from releases.models import ClosedHours, Farewell, Holiday, Intervention, Notice, Release, Repair, WebhookDelivery

if TYPE_CHECKING:  # unfold has no types
    from django.core.paginator import Paginator as InfinitePaginator
else:
    from unfold.paginator import InfinitePaginator

OF_STRATEGY = "strategy__stage__project__organization"
OF_RELEASE = "release__strategy__stage__project__organization"
PROJECT = "stage__project__name"


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ["strategy", "number", "kind", "state", "begun_at", "opened_at", "merged_at", "merged_by", "live_at"]
    list_filter = ["state", "kind"]
    list_select_related = [OF_STRATEGY]
    search_fields = [f"strategy__{PROJECT}", "=number", "head_sha"]
    exclude = ["commits"]
    date_hierarchy = None


@admin.register(Intervention)
class InterventionAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "strategy", "kind", "created_by", "reason", "until", "ended_at", "ended_by"]
    list_filter = ["kind", "spite_closed"]
    list_select_related = [OF_STRATEGY]
    search_fields = [f"strategy__{PROJECT}", "=created_by", "reason", "head_sha"]


@admin.register(Repair)
class RepairAdmin(ReadOnlyAdmin):
    list_display = ["asked_at", "strategy", "kind", "state", "number", "asked_by", "opened_at", "error"]
    list_filter = ["kind", "state"]
    list_select_related = [OF_STRATEGY]
    search_fields = [f"strategy__{PROJECT}", "=asked_by", "=number"]


@admin.register(Farewell)
class FarewellAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "repository", "number", "why", "done_at", "failures", "error"]
    list_select_related = ["profile"]
    search_fields = ["repository", "=number"]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ["begun_at", "release", "merge_at", "delivered_at", "waived_at", "failures", "error"]
    list_select_related = [OF_RELEASE]
    search_fields = [f"release__strategy__{PROJECT}", "=release__number"]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "event", "action", "path", "ref", "app", "processed_at"]
    list_filter = ["event"]
    search_fields = ["=path", "=delivery", "=app"]
    search_help_text = "owner/name in lower case, the id of a delivery, or the app."
    # Counting many thousands of deliveries for "page 1 of 2,000" is what makes such lists slow.
    paginator = InfinitePaginator
    show_full_result_count = False


@admin.register(ClosedHours)
class ClosedHoursAdmin(ReadOnlyAdmin):
    list_display = ["name", "organization", "begins_at", "ends_at", "time_zone", "created_by"]
    list_filter = ["organization"]
    list_select_related = ["organization"]
    search_fields = ["name", "organization__name"]


@admin.register(Holiday)
class HolidayAdmin(ReadOnlyAdmin):
    list_display = ["first_day", "last_day", "name", "organization", "time_zone", "source"]
    list_filter = ["organization"]
    list_select_related = ["organization"]
    search_fields = ["name", "organization__name", "source"]
