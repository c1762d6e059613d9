"""Parts of the admin's forms: fields for secrets and lists, and a form that asks projects/validation.py."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms

from projects.secrets import Secret
from projects.validation import Problem

if TYPE_CHECKING:  # unfold has no types, Django's classes have parameters only in them
    from django.forms import NumberInput, PasswordInput, Textarea, TextInput

    ModelForm = forms.ModelForm[Any]
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

    def rules(self) -> Iterable[Problem]:
        raise NotImplementedError

    def validate_constraints(self) -> None:
        broken = list(self.rules())
        for problem in broken:
            self.add_problem(problem)
        if not broken and not self.errors:
            super().validate_constraints()

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
