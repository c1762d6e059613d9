"""Which runtimes a repository needs, and in which versions, from the texts of its files.

Pure: the standard library and other pure modules only. The files were written by strangers: whatever they hold, nothing
here raises; a file that makes no sense declares nothing.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum

from projects.cleaning import clean_line
from projects.versions import LONGEST_DECLARATION

UNKNOWN_VERSION = "unknown version"
LARGEST_FILE = 300_000  # characters; a file that is longer declares nothing
# tomllib takes time and memory by the square of a dotted key's parts: 40 KB of `a.a.a` cost it 1.5 GB.
LARGEST_TOML = 100_000
MOST_DOTS_A_LINE = 200

RUNTIME_FILES = (
    *("Gemfile", ".ruby-version"),
    *("package.json", ".nvmrc", ".node-version"),
    *("pyproject.toml", "requirements.txt", ".python-version", "runtime.txt", "Pipfile"),
    ".tool-versions",
)

Files = Mapping[str, str | None]


class Runtime(StrEnum):
    """The runtimes that Horizon knows; the value is stored."""

    RUBY = "ruby"
    NODE = "node"
    PYTHON = "python"


def runtimes_of(files: Files) -> dict[str, str]:
    """The declared version of each runtime that these files need; `UNKNOWN_VERSION` where none is declared."""
    found: dict[str, str] = {}
    for runtime, declarations, signs in (
        (Runtime.RUBY, _ruby_declarations(files), ("Gemfile",)),
        (Runtime.NODE, _node_declarations(files), ("package.json",)),
        (Runtime.PYTHON, _python_declarations(files), ("pyproject.toml", "requirements.txt", "Pipfile")),
    ):
        version = next((text for text in map(_cleaned, declarations) if text), None)
        if version is not None:
            found[runtime] = version
        elif any(files.get(sign) is not None for sign in signs):
            found[runtime] = UNKNOWN_VERSION
    return found


def json_object(text: str | None) -> dict[str, object]:
    """The object in a JSON file; an empty one where there is none."""
    try:
        value = json.loads(_limited(text))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# --- what each kind of file says, in the order in which it counts -------------------------------------------------

# `ruby "3.2.2"`, `ruby("~> 3.2", "< 3.4")`; what else a Gemfile may say (`ruby file: ".ruby-version"`) leads to the
# files that are asked next anyway.
_GEMFILE_RUBY = re.compile(
    r"""^[ \t]*ruby[ \t(]+((?:"[^"\n]*"|'[^'\n]*')(?:[ \t]*,[ \t]*(?:"[^"\n]*"|'[^'\n]*'))*)""", re.MULTILINE
)
_QUOTES = re.compile("[\"']")


def _ruby_declarations(files: Files) -> Iterable[str | None]:
    declared = _GEMFILE_RUBY.search(_limited(files.get("Gemfile")))
    yield _QUOTES.sub("", declared[1]) if declared else None
    yield _first_line(files.get(".ruby-version"))
    yield _tool_version(files, "ruby")


def _node_declarations(files: Files) -> Iterable[str | None]:
    yield _text_at(json_object(files.get("package.json")), "engines", "node")
    yield _first_line(files.get(".nvmrc"))
    yield _first_line(files.get(".node-version"))
    yield _tool_version(files, "nodejs", "node")


def _python_declarations(files: Files) -> Iterable[str | None]:
    pyproject = _toml(files.get("pyproject.toml"))
    yield _text_at(pyproject, "project", "requires-python")
    yield _text_at(pyproject, "tool", "poetry", "dependencies", "python")
    yield _text_at(pyproject, "tool", "poetry", "dependencies", "python", "version")
    yield _first_line(files.get(".python-version"))
    line = _first_line(files.get("runtime.txt"))
    yield line if line.lower().startswith("python") else None
    pipfile = _toml(files.get("Pipfile"))
    yield _text_at(pipfile, "requires", "python_full_version")
    yield _text_at(pipfile, "requires", "python_version")
    yield _tool_version(files, "python")


# --- reading ----------------------------------------------------------------------------------------------------


def _limited(text: str | None) -> str:
    return text if text is not None and len(text) <= LARGEST_FILE else ""


def _cleaned(text: str | None) -> str:
    return clean_line(text, LONGEST_DECLARATION) if text else ""


def _lines(text: str | None) -> Iterable[str]:
    """Lines without comments and space around them, empty ones left out."""
    lines = (line.partition("#")[0].strip() for line in _limited(text).splitlines())
    return (line for line in lines if line)


def _first_line(text: str | None) -> str:
    return next(iter(_lines(text)), "")


def _tool_version(files: Files, *names: str) -> str | None:
    """The version of a tool in the format of asdf and mise: a name and its versions on a line, the first one counts."""
    for line in _lines(files.get(".tool-versions")):
        name, *versions = line.split()
        if name in names and versions:
            return versions[0]
    return None


def _toml(text: str | None) -> dict[str, object]:
    limited = _limited(text)
    if len(limited) > LARGEST_TOML or any(line.count(".") > MOST_DOTS_A_LINE for line in limited.split("\n")):
        return {}
    try:
        return tomllib.loads(limited)
    except (ValueError, RecursionError):
        return {}


def _text_at(value: object, *keys: str) -> str | None:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None
