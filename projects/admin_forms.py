"""Parts of the admin's forms: fields for secrets and lists, and a form that asks projects/validation.py."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.models import InlineForeignKeyField, construct_instance

from projects.secrets import Secret
from projects.validation import Problem

if TYPE_CHECKING:  # unfold has no types, Django's classes have parameters only in them
    from django.forms import NumberInput, PasswordInput, Textarea, TextInput

    class ModelForm(forms.ModelForm[Any]):
        """With what Django documents in its source only, and the stubs leave out."""

        def _get_validation_exclusions(self) -> set[str]: ...
        def _update_errors(self, errors: forms.ValidationError) -> None: ...

else:
    from django.forms import ModelForm
    from unfold.widgets import UnfoldAdminIntegerFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

TYPE_AGAIN = "Type it again: what was typed here is never sent back to a page."


class NumberField(forms.IntegerField):
    """A whole number that may be left empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, min_value=0, widget=NumberInput, **options)


class SecretLine(PasswordInput):
    """An input that never shows what is stored or was typed."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=False)


class SecretLines(Textarea):
    """Several secrets, one a line, of which a page never shows any."""

    def __init__(self) -> None:
        super().__init__(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"})

    def format_value(self, value: Any) -> str:
        return ""


class SecretInput(forms.CharField):
    """Text for a secret; empty means that the stored one is kept."""

    def prepare_value(self, value: Any) -> str:
        return ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data and data.strip())


class ListInput(forms.CharField):
    """A list, typed with commas between its parts, or one a line."""

    def __init__(self, *, separator: str = ",", **options: Any) -> None:
        self.separator = separator
        widget = TextInput() if separator == "," else Textarea(attrs={"rows": 2})
        super().__init__(required=False, widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return f"{self.separator} ".replace("\n ", "\n").join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = value if isinstance(value, list) else str(value or "").split(self.separator)
        return [part.strip() for part in parts if part.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


class RuledForm(ModelForm):
    """A form whose rules are those of projects/validation.py: `rules` looks at the instance as it would be saved."""

    typed_secrets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # told once it is saved
    refused = ""  # why a valid form could not be saved

    def rules(self) -> Iterable[Problem]:
        raise NotImplementedError

    def _post_clean(self) -> None:
        """As Django's, but the rules come before the database's constraints, which would tell the same less well."""
        excluded = self._get_validation_exclusions()
        excluded |= {name for name, field in self.fields.items() if isinstance(field, InlineForeignKeyField)}
        self.instance = construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)
        self._try(lambda: self.instance.clean_fields(exclude=excluded))
        for problem in self.rules():
            self.add_problem(problem)
        if not self.errors:
            self._try(lambda: self.instance.validate_constraints(exclude=excluded))
        if self.refused:
            self.add_error(None, self.refused)

    def _try(self, validate: Callable[[], None]) -> None:
        try:
            validate()
        except forms.ValidationError as error:
            self._update_errors(error)

    def add_problem(self, problem: Problem) -> None:
        field = problem.field if problem.field in self.fields else None
        if field is None or field not in self.errors:
            self.add_error(field, problem.message)

    def typed(self, name: str) -> str:
        """What was typed into the field of a secret."""
        return str(self.data.get(self.add_prefix(name)) or "").strip() if self.is_bound else ""

    def kept(self, name: str) -> Secret:
        """The secret that is stored, for a field that was left empty."""
        stored = getattr(self.instance, name)
        return stored if isinstance(stored, Secret) else Secret("")


def keeps_no_secret(pages_forms: Iterable[Any]) -> None:
    """Before a page comes back with errors: say at each secret that was typed that it has to be typed again."""
    for form in pages_forms:
        for name in getattr(form, "typed_secrets", ()):
            if form.typed(name) and name not in form.errors:
                form.add_error(name, TYPE_AGAIN)
