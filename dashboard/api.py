"""`/api/projects/` and `/api/audit/`, for a session or HTTP Basic."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import AuditEvent
from blocks.queries import unresolved_blocks
from dashboard.access import MayRead
from dashboard.history_filters import Wanted
from dashboard.shapes import AuditOut, ProjectOut, Reader, audit_json, project_json
from projects.models import Project
from projects.queries import Filters, details, numbers, with_relations
from releases.queries import decisions


class ById(CursorPagination):
    """Pages by key: stable while rows come and go, and the last page costs what the first does."""

    page_size = 100
    max_page_size = 250
    page_size_query_param = "page_size"
    ordering = "id"


class NewestFirst(ById):
    ordering = "-id"


def _filter(name: str, description: str, *, many: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description, many=many, explode=many or None)


class ProjectList(GenericAPIView[Project]):
    """All projects that are not archived."""

    permission_classes = [MayRead]
    pagination_class = ById
    serializer_class = ProjectOut

    @extend_schema(
        operation_id="projects_list",
        responses=ProjectOut(many=True),
        parameters=[
            _filter("organization", "Its name or number."),
            _filter("tag", "Projects that bear any of these.", many=True),
            _filter("criticality", "0 to 3, any of these.", many=True),
            _filter("q", "Words in the name, the description or the tags."),
        ],
    )
    def get(self, request: Request) -> Response:
        query = request.query_params
        filters = Filters(
            organization=query.get("organization", "").replace("\0", ""),
            tags=tuple(tag.replace("\0", "") for tag in query.getlist("tag") if tag),
            criticality=numbers(query.getlist("criticality")),
            text=query.get("q", "").replace("\0", "")[:200],
        )
        page = self.paginate_queryset(with_relations(filters.of(Project.objects.active())))
        return self.get_paginated_response(_answers(list(page or ()), request))


class ProjectDetail(GenericAPIView[Project]):
    """One project."""

    permission_classes = [MayRead]
    pagination_class = None
    serializer_class = ProjectOut

    @extend_schema(operation_id="projects_retrieve", responses=ProjectOut)
    def get(self, request: Request, project_id: int) -> Response:
        row = with_relations(Project.objects.filter(pk=project_id)).first()
        if row is None:
            raise Http404("There is no such project.")
        return Response(_answers([row], request)[0])


class AuditList(GenericAPIView[AuditEvent]):
    """History, newest first. It names people: signed-in readers only, also where the dashboard is public."""

    permission_classes = [IsAuthenticated]
    pagination_class = NewestFirst
    serializer_class = AuditOut
    queryset: "QuerySet[AuditEvent]" = AuditEvent.objects.all()

    @extend_schema(
        operation_id="audit_list",
        responses=AuditOut(many=True),
        parameters=[
            _filter("project", "Its number, name, or organization/name."),
            _filter("organization", "Its name."),
            _filter("tag", "One that the project bore at that time."),
            _filter("kind", "For example release.merged."),
            _filter("actor", "Who did it."),
            _filter("since", "A day in UTC, or a time, included: 2026-11-24 or 2026-11-24T14:05."),
            _filter("until", "A day in UTC, or a time, included."),
        ],
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(Wanted.of(request.query_params).events())
        return self.get_paginated_response([audit_json(event) for event in page or ()])


def _answers(rows: Sequence[Project], request: Request) -> list[dict[str, Any]]:
    now = timezone.now()
    reader = Reader(signed_in=request.user.is_authenticated)
    blocks = unresolved_blocks(rows, now)
    decided = decisions(rows, now, blocks)
    return [
        project_json(detail, blocks[detail.project.pk], decided[detail.project.pk], now, reader)
        for detail in details(rows)
    ]
