"""The gate that builds ask: may this project be released? And the same for those who block from scripts.

`GET /api/deploy_blocks` is read by `curl -sf` and compared with the two characters `[]`, without following redirects.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError as ImpossibleBlock
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.record import Actor
from blocks.change import (
    BlockEnded,
    ReasonMissing,
    Saved,
    Wish,
    change_block,
    create_block,
    ended_before,
    resolve_block,
    wish_of,
)
from blocks.forms import LONGEST_REASON, clean_text
from blocks.models import DeployBlock
from blocks.queries import covers, with_project_ids
from blocks.until import LONGEST_PLAN, TOO_FAR
from projects.basic_auth import BasicAuthentication
from projects.cleaning import clean_line
from projects.merging import StillMerging
from projects.models import Project
from projects.repositories import stages_of

TRUE, FALSE = ("true", "1"), ("false", "0")
CHANGES = ("description", "resolved_at")
DIGITS = 19  # a number with as many may be larger than any id


class BlockOut(serializers.Serializer[Any]):
    """A block as the answer for one project shows it."""

    id = serializers.IntegerField()
    project_id = serializers.IntegerField()
    description = serializers.CharField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class QuickerPullOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    url = serializers.CharField()


class OvertakenOut(serializers.Serializer[Any]):
    """A release that a block came too late for."""

    project_id = serializers.IntegerField()
    project = serializers.CharField(help_text="Its name.")
    stage = serializers.CharField()
    released_at = serializers.DateTimeField(
        allow_null=True, help_text="Null while it is not known whether it happened, or may still be stopped."
    )
    pull_request = QuickerPullOut(allow_null=True)
    message = serializers.CharField(help_text="The same as a sentence.")


class SavedBlockOut(BlockOut):
    """A block that was just saved."""

    project_id = serializers.IntegerField(allow_null=True, help_text="Null where it names no project.")
    too_late = OvertakenOut(many=True, required=False, help_text="Only there where a release was quicker.")
    ended_before = serializers.CharField(
        required=False, help_text="Only there where somebody else had ended it: who, when, and that the note is lost."
    )


class ReasonField(serializers.CharField):
    """A reason: cleaned first, then measured."""

    default_error_messages = {
        "blank": "Give a reason: whoever waits will read it.",
        "max_length": "Up to {max_length:,} characters are kept. Shorten it, and link the rest.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_REASON, **options)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(clean_text(data) if isinstance(data, str) else data)


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class ProjectField(serializers.Field[str, Any, Any, Any]):
    """A project's number, or owner/repo: all projects of that repository."""

    def to_internal_value(self, data: Any) -> str:
        text = str(data) if isinstance(data, int | str) and not isinstance(data, bool) else ""
        if not ((text.isascii() and text.isdecimal()) or "/" in text):
            raise ValidationError("Give the project's number, or owner/repo.")
        return text


