"""The stages of a project as rows of its page: ordered by dragging or by number, and tried with a button."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from projects.admin_base import StackedInline, small_button
from projects.admin_forms import NumberField, RuledForm
from projects.models import Profile, Project, Stage
from projects.validation import Problem, stage_problems

if TYPE_CHECKING:  # unfold has no types, Django's classes have parameters only in them
    from django.forms import models

    BaseInlineFormSet = models.BaseInlineFormSet[Any, Any, Any]
    ModelChoiceField = models.ModelChoiceField[Any]
    ChoiceIterator = models.ModelChoiceIterator[Any]
else:
    from django.forms import ModelChoiceField
    from django.forms.models import ModelChoiceIterator as ChoiceIterator
    from unfold.forms import PaginationInlineFormSet as BaseInlineFormSet

LAST = 10_000
LABELS = {"hokusai": "Image tag (hokusai)", "registry_repository": "Registry repository", "branch": "Branch"}
SOURCES = ("branch", "tag_pattern", "hokusai")


class StageForm(RuledForm):
    position = NumberField(label="Order", max_value=LAST, help_text="Empty: the last one. Saved stages can be dragged.")

    class Meta:
        model = Stage
        fields = ["name", "position", "git_remote", *SOURCES, "registry_repository", "profile"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, label in LABELS.items():
            if name in self.fields:
                self.fields[name].label = label
        if "git_remote" in self.fields:
            self.fields["git_remote"].help_text += " Empty: that of the stage above, with its profile."
        if not self.instance.pk:
            self.initial["position"] = None

    def clean_position(self) -> int:
        given = self.cleaned_data["position"]
        return LAST if given is None else int(given)

    def _get_validation_exclusions(self) -> set[str]:
        # Positions are given anew by the formset, and their constraint is deferred.
        return {*super()._get_validation_exclusions(), "position"}

    def rules(self) -> Iterable[Problem]:
        project = self.instance.project if "project" in self.instance._state.fields_cache else None
        organization = project.organization if project and project.organization_id else None
        yield from stage_problems(self.instance, organization)


class StageFormSet(BaseInlineFormSet):
    """Gives the positions 1, 2, 3 … in the order that was meant; a row without remote has that of the row above."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.is_bound:
            self.data = self._with_remotes_of_row_above()

    def _with_remotes_of_row_above(self) -> Any:
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
        above: dict[str, str] = {}
        for number in range(self.total_form_count()):
            prefix = f"{self.add_prefix(number)}-"
            row = {name: data.get(prefix + name, "").strip() for name in ("name", "git_remote", "profile", *SOURCES)}
            if row["name"] and not row["git_remote"] and not row["hokusai"] and above:
                data[prefix + "git_remote"] = above["git_remote"]
                data[prefix + "profile"] = row["profile"] or above["profile"]
            elif row["git_remote"] and not row["hokusai"]:
                above = row
        return data

    def get_unique_error_message(self, unique_check: Any) -> str:
        return "Two stages have the same name: give each its own."

    def get_form_error(self) -> str:
        return "Another stage has this name."

    def removal_problems(self, stages: list[Stage]) -> Iterable[Problem]:
        """Why stages cannot be removed now; releases/admin.py knows reasons."""
        return ()

    def clean(self) -> None:
        super().clean()
        gone = [form.instance for form in self.deleted_forms if form.instance.pk]
        for problem in self.removal_problems(gone) if gone else ():
            raise ValidationError(problem.message)
        if any(self.errors):
            return
        kept = [form for form in self.forms if form not in self.deleted_forms and self._is_filled(form)]
        for position, form in enumerate(sorted(kept, key=self._wanted), start=1):
            form.instance.position = position

    def save(self, commit: bool = True) -> list[Any]:
        saved = super().save(commit=commit)
        gone = set(self.deleted_objects)
        moved = [
            form.instance
            for form in self.initial_forms
            if form.instance not in saved
            and form.instance not in gone
            and form.instance.position != form.initial["position"]
        ]
        if commit:
            for stage in moved:
                stage.save()
        return [*saved, *moved]

    def _is_filled(self, form: StageForm) -> bool:
        return bool(form.instance.pk) or form.has_changed()

    def _wanted(self, form: StageForm) -> tuple[float, int, int]:
        """Where a row is wanted: a moved one takes the place of the one that was there."""
        old, new = form.initial.get("position"), form.cleaned_data["position"]
        nudge = 0.0 if old == new else (0.5 if old is not None and new > old else -0.5)
        return new + nudge, new, self.forms.index(form)


class StageInline(StackedInline):
    model = Stage
    form = StageForm
    formset = StageFormSet
    extra = 0
    ordering = ["position"]
    ordering_field = "position"
    inlines: list[type[Any]] = []
    fields = [
        ("name", "position"),
        "git_remote",
        ("branch", "profile"),
        "tag_pattern",
        ("hokusai", "registry_repository"),
        "try_it",
    ]
    readonly_fields = ["try_it"]

    class Media:
        js = ["js/admin-rows.js"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("project__organization")

    def get_extra(self, request: HttpRequest, obj: Any = None, **options: Any) -> int:
        return 0 if obj else 1

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "profile":
            options |= profile_choice(request, [kind for kind in Profile.Kind if kind != Profile.Kind.SLACK_BOT])
        return super().formfield_for_foreignkey(db_field, request, **options)

    @admin.display(description="Try it")
    def try_it(self, stage: Stage) -> str:
        if not stage.pk:
            return "Save it first."
        return small_button("Test this stage", reverse("admin:projects_project_test_stage", args=[stage.pk]))


class ProfileChoices(ChoiceIterator):
    """Asks for the profiles once a page, not once a row."""

    def __iter__(self) -> Iterator[Any]:
        known: list[Any] = self.field.known  # type: ignore[attr-defined]  # a list that the rows' copies share
        if not known:
            known.extend(super().__iter__())
        return iter(known)


class ProfileChoiceField(ModelChoiceField):
    iterator = ProfileChoices

    def __init__(self, *args: Any, known: list[Any], **options: Any) -> None:
        self.known = known
        super().__init__(*args, **options)


def profile_choice(request: HttpRequest, kinds: Iterable[str]) -> dict[str, Any]:
    """How a row's profile is chosen: from the organization's, of these kinds, or none."""
    pages: dict[Any, Any] = request.__dict__.setdefault("horizon_profile_choices", {})
    wanted = tuple(kinds)
    if wanted not in pages:
        pages[wanted] = (_selectable_profiles(request).filter(kind__in=wanted), [])
    profiles, known = pages[wanted]
    return {"form_class": ProfileChoiceField, "queryset": profiles, "known": known, "required": False}


def _selectable_profiles(request: HttpRequest) -> Any:
    """The profiles of the project's organization; of all, while the project is new."""
    profiles = Profile.objects.select_related("organization")
    match = request.resolver_match
    number = match.kwargs.get("object_id") if match else None
    if number is not None and str(number).isdecimal():
        project = Project.objects.filter(pk=int(number)).first()
        if project is not None:
            return profiles.filter(organization_id=project.organization_id)
    return profiles
