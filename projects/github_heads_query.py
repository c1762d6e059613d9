"""The GraphQL query for the branches and tags of many repositories, and what its answer means."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from projects import github_tags
from projects.cleaning import clean_line
from projects.github_answers import MOST_OF_AN_ID, GraphQLAnswer, whole
from projects.github_troubles import Whom, broken, unreadable
from projects.reading import Head, RepositoryFacts, StageUnreadable, Trouble

SHA: Final = re.compile(r"[0-9a-f]{40}")
NAME_WITH_OWNER: Final = re.compile(r"([A-Za-z0-9._-]{1,100})/([A-Za-z0-9._-]{1,100})")
REPOSITORY: Final = "databaseId nameWithOwner isArchived isEmpty defaultBranchRef{name target{oid}}"
_FRAGMENTS: Final = (
    f"fragment F on Repository{{{REPOSITORY}}}fragment H on Ref{{target{{oid ...on Commit{{tree{{oid}}}}}}}}"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one query asks of one repository. `part` tells the entries of a repository with many stages apart."""

    owner: str
    name: str
    branches: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    part: int = 0

    @property
    def path(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(slots=True)
class Found:
    """What GitHub told of one repository. `cursor` leads to further tags."""

    facts: RepositoryFacts
    is_empty: bool
    branches: dict[str, Head | StageUnreadable]
    tags: list[github_tags.Tag] = field(default_factory=list)
    cursor: str | None = None
    tags_trouble: StageUnreadable | None = None


Outcome = Found | StageUnreadable
Names = Callable[[str, str], tuple[str, str]]


def heads_query(entries: Sequence[Entry], names: Names) -> tuple[str, dict[str, str]]:
    """Query and variables. All names travel as variables: nothing that a person typed is part of the query's text."""
    variables: dict[str, str] = {}
    parts = []
    for place, entry in enumerate(entries):
        variables[f"o{place}"], variables[f"n{place}"] = names(entry.owner, entry.name)
        fields = ["...F"]
        for number, branch in enumerate(entry.branches):
            variables[f"b{place}_{number}"] = f"refs/heads/{branch}"
            fields.append(f"b{number}:ref(qualifiedName:$b{place}_{number}){{...H}}")
        if entry.patterns:
            fields.append(github_tags.TAGS.format(cursor="null"))
        parts.append(f"r{place}:repository(owner:$o{place},name:$n{place}){{{' '.join(fields)}}}")
    declared = ",".join(f"${name}:String!" for name in variables)
    fragments = _FRAGMENTS if any(entry.branches for entry in entries) else _FRAGMENTS.partition("fragment H")[0]
    if any(entry.patterns for entry in entries):
        fragments += github_tags.FRAGMENTS
    return f"query Heads({declared}){{{' '.join(parts)}}}{fragments}", variables


def more_tags_query(entries: Sequence[Entry], cursors: Sequence[str], names: Names) -> tuple[str, dict[str, str]]:
    """The next page of tags of each of these repositories."""
    variables: dict[str, str] = {}
    parts = []
    for place, entry in enumerate(entries):
        variables[f"o{place}"], variables[f"n{place}"] = names(entry.owner, entry.name)
        variables[f"c{place}"] = cursors[place]
        tags = github_tags.TAGS.format(cursor=f"$c{place}")
        parts.append(f"r{place}:repository(owner:$o{place},name:$n{place}){{{tags}}}")
    declared = ",".join(f"${name}:String!" for name in variables)
    return f"query Tags({declared}){{{' '.join(parts)}}}{github_tags.FRAGMENTS}", variables


def outcome_of(entry: Entry, alias: str, answer: GraphQLAnswer, whom: Whom) -> Outcome:
    found = answer.data.get(alias)
    if not isinstance(found, dict):
        return unreadable(answer.error_at(alias), whom, entry.path)
    facts = facts_of(found)
    if facts is None:
        return broken(whom, entry.path)
    is_empty = found.get("isEmpty") is True
    reading = _Reading(alias, found, facts, answer, whom)
    branches = {branch: reading.head(branch, f"b{number}") for number, branch in enumerate(entry.branches)}
    outcome = Found(facts, is_empty, branches)
    if entry.patterns and not is_empty:
        add_tags(outcome, entry, alias, answer, whom)
    return outcome


def facts_of(found: Mapping[str, Any]) -> RepositoryFacts | None:
    """None where the answer has another form."""
    branch = found.get("defaultBranchRef") or {}
    try:
        path = NAME_WITH_OWNER.fullmatch(found["nameWithOwner"])
        sha, default = (branch.get("target") or {}).get("oid"), branch.get("name")
        if path is None or not (sha is None or SHA.fullmatch(sha)):
            return None
        return RepositoryFacts(
            whole(found["databaseId"], MOST_OF_AN_ID),
            path[1],
            path[2],
            clean_line(default, 255) if default else None,
            sha,
            archived=found.get("isArchived") is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def add_tags(outcome: Found, entry: Entry, alias: str, answer: GraphQLAnswer, whom: Whom) -> None:
    """Put a page of tags to those that were found."""
    outcome.cursor = None
    found: Any = (answer.data.get(alias) or {}).get("refs")
    if found is None:
        outcome.tags_trouble = unreadable(answer.error_at(alias, "refs"), whom, entry.path)
        return
    try:
        page = github_tags.tag_page(found)
    except (KeyError, TypeError, ValueError, AttributeError):
        outcome.tags_trouble = broken(whom, entry.path)
        return
    outcome.tags.extend(page.tags)
    outcome.cursor = page.next_cursor


@dataclass(frozen=True, slots=True)
class _Reading:
    """One repository's part of an answer."""

    alias: str
    found: Mapping[str, Any]
    facts: RepositoryFacts
    answer: GraphQLAnswer
    whom: Whom

    def head(self, branch: str, key: str) -> Head | StageUnreadable:
        ref = self.found.get(key)
        if ref is None:
            return self._no_head(branch, key)
        try:
            target = ref["target"]
            sha, tree = target["oid"], target.get("tree")
            if SHA.fullmatch(sha):
                return Head(sha, tree["oid"] if tree else None, None, self.facts)
        except (KeyError, TypeError, AttributeError):
            pass  # answered below
        return broken(self.whom, self.path)

    def _no_head(self, branch: str, key: str) -> StageUnreadable:
        """A branch is gone only where GitHub answered so without an error that concerns it."""
        if error := self.answer.error_at(self.alias, key):
            return unreadable(error, self.whom, self.path)
        if key not in self.found:
            return broken(self.whom, self.path)
        return empty(self.facts) if self.found.get("isEmpty") is True else _gone(self.facts, branch)

    @property
    def path(self) -> str:
        return f"{self.facts.owner}/{self.facts.name}"


def empty(facts: RepositoryFacts) -> StageUnreadable:
    return StageUnreadable(
        Trouble.EMPTY, f"{facts.owner}/{facts.name} is empty: it has no commit yet. Push one, and the stage appears."
    )


def _gone(facts: RepositoryFacts, branch: str) -> StageUnreadable:
    default = f" (its default branch is {facts.default_branch})" if facts.default_branch else ""
    return StageUnreadable(
        Trouble.GONE,
        f'{facts.owner}/{facts.name} has no branch "{branch}"{default}. Push it, or correct the branch of the stage.',
    )
