"""Merging where the base requires a merge queue: asked for, followed, taken back.

`merge-async` honours a queue (docs.github.com/en/rest, "Merge a pull request asynchronously"; its fields and statuses
also in github.github.io/gh-stack/reference/merge-api): 202 with an id to ask by, 200 merged or enqueued already, 409
one is pending already, 400 not ready. Rules are looked at later: then the result says failed, and why. It is kept for a
day.
`dequeuePullRequest` is a mutation of the GraphQL API; its `id` is the pull request's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from projects.cleaning import clean_line
from projects.github_acts import CODES, act_path, refusal_of
from projects.github_answers import Answer, graphql_errors, parse
from projects.github_client import GitHubClient
from projects.github_heads_query import SHA
from projects.github_troubles import broken
from projects.github_values import ActRefused, AnswerLost, RefusalCode

GRAPHQL: Final = ""  # the path of an act that goes to the GraphQL address
_DEQUEUE: Final = "mutation Dequeue($id:ID!){dequeuePullRequest(input:{id:$id}){mergeQueueEntry{id}}}"


_OTHER_HEAD: Final = "A merge of an earlier commit of this pull request is still pending."


class QueueStatus(StrEnum):
    PENDING = "pending"
    ENQUEUED = "enqueued"
    MERGED = "merged"
    FAILED = "failed"
    GONE = "gone"  # the host keeps the result no more


@dataclass(frozen=True, slots=True)
class QueueResult:
    """How an asynchronous merge stands. `id` while it is pending, `sha` once it is merged; `words` are GitHub's own.

    `was_there`: it is the answer to a request that changed nothing, because the same had been asked for before.
    """

    status: QueueStatus
    id: str = ""
    sha: str = ""
    words: str = ""
    was_there: bool = False


def merge_asynchronously(
    client: GitHubClient, owner: str, name: str, number: int, *, sha: str, method: str
) -> QueueResult:
    """Have exactly the head `sha` merged, through the base's queue where it has one. Raises ActRefused, AnswerLost."""
    path = act_path(client, owner, name, f"/pulls/{number}/merge-async")
    payload = {"sha": sha, "merge_method": method, "merge_action": "default", "bypass_rules": False}
    answer = client.act("PUT", path, payload)
    result = _result(answer)
    if result is not None and result.status is not QueueStatus.FAILED and answer.status in (200, 202, 409):
        if _is_of_another_head(answer, sha):
            raise ActRefused(409, _OTHER_HEAD, code=RefusalCode.HEAD_MOVED, transient=True)
        return replace(result, was_there=answer.status != 202)
    if answer.status < 300:
        raise AnswerLost("GitHub's answer does not tell what became of the merge: Horizon looks again.")
    raise _refusal(answer, result)


def result_of(client: GitHubClient, owner: str, name: str, number: int, request_id: str) -> QueueResult:
    """What became of it. Raises StageUnreadable."""
    answer = client.get_of_repository(owner, name, f"/pulls/{number}/merge-async/{request_id}")
    if answer.status == 404:
        return QueueResult(QueueStatus.GONE)
    result = _result(answer)
    if result is None:
        raise broken(client.whom, f"{owner}/{name}")
    return result


def dequeue(client: GitHubClient, node_id: str) -> None:
    """Take a pull request out of its merge queue. Raises ActRefused, AnswerLost."""
    answer = client.act("POST", GRAPHQL, {"query": _DEQUEUE, "variables": {"id": node_id}})
    found = parse(answer.body)
    if answer.status >= 300 or not isinstance(found, Mapping):
        raise refusal_of(answer, CODES.get(answer.status, RefusalCode.OTHER))
    errors = graphql_errors(found.get("errors"))
    if errors:
        raise ActRefused(answer.status, f"{errors[0].words.rstrip('.')}.", code=RefusalCode.OTHER)
    if not isinstance(found.get("data"), Mapping) or found["data"].get("dequeuePullRequest") is None:
        raise AnswerLost("GitHub's answer does not tell whether it took the pull request out of its queue.")


def _result(answer: Answer) -> QueueResult | None:
    found: Any = parse(answer.body)
    details = found.get("details") if isinstance(found, Mapping) else None
    if not isinstance(details, Mapping) or found.get("status") not in set(QueueStatus) - {QueueStatus.GONE}:
        return None
    status, sha = QueueStatus(found["status"]), str(details.get("sha") or "")
    words = clean_line(str(details.get("message") or ""), 300)
    request_id = clean_line(str(details.get("uuid") or ""), 100)
    if status is QueueStatus.PENDING and not request_id and answer.status != 200:
        return None
    return QueueResult(status, request_id, sha if SHA.fullmatch(sha) else "", words)


def _is_of_another_head(answer: Answer, sha: str) -> bool:
    """Whether what is pending is an earlier request, for another commit."""
    found: Any = parse(answer.body)
    return bool(found["details"].get("expected_head_sha", sha) != sha)


def _refusal(answer: Answer, result: QueueResult | None) -> ActRefused:
    if result is not None and result.words:
        return ActRefused(answer.status, result.words, code=RefusalCode.NOT_MERGEABLE)
    code = CODES.get(answer.status, RefusalCode.OTHER)
    return refusal_of(answer, code, transient=code is RefusalCode.HEAD_MOVED)
