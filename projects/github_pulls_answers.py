"""What GitHub's answers tell of releases and pull requests; None where one has another form than GitHub documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projects.cleaning import clean_line
from projects.github_answers import MOST_OF_AN_ID, GraphQLAnswer, whole
from projects.github_compare import date_of, web_address
from projects.github_heads_query import SHA, facts_of
from projects.github_values import PullRequest, ReleaseQuestion, ReleaseState

LONGEST_BODY = 65536  # GitHub's own limit
_UNEXPECTED = (KeyError, TypeError, ValueError, AttributeError)


def pull_request_of(found: Mapping[str, Any]) -> PullRequest | None:
    """From GraphQL; checks and assignees are not in it yet."""
    try:
        created_at = date_of(found["createdAt"])
        if created_at is None:
            return None
        return PullRequest(
            number=whole(found["number"]),
            url=web_address(found["url"]) or "",
            title=clean_line(found["title"]),
            body=_text(found["body"]),
            created_at=created_at,
            head_sha=_sha(found["headRefOid"]),
            base_sha=_sha(found["baseRefOid"]),
            base=str(found["baseRefName"]),
            head=str(found["headRefName"]),
            head_repository_id=_id(found["headRepository"], "databaseId"),
            is_draft=found["isDraft"] is True,
            is_open=found["state"] == "OPEN",
            merged=found["merged"] is True,
            merged_at=date_of(found["mergedAt"]) if found["mergedAt"] else None,
            merge_sha=_sha(found["mergeCommit"]["oid"]) if found["mergeCommit"] else None,
            merged_by=_login(found["mergedBy"]),
            mergeable={"MERGEABLE": True, "CONFLICTING": False}.get(found["mergeable"]),
            merge_state=str(found["mergeStateStatus"]).lower(),
            review_decision=str(found["reviewDecision"]).lower() if found["reviewDecision"] else None,
            author=_login(found["author"]) or "ghost",
            checks_complete=False,
            is_locked=found.get("locked") is True,
            in_queue=found["isInMergeQueue"] is True if "isInMergeQueue" in found else None,
            node_id=str(found.get("id") or ""),
            merge_parents=whole(found["merge"]["parents"]["totalCount"]) if found.get("merge") else None,
        )
    except _UNEXPECTED:
        return None


def created_pull_request(found: Any) -> PullRequest | None:
    """From REST's answer to the act that opened it; GitHub works out mergeability and checks afterwards."""
    try:
        created_at = date_of(found["created_at"])
        if created_at is None:
            return None
        return PullRequest(
            number=whole(found["number"]),
            url=web_address(found["html_url"]) or "",
            title=clean_line(found["title"]),
            body=_text(found["body"] or ""),
            created_at=created_at,
            head_sha=_sha(found["head"]["sha"]),
            base_sha=_sha(found["base"]["sha"]),
            base=str(found["base"]["ref"]),
            head=str(found["head"]["ref"]),
            head_repository_id=_id(found["head"]["repo"], "id"),
            is_draft=found.get("draft") is True,
            is_open=found["state"] == "open",
            merged=False,
            merged_at=None,
            merge_sha=None,
            merged_by=None,
            mergeable=found.get("mergeable"),
            merge_state=str(found.get("mergeable_state") or "unknown").lower(),
            review_decision=None,
            author=_login(found["user"]) or "ghost",
            assignees=tuple(clean_line(user["login"], 100) for user in found.get("assignees") or ()),
            checks_complete=False,
        )
    except _UNEXPECTED:
        return None


@dataclass(frozen=True, slots=True)
class Page:
    """Open pull requests of both branches, forks' included. `next_cursor` leads to further ones."""

    pulls: tuple[PullRequest, ...]
    next_cursor: str | None


def page_of(found: Any) -> Page | None:
    try:
        pulls = [pull_request_of(node) for node in found["nodes"]]
        info = found["pageInfo"]
        cursor = str(info["endCursor"]) if info["hasNextPage"] else None
    except _UNEXPECTED:
        return None
    complete = [pull for pull in pulls if pull is not None]
    return Page(tuple(complete), cursor) if len(complete) == len(pulls) else None


def own_pulls(pulls: Sequence[PullRequest], question: ReleaseQuestion, host_id: int) -> tuple[PullRequest, ...]:
    """Those that really lead from this head to this base, and from no fork, whatever GitHub's filters let through."""
    return tuple(
        pull
        for pull in pulls
        if (pull.base, pull.head, pull.head_repository_id) == (question.base, question.head, host_id) and pull.is_open
    )


