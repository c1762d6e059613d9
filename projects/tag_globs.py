"""Git's globs over the names of tags, as `git for-each-ref refs/tags/PATTERN` reads them (wildmatch with WM_PATHNAME).

Pure: the standard library only. `*` and `?` stop at a slash, `**` as a whole part does not, `[a-z]`, `[!a-z]` and
`[^a-z]` are classes, and a pattern without any of these also names the folder of what lies below it.
"""

import fnmatch
import re
from collections.abc import Callable, Sequence

_CLASS = re.compile(r"\[[!^]?(?:\][^\[\]/]*|[^\[\]/]+)\]")
_GLOB = re.compile(r"[*?\[]")
_ANY_PARTS = None


def is_glob(pattern: str) -> bool:
    """Whether the brackets of a pattern fit together."""
    without_classes = _CLASS.sub("", pattern)
    return "[" not in without_classes and "]" not in without_classes


def tag_matcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether the name of a tag (without refs/tags/) matches; `pattern` has passed `is_glob`."""
    if not _GLOB.search(pattern):
        return lambda name: name == pattern or name.startswith(f"{pattern}/")
    parts = [_compile_part(part) for part in pattern.split("/")]
    return lambda name: _matches(parts, name.split("/"))


def _compile_part(part: str) -> re.Pattern[str] | None:
    """One part between slashes; `fnmatch` makes expressions that never backtrack exponentially."""
    if len(part) > 1 and not part.strip("*"):
        return _ANY_PARTS
    return re.compile(fnmatch.translate(part.replace("[^", "[!")))


def _matches(parts: Sequence[re.Pattern[str] | None], names: Sequence[str]) -> bool:
    if not parts or not names:
        return not parts and not names
    if parts[0] is _ANY_PARTS:
        return len(parts) == 1 or any(_matches(parts[1:], names[skipped:]) for skipped in range(len(names)))
    return parts[0].match(names[0]) is not None and _matches(parts[1:], names[1:])
