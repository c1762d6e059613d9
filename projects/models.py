"""What is released and where its code is: organizations, profiles, projects, stages and what was read of them."""

from datetime import UTC, datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from projects import compare
from projects.reading import Question, Where
from projects.secrets import SecretField


class Organization(models.Model):
    """Owns projects, profiles and organization-wide blocks; its name is the default GitHub owner."""

    name = models.CharField(max_length=100, help_text="Also the GitHub owner where a project names none.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="organization_name_unique",
                violation_error_message="There is an organization of this name already.",
            ),
            models.CheckConstraint(condition=Q(name__regex=r"^[^\s/][^/]*$"), name="organization_name_form"),
        ]

    def __str__(self) -> str:
        return self.name


class Profile(models.Model):
    """Credentials for one host. The secret is encrypted, goes to that host only, and is never shown again."""

    class Kind(models.TextChoices):
        GITHUB_TOKEN = "github-token", "GitHub token"
        GITHUB_APP = "github-app", "GitHub App"
        BASIC = "basic", "User and password of a git host"
        AWS = "aws", "AWS access key (container registry)"
        SLACK_BOT = "slack-bot", "Slack bot"

    GITHUB_KINDS = (Kind.GITHUB_TOKEN, Kind.GITHUB_APP)
    DEFAULT_API_URL = "https://api.github.com"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind)
    secret = SecretField(blank=True, help_text="Token, private key, password or secret access key.")
    api_url = models.CharField(
        "API address",
        max_length=500,
        blank=True,
        help_text="GitHub only: https://api.github.com, or your Enterprise's.",
    )
    app_id = models.CharField("App ID", max_length=100, blank=True, help_text="GitHub App only.")
    installation_id = models.CharField("installation ID", max_length=30, blank=True, help_text="GitHub App only.")
    host = models.CharField(max_length=255, blank=True, help_text="Git host only, e.g. git.heroku.com.")
    user = models.CharField(max_length=255, blank=True, help_text="Git host only.")
    region = models.CharField(max_length=50, blank=True, help_text="AWS only, e.g. us-east-1.")
    key_id = models.CharField("access key ID", max_length=128, blank=True, help_text="AWS only.")

    class Meta:
        ordering = ["organization", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="profile_name_unique",
                violation_error_message="This organization has a profile of this name already.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="profile_has_a_name"),
            models.CheckConstraint(
                condition=~Q(kind__in=["github-token", "github-app"]) | ~Q(api_url=""),
                name="profile_github_has_api_url",
            ),
            models.CheckConstraint(
                condition=~Q(kind="github-app") | (~Q(app_id="") & ~Q(installation_id="")),
                name="profile_app_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(kind="basic") | (~Q(host="") & ~Q(user="")), name="profile_basic_is_complete"
            ),
            models.CheckConstraint(
                condition=~Q(kind="aws") | (~Q(region="") & ~Q(key_id="")), name="profile_aws_is_complete"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization}/{self.name}"

    @property
    def is_github(self) -> bool:
        return self.kind in self.GITHUB_KINDS


class ProfileBudget(models.Model):
    """What a host last told of a profile's limits, and whether Horizon pauses because of them.

    Apart from the profile, so that an admin's save never overwrites it.
    """

    profile = models.OneToOneField(Profile, on_delete=models.CASCADE, primary_key=True, related_name="budget")
    login = models.CharField(max_length=200, blank=True, help_text="Who the credentials belong to.")
    rest_limit = models.PositiveIntegerField(null=True)
    rest_remaining = models.PositiveIntegerField(null=True)
    rest_reset_at = models.DateTimeField(null=True)
    graphql_limit = models.PositiveIntegerField(null=True)
    graphql_remaining = models.PositiveIntegerField(null=True)
    graphql_reset_at = models.DateTimeField(null=True)
    measured_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    pause_reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"budget of {self.profile}"

    def pauses(self, at: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > at


class ProjectQuerySet(models.QuerySet["Project"]):
    def active(self) -> Self:
        """Projects that are polled, shown and released: all but the archived ones."""
        return self.filter(archived_at=None)

    def named(self, name: str) -> Self:
        """Those that NAME means: `project` or `organization/project`."""
        organization, slash, project = name.rpartition("/")
        found = self.filter(name__iexact=project)
        return found.filter(organization__name__iexact=organization) if slash else found

    def tagged(self, *tags: str) -> Self:
        """Projects that bear any of these tags."""
        return self.filter(tags__overlap=list(tags))


class Project(models.Model):
    """Something that is released."""

    class Criticality(models.IntegerChoices):
        UNSUPPORTED = 0, "Unsupported"
        SUPPORTED = 1, "Supported"
        IMPORTANT = 2, "Important"
        CRITICAL = 3, "Critical"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    tags = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, help_text="Often teams; comma-separated."
    )
    criticality = models.PositiveSmallIntegerField(choices=Criticality, null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["organization", "name"]
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="project_name_unique",
                violation_error_message="This organization has a project of this name already.",
            ),
            models.CheckConstraint(condition=Q(name__regex=r"^[^\s/][^/]*$"), name="project_name_form"),
            models.CheckConstraint(
                condition=Q(criticality=None) | Q(criticality__range=(0, 3)), name="project_criticality_range"
            ),
        ]
        indexes = [GinIndex(fields=["tags"], name="project_by_tag")]

    def __str__(self) -> str:
        return f"{self.organization}/{self.name}"

    def get_absolute_url(self) -> str:
        return f"/projects/{self.pk}/"


