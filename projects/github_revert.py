"""Going back on GitHub: the pull request that reverts another, what commits say they revert, and who pushed.

`revertPullRequest` is a mutation of GitHub's GraphQL API (docs.github.com, "Mutations"): it makes a branch
`revert-<number>-<head>` with the revert of the merge, and a pull request from it to the same base. REST has no such
act.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from projects.cleaning import clean_line
from projects.github_answers import Answer, graphql_errors, parse, whole
from projects.github_client import GitHubClient, repository_path
from projects.github_compare import date_of
from projects.github_heads_query import SHA
from projects.github_pulls_answers import page_of, pull_request_of
from projects.github_pulls_query import PULL
from projects.github_troubles import broken, unreadable
from projects.github_values import ActRefused, AnswerLost, PullRequest
from projects.models import Profile
from projects.reading import StageUnreadable, Trouble

GRAPHQL: Final = ""  # the path of an act that goes to the GraphQL address
NEWEST: Final = 30  # pull requests among which a revert is looked for
_REVERTS: Final = re.compile(r"\bThis reverts commit ([0-9a-f]{40})\b")
_UNEXPECTED: Final = (KeyError, TypeError, ValueError, AttributeError)

_REVERT: Final = (
    "mutation Revert($id:ID!,$title:String!,$body:String!){revertPullRequest(input:{pullRequestId:$id,title:$title,"
    "body:$body}){revertPullRequest{...P}}}" + PULL
)
_ID: Final = "query PullId($o:String!,$n:String!,$i:Int!){r0:repository(owner:$o,name:$n){pullRequest(number:$i){id}}}"
_TO_BASE: Final = (
    "query PullsToBase($o:String!,$n:String!,$b:String!){r0:repository(owner:$o,name:$n){"
    f"pullRequests(states:[OPEN,CLOSED,MERGED],first:{NEWEST},baseRefName:$b,"
    "orderBy:{field:CREATED_AT,direction:DESC}){pageInfo{hasNextPage endCursor}nodes{...P}}}}" + PULL
)


@dataclass(frozen=True, slots=True)
class Told:
    """A commit and the commits that its message says it reverts."""

    sha: str
    parents: tuple[str, ...]
    reverts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Push:
    """Who moved a branch to a commit, and when."""

    login: str
    at: datetime | None
    forced: bool


class Reverts:
    """With the credentials of one profile, for one thread."""

    def __init__(self, profile: Profile) -> None:
        self._client = GitHubClient(profile)

    def revert(self, owner: str, name: str, number: int, *, title: str, body: str) -> PullRequest:
        """Open the pull request that reverts this merged one. Raises ActRefused, AnswerLost. Never sent twice."""
        try:
            variables = {"id": self._id(owner, name, number), "title": title, "body": body}
        except StageUnreadable as error:
            raise ActRefused(0, error.message, transient=True, retry_at=error.retry_at) from None
        return _opened(self._client.act("POST", GRAPHQL, {"query": _REVERT, "variables": variables}))

    def find(self, owner: str, name: str, base: str, key: str) -> PullRequest | None:
        """The pull request to this base that bears the key in its text, open or not. Raises StageUnreadable."""
        names = self._client.current(owner, name)
        answer = self._client.graphql(_TO_BASE, {"o": names[0], "n": names[1], "b": base})
        repository = answer.data.get("r0")
        page = page_of(repository.get("pullRequests")) if isinstance(repository, dict) else None
        if page is None:
            raise unreadable(answer.error_at("r0"), self._client.whom, f"{owner}/{name}")
        return next((pull for pull in page.pulls if key in pull.body), None)

    def told(self, owner: str, name: str, base_sha: str, head_sha: str) -> tuple[Told, ...]:
        """The commits of head that base has not, newest first, the newest 250 at the most, merges included.

        Raises StageUnreadable.
        """
        answer = self._client.get_of_repository(owner, name, f"/compare/{base_sha}...{head_sha}")
        if answer.status == 404:
            raise StageUnreadable(Trouble.GONE, f"{owner}/{name} cannot compare {base_sha[:7]} with {head_sha[:7]}.")
        found = parse(answer.body)
        try:
            return tuple(_told(item) for item in reversed(found["commits"]))
        except _UNEXPECTED:
            pass
        raise broken(self._client.whom, f"{owner}/{name}")

    def push(self, owner: str, name: str, branch: str, sha: str) -> Push | None:
        """Who moved the branch to this commit, last; None where the host does not say. Raises StageUnreadable.

        GET /repos/{owner}/{repo}/activity (docs.github.com, "List repository activities"); Enterprise servers before
        3.11 do not know it.
        """
        path = repository_path(*self._client.current(owner, name), "/activity")
        answer = self._client.get(path, {"ref": f"refs/heads/{branch}", "per_page": "100"})
        found = parse(answer.body) if answer.status == 200 else None
        for activity in found if isinstance(found, list) else ():
            if isinstance(activity, dict) and activity.get("after") == sha:
                login = (activity.get("actor") or {}).get("login")
                forced = activity.get("activity_type") == "force_push"
                return Push(clean_line(str(login), 100), date_of(activity.get("timestamp")), forced) if login else None
        return None

    def _id(self, owner: str, name: str, number: int) -> str:
        names = self._client.current(owner, name)
        answer = self._client.graphql(_ID, {"o": names[0], "n": names[1], "i": whole(number)})
        repository = answer.data.get("r0")
        if isinstance(repository, dict):
            pull = repository.get("pullRequest")
            if isinstance(pull, dict) and pull.get("id"):
                return str(pull["id"])
            raise StageUnreadable(Trouble.GONE, f"{owner}/{name} has no pull request {number}.")
        raise unreadable(answer.error_at("r0"), self._client.whom, f"{owner}/{name}")


def _opened(answer: Answer) -> PullRequest:
    found = parse(answer.body)
    if answer.status >= 300 or not isinstance(found, Mapping):
        raise ActRefused(answer.status, f"GitHub refused it with status {answer.status}.")
    try:
        pull = pull_request_of(found["data"]["revertPullRequest"]["revertPullRequest"])
    except _UNEXPECTED:
        pull = None
    if pull is not None:
        return pull
    errors = graphql_errors(found.get("errors"))
    if errors:
        error = errors[0]
        raise ActRefused(answer.status, error.words or "GitHub refused it without a reason.", transient=error.is_limit)
    raise AnswerLost("GitHub's answer does not tell which pull request it opened: Horizon looks for it again.")


def _told(item: Mapping[str, Any]) -> Told:
    sha, message = item["sha"], str(item["commit"].get("message") or "")
    if not SHA.fullmatch(sha):
        raise ValueError("no sha")
    parents = tuple(str(parent["sha"]) for parent in item["parents"])
    return Told(sha, parents, frozenset(_REVERTS.findall(" ".join(message.split()))))
