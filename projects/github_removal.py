"""Why a pull request left its merge queue, as GitHub's timeline tells it.

`RemovedFromMergeQueueEvent` is an item of `PullRequest.timelineItems` (schema of the GraphQL API, package
@octokit/graphql-schema 15.26.1). Its `reason` is an open String; "failed_checks", "checks_timed_out", "merge_conflict"
and "manual" were seen (djinnos/djinn #768, vanillagreencom/vstack #1459), "merged" as well: the event comes with each
merge, too (objectstack-ai/objectstack #19343). `beforeCommit` is what the queue had made to test it, and the checks
that failed are those of that commit, not of the head (flowglad/onton #379).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from projects.cleaning import clean_line
from projects.github_checks import check_of
from projects.github_client import GitHubClient
from projects.github_values import CheckState

# Both kinds of events: where the newest is of the other kind, the timeline does not show the removal yet.
QUERY: Final = (
    "query Removal($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){"
    "pullRequest(number:$number){timelineItems(last:1,"
    "itemTypes:[ADDED_TO_MERGE_QUEUE_EVENT,REMOVED_FROM_MERGE_QUEUE_EVENT]){nodes{__typename "
    "...on RemovedFromMergeQueueEvent{reason actor{login} beforeCommit{statusCheckRollup{contexts(first:100){nodes{"
    "__typename ...on CheckRun{name status conclusion detailsUrl}...on StatusContext{context state targetUrl}"
    "}}}}}}}}}}"
)
QUEUE: Final = "github-merge-queue"  # the login of GitHub's own robot


@dataclass(frozen=True, slots=True)
class Removal:
    """`reason` is GitHub's own word, empty where it gives none; `by` is the person who did it, empty for GitHub itself;
    `failed` are the checks that were red on the commit that the queue tested."""

    reason: str
    by: str
    failed: tuple[str, ...] = ()


def removal_of(client: GitHubClient, owner: str, name: str, number: int) -> Removal | None:
    """How it left its queue last; None where GitHub does not tell. Raises StageUnreadable."""
    current_owner, current_name = client.current(owner, name)
    answer = client.graphql(QUERY, {"owner": current_owner, "name": current_name, "number": number})
    found: Any = answer.data
    for key in ("repository", "pullRequest", "timelineItems"):
        found = found.get(key) if isinstance(found, Mapping) else None
    nodes = found.get("nodes") if isinstance(found, Mapping) else None
    newest = nodes[-1] if isinstance(nodes, list) and nodes else None
    if not isinstance(newest, Mapping) or newest.get("__typename") != "RemovedFromMergeQueueEvent":
        return None
    return Removal(clean_line(str(newest.get("reason") or ""), 200), _person(newest.get("actor")), _failed(newest))


def _person(actor: Any) -> str:
    login = clean_line(str(actor.get("login") or ""), 100) if isinstance(actor, Mapping) else ""
    return "" if login.removesuffix("[bot]") == QUEUE else login


def _failed(removal: Mapping[str, Any]) -> tuple[str, ...]:
    """Empty as well where these credentials may not read checks."""
    try:
        nodes = removal["beforeCommit"]["statusCheckRollup"]["contexts"]["nodes"]
        checks = [check_of(node) for node in nodes]
    except (KeyError, TypeError, AttributeError):
        return ()
    return tuple(dict.fromkeys(check.name for check in checks if check.state is CheckState.FAILURE))
