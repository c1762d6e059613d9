"""Typed readers of environment values: a wrong or missing one stops the start with one line that names it."""

import difflib
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

PREFIX = "HORIZON_"
TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off", ""}
known: set[str] = set()
"""Every variable that was asked for: all of them, once the settings have been read."""


def given(name: str) -> str | None:
    """What the environment holds under this name, if anything."""
    known.add(name)
    return os.environ.get(name)


def unknown() -> Iterator[str]:
    """A warning for each HORIZON_... variable that nothing reads: most likely a slip of the pen."""
    for name in sorted(set(os.environ) - known):
        if name.startswith(PREFIX):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            yield f"{name} is no setting of Horizon and is ignored.{hint} See docs/configuration.md."


def text(name: str, default: str | None = None) -> str:
    """The value of a variable; required when there is no default."""
    value = given(name)
    if value is None:
        value = default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. See docs/configuration.md for what it is for.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """True for 1, true, yes, on; false for 0, false, no, off and the empty value."""
    value = given(name)
    if value is None:
        return default
    word = value.strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no. Use {name}=yes or {name}=no.")
    return word in TRUE_WORDS


def number(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within bounds, both included."""
    value = given(name) or str(default)
    if not (value.isascii() and value.strip().isdecimal()) or not least <= int(value) <= most:
        raise ImproperlyConfigured(
            f"{name}={value!r} is not a whole number from {least} to {most}, for example {name}={default}."
        )
    return int(value)


def seconds(name: str, default: int, *, least: int, most: int) -> timedelta:
    """A duration given in whole seconds."""
    return timedelta(seconds=number(name, default, least=least, most=most))


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list without empty parts."""
    return _parts(default if (value := given(name)) is None else value)


def version(name: str) -> str:
    """A least supported version such as 3.2, without v; empty where there is none."""
    value = (given(name) or "").strip().removeprefix("v")
    if not re.fullmatch(r"([0-9]{1,6}(\.[0-9]{1,6}){0,3})?", value):
        raise ImproperlyConfigured(f"{name}={value!r} is no version. Write for example {name}=3.2.")
    return value


def folder(name: str, default: Path) -> Path:
    """An absolute path; relative ones count from the working directory."""
    return Path(given(name) or default).expanduser().absolute()


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def one_of(name: str, default: str, choices: list[str]) -> str:
    """One of a few words; upper and lower case are the same."""
    value = (given(name) or default).strip().upper()
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} is none of {', '.join(choices)}.")
    return value


def web_address(name: str, default: str) -> str:
    """An http or https address without a path and without the last slash."""
    value = (given(name) or default).strip().rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.username:
        raise ImproperlyConfigured(f"{name}={value!r} is no address such as https://horizon.example.com.")
    return value
