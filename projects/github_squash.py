"""Which commit a squashed or rebased pull request released, as GitHub remembers it."""

from typing import Any

from projects.github_client import GitHubClient
from projects.github_heads import repository_at

QUERY = """query Squash($owner:String!,$name:String!,$sha:GitObjectID!){repository(owner:$owner,name:$name){
object(oid:$sha){...on Commit{associatedPullRequests(first:10){nodes{merged mergeCommit{oid} headRefOid}}}}}}"""


def squashed_head(client: GitHubClient, remote: str, sha: str) -> str | None:
    """The head of the pull request whose merge made this commit; None where there is none, or GitHub does not tell.

    A pull request's `mergeCommit` is the squashed commit, or the last of the rebased ones
    (docs.github.com/en/rest/pulls/pulls, "merge_commit_sha"). Raises StageUnreadable.
    """
    owner, name = client.current(*repository_at(remote, client.credentials.api_url))
    answer = client.graphql(QUERY, {"owner": owner, "name": name, "sha": sha})
    return next((pull["headRefOid"] for pull in _pulls(answer.data) if _made(pull, sha)), None)


def _pulls(data: Any) -> list[dict[str, Any]]:
    found: Any = data
    for key in ("repository", "object", "associatedPullRequests", "nodes"):
        found = found.get(key) if isinstance(found, dict) else None
    return [pull for pull in found or [] if isinstance(pull, dict)]


def _made(pull: dict[str, Any], sha: str) -> bool:
    return bool(pull.get("merged")) and (pull.get("mergeCommit") or {}).get("oid") == sha
