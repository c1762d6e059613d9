"""What a YAML file declares: its tree read by the shapes of docs/yaml.md into plain values, each with its line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from projects.validation import hint
from releases.durations import seconds_of
from releases.yaml_tree import Complaint, Node, read

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BARE_NUMBER = re.compile(r"[-+]?[0-9_.]+")
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
LARGEST_NUMBER = 2**31 - 1


class Reading(Enum):
    """How the value of a key is read."""

    TEXT = auto()
    NUMBER = auto()
    SPAN = auto()
    YES_NO = auto()
    TEXTS = auto()
    SECRET = auto()
    SECRETS = auto()


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of a thing, and the lists of things inside it: key -> shape."""

    what: str
    fields: Mapping[str, Reading]
    children: Mapping[str, "Shape"] = field(default_factory=dict)
    named: bool = True

    @property
    def called(self) -> str:
        article = {"file": "the", "organization": "an"}.get(self.what, "a")
        return f"{article} {self.what}"

    @property
    def keys(self) -> list[str]:
        return [*self.fields, *self.children]


_T, _N, _B, _L = Reading.TEXT, Reading.NUMBER, Reading.YES_NO, Reading.TEXTS
STRATEGY = Shape(
    "strategy",
    {
        "provider": _T,
        "profile": _T,
        "repository": _T,
        "automatic": _B,
        "base": _T,
        "head": _T,
        "merge_after": Reading.SPAN,
        "merge_prior_warning": Reading.SPAN,
        "min_commit_age": Reading.SPAN,
        "max_wait": Reading.SPAN,
        "merge_method": _T,
        "required_checks": _L,
        "slack_webhook_urls": Reading.SECRETS,
        "slack_channels": _L,
        "slack_profile": _T,
        "blocked_time_buckets": _L,
        "time_zone": _T,
        "commit_status": _B,
        "live_within": Reading.SPAN,
    },
    named=False,
)
STAGE = Shape(
    "stage",
    {
        "name": _T,
        "git_remote": _T,
        "branch": _T,
        "tag_pattern": _T,
        "hokusai": _T,
        "registry_repository": _T,
        "profile": _T,
    },
    {"strategies": STRATEGY},
)
PROJECT = Shape("project", {"name": _T, "description": _T, "tags": _L, "criticality": _N}, {"stages": STAGE})
PROFILE = Shape(
    "profile",
    {
        "name": _T,
        "kind": _T,
        "secret": Reading.SECRET,
        "api_url": _T,
        "app_id": _T,
        "installation_id": _T,
        "host": _T,
        "user": _T,
        "region": _T,
        "key_id": _T,
    },
)
ORGANIZATION = Shape("organization", {"name": _T}, {"profiles": PROFILE, "projects": PROJECT})
FILE = Shape("file", {}, {"organizations": ORGANIZATION}, named=False)


