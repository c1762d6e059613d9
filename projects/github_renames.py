"""Repositories that are no longer found under the name that Horizon knows: they are followed by the host's id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from projects.github_client import GitHubClient
from projects.reading import StageUnreadable, Trouble

MOST_FOLLOWED: Final = 25  # one request each: so many in one round


@dataclass(slots=True)
class Trace:
    """By path (owner/name, lower case): what was found under another name, and what could not even be looked for."""

    found: set[str] = field(default_factory=set)
    troubles: dict[str, StageUnreadable] = field(default_factory=dict)


def trace_by_id(client: GitHubClient, known: Mapping[str, int], names: Iterable[tuple[str, str]]) -> Trace:
    """Look for these repositories by their ids; the client then knows the present names of those that were found."""
    trace = Trace()
    for owner, name in list(dict.fromkeys(names))[:MOST_FOLLOWED]:
        path = f"{owner}/{name}".lower()
        try:
            facts = client.repository_by_id(known[path])
        except StageUnreadable as error:
            trace.troubles[path] = error
            continue
        if facts is not None:
            client.learn(owner, name, facts)
            trace.found.add(path)
    return trace


def as_written(owner: str, name: str) -> tuple[str, str]:
    """GitHub itself follows a written name through every rename; a learned one may belong to others by now."""
    return owner, name


def name_taken(path: str) -> StageUnreadable:
    return StageUnreadable(
        Trouble.NOT_FOUND,
        f"The name {path} now belongs to another repository than the one that Horizon knew, and that one was not found "
        "under another name. If the new one is meant, test the stage in the admin, which accepts it; otherwise correct "
        "its remote.",
    )
