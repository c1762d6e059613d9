"""How stages are released, and the releases: one promotion each, from the first decision to live."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from projects.models import Profile, Stage
from projects.secrets import SecretField
from releases.models_closed import ClosedHours, Holiday
from releases.models_farewells import Farewell
from releases.models_live import GoingBack, Watch
from releases.models_notices import Notice, SlackPost
from releases.models_webhooks import WebhookDelivery

__all__ = [
    "Attempt",
    "ClosedHours",
    "DeployStrategy",
    "Farewell",
    "GoingBack",
    "Holiday",
    "Intervention",
    "Note",
    "Notice",
    "Release",
    "Repair",
    "SlackPost",
    "StrategyReading",
    "Watch",
    "WebhookDelivery",
]


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
    min_commit_age = models.PositiveIntegerField(
        null=True, blank=True, help_text="Seconds that the newest commit must have waited, too; empty: none."
    )
    max_wait = models.PositiveIntegerField(
        null=True, blank=True, help_text="Seconds after its opening from which newer commits delay it no more."
    )
    merge_method = models.CharField(max_length=10, choices=MergeMethod, default=MergeMethod.MERGE)
    required_checks = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    slack_webhook_urls = SecretField(blank=True, help_text="Incoming webhooks, one a line.")
    slack_channels = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    blocked_time_buckets = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, help_text="Cron expressions of closed minutes."
    )
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA zone of the closed minutes.")
    slack_profile = models.ForeignKey(
        Profile,
        on_delete=models.PROTECT,
        related_name="announcing_strategies",
        null=True,
        blank=True,
        help_text="The Slack bot that posts to the channels; empty: the organization's.",
    )
    commit_status = models.BooleanField(
        default=False,
        help_text="Set the status horizon/release on the head, so that merge buttons show what Horizon says.",
    )
    live_within = models.PositiveIntegerField(
        default=1800, help_text="Seconds from the merge until production must have been seen to run it."
    )

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
    asked_at = models.DateTimeField(null=True, help_text="An event said that there is news: look next.")
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    head_since = models.DateTimeField(null=True, help_text="When head was first seen at its commit.")
    facts = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"reading of {self.strategy}"


class Release(models.Model):
    """One promotion: from the decision to open it until it was merged or given up, and seen live.

    `key` stands in the text of the pull request, so that one whose opening was never confirmed is known again.
    `refused_*` tell the host's last no to an act for this head, until an act succeeds or the head moves.
    `commits` has the form of `projects.models.Comparison.commits`. A push to the base without a pull request is a
    release by hand, or a rollback, without a number.
    """

    class Kind(models.TextChoices):
        AUTOMATIC = "automatic", "automatic"
        MANUAL = "manual", "by hand"
        ROLLBACK = "rollback", "rollback"

    class State(models.TextChoices):
        OPENING = "opening", "opening"
        OPEN = "open", "open"
        MERGING = "merging", "merging"
        QUEUED = "queued", "in the merge queue"
        MERGED = "merged", "merged"
        CLOSED = "closed", "closed"

    class Closing(models.TextChoices):
        """How one that is closed came to its end."""

        CLOSED = "closed", "a person closed it"
        RETARGETED = "retargeted", "a person took it to other branches"
        LEFT = "left", "its strategy releases something else"

    UNFINISHED = (State.OPENING, State.OPEN, State.MERGING, State.QUEUED)

    strategy = models.ForeignKey(DeployStrategy, on_delete=models.CASCADE, related_name="releases")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.AUTOMATIC)
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
    closed_by = models.CharField(max_length=200, blank=True)
    closing = models.CharField(max_length=10, choices=Closing, default=Closing.CLOSED, db_default=Closing.CLOSED)
    base = models.CharField(max_length=255, blank=True, db_default="", help_text="Of the pull request, when it opened.")
    head = models.CharField(max_length=255, blank=True, db_default="", help_text="Of the pull request, when it opened.")
    base_sha = models.CharField(max_length=40, blank=True, help_text="Where the base was before it.")
    commits = models.JSONField(default=list)
    commit_count = models.PositiveIntegerField(default=0)
    squashed = models.BooleanField(default=False, help_text="Merged with one parent: the common history is broken.")
    rebased = models.BooleanField(
        default=False, db_default=False, help_text="Squashed, but commit by commit: they were copied onto the base."
    )
    rewritten = models.BooleanField(default=False, help_text="Head was rewritten since, and does not contain it.")
    head_looked_sha = models.CharField(
        max_length=40, blank=True, help_text="The head of which it was asked last whether it contains this."
    )
    request_id = models.CharField(max_length=100, blank=True, help_text="The host's id of an asynchronous merge.")
    queued_at = models.DateTimeField(null=True)
    live_at = models.DateTimeField(null=True, help_text="When production was first seen to run it.")
    live_alarm_at = models.DateTimeField(null=True, help_text="When it was told that it is not seen live.")
    live_looked_sha = models.CharField(
        max_length=40, blank=True, help_text="The commit of production that was found not to contain it, last."
    )
    assigned_sha = models.CharField(max_length=40, blank=True, help_text="The head for which assigning was tried.")
    status_said = models.CharField(max_length=300, blank=True, help_text="The commit status that was set last.")
    text_said = models.CharField(max_length=64, blank=True, help_text="Digest of Horizon's part of the text.")
    branch_seen_at = models.DateTimeField(
        null=True, help_text="When head was still there after the merge: gone later, the merge did not delete it."
    )
    branch_restored_at = models.DateTimeField(null=True)
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
                fields=["strategy", "number", "url"],  # another repository may come, and have the same numbers
                condition=~Q(state="closed"),
                name="one_release_per_pull_request",
            ),
            models.UniqueConstraint(
                fields=["strategy"],
                condition=Q(state__in=["opening", "open", "merging", "queued"]),
                name="one_unfinished_release_per_strategy",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["opening", "closed"])
                | Q(number__isnull=False)
                | Q(state="merged", kind__in=["manual", "rollback"]),
                name="release_has_a_pull_request",
            ),
            models.CheckConstraint(
                condition=~Q(state="merged") | Q(merged_at__isnull=False), name="release_merged_has_a_time"
            ),
        ]
        indexes = [
            # releases/live.py looks for those that were not seen live, at every poll.
            models.Index(fields=["-merged_at"], condition=Q(state="merged", live_at=None), name="release_not_live"),
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
        DEQUEUE = "dequeue", "take out of the merge queue"
        ASSIGN = "assign", "assign somebody"
        STATUS = "status", "set the commit status"
        EDIT = "edit", "rewrite the text of the pull request"
        RESTORE = "restore", "restore the head branch"

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


class Intervention(models.Model):
    """What a person said to one release: now, not before a moment, or not this one.

    For the commit of head that the person saw; a postponement holds whatever the head. `spite_blocks` and
    `spite_closed`: what a named person named when releasing in spite of it; `seen_blocks` and `seen_hours`: as what
    they saw it. What is another one now, was not meant.
    """

    class Kind(models.TextChoices):
        RELEASE_NOW = "release-now", "release now"
        POSTPONE = "postpone", "postpone"
        SKIP = "skip", "skip"

    strategy = models.ForeignKey(DeployStrategy, on_delete=models.CASCADE, related_name="interventions")
    kind = models.CharField(max_length=20, choices=Kind)
    head_sha = models.CharField(max_length=40)
    until = models.DateTimeField(null=True)
    reason = models.TextField(max_length=2000)
    spite_blocks = ArrayField(models.BigIntegerField(), default=list)
    spite_closed = models.BooleanField(default=False)
    seen_blocks = ArrayField(models.TextField(), default=list, db_default=[])
    seen_hours = ArrayField(models.TextField(), default=list, db_default=[])
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="Withdrawn, or used up.")
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [("release_in_spite", "May release in spite of deploy blocks and closed hours")]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="intervention_has_a_reason"),
            models.CheckConstraint(
                condition=Q(kind="postpone") ^ Q(until=None), name="intervention_until_only_to_postpone"
            ),
            models.UniqueConstraint(
                fields=["strategy", "kind"], condition=Q(ended_at=None), name="one_intervention_of_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.strategy}"


class Note(models.Model):
    """A comment that Horizon writes on a release's pull request; `key` stands in it, so that it is written once."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    posted_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.text[:80]


class Repair(models.Model):
    """A pull request that a person asked Horizon to open: to heal a squashed history, or to revert a release.

    `release` is the one that was squashed, or that is reverted; `head` and `base` are the branches of the new pull
    request, `key` stands in its text.
    """

    class Kind(models.TextChoices):
        HEAL = "heal", "heal the history"
        REVERT = "revert", "revert the release"

    class State(models.TextChoices):
        ASKED = "asked", "asked for"
        OPEN = "open", "open"
        REFUSED = "refused", "refused"
        DONE = "done", "done"

    strategy = models.ForeignKey(DeployStrategy, on_delete=models.CASCADE, related_name="repairs")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="repairs", null=True)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    base = models.CharField(max_length=255)
    head = models.CharField(max_length=255)
    number = models.PositiveIntegerField("pull request", null=True)
    url = models.CharField(max_length=2000, blank=True)
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "kind"], condition=Q(state="asked"), name="one_repair_asked_of_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.strategy}"
