"""GraphQL: refs, comparisons, and the rules of branches."""

from __future__ import annotations

from typing import Any

from tests.servers.github.access import allows
from tests.servers.github.graphql_common import (
    Resolvers,
    context,
    protection_shown,
)
from tests.servers.github.graphql_repository import repository_pull_requests
from tests.servers.github.graphql_views import (
    CommitView,
    ComparisonView,
    Connection,
    Info,
    RefView,
    connect,
    git_view,
)
from tests.servers.github.model import Role, Rule, node_id
from tests.servers.github.protection import rules_for
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.rest_commits import side


def ref_compare(ref: RefView, info: Info, headRef: str) -> ComparisonView | None:
    """`headRef` is a branch, owner:branch or an oid (refined-github #6094); null for what is not there or unrelated."""
    store, base, head = ref.repository.store, ref.repository.store.peel(ref.sha), side(ref.repository, headRef)
    if head is None or store.merge_base(base, head) is None:
        return None
    ahead = tuple(reversed(store.between(base, head)))
    return ComparisonView(ref.repository, base, head, ahead, len(store.between(head, base)))


def comparison_status(shown: ComparisonView, info: Info) -> str:
    if shown.ahead:
        return "DIVERGED" if shown.behind else "AHEAD"
    return "BEHIND" if shown.behind else "IDENTICAL"


def comparison_commits(shown: ComparisonView, info: Info, **page: Any) -> Connection[str]:
    """Oldest first."""
    return connect("commits", shown.ahead, lambda sha: CommitView(shown.repository, sha), **page)


def ref_pulls(ref: RefView, info: Info, **arguments: Any) -> Connection[PullRequest]:
    """Pull requests whose head is this branch."""
    arguments["headRefName"] = ref.name
    return repository_pull_requests(ref.repository, info, **arguments)


def ref_protection(ref: RefView, info: Info) -> dict[str, Any] | None:
    """For administrators; which permission it takes is not documented, so others get null."""
    classic = [rule for rule in rules_for(ref.repository, ref.name) if rule.ruleset_id is None]
    if not classic or not allows(context(info).credential, ref.repository, "administration", "read"):
        return None
    return protection_shown(ref.repository, classic[0])


def ref_rules(ref: RefView, info: Info, orderBy: object = None, **page: Any) -> Connection[dict[str, Any]]:
    """Of rulesets only, as `/rules/branches/{branch}` is: classic protection is not in it."""
    rules = [rule for rule in rules_for(ref.repository, ref.name) if rule.ruleset_id is not None]
    return connect("rules", [shown for rule in rules for shown in rule_nodes(ref, rule)], lambda node: node, **page)


def rule_nodes(ref: RefView, rule: Rule) -> list[dict[str, Any]]:
    parameters: dict[str, dict[str, Any] | None] = {}
    if rule.checks:
        parameters["REQUIRED_STATUS_CHECKS"] = {
            "__typename": "RequiredStatusChecksParameters",
            "doNotEnforceOnCreate": False,
            "requiredStatusChecks": [{"context": name, "integrationId": None} for name in rule.checks],
            "strictRequiredStatusChecksPolicy": rule.strict,
        }
    if rule.merge_queue:
        parameters["MERGE_QUEUE"] = {
            "__typename": "MergeQueueParameters",
            "maxEntriesToMerge": 5,
            "minEntriesToMerge": 1,
        }
    if rule.reviews or rule.methods:
        parameters["PULL_REQUEST"] = None
    return [
        {"id": node_id("RR", ref.repository.id, rule.ruleset_id or 0, kind), "type": kind, "parameters": given}
        for kind, given in parameters.items()
    ]


def ref_update_rule(ref: RefView, info: Info) -> dict[str, Any] | None:
    """Viewable by non-admins (schema), null for administrators (remove-stale-branches PR 76)."""
    rules = rules_for(ref.repository, ref.name)
    if not rules or ref.repository.role_of(context(info).credential.login) == Role.ADMIN:
        return None
    return {
        "pattern": rules[0].pattern,
        "allowsDeletions": False,
        "allowsForcePushes": False,
        "requiredApprovingReviewCount": max(rule.reviews for rule in rules) or None,
        "requiredStatusCheckContexts": list(dict.fromkeys(check for rule in rules for check in rule.checks)),
        "requiresLinearHistory": False,
        "viewerCanPush": True,
    }


REF: Resolvers = {
    "associatedPullRequests": ref_pulls,
    "branchProtectionRule": ref_protection,
    "compare": ref_compare,
    "id": lambda v, i: node_id("REF", v.repository.id, v.full_name),
    "name": lambda v, i: v.name,
    "prefix": lambda v, i: v.prefix,
    "refUpdateRule": ref_update_rule,
    "repository": lambda v, i: v.repository,
    "rules": ref_rules,
    "target": lambda v, i: git_view(v.repository, v.sha),
}
COMPARISON: Resolvers = {
    "aheadBy": lambda v, i: len(v.ahead),
    "baseTarget": lambda v, i: CommitView(v.repository, v.base),
    "behindBy": lambda v, i: v.behind,
    "commits": comparison_commits,
    "headTarget": lambda v, i: CommitView(v.repository, v.head),
    "id": lambda v, i: node_id("CMP", v.repository.id, v.base, v.head),
    "status": comparison_status,
}
RESOLVERS: dict[str, Resolvers] = {"Ref": REF, "Comparison": COMPARISON}