def release_state_of(found: Mapping[str, Any], alias: str, answer: GraphQLAnswer) -> ReleaseState | None:
    """All but the pull requests and checks. A null that an error explains is unknown, never "none"."""
    facts = facts_of(found)
    if facts is None:
        return None
    try:
        base, head = found["base"], found["head"]
        if (base is None and answer.error_at(alias, "base")) or (head is None and answer.error_at(alias, "head")):
            return None
        ahead, behind = _distance(base, head)
        permission = found["viewerPermission"]
        return ReleaseState(
            repository=facts,
            head_sha=_sha(head["target"]["oid"]) if head else None,
            base_sha=_sha(base["target"]["oid"]) if base else None,
            head_tree=head["target"]["tree"]["oid"] if head else None,
            base_tree=base["target"]["tree"]["oid"] if base else None,
            ahead=ahead,
            behind=behind,
            pull_requests=(),
            required_checks=_required(base, alias, answer) if base else (),
            merge_queue=_merge_queue(found, base, alias, answer),
            merge_commit_allowed=found["mergeCommitAllowed"] is True,
            squash_allowed=found["squashMergeAllowed"] is True,
            rebase_allowed=found["rebaseMergeAllowed"] is True,
            delete_branch_on_merge=found["deleteBranchOnMerge"] is True,
            can_write=permission in ("ADMIN", "MAINTAIN", "WRITE") if permission else None,
            head_date=date_of(head["target"].get("committedDate")) if head else None,
        )
    except _UNEXPECTED:
        return None


def _distance(base: Mapping[str, Any] | None, head: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """Ahead and behind of exactly these two commits: GitHub compares names, which may have moved or mean others."""
    if base is None or head is None:
        return None, None
    ends = base["target"]["oid"], head["target"]["oid"]
    if ends[0] == ends[1]:
        return 0, 0
    compared = base["compare"]
    if compared is None or (compared["baseTarget"]["oid"], compared["headTarget"]["oid"]) != ends:
        return None, None
    return whole(compared["aheadBy"]), whole(compared["behindBy"])


def _required(base: Mapping[str, Any], alias: str, answer: GraphQLAnswer) -> tuple[str, ...] | None:
    """Rulesets and classic protection together; None where these credentials may not see one of them.

    Classic protection shows as `branchProtectionRule` to administrators and as `refUpdateRule` to everybody else.
    """
    names: set[str] = set()
    rules = base["rules"]
    if rules is None and answer.error_at(alias, "base", "rules"):
        return None
    if rules is not None and rules["pageInfo"]["hasNextPage"]:
        return None
    for rule in rules["nodes"] if rules else ():
        if rule["type"] == "REQUIRED_STATUS_CHECKS":
            names.update(check["context"] for check in rule["parameters"]["requiredStatusChecks"])
    full, public = base["branchProtectionRule"], base["refUpdateRule"]
    if full is None and public is None and answer.error_at(alias, "base", "refUpdateRule"):
        return None
    for protection in (full, public):
        names.update(name for name in (protection or {}).get("requiredStatusCheckContexts") or () if name)
    return tuple(sorted(clean_line(name, 200) for name in names))


def _merge_queue(
    found: Mapping[str, Any], base: Mapping[str, Any] | None, alias: str, answer: GraphQLAnswer
) -> bool | None:
    rules = (base or {}).get("rules") or {}
    if found["mergeQueue"] or any(rule["type"] == "MERGE_QUEUE" for rule in rules.get("nodes") or ()):
        return True
    return None if answer.error_at(alias, "mergeQueue") else False


def _sha(text: str) -> str:
    if not SHA.fullmatch(text):
        raise ValueError("no sha")
    return text


def _id(repository: Mapping[str, Any] | None, key: str) -> int | None:
    return whole(repository[key], MOST_OF_AN_ID) if repository else None


def _login(person: Mapping[str, Any] | None) -> str | None:
    """GraphQL names an App's robot without the `[bot]` that REST puts behind it."""
    return clean_line(person["login"], 100).removesuffix("[bot]") if person else None


def _text(text: str) -> str:
    """A body keeps its lines; NUL is nothing that a database can hold."""
    return text.replace("\x00", "")[:LONGEST_BODY]
