"""What several of GraphQL's resolvers need."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.servers.github.graphql_views import (
    CommitView,
    Context,
    Info,
    RefView,
)
from tests.servers.github.model import Account, Rule, node_id
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository

Arguments = dict[str, Any]
Resolvers = dict[str, Any]  # field -> function of the source, info and the arguments


def context(info: Info) -> Context:
    return info.context


def ref_view(repository: Repository, name: str) -> RefView | None:
    sha = repository.store.refs.get(name)
    return RefView(repository, name, sha) if sha else None


def ordered(pulls: list[PullRequest], order: Arguments | None) -> list[PullRequest]:
    if order is None:
        return pulls
    key = {"UPDATED_AT": "updated_at"}.get(order["field"], "created_at")
    return sorted(pulls, key=lambda pull: (getattr(pull, key), pull.number), reverse=order["direction"] == "DESC")


def pull_state(pull: PullRequest) -> str:
    return "MERGED" if pull.merged else pull.state.upper()


def page_url(repository: Repository, *parts: str) -> str:
    return "/".join([repository.github.url, repository.full_name, *(quote(part) for part in parts)])


def protection_shown(repository: Repository, rule: Rule) -> dict[str, Any]:
    return {
        "id": node_id("BPR", repository.id, rule.pattern),
        "databaseId": 1,
        "pattern": rule.pattern,
        "isAdminEnforced": rule.admins,
        "requiresStatusChecks": bool(rule.checks),
        "requiredStatusCheckContexts": list(rule.checks),
        "requiresStrictStatusChecks": rule.strict,
        "requiresApprovingReviews": bool(rule.reviews),
        "requiredApprovingReviewCount": rule.reviews,
    }


def account(repository: Repository, login: str | None) -> Account | None:
    return repository.github.person(login) if login else None


def commit_or_none(repository: Repository, sha: str | None) -> CommitView | None:
    return CommitView(repository, sha) if sha else None
