"""People who say no."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from projects.models import Organization, Project


class DeployBlockQuerySet(models.QuerySet["DeployBlock"]):
    def begun(self, at: datetime) -> Self:
        """Blocks that have begun: by this clock, or by that of whoever saved them last."""
        return self.filter(Q(begins_at__lte=at) | Q(begins_at__lte=models.F("updated_at")))

    def unresolved(self, at: datetime) -> Self:
        """Blocks in force at this moment: begun, and not resolved or resolved only in the future."""
        return self.begun(at).filter(Q(resolved_at=None) | Q(resolved_at__gt=at))

    def planned(self, at: datetime) -> Self:
        """Blocks that will begin, and were not called off."""
        not_called_off = Q(resolved_at=None) | Q(resolved_at__gt=models.F("begins_at"))
        return self.filter(not_called_off, Q(begins_at__gt=models.F("updated_at")), begins_at__gt=at)

    def past(self, at: datetime) -> Self:
        """Blocks that ended, or were called off before they began."""
        return self.filter(Q(resolved_at__lte=at) | Q(resolved_at=models.F("begins_at")))

    def covering(self, project: Project) -> Self:
        """Blocks of the project itself, of its tags and of its organization."""
        return (
            self.filter(
                Q(scope=DeployBlock.Scope.ORGANIZATION)
                | Q(scope=DeployBlock.Scope.TAG, tag__in=project.tags)
                | Q(scope=DeployBlock.Scope.PROJECTS, projects=project),
                organization_id=project.organization_id,
            )
            .exclude(exceptions=project)
            .distinct()
        )


class DeployBlock(models.Model):
    """A person's "do not release", with a reason. Never deleted; it ends at `resolved_at`."""

    class Scope(models.TextChoices):
        PROJECTS = "projects", "these projects"
        TAG = "tag", "all projects with a tag"
        ORGANIZATION = "organization", "the whole organization"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="blocks")
    scope = models.CharField(max_length=20, choices=Scope, default=Scope.PROJECTS)
    tag = models.CharField(max_length=100, blank=True)
    projects = models.ManyToManyField(Project, related_name="blocks", blank=True)
    exceptions = models.ManyToManyField(
        Project, related_name="+", blank=True, help_text="Projects that a tag's or an organization's block spares."
    )
    bad_commits = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        help_text="Commits that must not be released again: the block lifts when the head contains their revert.",
    )
    description = models.TextField("reason", max_length=2000)
    begins_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.TextField("note", max_length=2000, blank=True)
    created_by = models.CharField(max_length=150)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    resolved_by = models.CharField(max_length=150, blank=True)
    reminded_at = models.DateTimeField(
        null=True, blank=True, help_text="When its owner was last reminded that it has no end."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = DeployBlockQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(description=""), name="block_has_a_reason"),
            models.CheckConstraint(condition=Q(tag="") ^ Q(scope="tag"), name="block_tag_only_with_its_scope"),
            models.CheckConstraint(
                condition=Q(resolved_at=None) | Q(resolved_at__gte=models.F("begins_at")),
                name="block_ends_after_it_begins",
            ),
        ]
        indexes = [
            # What is in force now, read by every decision and by the gate of builds.
            models.Index(fields=["organization", "resolved_at"], name="block_by_organization"),
        ]

    def __str__(self) -> str:
        return self.description[:80]

    def has_begun(self, at: datetime) -> bool:
        """A block "from now" has begun with its row, also for a process whose clock is behind that of its author's."""
        return self.begins_at <= max(at, self.updated_at)

    def unresolved(self, at: datetime) -> bool:
        """In force at this moment."""
        return self.has_begun(at) and (self.resolved_at is None or self.resolved_at > at)

    def has_ended(self, at: datetime) -> bool:
        return self.resolved_at is not None and self.resolved_at <= max(at, self.begins_at)
