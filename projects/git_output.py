"""What git prints, read into typed values. Pure: the standard library only.

All of it comes from strangers: names and texts may be broken UTF-8, dates may be absurd.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from projects.cleaning import clean_line
from projects.reading import Commit

# Fields end in NUL, which none of them can hold. The subject is cut by git, for it can be megabytes.
LOG_FORMAT = "%H%x00%P%x00%T%x00%at%x00%an%x00%ae%x00%<(600,trunc)%s"
_FIELDS = 7
_LATEST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_SHA = re.compile(r"[0-9a-f]{40}")
_WRITTEN_AT = re.compile(rb"^(?:tagger|committer) .*> (\d+) [+-]\d+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Refs:
    """What a host lists: the commits of branches, and for tags the object and the commit that it leads to, by name."""

    branches: dict[str, str]
    tags: dict[str, "TagRef"]


@dataclass(frozen=True, slots=True)
class TagRef:
    """`object` is the tag itself where it is annotated; else the same as `target`."""

    name: str
    object: str
    target: str


def is_sha(text: str) -> bool:
    return _SHA.fullmatch(text) is not None


def parse_refs(output: bytes) -> Refs:
    """Read `git ls-remote`; lines that are none (a host's chatter) are passed over."""
    objects: dict[str, str] = {}
    for line in output.decode(errors="surrogateescape").split("\n"):
        sha, _, name = line.partition("\t")
        if is_sha(sha):
            objects[name] = sha
    branches = {
        name.removeprefix("refs/heads/"): sha for name, sha in objects.items() if name.startswith("refs/heads/")
    }
    names = [name for name in objects if name.startswith("refs/tags/") and not name.endswith("^{}")]
    tags = {
        short: TagRef(short, objects[f"refs/tags/{short}"], objects.get(f"refs/tags/{short}^{{}}") or objects[name])
        for name in names
        if (short := name.removeprefix("refs/tags/"))
    }
    return Refs(branches, tags)


def parse_log(output: bytes) -> tuple[Commit, ...]:
    """Read `git log -z --format=LOG_FORMAT`."""
    fields = output.decode(errors="replace").split("\0")
    rows = (fields[start : start + _FIELDS] for start in range(0, len(fields) - _FIELDS + 1, _FIELDS))
    return tuple(_commit(row) for row in rows)


def _commit(row: list[str]) -> Commit:
    sha, parents, tree, written_at, author, email, subject = row
    return Commit(
        sha=sha,
        date=moment(written_at),
        subject=clean_line(subject),
        author=clean_line(author, 200),
        email=clean_line(email, 254),
        parents=tuple(parents.split()),
        tree=tree,
    )


def moment(seconds: str) -> datetime:
    """A time of git's, brought between 1970 and 9999."""
    digits = seconds if re.fullmatch(r"-?\d{1,20}", seconds, re.ASCII) else "0"
    return datetime.fromtimestamp(min(max(int(digits), 0), _LATEST), UTC)


def parse_kinds(output: bytes) -> dict[str, str]:
    """Read `git cat-file --batch-check`: the kind of each object; those that are missing are left out."""
    lines = (line.split() for line in output.decode(errors="replace").splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 3}


def parse_written_at(output: bytes) -> dict[str, int]:
    """Read `git cat-file --batch` of commits and tags: when each was written, in Unix seconds, 0 where untold."""
    return {sha: _written_at(content) for sha, content in _objects(output)}


def _written_at(content: bytes) -> int:
    found = _WRITTEN_AT.search(content.partition(b"\n\n")[0])
    return min(int(found[1][:20]), _LATEST) if found else 0


def _objects(output: bytes) -> Iterator[tuple[str, bytes]]:
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        sha, _, size = output[position:end].split()
        start = end + 1
        position = start + int(size) + 1
        yield sha.decode(), output[start : position - 1]
