"""Options of long lists, a thousand projects or all time zones: written in one go, without a template for each."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from blocks.viewer import zone_names


class ManyOptions(forms.SelectMultiple):
    """Looks like a SelectMultiple without groups."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = set(self.format_value(value))
        options = format_html_join(
            "\n",
            '<option value="{}"{}>{}</option>',
            ((each, SafeString(" selected") if str(each) in chosen else "", label) for each, label in self.choices),
        )
        attributes = flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {}), "multiple": True}))
        return format_html("<select{}>\n{}\n</select>", attributes, options)


class ProjectNames(ModelChoiceIterator):  # type: ignore[type-arg]  # the stubs make it generic
    """The choices of a field of projects, by name alone: a thousand rows need be no objects."""

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        rows = self.queryset.values_list("pk", "organization__name", "name", "archived_at")
        for pk, organization, name, archived_at in rows:
            yield pk, f"{organization}/{name} (archived)" if archived_at else f"{organization}/{name}"


@cache
def zone_options() -> SafeString:
    """What a field of a time zone suggests. The names come with Python and do not change while it runs."""
    return format_html_join("", "<option>{}</option>", ((name,) for name in zone_names()))
