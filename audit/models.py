"""What happened: one line of history for each act, never changed and never deleted."""

from django.contrib.postgres.fields import ArrayField
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
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} by {self.actor}"


class EventTag(models.Model):
    """An event by one of its tags: a row for each, written by a trigger when the event is (see the migrations).

    An index over the tags has no order, and a walk back through all of history finds a rare tag late, or never.
    """

    pk = models.CompositePrimaryKey("tag", "event_id")
    tag = models.CharField(max_length=100)
    event = models.ForeignKey(
        AuditEvent, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="borne"
    )

    def __str__(self) -> str:
        return f"{self.tag}: {self.event_id}"
