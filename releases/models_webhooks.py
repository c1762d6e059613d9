"""What GitHub sent."""

from django.db import models


class WebhookDelivery(models.Model):
    """One delivery, remembered by app and id: GitHub sends the same id again when somebody asks it to, and two apps may
    send the same id. `processed_at` is null while its work is not done."""

    app = models.CharField(max_length=50, help_text="The GitHub App, or hook, that sent it.")
    delivery = models.CharField(max_length=100)
    event = models.CharField(max_length=50)
    action = models.CharField(max_length=50, blank=True)
    host_id = models.BigIntegerField(null=True, help_text="The host's id of the repository.")
    path = models.CharField(max_length=300, blank=True, help_text="owner/name in lower case.")
    ref = models.CharField(max_length=300, blank=True)
    installation = models.CharField(max_length=30, blank=True, help_text="Of the App, in events about that.")
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-received_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["app", "delivery"], name="webhook_delivered_once")]
        indexes = [
            models.Index(fields=["path", "-received_at"], name="webhook_by_path"),
            models.Index(fields=["received_at"], name="webhook_by_time"),
            models.Index(fields=["received_at"], condition=models.Q(processed_at=None), name="webhook_undone"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.delivery}"