class Stage(models.Model):
    """A place that code reaches. Stages of a project are ordered by position, in order of promotion."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=100, help_text="e.g. main, staging, production")
    git_remote = models.CharField(max_length=2000, blank=True, help_text="https or ssh address of the repository.")
    branch = models.CharField(max_length=255, blank=True)
    tag_pattern = models.CharField(max_length=255, blank=True, help_text="The newest tag that matches, e.g. v*.")
    hokusai = models.CharField(
        max_length=128, blank=True, help_text="The tag of the image that runs there, e.g. production."
    )
    registry_repository = models.CharField(
        max_length=256,
        blank=True,
        help_text="Only with an image tag: the registry's repository, else the project's name.",
    )
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, null=True, blank=True, related_name="stages")

    class Meta:
        ordering = ["project", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "position"],
                name="stage_position_unique",
                deferrable=models.Deferrable.DEFERRED,
                violation_error_message="Two stages of a project have the same position.",
            ),
            models.UniqueConstraint(
                fields=["project", "name"],
                name="stage_name_unique",
                violation_error_message="The project has a stage of this name already.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="stage_has_a_name"),
            models.CheckConstraint(
                condition=(~Q(branch="") & Q(tag_pattern="") & Q(hokusai=""))
                | (Q(branch="") & ~Q(tag_pattern="") & Q(hokusai=""))
                | (Q(branch="") & Q(tag_pattern="") & ~Q(hokusai="")),
                name="stage_has_one_source",
                violation_error_message="Give a stage exactly one of: branch, tag pattern, image tag (hokusai).",
            ),
            models.CheckConstraint(
                condition=~Q(git_remote="") | ~Q(hokusai=""),
                name="stage_has_a_remote",
                violation_error_message="Give the stage a git remote, e.g. https://github.com/artsy/candela.git.",
            ),
            models.CheckConstraint(
                condition=Q(registry_repository="") | ~Q(hokusai=""), name="stage_registry_only_with_image"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.name}"

    @property
    def where(self) -> Where:
        if self.tag_pattern:
            return Where.TAG_PATTERN
        return Where.HOKUSAI if self.hokusai else Where.BRANCH

    @property
    def question(self) -> Question:
        """What its reader is asked."""
        if self.where is Where.HOKUSAI:
            return Question(self.registry_repository or self.project.name.lower(), Where.HOKUSAI, self.hokusai)
        return Question(self.git_remote, self.where, self.tag_pattern or self.branch)


class Repository(models.Model):
    """A repository as a host with an API knows it. The host's id is kept, so a renamed one is followed.

    `path` is owner/name as the stages' remotes write it, in lower case; `current_path` is what the host calls it now.
    """

    api_url = models.CharField(max_length=500)
    path = models.CharField(max_length=300)
    host_id = models.BigIntegerField()
    current_path = models.CharField(max_length=300)
    default_branch = models.CharField(max_length=255, blank=True)
    default_branch_sha = models.CharField(max_length=40, blank=True)
    archived = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "repositories"
        constraints = [models.UniqueConstraint(fields=["api_url", "path"], name="repository_path_unique")]

    def __str__(self) -> str:
        return self.current_path

    @property
    def renamed(self) -> bool:
        return self.current_path.lower() != self.path.lower()


class ProjectPoll(models.Model):
    """When a project was last read, and which worker is reading it now.

    Small and apart, because a poll that finds nothing new writes nothing else. `asked_at` is set by a push, a person or
    a changed configuration: read it next, whatever the interval.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="poll")
    refreshed_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(default=datetime(1970, 1, 1, tzinfo=UTC))
    lease = models.UUIDField(null=True)
    configuration = models.CharField(max_length=64, blank=True, help_text="Fingerprint of the stages that were read.")

    def __str__(self) -> str:
        return f"poll of {self.project}"