class MomentField(serializers.DateTimeField):
    """A moment: a time without its offset could be meant in any zone."""

    default_error_messages = {
        "invalid": "Give a time such as 2026-12-24T17:00:00Z, or null for no end.",
        "overflow": "There is no such time. Give one of this century, or null for no end.",
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValidationError("Say in which zone: 2026-12-24T17:00:00Z, or with an offset such as +01:00.")
        return super().enforce_timezone(value)


class Asked(serializers.Serializer[Any]):
    """What a script sends; a field that is not known is refused, because it would be lost without a word."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        if unknown:
            words = f"There is no such field here. Send {', '.join(self.fields)}."
            raise ValidationError({clean_line(str(name), 50): [words] for name in unknown[:10]})
        return super().to_internal_value(data)


class BlockIn(Asked):
    project_id = ProjectField()
    description = ReasonField()
    resolved_at = MomentField(required=False, allow_null=True)


class BlockChange(Asked):
    description = ReasonField(required=False)
    resolved_at = MomentField(required=False, allow_null=True)
    resolved = serializers.BooleanField(required=False)
    note = ReasonField(required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise ValidationError("Nothing is to be changed: send description, resolved_at, or resolved: true.")
        if attrs.get("note") and not attrs.get("resolved"):
            raise ValidationError({"note": ["A note says why a block ends: send resolved: true with it."]})
        if attrs.get("resolved") and "resolved_at" in attrs:
            raise ValidationError({"resolved_at": ["The block ends now or then: send resolved or resolved_at."]})
        return attrs


class _Busy(APIException):
    status_code = 503


class _BlockView(APIView):
    """For a session or HTTP Basic: every active user reads, staff write."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.method not in ("GET", "HEAD", "OPTIONS") and not request.user.is_staff:
            raise PermissionDenied("Only staff may block releases.")


class DeployBlocks(_BlockView):
    @extend_schema(
        parameters=[
            OpenApiParameter("project_id", str, required=True, description="The project's number, or owner/repo."),
            OpenApiParameter("resolved", bool, description="Absent: all blocks of the project."),
        ],
        responses=BlockOut(many=True),
        operation_id="deploy_blocks_list",
    )
    def get(self, request: Request) -> HttpResponse:
        projects = _projects(request.query_params.get("project_id", ""))
        blocks = _blocks(projects, request.query_params.get("resolved"), timezone.now())
        return _compact([_shown(block, project) for block in blocks for project in projects if covers(block, project)])

    @extend_schema(request=BlockIn, responses={201: SavedBlockOut}, operation_id="deploy_blocks_create")
    def post(self, request: Request) -> Response:
        asked = BlockIn(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        projects = _projects(values["project_id"])
        if len({project.organization_id for project in projects}) > 1:
            raise ValidationError({"project_id": ["Several organizations have projects of this repository: name one."]})
        project = projects[0]
        if project.archived_at is not None:
            words = f"{project.name} is archived: nothing is released there, so nothing is to be blocked."
            raise ValidationError({"project_id": [words]})
        now = timezone.now()
        _check_end(values.get("resolved_at"), now)
        wish = Wish(
            project.organization, values["description"], projects=projects, resolved_at=values.get("resolved_at")
        )
        owner = request.user if isinstance(request.user, AbstractBaseUser) else None
        try:
            saved = create_block(wish, actor=_actor(request), owner=owner, clock=timezone.now)
        except ImpossibleBlock as wrong:
            raise _refused(wrong) from None
        except StillMerging as merging:
            raise _Busy(str(merging)) from None
        return Response({**_shown(saved.block, project), **_too_late(saved)}, status=201)


class DeployBlockDetail(_BlockView):
    @extend_schema(request=BlockChange, responses=SavedBlockOut, operation_id="deploy_blocks_change")
    def patch(self, request: Request, block_id: int) -> Response:
        block = get_object_or_404(DeployBlock.objects.select_related("organization"), pk=block_id)
        asked = BlockChange(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        if values.get("resolved") is False and block.has_ended(timezone.now()):
            raise ValidationError({"resolved": ["This block has ended, and does not come back: make a new one."]})
        late: dict[str, Any] = {}
        if not values.keys().isdisjoint(CHANGES):
            late = _too_late(_change(block, values, _actor(request)))
        if values.get("resolved"):
            late = _end(block, values.get("note", ""), _actor(request))
        block.refresh_from_db()
        return Response({**_shown(block, block.projects.first()), **late})


def _end(block: DeployBlock, note: str, actor: Actor) -> dict[str, Any]:
    try:
        if resolve_block(block, note=note, actor=actor, clock=timezone.now):
            return {}
    except ReasonMissing as missing:
        raise ValidationError({"note": [str(missing)]}) from None
    block.refresh_from_db()
    return {"ended_before": ended_before(block, note, UTC)}


def _change(block: DeployBlock, values: dict[str, Any], actor: Actor) -> Saved:
    """Only what was sent: a block that somebody else changes meanwhile keeps that."""
    if "resolved_at" in values:
        _check_end(values["resolved_at"], timezone.now())
    sent = {name: values[name] for name in CHANGES if name in values}
    try:
        return change_block(
            block,
            block.organization,
            lambda stored: replace(wish_of(stored), **sent),
            actor=actor,
            clock=timezone.now,
        )
    except BlockEnded as ended:
        raise ValidationError({name: [str(ended)] for name in values if name in CHANGES}) from None
    except ImpossibleBlock as wrong:
        raise _refused(wrong) from None
    except StillMerging as merging:
        raise _Busy(str(merging)) from None


def _refused(wrong: ImpossibleBlock) -> ValidationError:
    """The same by the names of the fields here."""
    return ValidationError(
        {"project_id" if name == "projects" else name: words for name, words in wrong.message_dict.items()}
    )


def _check_end(resolved_at: datetime | None, now: datetime) -> None:
    if resolved_at is not None and resolved_at <= now:
        raise ValidationError({"resolved_at": ["This is past: the block would be over at once. Give a later time."]})
    if resolved_at is not None and resolved_at > now + LONGEST_PLAN:
        raise ValidationError({"resolved_at": [f"{TOO_FAR} Give null for no end."]})


def _projects(asked: str) -> list[Project]:
    """The projects that a number or owner/repo means. Raises NotFound."""
    projects = Project.objects.select_related("organization")
    path = asked.strip("/").removesuffix(".git").lower()
    if not asked.isprintable():  # NUL and half characters are nothing that PostgreSQL can look for
        found = []
    elif asked.isascii() and asked.isdecimal() and len(asked) < DIGITS:
        found = list(projects.filter(pk=int(asked)))
    elif "/" in path:
        of_repository = Q(stages__git_remote__iendswith=f"/{path}") | Q(stages__git_remote__iendswith=f"/{path}.git")
        scp = Q(stages__git_remote__iendswith=f":{path}") | Q(stages__git_remote__iendswith=f":{path}.git")
        renamed = Q(stages__in=stages_of(path))
        found = list(projects.active().filter(of_repository | scp | renamed).distinct().order_by("pk"))
    else:
        found = []
    if not found:
        raise NotFound("There is no such project. Give its number, or owner/repo of one of its stages.")
    return found


def _blocks(projects: Sequence[Project], resolved: str | None, at: datetime) -> QuerySet[DeployBlock]:
    """The blocks that may cover these projects; `covers` decides. One that has not begun does not count."""
    blocks = DeployBlock.objects.filter(organization_id__in={project.organization_id for project in projects})
    mine = Q(projects__in=[project.pk for project in projects]) | ~Q(scope=DeployBlock.Scope.PROJECTS)
    blocks = blocks.begun(at).filter(pk__in=DeployBlock.objects.filter(mine).values("pk"))
    match (resolved or "").lower():
        case "":
            pass
        case word if word in FALSE:
            blocks = blocks.unresolved(at)
        case word if word in TRUE:
            blocks = blocks.filter(resolved_at__lte=at)
        case _:
            raise ValidationError({"resolved": ["Give true or false, or leave it out."]})
    found: QuerySet[DeployBlock] = with_project_ids(blocks).order_by("-created_at", "-id")
    return found


def _shown(block: DeployBlock, project: Project | None) -> dict[str, Any]:
    return dict(
        BlockOut(
            {
                "id": block.pk,
                "project_id": project.pk if project else None,
                "description": block.description,
                "resolved_at": block.resolved_at,
                "created_at": block.created_at,
                "updated_at": block.updated_at,
            }
        ).data
    )


def _too_late(saved: Saved) -> dict[str, Any]:
    """What the block came too late for, as its own field; nothing where it was in time."""
    told = [
        {
            "project_id": each.project.pk,
            "project": each.project.name,
            "stage": each.stage,
            "released_at": each.at,
            "pull_request": {"number": each.number, "url": each.url} if each.number else None,
            "message": each.words("this block", UTC),
        }
        for each in saved.too_late
    ]
    return {"too_late": OvertakenOut(told, many=True).data} if told else {}


def _compact(rows: list[dict[str, Any]]) -> HttpResponse:
    return HttpResponse(
        json.dumps(rows, separators=(",", ":"), ensure_ascii=False), content_type="application/json; charset=utf-8"
    )


def _actor(request: Request) -> Actor:
    return Actor.api(request.user.get_username())
