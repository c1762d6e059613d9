"""The newest tag of a repository that matches a pattern, from GraphQL's list of tags.

Pure: the standard library and pure modules only.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from projects.tag_globs import tag_matcher

TAGS_OF_A_PAGE: Final = 100
SURE_PAGES: Final = 3  # read even when a match was found, for tags that were put on old commits
MOST_PAGES: Final = 10

# GitHub sorts tags by the date of their commits, so a fresh annotated tag on an old commit comes late.
TAGS: Final = (
    'refs(refPrefix:"refs/tags/",first:100,after:{cursor},orderBy:{{field:TAG_COMMIT_DATE,direction:DESC}})'
    "{{pageInfo{{hasNextPage endCursor}}nodes{{name target{{...C ...T0}}}}}}"
)
FRAGMENTS: Final = (
    "fragment C on Commit{oid committedDate tree{oid}}"
    "fragment T0 on Tag{tagger{date}target{...C ...T1}}"
    "fragment T1 on Tag{tagger{date}target{...C ...T2}}"
    "fragment T2 on Tag{tagger{date}target{...C}}"
)
_SHA: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that leads to a commit; `at` is when it was made, or its commit for a tag without tagger."""

    name: str
    sha: str
    tree: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class TagPage:
    tags: tuple[Tag, ...]
    next_cursor: str | None


def tag_page(found: Mapping[str, Any]) -> TagPage:
    """Raises KeyError, TypeError, ValueError, AttributeError where GitHub's answer has another form."""
    tags = [tag for node in found["nodes"] if node and (tag := _tag(node))]
    info = found["pageInfo"]
    return TagPage(tuple(tags), str(info["endCursor"]) if info["hasNextPage"] else None)


def newest(pattern: str, tags: Iterable[Tag]) -> Tag | None:
    matches = tag_matcher(pattern)
    return max((tag for tag in tags if matches(tag.name)), key=lambda tag: (tag.at, tag.name), default=None)


def _tag(node: Mapping[str, Any]) -> Tag | None:
    """None for a tag of something else than a commit, and for tags of tags of tags of tags."""
    target = node["target"]
    made_at: str | None = None
    while target and "target" in target:
        made_at = made_at or ((target.get("tagger") or {}).get("date"))
        target = target["target"]
    if not target or not _SHA.fullmatch(target.get("oid", "")):
        return None
    at = datetime.fromisoformat(made_at or target["committedDate"])
    return Tag(node["name"], target["oid"], (target.get("tree") or {}).get("oid"), at)