class StageHead(models.Model):
    """Where a stage was when it was last read; `sha` is empty when it has never been found.

    `error` is the sentence of the last reading when that failed; the commit is then the last one known.
    """

    stage = models.OneToOneField(Stage, on_delete=models.CASCADE, primary_key=True, related_name="head")
    sha = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    tree = models.CharField(max_length=40, blank=True)
    label = models.CharField(max_length=300, blank=True, help_text="The tag or image tag that names the commit.")
    since = models.DateTimeField(help_text="When it was first seen at this commit.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(sha__regex=r"^([0-9a-f]{40})?$"), name="stage_head_is_a_sha")]

    def __str__(self) -> str:
        return f"{self.stage} at {self.sha[:7]}"


class StageMove(models.Model):
    """One move of a stage, kept for ever: it answers "what was live at T" after snapshots are pruned.

    `from_sha` is empty for the first sight of a stage; `to_sha` is empty when the branch, tag or image had gone.
    """

    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, related_name="moves")
    project_name = models.CharField(max_length=201)
    stage_name = models.CharField(max_length=100)
    from_sha = models.CharField(max_length=40, blank=True)
    to_sha = models.CharField(max_length=40, blank=True)
    label = models.CharField(max_length=300, blank=True)
    forced = models.BooleanField(default=False, help_text="The old commit is not in the new one's history.")
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at", "-id"]
        constraints = [models.CheckConstraint(condition=~Q(from_sha=models.F("to_sha")), name="stage_move_moves")]
        indexes = [
            # What was at a stage at a moment; the newest moves of a project.
            models.Index(fields=["project", "stage_name", "-seen_at"], name="stage_move_by_stage"),
        ]

    def __str__(self) -> str:
        return f"{self.project_name} {self.stage_name} {self.from_sha[:7]} -> {self.to_sha[:7]}"


class Snapshot(models.Model):
    """All comparisons of a project at one time; a new one only when something changed.

    When the project could not be read, `error` says why, and the comparisons are those of the last good reading, whose
    time is `read_at`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots")
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, help_text="When the comparisons were last known to be true, if in error.")
    error = models.TextField(blank=True)
    released = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["project"], condition=Q(is_current=True), name="one_current_snapshot"),
        ]
        indexes = [models.Index(fields=["project", "-created_at"], name="snapshot_by_project")]

    def __str__(self) -> str:
        return f"{self.project} at {self.created_at:%Y-%m-%d %H:%M}"


class Comparison(models.Model):
    """What the stage ahead has that the stage behind has not.

    `commits` is a list of at most 250 objects {sha, date, message, author, email, login, url, pull_request}, newest
    first, merges left out. `count` is exact, or the host's total when `at_least`. `drift` counts commits that only the
    stage behind has, merges left out; they are in `drift_commits`. `contributors` holds one name for each distinct
    author e-mail.

    Scores grow with time, so they are not stored: `score(at)` computes them from columns that pages load anyway.
    """

    class State(models.TextChoices):
        COMPARED = "compared", "compared"
        SQUASHED = "squashed", "released by squashing"
        AHEAD_GONE = "ahead-gone", "the stage ahead is gone"
        BEHIND_GONE = "behind-gone", "the stage behind is gone"
        EMPTY = "empty", "empty repository"
        UNRELATED = "unrelated", "unrelated histories"
        UNREADABLE = "unreadable", "not read"

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="comparisons")
    position = models.PositiveSmallIntegerField()
    ahead = models.CharField(max_length=100, help_text="Name of the stage ahead.")
    behind = models.CharField(max_length=100)
    ahead_sha = models.CharField(max_length=40, blank=True)
    behind_sha = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.COMPARED)
    explanation = models.TextField(blank=True, help_text="What the state means here, for people.")
    count = models.PositiveIntegerField(default=0)
    at_least = models.BooleanField(default=False)
    drift = models.PositiveIntegerField(default=0)
    behind_total = models.PositiveIntegerField(
        null=True, help_text="Commits that only the stage behind has, merges too."
    )
    oldest_at = models.DateTimeField(null=True)
    contributors = ArrayField(models.CharField(max_length=200), default=list)
    commits = models.JSONField(default=list)
    drift_commits = models.JSONField(default=list)
    url = models.CharField(max_length=2000, blank=True)

    class Meta:
        ordering = ["snapshot", "position"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "position"], name="comparison_position_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.ahead} -> {self.behind}: {self.count}"

    @property
    def released(self) -> bool:
        return self.state in (self.State.COMPARED, self.State.SQUASHED) and self.count == 0

    def score(self, at: datetime) -> float:
        """Commits + contributors^2 + age^2, the age in days of the oldest waiting commit."""
        return compare.score(self.count, len(self.contributors), self.oldest_at, at)


class ProjectProperties(models.Model):
    """What the files of a repository say of it, read weekly and when its default branch moved.

    `runtimes` maps a runtime ("ruby", "node", "python") to its declared version, or to "unknown version".
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="properties")
    read_at = models.DateTimeField(null=True)
    read_sha = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    ci_provider = models.CharField(max_length=50, blank=True)
    renovate = models.BooleanField(null=True)
    orbs = ArrayField(models.CharField(max_length=200), default=list)
    runtimes = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "project properties"

    def __str__(self) -> str:
        return f"properties of {self.project}"
