"""What was looked at after merges: moves of stages by people, and reverts of commits that were taken back."""

from django.db import models

from blocks.models import DeployBlock


class Watch(models.Model):
    """Up to when the moves of a strategy's stages were looked at for releases that people made by hand."""

    strategy = models.OneToOneField(
        "releases.DeployStrategy", on_delete=models.CASCADE, primary_key=True, related_name="watch"
    )
    until = models.DateTimeField()

    class Meta:
        verbose_name_plural = "watches"

    def __str__(self) -> str:
        return f"{self.strategy} until {self.until:%Y-%m-%d %H:%M}"


class GoingBack(models.Model):
    """A block that came with a way back, and what is needed to see that the head contains the revert of its commits.

    `good_sha` is where the base was before them: what the head has beyond it are the bad commits and what came after.
    `looked_sha` is the head for which `missing` says how many of the bad commits are not reverted; `retry_at` is when
    the host is asked again that could not tell.
    """

    block = models.OneToOneField(DeployBlock, on_delete=models.CASCADE, primary_key=True, related_name="going_back")
    strategy = models.ForeignKey("releases.DeployStrategy", on_delete=models.CASCADE, related_name="ways_back")
    release = models.ForeignKey("releases.Release", on_delete=models.SET_NULL, null=True, related_name="ways_back")
    good_sha = models.CharField(max_length=40)
    looked_sha = models.CharField(max_length=40, blank=True)
    looked_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    missing = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "ways back"

    def __str__(self) -> str:
        return f"{self.strategy} back to {self.good_sha[:7]}"
