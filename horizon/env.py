"""Typed readers of environment values: a wrong or missing one stops the start with one line that names it."""

import os
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off", ""}


def text(name: str, default: str | None = None) -> str:
    """The value of a variable; required when there is no default."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. See docs/configuration.md for what it is for.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """True for 1, true, yes, on; false for 0, false, no, off and the empty value."""
    value = os.environ.get(name)
    if value is None:
        return default
    word = value.strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no. Use {name}=yes or {name}=no.")
    return word in TRUE_WORDS


def number(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within bounds, both included."""
    value = os.environ.get(name, str(default))
    if not value.strip().isdecimal() or not least <= int(value) <= most:
        raise ImproperlyConfigured(
            f"{name}={value!r} is not a whole number from {least} to {most}, for example {name}={default}."
        )
    return int(value)


def seconds(name: str, default: int, *, least: int, most: int) -> timedelta:
    """A duration given in whole seconds."""
    return timedelta(seconds=number(name, default, least=least, most=most))


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list without empty parts."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def folder(name: str, default: Path) -> Path:
    """An absolute path; relative ones count from the working directory."""
    return Path(os.environ.get(name) or default).expanduser().absolute()