@dataclass(slots=True, eq=False)
class Declared:
    """One thing of the file. Keys that are left out, or empty, are not in `values`."""

    shape: Shape
    line: int
    values: dict[str, object] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    children: dict[str, list["Declared"]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # keys whose values make no sense: told of already

    @property
    def name(self) -> str:
        return str(self.values.get("name", ""))

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def line_of(self, key: str | None) -> int:
        return self.lines.get(key or "", self.line)


def read_declared(content: bytes, environment: Mapping[str, str]) -> tuple[list[Declared], list[Complaint]]:
    """The organizations of a file and everything that is wrong with its form. Raises yaml_tree.Unreadable."""
    root, complaints = read(content)
    reader = _Reader(environment, complaints)
    if root.kind == "nothing":
        complaints.append(Complaint(1, "The file is empty: it begins with the key organizations. See docs/yaml.md."))
        return [], complaints
    return reader.thing(root, FILE).children.get("organizations", []), complaints


class _Reader:
    def __init__(self, environment: Mapping[str, str], complaints: list[Complaint]) -> None:
        self.environment = environment
        self.complaints = complaints

    def complain(self, line: int, message: str) -> None:
        self.complaints.append(Complaint(line, message))

    def thing(self, node: Node, shape: Shape) -> Declared:
        declared = Declared(shape, node.line)
        if node.kind != "map":
            self.complain(node.line, f"Here must stand {shape.called}, with its keys: {', '.join(shape.keys)}.")
            return declared
        for key, value in node.pairs.items():
            line = node.lines[key]
            declared.lines[key] = line
            if key in shape.children:
                declared.children[key] = self._things(value, key, shape.children[key])
            elif key in shape.fields:
                read = self._value(value, key, shape.fields[key])
                if read is not None:
                    declared.values[key] = read
                elif value.kind != "nothing":
                    declared.unread.add(key)
            else:
                self._complain_of_key(line, key, shape)
        if shape.named and "name" not in declared.values and not self._complained_in(node):
            self.complain(node.line, f"The {shape.what} has no name: give it the key name.")
        return declared

    def _complained_in(self, node: Node) -> bool:
        return any(complaint.line == node.lines.get("name") for complaint in self.complaints)

    def _complain_of_key(self, line: int, key: str, shape: Shape) -> None:
        known = ", ".join(shape.keys)
        near = hint(key, shape.keys)
        self.complain(line, f"“{key[:50]}” is no key of {shape.called}.{near or f' Its keys are: {known}.'}")

    def _things(self, node: Node, key: str, shape: Shape) -> list[Declared]:
        if node.kind == "nothing":
            return []
        if node.kind != "list":
            self.complain(node.line, f"{key} must be a list: begin each {shape.what} with a hyphen.")
            return []
        found = [self.thing(item, shape) for item in node.items]
        if shape.named:
            self._complain_of_doubles(found, shape)
        return found

    def _complain_of_doubles(self, found: list[Declared], shape: Shape) -> None:
        seen: dict[str, Declared] = {}
        for declared in found:
            name = declared.name.lower()
            if name and name in seen:
                first = seen[name].line_of("name")
                self.complain(
                    declared.line_of("name"),
                    f"The {shape.what} “{declared.name[:100]}” is here twice; the first is in line {first}.",
                )
            seen.setdefault(name, declared)

    def _value(self, node: Node, key: str, reading: Reading) -> object:
        if node.kind == "nothing":
            return None
        if reading in (Reading.TEXTS, Reading.SECRETS):
            return self._texts(node, key, reading)
        if node.kind != "text":
            self.complain(node.line, f"{key} must be a single value, not a {node.kind}.")
            return None
        if reading in (Reading.NUMBER, Reading.SPAN):
            return self._number(node, key) if reading is Reading.NUMBER else self._span(node, key)
        if reading is Reading.YES_NO:
            if node.text.lower() not in _WORDS:
                self.complain(node.line, f"{key} is neither true nor false.")
            return _WORDS.get(node.text.lower())
        return self._filled_in(node, key) if reading is Reading.SECRET else node.text.strip()

    def _number(self, node: Node, key: str) -> int | None:
        text = node.text.strip().replace("_", "")
        if re.fullmatch(r"[0-9]{1,10}", text) and int(text) <= LARGEST_NUMBER:
            return int(text)
        self.complain(node.line, f"{key} must be a whole number from 0 on, and no larger than {LARGEST_NUMBER:,}.")
        return None

    def _span(self, node: Node, key: str) -> int | None:
        """Seconds, or a length of time in words."""
        if _BARE_NUMBER.fullmatch(node.text.strip()):
            return self._number(node, key)
        try:
            seconds = seconds_of(node.text)
        except ValueError as error:
            self.complain(node.line, f"{key}: {error}")
            return None
        if seconds <= LARGEST_NUMBER:
            return seconds
        self.complain(node.line, f"{key}: “{node.text.strip()[:40]}” is longer than anybody waits.")
        return None

    def _texts(self, node: Node, key: str, reading: Reading) -> list[str] | None:
        parts = node.items if node.kind == "list" else [node]
        found = []
        for part in parts:
            if part.kind != "text":
                self.complain(part.line, f"{key} must be a list of texts.")
                return None
            text = self._filled_in(part, key) if reading is Reading.SECRETS else part.text.strip()
            found.append(text)
        return [text for text in found if text]

    def _filled_in(self, node: Node, key: str) -> str:
        """The text with each `${NAME}` taken from the environment. No message holds a value."""

        def value_of(match: re.Match[str]) -> str:
            value = self.environment.get(match[1], "")
            if not value.strip():
                self.complain(
                    node.line, f"{key} takes the environment variable {match[1]}, which is not set: set it, then apply."
                )
            return value

        return _VARIABLE.sub(value_of, node.text).strip()
