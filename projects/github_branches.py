"""Which branches a repository has: asked while a person waits for the page, or `apply` for its file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from projects.cleaning import clean_line
from projects.github_answers import GraphQLAnswer
from projects.github_batches import in_batches
from projects.github_client import GitHubClient
from projects.github_transport import patience
from projects.github_troubles import Whom, broken, unreadable
from projects.models import Profile
from projects.reading import StageUnreadable

PATIENCE_SECONDS: Final = 4
REPOSITORIES_OF_A_QUERY: Final = 30
BRANCHES_SHOWN: Final = 100  # to find near names among; a repository may have thousands


@dataclass(frozen=True, slots=True)
class BranchQuestion:
    """Does this repository have these branches?"""

    owner: str
    name: str
    branches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BranchAnswer:
    """`repository` is what it is called now, `missing` those that were asked for and are not there, `others` some that
    are."""

    repository: str
    missing: tuple[str, ...]
    others: tuple[str, ...]


def branches_of(
    profile: Profile, questions: Iterable[BranchQuestion]
) -> dict[BranchQuestion, BranchAnswer | StageUnreadable]:
    """An answer for each question, one request for up to 30 repositories; a host that does not answer within seconds is
    a trouble of all of them."""
    client = GitHubClient(profile)

    def ask(batch: Sequence[BranchQuestion], divisible: bool) -> dict[BranchQuestion, BranchAnswer | StageUnreadable]:
        answer = client.graphql(*_query(batch), divisible=divisible)
        return {question: _answer(question, f"r{place}", answer, client.whom) for place, question in enumerate(batch)}

    wanted = list(dict.fromkeys(questions))
    with patience(PATIENCE_SECONDS):
        return in_batches(wanted, ask, most=REPOSITORIES_OF_A_QUERY, use=("branches", client.identity))


def _query(questions: Sequence[BranchQuestion]) -> tuple[str, dict[str, str]]:
    """All names travel as variables: nothing that a person typed is part of the query's text."""
    variables: dict[str, str] = {}
    parts = []
    for place, question in enumerate(questions):
        variables[f"o{place}"], variables[f"n{place}"] = question.owner, question.name
        fields = ["nameWithOwner", f'refs(refPrefix:"refs/heads/",first:{BRANCHES_SHOWN}){{nodes{{name}}}}']
        for number, branch in enumerate(question.branches):
            variables[f"b{place}_{number}"] = f"refs/heads/{branch}"
            fields.append(f"b{number}:ref(qualifiedName:$b{place}_{number}){{name}}")
        parts.append(f"r{place}:repository(owner:$o{place},name:$n{place}){{{' '.join(fields)}}}")
    declared = ",".join(f"${name}:String!" for name in variables)
    return f"query Branches({declared}){{{' '.join(parts)}}}", variables


def _answer(question: BranchQuestion, alias: str, answer: GraphQLAnswer, whom: Whom) -> BranchAnswer | StageUnreadable:
    path = f"{question.owner}/{question.name}"
    found = answer.data.get(alias)
    if not isinstance(found, dict):
        return unreadable(answer.error_at(alias), whom, path)
    keys = [f"b{number}" for number in range(len(question.branches))]
    for key in keys:
        if error := answer.error_at(alias, key):
            return unreadable(error, whom, path)
        if key not in found:
            return broken(whom, path)
    missing = tuple(name for key, name in zip(keys, question.branches, strict=True) if found[key] is None)
    return BranchAnswer(clean_line(str(found.get("nameWithOwner") or path), 200), missing, _names(found.get("refs")))


def _names(refs: Any) -> tuple[str, ...]:
    nodes = refs.get("nodes") if isinstance(refs, dict) else None
    names = [node.get("name") for node in nodes or [] if isinstance(node, dict)]
    return tuple(clean_line(name, 255) for name in names if isinstance(name, str))
