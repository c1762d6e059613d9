"""Checks (check runs and commit statuses) and assignees of pull requests and commits, many with one query.

GitHub tells of a required check only once it has reported; which ones have not is for the caller to find out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from projects.cleaning import clean_line
from projects.github_answers import GraphQLAnswer
from projects.github_batches import in_batches
from projects.github_client import GitHubClient
from projects.github_compare import web_address
from projects.github_values import Check, CheckState
from projects.reading import StageUnreadable

QUESTIONS_OF_A_QUERY: Final = 50
MOST_PAGES: Final = 3  # of 100 checks

_ROLLUP: Final = (
    "statusCheckRollup{{contexts(first:100,after:{cursor}){{pageInfo{{hasNextPage endCursor}}nodes{{__typename "
    "...on CheckRun{{name status conclusion detailsUrl{required}}}"
    "...on StatusContext{{context state targetUrl{required}}}}}}}}}"
)
_CONCLUSIONS: Final = {
    "SUCCESS": CheckState.SUCCESS,
    "NEUTRAL": CheckState.NEUTRAL,
    "SKIPPED": CheckState.SKIPPED,
}
_STATES: Final = {
    "SUCCESS": CheckState.SUCCESS,
    "PENDING": CheckState.PENDING,
    "EXPECTED": CheckState.PENDING,
}


@dataclass(frozen=True, slots=True)
class ChecksQuestion:
    """The checks of a commit, as the head of this pull request where there is a number."""

    owner: str
    name: str
    sha: str
    number: int | None


@dataclass(slots=True)
class Checks:
    """`complete` is False where some were not read, or where the pull request has another head by now."""

    checks: list[Check] = field(default_factory=list)
    assignees: tuple[str, ...] | None = None
    complete: bool = False
    cursor: str | None = None


def checks_of(client: GitHubClient, questions: Sequence[ChecksQuestion]) -> dict[ChecksQuestion, Checks]:
    """What could not be read is incomplete: it never looks green."""
    found = {question: Checks() for question in questions}
    waiting = list(found)
    for _ in range(MOST_PAGES):
        if not waiting:
            break
        outcomes = in_batches(
            waiting,
            lambda batch, divisible: _ask(client, batch, found, divisible),
            most=QUESTIONS_OF_A_QUERY,
            use=("checks", client.identity),
        )
        waiting = [question for question, trouble in outcomes.items() if trouble is None and found[question].cursor]
    return found


def _ask(
    client: GitHubClient,
    batch: Sequence[ChecksQuestion],
    found: Mapping[ChecksQuestion, Checks],
    divisible: bool,
) -> dict[ChecksQuestion, StageUnreadable | None]:
    query, variables = _query(client, batch, found)
    answer = client.graphql(query, variables, divisible=divisible)
    for place, question in enumerate(batch):
        _add(found[question], question, f"r{place}", answer)
    return dict.fromkeys(batch)


def _query(
    client: GitHubClient, batch: Sequence[ChecksQuestion], found: Mapping[ChecksQuestion, Checks]
) -> tuple[str, dict[str, object]]:
    variables: dict[str, object] = {}
    declared = []
    for place, question in enumerate(batch):
        variables[f"o{place}"], variables[f"n{place}"] = client.current(question.owner, question.name)
        variables[f"c{place}"] = found[question].cursor
        variables[f"s{place}"] = question.sha if question.number is None else question.number
        kind = "GitObjectID!" if question.number is None else "Int!"
        declared.append(f"$o{place}:String!,$n{place}:String!,$c{place}:String,$s{place}:{kind}")
    parts = [_part(place, question) for place, question in enumerate(batch)]
    return f"query Checks({','.join(declared)}){{{' '.join(parts)}}}", variables


def _part(place: int, question: ChecksQuestion) -> str:
    if question.number is None:
        rollup = _ROLLUP.format(cursor=f"$c{place}", required="")
        target = f"object(oid:$s{place}){{oid ...on Commit{{{rollup}}}}}"
    else:
        rollup = _ROLLUP.format(cursor=f"$c{place}", required=f" isRequired(pullRequestNumber:$s{place})")
        target = f"pullRequest(number:$s{place}){{oid:headRefOid assignees(first:20){{nodes{{login}}}}{rollup}}}"
    return f"r{place}:repository(owner:$o{place},name:$n{place}){{x:{target}}}"


def _add(checks: Checks, question: ChecksQuestion, alias: str, answer: GraphQLAnswer) -> None:
    """Put a page of checks to those that were found; anything unexpected leaves them incomplete."""
    checks.cursor, checks.complete = None, False
    target = (answer.data.get(alias) or {}).get("x") or {}
    if answer.error_at(alias) or target.get("oid") != question.sha or "statusCheckRollup" not in target:
        return
    rollup = target["statusCheckRollup"]
    try:
        if question.number is not None:
            checks.assignees = tuple(clean_line(node["login"], 100) for node in target["assignees"]["nodes"] if node)
        if rollup is None:
            checks.complete = True  # nothing has reported
            return
        contexts = rollup["contexts"]
        checks.checks.extend(check_of(node) for node in contexts["nodes"])
        info = contexts["pageInfo"]
        checks.complete = not info["hasNextPage"]
        checks.cursor = str(info["endCursor"]) if info["hasNextPage"] else None
    except (KeyError, TypeError, AttributeError):
        return


def check_of(node: Mapping[str, Any]) -> Check:
    """One of a rollup's `contexts`. Raises KeyError, TypeError, AttributeError for what is none."""
    if node["__typename"] == "StatusContext":
        name, state, url = node["context"], _STATES.get(node["state"], CheckState.FAILURE), node.get("targetUrl")
    else:
        done = node["status"] == "COMPLETED"
        name, url = node["name"], node.get("detailsUrl")
        state = _CONCLUSIONS.get(node["conclusion"] or "", CheckState.FAILURE) if done else CheckState.PENDING
    return Check(clean_line(name, 200), state, node.get("isRequired") is True, web_address(url))
