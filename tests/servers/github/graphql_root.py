"""GraphQL: the questions a query begins with, accounts, and the schema with all its resolvers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from tests.servers.github import graphql_checks, graphql_objects, graphql_pulls, graphql_refs, graphql_repository
from tests.servers.github.access import can_see
from tests.servers.github.graphql_common import Resolvers, context, ref_view
from tests.servers.github.graphql_views import Connection, Info, failed, git_view, type_of
from tests.servers.github.model import Account, AccountKind, of_node_id, stamp
from tests.servers.github.repository import Repository
from tests.servers.github.show import account_node, avatar

SDL = Path(__file__).with_name("schema.graphql")


def repository(source: object, info: Info, owner: str, name: str, followRenames: bool = True) -> Repository:
    """Follows renames silently; NOT_FOUND alike for what is not there and what this token may not see."""
    here, full_name = context(info), f"{owner}/{name}"
    found = here.github.find_repository(full_name)
    if found and not followRenames and found.full_name.lower() != full_name.lower():
        found = None
    if found is None or not can_see(here.credential, found):
        raise failed("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    if fault := here.github.graphql_fault_for(found.full_name):
        raise failed(fault.type, fault.message) if fault.type else failed("INTERNAL", fault.message)
    return found


def find_node(identifier: str, info: Info) -> object | None:
    """The object of a global id, None when there is none for this caller."""
    here = context(info)
    try:
        prefix, parts = of_node_id(identifier)
        numbers = [int(part) for part in parts if part.isdigit()]
    except ValueError:
        return None
    if prefix in {"U", "O", "BOT"}:
        return next((one for one in here.github.accounts.values() if account_node(one) == identifier), None)
    found = here.github.repositories.get(numbers[0]) if numbers else None
    if found is None or not can_see(here.credential, found):
        return None
    if prefix == "R":
        return found
    if prefix == "PR":
        return found.pulls.all.get(numbers[1])
    if prefix == "REF":
        return ref_view(found, parts[1])
    return git_view(found, parts[1]) if prefix in {"GO", "C"} and found.store.kind(parts[1]) else None


def node(source: object, info: Info, id: str) -> object:
    found = find_node(id, info)
    if found is None:
        raise failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'")
    return found


def nodes(source: object, info: Info, ids: list[str]) -> list[object]:
    """Each missing one is null with an error of its own."""
    return [
        find_node(id, info) or failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'")
        for id in ids
    ]


def rate_limit(source: object, info: Info, dryRun: bool = False) -> dict[str, Any]:
    here = context(info)
    return {
        "cost": here.cost,
        "limit": here.budget.limit,
        "nodeCount": here.nodes,
        "remaining": here.budget.remaining,
        "resetAt": stamp(here.budget.reset_at),
        "used": here.budget.used,
    }


def account(kind: AccountKind, login: str, info: Info) -> Account:
    found = context(info).github.accounts.get(login.lower())
    if found is None or found.kind != kind:
        raise failed(
            "NOT_FOUND",
            f"Could not resolve to {'an' if kind == 'Organization' else 'a'} {kind} with the login of '{login}'.",
        )
    return found


def viewer(source: object, info: Info) -> Account:
    """Installation tokens are no person: GitHub's answer for them is the App's bot, shown as a User."""
    return context(info).github.person(context(info).credential.login)


ACCOUNT: Resolvers = {
    "avatarUrl": lambda a, i, size=None: avatar(context(i).github, a),
    "databaseId": lambda a, i: a.id,
    "email": lambda a, i: a.email,
    "id": lambda a, i: account_node(a),
    "login": lambda a, i: a.login,
    "name": lambda a, i: a.name,
    "url": lambda a, i: f"{context(i).github.url}/{a.login}",
}
QUERY: Resolvers = {
    "node": node,
    "nodes": nodes,
    "rateLimit": rate_limit,
    "repository": repository,
    "user": lambda s, i, login: account(AccountKind.USER, login, i),
    "organization": lambda s, i, login: account(AccountKind.ORGANIZATION, login, i),
    "viewer": viewer,
}
MUTATION: Resolvers = {
    "enqueuePullRequest": graphql_pulls.enqueue,
    "dequeuePullRequest": graphql_pulls.dequeue,
    "markPullRequestReadyForReview": graphql_pulls.ready_for_review,
    "revertPullRequest": graphql_pulls.revert,
}
CONNECTION: Resolvers = {
    "nodes": lambda c, i: c.nodes(),
    "edges": lambda c, i: c.edges(),
    "pageInfo": lambda c, i: c.page_info(),
    "totalCount": lambda c, i: c.total,
}


def of_connection(name: str) -> Any:
    """A connection's own field, or what it says beside its nodes."""

    def extra(connection: Connection[Any], info: Info) -> Any:
        return connection.extra[name]

    return CONNECTION.get(name, extra)


@cache
def schema() -> GraphQLSchema:
    """The subset with a resolver on every field; what has none of its own is read from a dict by its name."""
    built = build_schema(SDL.read_text())
    resolvers: dict[str, Resolvers] = {"Query": QUERY, "Mutation": MUTATION}
    for owner in ("User", "Bot", "Organization"):
        resolvers[owner] = {name: ACCOUNT[name] for name in built.type_map[owner].fields}  # type: ignore[attr-defined]
    for module in (graphql_repository, graphql_refs, graphql_objects, graphql_pulls, graphql_checks):
        for name, functions in module.RESOLVERS.items():
            resolvers[name] = {**resolvers.get(name, {}), **functions}
    for kind in built.type_map.values():
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = lambda value, info, _: type_of(value)
        elif isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection"):
            for name, field in kind.fields.items():
                field.resolve = of_connection(name)
        elif isinstance(kind, GraphQLObjectType):
            for name, function in resolvers.get(kind.name, {}).items():
                kind.fields[name].resolve = function
    return built
