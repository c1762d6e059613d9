"""What Horizon does around a release on GitHub: commit statuses, comments, texts, a branch restored.

Each act is one request that is sent once. Sources: docs.github.com/en/rest, "Commit statuses", "Issue comments",
"Pull requests" and "Git references".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from projects.github_acts import CODES, act_path, refusal_of
from projects.github_answers import Answer, parse
from projects.github_client import GitHubClient
from projects.github_troubles import broken
from projects.github_values import ActRefused, AnswerLost, RefusalCode
from projects.reading import StageUnreadable, Trouble

LONGEST_DESCRIPTION: Final = 140  # above, GitHub answers 422 (argo-diff #49)
LONGEST_COMMENT: Final = 65_536
PAGE: Final = 100
MOST_PAGES: Final = 10


@dataclass(frozen=True, slots=True)
class Status:
    """A commit status. `state` is success, pending, failure or error."""

    context: str
    state: str
    description: str


def set_status(client: GitHubClient, owner: str, name: str, sha: str, status: Status, *, target_url: str) -> None:
    """Raises ActRefused, AnswerLost."""
    payload: dict[str, object] = {
        "context": status.context,
        "state": status.state,
        "description": status.description[:LONGEST_DESCRIPTION],
    }
    if target_url:
        payload["target_url"] = target_url
    _act(client, "POST", act_path(client, owner, name, f"/statuses/{sha}"), payload)


def statuses(client: GitHubClient, owner: str, name: str, sha: str) -> tuple[Status, ...]:
    """Those of a commit, newest first, as far as the newest hundred. Raises StageUnreadable."""
    found = _list(client, owner, name, f"/commits/{sha}/statuses", 1)
    return tuple(
        Status(str(each.get("context")), str(each.get("state")), str(each.get("description") or ""))
        for each in found
        if isinstance(each, Mapping)
    )


def comment(client: GitHubClient, owner: str, name: str, number: int, body: str) -> None:
    """Comment on a pull request. Raises ActRefused, AnswerLost."""
    path = act_path(client, owner, name, f"/issues/{number}/comments")
    _act(client, "POST", path, {"body": body[:LONGEST_COMMENT]})


def comments(client: GitHubClient, owner: str, name: str, number: int) -> tuple[str, ...]:
    """The texts of a pull request's comments, oldest first; of very many the first thousand. Raises StageUnreadable."""
    bodies: list[str] = []
    for page in range(1, MOST_PAGES + 1):
        found = _list(client, owner, name, f"/issues/{number}/comments", page)
        bodies += [str(each.get("body") or "") for each in found if isinstance(each, Mapping)]
        if len(found) < PAGE:
            break
    return tuple(bodies)


def edit_pull_request(client: GitHubClient, owner: str, name: str, number: int, *, body: str) -> None:
    """Replace the text of a pull request. Raises ActRefused, AnswerLost."""
    _act(client, "PATCH", act_path(client, owner, name, f"/pulls/{number}"), {"body": body})


def create_branch(client: GitHubClient, owner: str, name: str, branch: str, sha: str) -> None:
    """Make a branch at a commit that is there. Raises ActRefused (ALREADY_EXISTS among them), AnswerLost."""
    payload = {"ref": f"refs/heads/{branch}", "sha": sha}
    _act(client, "POST", act_path(client, owner, name, "/git/refs"), payload)


def _act(client: GitHubClient, verb: str, path: str, payload: Mapping[str, object]) -> None:
    answer = client.act(verb, path, payload)
    if answer.status >= 300:
        raise _refusal(answer)
    if not isinstance(parse(answer.body), Mapping):
        raise AnswerLost("GitHub's answer does not tell whether it did what it was told: Horizon looks again.")


def _refusal(answer: Answer) -> ActRefused:
    exists = answer.status == 422 and "already exists" in answer.body.lower()
    code = RefusalCode.ALREADY_EXISTS if exists else CODES.get(answer.status, RefusalCode.OTHER)
    return refusal_of(answer, code, transient=exists)


def _list(client: GitHubClient, owner: str, name: str, rest: str, page: int) -> list[Any]:
    answer = client.get_of_repository(owner, name, f"{rest}?per_page={PAGE}&page={page}")
    found = parse(answer.body) if answer.status == 200 else None
    if answer.status in (404, 410, 422):
        raise StageUnreadable(Trouble.GONE, f"{owner}/{name} does not show what Horizon looks for there any more.")
    if not isinstance(found, list):
        raise broken(client.whom, f"{owner}/{name}")
    return found
