"""The admin's form of deploy strategies, on their own page and inside the stage of a project's page."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone

from projects.admin_forms import ListInput, RuledForm, SecretInput, SecretLines
from projects.models import Organization, Profile, Stage
from projects.secrets import Secret
from projects.validation import Problem
from releases.branches import asks_the_same, look_for_branches
from releases.durations import in_words, seconds_of
from releases.models import DeployStrategy
from releases.validation import (
    default_warning,
    possible_rivals,
    rival_problems,
    rules_of_organization,
    strategy_problems,
    strategy_warnings,
)
from releases.webhook_urls import as_secret, masked

if TYPE_CHECKING:
    from django.forms import CheckboxInput, TextInput
else:
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanSwitchWidget as CheckboxInput

LONGEST_STORED = 2**31 - 1  # seconds

ROWS: list[Any] = [
    ("head", "base"),
    ("automatic", "commit_status"),
    ("merge_after", "merge_prior_warning"),
    ("min_commit_age", "max_wait"),
    ("blocked_time_buckets", "time_zone"),
    ("slack_webhook_urls", "forget_webhook_urls"),
    ("slack_channels", "slack_profile"),
    ("required_checks", "merge_method"),
    ("profile", "repository"),
    ("live_within", "provider"),
]


class DurationField(forms.CharField):
    """A length of time: typed and shown in words, kept in seconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=TextInput(), max_length=60, **options)

    def prepare_value(self, value: Any) -> Any:
        return in_words(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            seconds = seconds_of(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if seconds > LONGEST_STORED:
            raise forms.ValidationError(f"“{text[:40]}” is too long: at most 365 days.")
        return seconds

    def validate(self, value: Any) -> None:
        """Being empty is allowed, and everything else was looked at."""

    def run_validators(self, value: Any) -> None:
        """Those of texts do not fit numbers."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))
        except forms.ValidationError:
            return True


class StrategyForm(RuledForm):
    """Leaves stored Slack webhook URLs as they are, unless new ones are typed or they are to be forgotten."""

    typed_secrets = ("slack_webhook_urls",)
    merge_after = DurationField(help_text="From opening to merging, e.g. 24 hours. Empty: people merge.")
    merge_prior_warning = DurationField(help_text="Between the notice in Slack and the merge. Empty: an hour.")
    min_commit_age = DurationField(
        help_text="Least age of the newest commit, so that late ones are tried out, too. Empty: of any age."
    )
    max_wait = DurationField(help_text="After the opening; from then on newer commits delay it no more. Empty: none.")
    live_within = DurationField(
        help_text="From the merge until production runs it; later is an alarm. Empty: 30 minutes."
    )
    slack_webhook_urls = SecretInput(required=False, widget=SecretLines, label="Slack webhook URLs")
    forget_webhook_urls = forms.BooleanField(
        required=False, widget=CheckboxInput, label="Forget the stored URLs", help_text="Take the webhooks away."
    )
    slack_channels = ListInput(help_text="A Slack bot writes to them, e.g. #dev. Put a comma between two.")
    required_checks = ListInput(separator="\n", help_text="Names of checks beside GitHub's own rules, one a line.")
    blocked_time_buckets = ListInput(
        separator="\n",
        label="Closed minutes",
        help_text="Cron expressions, one a line: * 1-2 * * * closes 01:00 to 02:59.",
    )

    class Meta:
        model = DeployStrategy
        fields = [field for row in ROWS for field in ([row] if isinstance(row, str) else row) if field[:6] != "forget"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        stored = masked(self.kept("slack_webhook_urls")) if self.kept("slack_webhook_urls") else []
        self.fields["slack_webhook_urls"].help_text = (
            f"Stored: {', '.join(stored)}. Leave it empty to keep them." if stored else "Incoming webhooks, one a line."
        )
        if not self.instance.pk:
            self.initial["merge_prior_warning"] = None

    def clean_merge_prior_warning(self) -> int:
        given = self.cleaned_data["merge_prior_warning"]
        return default_warning(self.cleaned_data.get("merge_after")) if given is None else int(given)

    def clean_live_within(self) -> int:
        given = self.cleaned_data["live_within"]
        return int(DeployStrategy._meta.get_field("live_within").get_default() if given is None else given)

    def clean_slack_webhook_urls(self) -> Secret:
        urls = self.typed("slack_webhook_urls").split()
        return as_secret(urls) if urls else self.kept("slack_webhook_urls")

    def clean(self) -> dict[str, Any] | None:
        super().clean()
        cleaned = self.cleaned_data
        if cleaned.get("forget_webhook_urls") and not self.typed("slack_webhook_urls"):
            cleaned["slack_webhook_urls"] = Secret("")
        return cleaned

    def rules(self) -> Iterable[Problem]:
        strategy: DeployStrategy = self.instance
        urls = self.typed("slack_webhook_urls").split()
        if not _is_set(strategy, "stage"):
            return  # told of the stage itself
        organization = self._organization()
        found = list(
            strategy_problems(
                strategy,
                organization,
                urls,
                at=timezone.now(),
                organization_rules=rules_of_organization(organization),
                unread=self.errors,
            )
        )
        if strategy.stage.project.archived_at is None:
            found += rival_problems(strategy, possible_rivals(strategy))
        yield from found
        if not found and not self.errors:
            yield from self._problems_of_the_host(organization)

    def _problems_of_the_host(self, organization: Organization | None) -> Iterable[Problem]:
        """Asked last, and only for branches that it was not asked about before: it may take seconds."""
        strategy: DeployStrategy = self.instance
        bots = Profile.objects.filter(kind=Profile.Kind.SLACK_BOT, organization=organization) if organization else ()
        warnings = strategy_warnings(strategy, bots)
        stored = DeployStrategy.objects.filter(pk=strategy.pk).first() if strategy.pk else None
        if not asks_the_same(strategy, stored):
            (found,) = look_for_branches([strategy], timezone.now())
            yield from found.problems
            warnings += [found.warning] if found.warning else []
        self.warnings = tuple(f"{strategy}: {warning}" for warning in warnings) if self.has_changed() else ()

    def _organization(self) -> Organization | None:
        stage: Stage = self.instance.stage
        project = stage.project if _is_set(stage, "project") else None
        if project is None or not _is_set(project, "organization"):
            return None
        return project.organization


def _is_set(thing: Any, relation: str) -> bool:
    """Whether a relation of a form's instance is known: a parent on the same page may not be saved yet, or be wrong."""
    return relation in thing._state.fields_cache or getattr(thing, f"{relation}_id") is not None


class StrategyFormOfItsOwnPage(StrategyForm):
    class Meta(StrategyForm.Meta):
        fields = ["stage", *StrategyForm.Meta.fields]
