"""What happened: one line of history for each act, never changed and never deleted."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class AuditEvent(models.Model):
    """One line of history.

    It names its project by id and name, without a foreign key: history outlives projects, and no app is imported.
    A trigger of the database refuses updates and deletions (see the migrations).
    """

    class ActorKind(models.TextChoices):
        PERSON = "person", "person"
        API = "api", "API user"
        HORIZON = "horizon", "Horizon"
        GITHUB = "github", "GitHub login"
        COMMAND = "command", "command line"

    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    kind = models.CharField(max_length=50, help_text="What was done, e.g. release.merged.")
    organization_name = models.CharField(max_length=200, blank=True)
    project_id = models.BigIntegerField(null=True)
    project_name = models.CharField(max_length=200, blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, help_text="The project's tags at that moment.")
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(project_id=None) | ~models.Q(project_name=""), name="audit_project_has_a_name"
            ),
            models.CheckConstraint(condition=models.Q(kind__regex=r"^[a-z-]+\.[a-z-]+$"), name="audit_kind_form"),
        ]
        indexes = [
            # Each filter of the history page, newest first: dashboard/history.py.
            models.Index(fields=["project_id", "-id"], name="audit_by_project"),
            models.Index(fields=["kind", "-id"], name="audit_by_kind"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["organization_name", "-id"], name="audit_by_organization"),
            models.Index(fields=["at"], name="audit_by_time"),
            GinIndex(fields=["tags"], name="audit_by_tag"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} by {self.actor}"
