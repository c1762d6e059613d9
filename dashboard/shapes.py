"""The JSON of /api/projects/ and /api/audit/: how it is made, and its description for the schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from audit.models import AuditEvent
from blocks.models import DeployBlock
from projects.models import Comparison, Stage
from projects.queries import Detail, head_of, source_of
from releases.decision import Action
from releases.queries import StrategyDecision

# --- made of rows -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: anonymous people, where the dashboard is public, get no e-mail addresses."""

    signed_in: bool


def project_json(
    detail: Detail,
    blocks: Sequence[DeployBlock],
    decisions: Sequence[StrategyDecision],
    now: datetime,
    reader: Reader,
) -> dict[str, Any]:
    """One project, the same in the list and alone."""
    project = detail.project
    return {
        "id": project.pk,
        "name": project.name,
        "organization": project.organization.name,
        "tags": project.tags,
        "criticality": project.criticality,
        "severity": round(detail.severity(now), 1),
        "released": detail.released,
        "error": detail.error(now) or None,
        "refreshed_at": moment(detail.refreshed_at),
        "stages": [_stage(stage) for stage in detail.stages],
        "comparisons": [_comparison(comparison, reader) for comparison in detail.comparisons],
        "blocks": [_block(block) for block in blocks],
        "releases": [_release(each) for each in decisions],
    }


def audit_json(event: AuditEvent) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": moment(event.at),
        "actor": event.actor,
        "kind": event.kind,
        "project": {"id": event.project_id, "name": event.project_name} if event.project_id else None,
        "data": event.data,
    }


def moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _stage(stage: Stage) -> dict[str, Any]:
    head = head_of(stage)
    sha = head.sha if head else None
    return {"name": stage.name, "position": stage.position, "sha": sha, "source": source_of(stage)}


def _comparison(comparison: Comparison, reader: Reader) -> dict[str, Any]:
    return {
        "ahead": comparison.ahead,
        "behind": comparison.behind,
        "released": comparison.released,
        "count": comparison.count,
        "drift": comparison.drift,
        "commits": [_commit(commit, reader) for commit in comparison.commits],
    }


def _commit(commit: dict[str, Any], reader: Reader) -> dict[str, Any]:
    return {
        "sha": commit["sha"],
        "date": moment(datetime.fromisoformat(commit["date"])),
        "message": commit.get("message"),
        "author": commit.get("author"),
        "email": commit.get("email") if reader.signed_in else "",
        "login": commit.get("login"),
        "url": commit.get("url"),
    }


def _block(block: DeployBlock) -> dict[str, Any]:
    return {
        "id": block.pk,
        "description": block.description,
        "created_by": block.created_by,
        "created_at": moment(block.created_at),
        "resolved_at": moment(block.resolved_at),
    }


def _release(each: StrategyDecision) -> dict[str, Any]:
    return {
        "stage": each.stage,
        "action": each.decision.action.value,
        "code": each.decision.code,
        "reason": each.decision.reason,
        "until": moment(each.decision.until),
        "pull_request": {"number": each.number, "url": each.url} if each.number else None,
    }


# --- described for the schema -------------------------------------------------------------------------------------


class StageOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    position = serializers.IntegerField(help_text="In order of promotion.")
    sha = serializers.CharField(allow_null=True, help_text="40 hex digits; null while it was never found.")
    source = serializers.ChoiceField(choices=["github", "git", "registry"])  # type: ignore[assignment]


class CommitOut(serializers.Serializer[Any]):
    sha = serializers.CharField()
    date = serializers.DateTimeField(help_text="The author's date.")
    message = serializers.CharField(help_text="The first line.")
    author = serializers.CharField()
    email = serializers.CharField(help_text="Empty for anonymous readers of a public dashboard.")
    login = serializers.CharField(allow_null=True)
    url = serializers.CharField(allow_null=True)


class ComparisonOut(serializers.Serializer[Any]):
    ahead = serializers.CharField()
    behind = serializers.CharField()
    released = serializers.BooleanField()
    count = serializers.IntegerField(help_text="Waiting commits, merges left out.")
    drift = serializers.IntegerField(help_text="Commits that only the stage behind has.")
    commits = CommitOut(many=True, help_text="Newest first, 250 at the most.")


class ProjectBlockOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    description = serializers.CharField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)


class PullRequestOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    url = serializers.CharField()


class ReleaseOut(serializers.Serializer[Any]):
    stage = serializers.CharField()
    action = serializers.ChoiceField(choices=[action.value for action in Action])
    code = serializers.CharField(help_text="The reason, for machines.")
    reason = serializers.CharField(help_text="The reason, for people.")
    until = serializers.DateTimeField(allow_null=True, help_text="When it may change by itself.")
    pull_request = PullRequestOut(allow_null=True)


class ProjectOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    organization = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    criticality = serializers.IntegerField(allow_null=True, min_value=0, max_value=3)
    severity = serializers.FloatField(help_text="Commits + contributors² + (age in days)² of the worst comparison.")
    released = serializers.BooleanField()
    error = serializers.CharField(allow_null=True)
    refreshed_at = serializers.DateTimeField(allow_null=True)
    stages = StageOut(many=True)
    comparisons = ComparisonOut(many=True)
    blocks = ProjectBlockOut(many=True, help_text="Those in force that cover the project.")
    releases = ReleaseOut(many=True, help_text="One for each deploy strategy.")


class ProjectNameOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class AuditOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    kind = serializers.CharField(help_text="For example release.merged.")
    project = ProjectNameOut(allow_null=True)
    data = serializers.DictField()  # type: ignore[assignment]
