"""The admin's pages of profiles: credentials that go in and never come out, and a button that tries them."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects import sources
from projects.admin_base import ConfiguredAdmin, PageButton, StackedInline, back, small_button
from projects.admin_forms import RuledForm, SecretInput, SecretLine
from projects.models import Profile, ProfileBudget
from projects.reading import StageUnreadable
from projects.secrets import Secret
from projects.validation import Problem, profile_of_stage_problems
from projects.validation_profiles import (
    FIELDS_OF_KIND,
    FIELDS_OF_SOME_KIND,
    normalised_secret,
    profile_problems,
    secret_missing_problem,
    secret_outdated,
    secret_problems,
    tidy_profile,
)

WHAT_IT_IS = "Token, private key (the text of the .pem file), password or secret access key. It is never shown again."
ROWS: list[Any] = [
    ("name", "kind"),
    "secret",
    "api_url",
    ("app_id", "installation_id"),
    ("host", "user"),
    ("region", "key_id"),
]


class ProfileForm(RuledForm):
    """Leaves out what the kind has not; keeps the stored secret as long as it goes where it was given for."""

    typed_secrets = ("secret",)
    secret = SecretInput(required=False, widget=SecretLine)

    class Meta:
        model = Profile
        exclude: list[str] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "secret" in self.fields:
            stored = bool(self.kept("secret"))
            self.fields["secret"].help_text = "Stored. Leave it empty to keep it." if stored else WHAT_IT_IS

    def clean_secret(self) -> Secret:
        typed = normalised_secret(self.typed("secret"), self.cleaned_data.get("kind", ""))
        for problem in secret_problems(typed, self.cleaned_data.get("kind", "")) if typed else ():
            raise forms.ValidationError(problem.message)
        return Secret.of(typed) if typed else self.kept("secret")

    def rules(self) -> Iterable[Problem]:
        profile: Profile = self.instance
        for name in FIELDS_OF_SOME_KIND:
            if name not in FIELDS_OF_KIND.get(profile.kind, FIELDS_OF_SOME_KIND):
                setattr(profile, name, "")
        tidy_profile(profile)
        yield from profile_problems(profile)
        stored = Profile.objects.filter(pk=profile.pk).first() if profile.pk else None
        outdated = secret_outdated(profile, stored) if stored else None
        if not self.typed("secret") and (outdated or not profile.secret):
            yield secret_missing_problem(profile, outdated)


def test_url(profile: Profile) -> str:
    return reverse("admin:projects_profile_test", args=[profile.pk])


def address_of(profile: Profile) -> str:
    """Where a profile's credentials go."""
    return profile.api_url or profile.host or profile.region or "slack.com"


class ProfileInline(StackedInline):
    """The profiles on the page of their organization."""

    model = Profile
    form = ProfileForm
    extra = 0
    collapsible = True
    show_change_link = True
    fields = [*ROWS, "try_it"]
    readonly_fields = ["try_it"]

    class Media:
        js = ["js/admin-profile.js", "js/admin-rows.js"]

    @admin.display(description="Try it")
    def try_it(self, profile: Profile) -> str:
        return small_button("Test this profile", test_url(profile)) if profile.pk else "Save it first."


@admin.register(Profile)
class ProfileAdmin(ConfiguredAdmin):
    form = ProfileForm
    list_display = ["name", "organization", "kind", "address", "stage_count", "requests_left"]
    list_display_links = ["name"]
    list_filter = ["organization", "kind"]
    list_select_related = ["organization", "budget"]
    search_fields = ["name", "organization__name", "host", "api_url"]
    readonly_fields = ["requests_left", "used_by", "webhooks"]
    fieldsets = [
        (None, {"fields": ["organization", *ROWS]}),
        ("What the host says", {"fields": ["requests_left", "used_by", "webhooks"]}),
    ]

    class Media:
        js = ["js/admin-profile.js"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(stage_count=Count("stages"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.readonly_fields, "organization"] if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else [(None, {"fields": ["organization", *ROWS]})]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test)
        return [path("<int:pk>/test/", view, name="projects_profile_test"), *super().get_urls()]

    def buttons(self, request: HttpRequest, thing: Any) -> Sequence[PageButton]:
        if not self.has_change_permission(request, thing):
            return ()
        return [PageButton("Test this profile", test_url(thing), "network_check")]

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the host now what it says to the stored credentials."""
        profile = get_object_or_404(Profile.objects.select_related("organization"), pk=pk)
        self.require_change(request, profile)
        try:
            self.tell(request, f"{profile}: {self.tested(profile)}", good=True)
        except StageUnreadable as error:
            self.tell(request, f"{profile}: {error.message}", good=False)
        return back(request, reverse("admin:projects_profile_change", args=[pk]))

    def tested(self, profile: Profile) -> str:
        """What the host says, in sentences. Raises StageUnreadable. The app that knows Slack takes its bots over."""
        return sources.test_profile(profile)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for stage in obj.stages.select_related("project__organization", "profile__organization") if change else ():
            for problem in profile_of_stage_problems(stage, obj.organization):
                self.tell(request, f"{stage} can no longer be read: {problem.message}", good=False)

    @admin.display(description="address")
    def address(self, profile: Profile) -> str:
        return address_of(profile)

    @admin.display(description="stages", ordering="stage_count")
    def stage_count(self, profile: Any) -> int:
        return int(profile.stage_count)

    @admin.display(description="requests left")
    def requests_left(self, profile: Profile) -> str:
        budget = getattr(profile, "budget", None)
        return budget_in_words(budget) if budget else "Not asked yet."

    @admin.display(description="webhooks")
    def webhooks(self, profile: Profile) -> str | SafeString:
        return self.webhooks_of(profile)

    def webhooks_of(self, profile: Profile) -> str | SafeString:
        """The app that hears them says it here."""
        return ""

    @admin.display(description="used by")
    def used_by(self, profile: Profile) -> str | SafeString:
        where = reverse("admin:projects_project_changelist") + f"?stages__profile__id__exact={profile.pk}"
        count = profile.stages.count()
        return format_html('<a href="{}">{} stages</a>', where, count) if count else "No stage yet."


def budget_in_words(budget: ProfileBudget) -> str:
    """Who the credentials belong to, what is left of the host's limits, and whether Horizon pauses because of them."""
    parts = [f"as {budget.login}"] if budget.login else []
    for name, left, limit, reset_at in (
        ("REST", budget.rest_remaining, budget.rest_limit, budget.rest_reset_at),
        ("GraphQL", budget.graphql_remaining, budget.graphql_limit, budget.graphql_reset_at),
    ):
        if left is not None and limit is not None:
            until = f" until {date_format(timezone.localtime(reset_at), 'H:i')}" if reset_at else ""
            parts.append(f"{name}: {left:,} of {limit:,} left{until}")
    if budget.pauses(timezone.now()) and budget.paused_until:
        until = date_format(timezone.localtime(budget.paused_until), "H:i T")
        parts.append(f"paused until {until}: {budget.pause_reason}")
    return "; ".join(parts) or "Not asked yet."
