"""The admin's form of deploy strategies, on their own page and inside the stage of a project's page."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms

from projects.admin_forms import ListInput, NumberField, RuledForm, SecretInput, SecretLines
from projects.models import Organization, Stage
from projects.secrets import Secret
from projects.validation import Problem
from releases.models import DeployStrategy
from releases.validation import default_warning, possible_rivals, rival_problems, strategy_problems
from releases.webhook_urls import as_secret, masked

if TYPE_CHECKING:
    from django.forms import CheckboxInput
else:
    from unfold.widgets import UnfoldBooleanSwitchWidget as CheckboxInput

HELD = "This version holds a release that asks for it."

ROWS: list[Any] = [
    ("head", "base"),
    "automatic",
    ("merge_after", "merge_prior_warning"),
    ("blocked_time_buckets", "time_zone"),
    ("slack_webhook_urls", "forget_webhook_urls"),
    "slack_channels",
    ("required_checks", "merge_method"),
    ("profile", "repository"),
    "provider",
]


class StrategyForm(RuledForm):
    """Leaves stored Slack webhook URLs as they are, unless new ones are typed or they are to be forgotten."""

    typed_secrets = ("slack_webhook_urls",)
    merge_prior_warning = NumberField(help_text="Seconds between the notice in Slack and the merge; empty: an hour.")
    slack_webhook_urls = SecretInput(required=False, widget=SecretLines, label="Slack webhook URLs")
    forget_webhook_urls = forms.BooleanField(
        required=False, widget=CheckboxInput, label="Forget the stored URLs", help_text="Take the webhooks away."
    )
    slack_channels = ListInput(help_text=f"For a Slack bot, e.g. #dev. Put a comma between two. {HELD}")
    required_checks = ListInput(separator="\n", help_text="Names of checks beside GitHub's own rules, one a line.")
    blocked_time_buckets = ListInput(
        separator="\n",
        label="Closed minutes",
        help_text=f"Cron expressions, one a line: * 1-2 * * * closes 01:00 to 02:59. {HELD}",
    )

    class Meta:
        model = DeployStrategy
        fields = [field for row in ROWS for field in ([row] if isinstance(row, str) else row) if field[:6] != "forget"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        stored = masked(self.kept("slack_webhook_urls")) if self.kept("slack_webhook_urls") else []
        self.fields["slack_webhook_urls"].help_text = (
            f"Stored: {', '.join(stored)}. Leave it empty to keep them. {HELD}"
            if stored
            else f"Incoming webhooks, one a line. {HELD}"
        )
        if not self.instance.pk:
            self.initial["merge_prior_warning"] = None

    def clean_merge_prior_warning(self) -> int:
        given = self.cleaned_data["merge_prior_warning"]
        return default_warning(self.cleaned_data.get("merge_after")) if given is None else int(given)

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
        yield from strategy_problems(strategy, self._organization(), urls)
        if strategy.stage.project.archived_at is None:
            yield from rival_problems(strategy, possible_rivals(strategy))

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
