"""What Slack was told of releases."""

from django.db import models
from django.db.models import Q


class Notice(models.Model):
    """One warning before a merge: which moment it named, and whether anybody got it.

    Delivered means: to at least one target. `waived_at`: an attempt failed two hours after the first one (`begun_at`),
    so the release goes on without it. `releases.timing.Timing` says when it has lapsed.
    """

    release = models.ForeignKey("releases.Release", on_delete=models.CASCADE, related_name="notices")
    merge_at = models.DateTimeField(help_text="The moment of the merge that it names.")
    head_sha = models.CharField(max_length=40)
    begun_at = models.DateTimeField(help_text="When it was first tried.")
    tried_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    waived_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, of all targets.")
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="What the last target said that failed.")

    class Meta:
        ordering = ["-begun_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["release"], condition=Q(delivered_at=None, waived_at=None), name="one_undelivered_notice"
            ),
        ]

    def __str__(self) -> str:
        return f"notice of {self.release}"


class SlackPost(models.Model):
    """The message of one release at one target: what it says now, and what still keeps it from saying more.

    `target` is a digest, because a webhook's address is a secret; `label` is what people read. `said` is the state that
    the message was last brought to, `wanted` that which it should have (they differ while Slack cannot be reached).
    A bot's message has a channel and a ts, by which it is edited and its thread found.
    """

    release = models.ForeignKey("releases.Release", on_delete=models.CASCADE, related_name="slack_posts")
    target = models.CharField(max_length=64)
    label = models.CharField(max_length=200)
    channel = models.CharField(max_length=100, blank=True)
    ts = models.CharField(max_length=50, blank=True)
    said = models.CharField(max_length=64, blank=True)
    wanted = models.CharField(max_length=64, blank=True)
    begun_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    limited = models.PositiveSmallIntegerField(default=0, help_text="How often Slack answered 429 to this message.")
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "target"], name="one_slack_post_per_target")]

    def __str__(self) -> str:
        return f"{self.label}: {self.said}"
