"""Which commit a squashed or rebased pull request released, as GitHub remembers it; and which of the two it was."""

from typing import Any

from projects.github_client import GitHubClient
from projects.github_heads import repository_at
from projects.github_values import PullRequest

QUERY = """query Squash($owner:String!,$name:String!,$sha:GitObjectID!){repository(owner:$owner,name:$name){
object(oid:$sha){...on Commit{associatedPullRequests(first:10){nodes{merged mergeCommit{oid} headRefOid}}}}}}"""

COMMIT = "messageHeadline messageBody authoredDate"
COPIES = f"""query Copies($owner:String!,$name:String!,$merge:GitObjectID!,$head:GitObjectID!){{
repository(owner:$owner,name:$name){{merge:object(oid:$merge){{...on Commit{{{COMMIT}}}}}
head:object(oid:$head){{...on Commit{{history(first:100){{nodes{{{COMMIT}}}}}}}}}}}}}"""


def was_rebased(client: GitHubClient, owner: str, name: str, pull: PullRequest) -> bool:
    """Of a pull request that was merged by a commit of one parent: whether that is a copy of one of its commits.

    A rebased commit keeps message and author, with the author's date; a squashed one is written anew
    (docs.github.com, "About pull request merges"). Raises StageUnreadable.
    """
    current_owner, current_name = client.current(owner, name)
    variables = {"owner": current_owner, "name": current_name, "merge": pull.merge_sha, "head": pull.head_sha}
    found: Any = client.graphql(COPIES, variables).data.get("repository")
    try:
        return found["merge"] in found["head"]["history"]["nodes"]
    except (KeyError, TypeError):
        return False


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
