"""What Horizon still has to say on pull requests that it leaves behind."""

from django.db import models

from projects.models import Profile


class Farewell(models.Model):
    """The last word in the text of a pull request of which Horizon had said that it merges it.

    It outlives the strategy and the project, which are named by what history tells of them. `key` is that of the
    release: it stands in the text.
    """

    key = models.UUIDField(unique=True)
    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="+")
    repository = models.CharField(max_length=300, help_text="owner/name")
    number = models.PositiveIntegerField()
    why = models.CharField(max_length=500)
    project_id = models.BigIntegerField()
    organization_name = models.CharField(max_length=200)
    data = models.JSONField(help_text="Of the line of history that tells it.")
    created_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="The host's own words.")
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "last word on a pull request"
        verbose_name_plural = "last words on pull requests"
        indexes = [models.Index(fields=["created_at"], condition=models.Q(done_at=None), name="farewell_to_say")]

    def __str__(self) -> str:
        return f"{self.repository} #{self.number}"
