"""Texts of files at the default branches of repositories, many with one query."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects.github_answers import GraphQLAnswer
from projects.github_batches import in_batches
from projects.github_client import GitHubClient
from projects.github_troubles import unreadable
from projects.reading import StageUnreadable

REPOSITORIES_OF_A_QUERY: Final = 10
LARGEST_FILE: Final = 512 * 1024

Names = tuple[str, str]
Texts = dict[str, str | None]


def files(client: GitHubClient, wanted: Mapping[Names, Sequence[str]]) -> dict[Names, Texts | StageUnreadable]:
    """For each repository (owner, name) the texts by path: None for a file that is absent, binary or too large."""

    def ask(batch: Sequence[Names], divisible: bool) -> dict[Names, Texts | StageUnreadable]:
        query, variables = _query(client, {names: wanted[names] for names in batch})
        answer = client.graphql(query, variables, divisible=divisible)
        return {names: _texts(client, names, wanted[names], f"r{i}", answer) for i, names in enumerate(batch)}

    return in_batches(list(wanted), ask, most=REPOSITORIES_OF_A_QUERY, use=("files", client.identity))


def _query(client: GitHubClient, wanted: Mapping[Names, Sequence[str]]) -> tuple[str, dict[str, str]]:
    variables: dict[str, str] = {}
    parts = []
    for place, (names, paths) in enumerate(wanted.items()):
        variables[f"o{place}"], variables[f"n{place}"] = client.current(*names)
        fields = ["id"]
        for number, path in enumerate(paths):
            variables[f"f{place}_{number}"] = f"HEAD:{path.rstrip('/')}"
            fields.append(f"f{number}:object(expression:$f{place}_{number}){{...F}}")
        parts.append(f"r{place}:repository(owner:$o{place},name:$n{place}){{{' '.join(fields)}}}")
    declared = ",".join(f"${name}:String!" for name in variables)
    fragment = "fragment F on GitObject{...on Blob{isBinary isTruncated text}...on Tree{entries{name}}}"
    return f"query Files({declared}){{{' '.join(parts)}}}{fragment}", variables


def _texts(
    client: GitHubClient, names: Names, paths: Sequence[str], alias: str, answer: GraphQLAnswer
) -> Texts | StageUnreadable:
    found = answer.data.get(alias)
    path = "/".join(names)
    if not isinstance(found, dict):
        return unreadable(answer.error_at(alias), client.whom, path)
    for number in range(len(paths)):
        key = f"f{number}"
        if found.get(key) is None and (error := answer.error_at(alias, key)):
            return unreadable(error, client.whom, path)
    return {file: _text(file, found.get(f"f{number}")) for number, file in enumerate(paths)}


def _text(path: str, found: Any) -> str | None:
    if not isinstance(found, dict):
        return None
    if path.endswith("/"):
        entries = found.get("entries")
        return "\n".join(str(each["name"]) for each in entries) if isinstance(entries, list) else None
    text = found.get("text")
    if found.get("isBinary") or found.get("isTruncated") or not isinstance(text, str) or len(text) > LARGEST_FILE:
        return None
    return text
