"""How stages are released, and the releases: one promotion each, from the first decision to live."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from projects.models import Profile, Stage
from projects.secrets import SecretField


class DeployStrategy(models.Model):
    """How a stage is released. Times are whole seconds."""

    class Provider(models.TextChoices):
        GITHUB_PULL_REQUEST = "github pull request", "GitHub pull request"

    class MergeMethod(models.TextChoices):
        MERGE = "merge", "merge commit"
        SQUASH = "squash", "squash"
        REBASE = "rebase", "rebase"

    stage = models.ForeignKey(Stage, on_delete=models.CASCADE, related_name="strategies")
    provider = models.CharField(max_length=40, choices=Provider, default=Provider.GITHUB_PULL_REQUEST)
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="strategies", null=True, blank=True)
    repository = models.CharField(max_length=300, blank=True, help_text="owner/name; empty: the stage's own.")
    base = models.CharField(max_length=255, help_text="The branch that is released to, e.g. release.")
    head = models.CharField(max_length=255, help_text="The branch that is released, e.g. staging.")
    automatic = models.BooleanField(default=False, help_text="Horizon opens and merges; else people do.")
    merge_after = models.PositiveIntegerField(
        null=True, blank=True, help_text="Seconds from opening to merging; empty: people merge."
    )
    merge_prior_warning = models.PositiveIntegerField(
        default=3600, help_text="Seconds between the notice in Slack and the merge."
    )
    merge_method = models.CharField(max_length=10, choices=MergeMethod, default=MergeMethod.MERGE)
    required_checks = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    slack_webhook_urls = SecretField(blank=True, help_text="Incoming webhooks, one a line.")
    slack_channels = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    blocked_time_buckets = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, help_text="Cron expressions of closed minutes."
    )
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA zone of the closed minutes.")

    class Meta:
        verbose_name_plural = "deploy strategies"
        ordering = ["stage", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(base="") & ~Q(head=""), name="strategy_has_base_and_head"),
            models.CheckConstraint(
                condition=~Q(base=F("head")),
                name="strategy_base_is_not_head",
                violation_error_message="Base and head are the same branch: nothing could ever be released.",
            ),
            models.UniqueConstraint(
                fields=["stage", "repository", "base", "head"],
                name="strategy_unique",
                violation_error_message="This stage has a strategy with the same base and head already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage}: {self.head} -> {self.base}"


class StrategyReading(models.Model):
    """What the host last told about a strategy's branches and pull request: the facts that decisions and pages share.

    `facts` is the JSON of `releases.situation.Reading`, written and read by `releases.readings` only; `error` says why
    it could not be read (`facts` is then the last good one), `retry_at` when the host may be asked again.
    """

    strategy = models.OneToOneField(DeployStrategy, on_delete=models.CASCADE, primary_key=True, related_name="reading")
    read_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField()
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    facts = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"reading of {self.strategy}"


class Release(models.Model):
    """One promotion: from the decision to open it until it was merged or given up.

    `key` stands in the text of the pull request, so that one whose opening was never confirmed is known again.
    `refused_*` tell the host's last no to an act for this head, until an act succeeds or the head moves.
    """

    class State(models.TextChoices):
        OPENING = "opening", "opening"
        OPEN = "open", "open"
        MERGING = "merging", "merging"
        MERGED = "merged", "merged"
        CLOSED = "closed", "closed"

    UNFINISHED = (State.OPENING, State.OPEN, State.MERGING)

    strategy = models.ForeignKey(DeployStrategy, on_delete=models.CASCADE, related_name="releases")
    state = models.CharField(max_length=10, choices=State, default=State.OPENING)
    head_sha = models.CharField(max_length=40, help_text="The commit of head that it was last seen with.")
    number = models.PositiveIntegerField("pull request", null=True)
    url = models.CharField(max_length=2000, blank=True)
    begun_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, help_text="When the host says the pull request was opened.")
    asked_at = models.DateTimeField(null=True, help_text="When its merge was asked of the host, last.")
    merged_at = models.DateTimeField(null=True)
    merge_sha = models.CharField(max_length=40, blank=True)
    merged_by = models.CharField(max_length=200, blank=True)
    closed_at = models.DateTimeField(null=True)
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    refused_act = models.CharField(max_length=10, blank=True)
    refused_sha = models.CharField(max_length=40, blank=True)
    refused_words = models.TextField(blank=True, help_text="The host's own.")
    refusals = models.PositiveIntegerField(default=0, help_text="In a row: the pauses between attempts grow with it.")
    retry_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-begun_at", "-id"]
        constraints = [
            # Whoever reads old facts finds out here that the pull request is known, and perhaps merged, already.
            models.UniqueConstraint(
                fields=["strategy", "number"],
                condition=~Q(state="closed"),
                name="one_release_per_pull_request",
            ),
            models.UniqueConstraint(
                fields=["strategy"],
                condition=Q(state__in=["opening", "open", "merging"]),
                name="one_unfinished_release_per_strategy",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["opening", "closed"]) | Q(number__isnull=False),
                name="release_has_a_pull_request",
            ),
            models.CheckConstraint(
                condition=~Q(state="merged") | Q(merged_at__isnull=False), name="release_merged_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy} #{self.number}"


class Attempt(models.Model):
    """One outward act, written before the call and finished after it.

    What a crash left unfinished is settled by looking at the host.
    """

    class Act(models.TextChoices):
        OPEN = "open", "open the pull request"
        MERGE = "merge", "merge"

    class Outcome(models.TextChoices):
        DONE = "done", "done"
        REFUSED = "refused", "refused"
        UNKNOWN = "unknown", "answer lost"

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="attempts")
    act = models.CharField(max_length=10, choices=Act)
    sha = models.CharField(max_length=40)
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    message = models.TextField(blank=True, help_text="The host's own words when it refused.")

    class Meta:
        ordering = ["-begun_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["release", "act"], condition=Q(finished_at=None), name="one_unfinished_attempt_per_act"
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None) ^ ~Q(outcome=""), name="attempt_finished_has_an_outcome"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.release}"
