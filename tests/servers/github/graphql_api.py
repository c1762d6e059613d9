"""GraphQL over HTTP: cost, limits, and errors in GitHub's form.

Limits: docs.github.com, "Rate limits and query limits for the GraphQL API"; the texts of time-outs and partial errors
from answers quoted in the issues of cli/cli and octokit/graphql.js.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    execute_sync,
    parse,
    validate,
)

from tests.servers.github.access import ANONYMOUS
from tests.servers.github.api import Asked
from tests.servers.github.graphql_root import schema
from tests.servers.github.graphql_views import Context
from tests.servers.github.messages import Answer, Incoming
from tests.servers.github.model import Json, Refused

MOST_NODES = 500_000
TIMEOUT_PENALTY = 10
NAME = re.compile(r"\s*(?:query|mutation)\s+(\w+)")
TIMED_OUT = (
    "Something went wrong while executing your query. "
    "This may be the result of a timeout, or it could be a GitHub bug. "
    "Please include `{id}` when reporting this issue."
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parsed query, kept by its text: polls send the same one again and again."""

    document: DocumentNode
    errors: tuple[Json, ...]
    repositories: int


@lru_cache(maxsize=512)
def prepared(text: str) -> Prepared:
    try:
        document = parse(text, no_location=False)
    except GraphQLError as error:
        return Prepared(DocumentNode(definitions=()), ({"message": f"Parse error: {error.message}"},), 0)
    found = tuple(shown(error) for error in validate(schema(), document))
    return Prepared(document, found, text.count("repository("))


def graphql_operation(incoming: Incoming) -> str:
    """The operation's name for logs and faults; "-" for an anonymous one."""
    try:
        match = NAME.match(json.loads(incoming.body).get("query", ""))
    except (ValueError, AttributeError, TypeError):
        return "-"
    return match[1] if match else "-"


def graphql_answer(asked: Asked) -> Answer:
    if asked.credential is ANONYMOUS:
        raise Refused(401, "This endpoint requires you to be authenticated.")
    if asked.incoming.method != "POST":
        raise Refused(404, "Not Found")
    request = parsed(asked.incoming)
    query, variables = prepared(request["query"]), request.get("variables") or {}
    budget = asked.find_budget()
    cost, nodes = price(query.document, variables)
    if not budget.spend(cost):
        return Answer.of({"errors": [{"type": "RATE_LIMITED", "message": asked.exceeded()}]})
    limit = asked.github.graphql_timeout_above
    if limit is not None and query.repositories > limit:
        budget.spend(min(TIMEOUT_PENALTY, budget.remaining))
        text = TIMED_OUT.format(id=asked.request_id)
        return Answer.of({"data": None, "errors": [{"message": text}]}, 502)
    if query.errors:
        return Answer.of({"errors": list(query.errors)})
    if nodes > MOST_NODES:
        text = f"This query requests up to {nodes:,} possible nodes which exceeds the maximum limit of {MOST_NODES:,}."
        return Answer.of({"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": text}]})
    context = Context(asked.github, asked.credential, budget, cost, nodes)
    return executed(query, variables, request.get("operationName"), context)


def parsed(incoming: Incoming) -> Json:
    try:
        request = json.loads(incoming.body)
    except ValueError as error:
        raise Refused(400, "Problems parsing JSON") from error
    if not isinstance(request, dict) or not isinstance(request.get("query"), str):
        raise Refused(400, "A query attribute must be specified and must be a string.")
    return request


def executed(query: Prepared, variables: Json, operation: str | None, context: Context) -> Answer:
    result = execute_sync(
        schema(), query.document, variable_values=variables, context_value=context, operation_name=operation
    )
    answer: Json = {"data": result.data}
    if result.errors:
        for error in result.errors:
            if error.original_error and not isinstance(error.original_error, GraphQLError):
                raise error.original_error
        answer["errors"] = [shown(error) for error in result.errors]
    return Answer.of(answer)


def shown(error: GraphQLError) -> Json:
    """GitHub has `type` beside `path`, not inside extensions."""
    found: Json = {}
    kind = (error.extensions or {}).get("type")
    if kind:
        found["type"] = kind
    if error.path:
        found["path"] = error.path
    if error.locations:
        found["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return found | {"message": error.message}


def price(document: DocumentNode, variables: Json) -> tuple[int, int]:
    """(points, nodes): a hundredth of the requests that the connections need, at least 1; all nodes that may come."""
    fragments = {
        one.name.value: one.selection_set for one in document.definitions if isinstance(one, FragmentDefinitionNode)
    }
    requests, nodes = 0, 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            more = counted(definition.selection_set, 1, fragments, variables)
            requests, nodes = requests + more[0], nodes + more[1]
    return max(1, round(requests / 100)), nodes


def counted(
    selections: SelectionSetNode, times: int, fragments: dict[str, SelectionSetNode], variables: Json
) -> tuple[int, int]:
    requests, nodes = 0, 0
    for selection in selections.selections:
        below, inner = times, getattr(selection, "selection_set", None)
        if isinstance(selection, FieldNode):
            size = page_size(selection, variables)
            if size is not None:
                requests, nodes, below = requests + times, nodes + times * size, times * size
        elif inner is None:
            inner = fragments.get(selection.name.value)  # type: ignore[attr-defined]
        if inner is not None:
            more = counted(inner, below, fragments, variables)
            requests, nodes = requests + more[0], nodes + more[1]
    return requests, nodes


def page_size(selection: FieldNode, variables: Json) -> int | None:
    """`first` or `last` of a connection; None for other fields."""
    for argument in selection.arguments or ():
        if argument.name.value in {"first", "last"}:
            value: Any = argument.value
            if isinstance(value, IntValueNode):
                return int(value.value)
            if isinstance(value, VariableNode):
                return int(variables.get(value.name.value) or 100)
    return None
