"""Reads YAML into a tree that knows its lines, safely: no tags, no bombs, no double keys; all that is wrong at once.

The tree is built from libyaml's events, so depth and size are bounded while it grows. A plain scalar keeps its text:
`branch: no` is the branch "no", and `name: 2026` the name "2026".
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

LARGEST_FILE = 5_000_000  # bytes; 5,000 projects are about 4 MB
MOST_NODES = 1_000_000  # counting what aliases repeat
DEEPEST = 30

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")


class Unreadable(Exception):
    """A file that is no YAML, or more than is read. `line` counts from 1; 0 where no line is to blame."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(slots=True, eq=False)
class Node:
    """A part of the file: `kind` is text, nothing, list or map."""

    line: int
    kind: str
    text: str = ""
    items: list["Node"] = field(default_factory=list)
    pairs: dict[str, "Node"] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # of the keys
    size: int = 1


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong at a line."""

    line: int
    message: str


def read(content: bytes) -> tuple[Node, list[Complaint]]:
    """The tree of a file, and its double keys. Raises Unreadable."""
    if len(content) > LARGEST_FILE:
        raise Unreadable(
            0,
            f"The file has {len(content):,} bytes; the most that is read are {LARGEST_FILE:,}. Split it into several.",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unreadable(line, "The file is no UTF-8 text: save it as UTF-8.") from None
    try:
        builder = _Builder()
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 0, f"This is no YAML: {error.problem or error.context}.") from None
    except yaml.reader.ReaderError as error:
        raise Unreadable(
            text[: error.position].count("\n") + 1, "The file holds a control character: take it away."
        ) from None
    return builder.finished()


class _Builder:
    """Puts events together to nodes, on a stack instead of by recursion."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.documents = 0
        self.open: list[Node] = []
        self.keys: list[Node | None] = []  # of each open map, the key that waits for its value
        self.anchors: dict[str, Node] = {}
        self.unfinished: set[str] = set()
        self.names: list[str | None] = []  # the anchors of the open nodes
        self.complaints: list[Complaint] = []

    def finished(self) -> tuple[Node, list[Complaint]]:
        return self.root or Node(1, "nothing"), self.complaints

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise Unreadable(line, "The file holds a second document after ---: make it one, or two files.")
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._aliased(event.anchor, line))
        elif isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event, line)
            nothing = not event.style and event.value in _NULLS
            node = Node(line, "nothing" if nothing else "text", text=event.value)
            self._remember(event.anchor, node)
            self._add(node)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._refuse_tag(event, line)
            self._begin(Node(line, "map" if isinstance(event, yaml.MappingStartEvent) else "list"), event.anchor)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()

    def _begin(self, node: Node, anchor: str | None) -> None:
        if len(self.open) >= DEEPEST:
            raise Unreadable(node.line, f"The file is nested more than {DEEPEST} deep: no configuration needs that.")
        self.open.append(node)
        self.keys.append(None)
        self.names.append(anchor)
        if anchor:
            self.unfinished.add(anchor)

    def _end(self) -> None:
        node, anchor = self.open.pop(), self.names.pop()
        self.keys.pop()
        if anchor:
            self.unfinished.discard(anchor)
            self.anchors[anchor] = node
        if node.kind == "map" and "<<" in node.pairs:
            self._merge(node)
        self._add(node)

    def _add(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        parent.size += node.size
        if parent.size > MOST_NODES:
            raise Unreadable(
                node.line,
                f"With its aliases written out, the file has more than {MOST_NODES:,} parts: that is too much.",
            )
        if parent.kind == "list":
            parent.items.append(node)
        elif self.keys[-1] is None:
            self._take_key(node)
        else:
            key, self.keys[-1] = self.keys[-1], None
            self._put(parent, key, node)

    def _take_key(self, node: Node) -> None:
        if node.kind not in ("text", "nothing"):
            raise Unreadable(node.line, "A key must be a word, not a list or a map.")
        self.keys[-1] = node

    def _put(self, parent: Node, key: Node, value: Node) -> None:
        if key.text in parent.pairs:
            first = parent.lines[key.text]
            self.complaints.append(
                Complaint(key.line, f"The key “{key.text[:50]}” is here twice; the first is in line {first}.")
            )
            return
        parent.pairs[key.text] = value
        parent.lines[key.text] = key.line

    def _merge(self, node: Node) -> None:
        """`<<: *defaults` of YAML 1.1: the keys of another map where this one has none."""
        value = node.pairs.pop("<<")
        line = node.lines.pop("<<")
        for source in value.items if value.kind == "list" else [value]:
            if source.kind != "map":
                self.complaints.append(Complaint(line, "After << comes the alias of a map, or a list of such."))
                continue
            for key, child in source.pairs.items():
                node.pairs.setdefault(key, child)
                node.lines.setdefault(key, line)

    def _aliased(self, anchor: str | None, line: int) -> Node:
        if anchor in self.unfinished:
            raise Unreadable(line, f"The alias *{anchor} stands inside of what it names: it would never end.")
        if anchor is None or anchor not in self.anchors:
            raise Unreadable(line, f"The alias *{anchor} names nothing that stands before it.")
        return self.anchors[anchor]

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self.anchors[anchor] = node

    def _refuse_tag(self, event: Any, line: int) -> None:
        if event.tag:
            raise Unreadable(line, f"The tag {str(event.tag)[:50]} is not allowed: write plain values.")
