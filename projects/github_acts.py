"""What Horizon does to pull requests: each act is one request that is sent once, and its answer is believed only when
it says clearly what happened."""

from collections.abc import Mapping
from typing import Final

from projects.github_answers import Answer, message_of, parse
from projects.github_client import GitHubClient, repository_path
from projects.github_heads_query import SHA
from projects.github_pulls_answers import created_pull_request
from projects.github_values import ActRefused, AnswerLost, PullRequest, RefusalCode
from projects.reading import StageUnreadable

CODES: Final = {
    401: RefusalCode.NOT_ALLOWED,
    403: RefusalCode.NOT_ALLOWED,
    404: RefusalCode.NOT_FOUND,
    405: RefusalCode.NOT_MERGEABLE,
    409: RefusalCode.HEAD_MOVED,
}
_WORDS: Final = {
    RefusalCode.NOT_ALLOWED: "the credentials lack the right for this",
    RefusalCode.NOT_FOUND: "not found, or the credentials lack the right for this",
}


def create_pull_request(
    client: GitHubClient, owner: str, name: str, *, base: str, head: str, title: str, body: str
) -> PullRequest:
    """Open a pull request between two branches of one repository. Raises ActRefused, AnswerLost."""
    payload = {"title": title, "body": body, "base": base, "head": head}
    answer = client.act("POST", act_path(client, owner, name, "/pulls"), payload)
    if answer.status >= 300:
        raise _refusal_of_opening(answer)
    pull = created_pull_request(parse(answer.body))
    if pull is None or (pull.base, pull.head) != (base, head):
        raise AnswerLost("GitHub's answer does not tell which pull request it opened: Horizon looks for it again.")
    return pull


def merge_pull_request(
    client: GitHubClient,
    owner: str,
    name: str,
    number: int,
    *,
    sha: str,
    method: str,
    title: str | None,
    message: str | None,
) -> str:
    """Merge exactly the head `sha`; the sha of the merge. Raises ActRefused, AnswerLost."""
    payload: dict[str, object] = {"sha": sha, "merge_method": method}
    if title is not None:
        payload["commit_title"] = title
    if message is not None:
        payload["commit_message"] = message
    answer = client.act("PUT", act_path(client, owner, name, f"/pulls/{number}/merge"), payload)
    if answer.status >= 300:
        raise _refusal_of_merging(answer)
    found = parse(answer.body)
    merged = found.get("sha") if isinstance(found, Mapping) and found.get("merged") is True else None
    if not isinstance(merged, str) or not SHA.fullmatch(merged):
        raise AnswerLost("GitHub's answer does not tell whether it merged: Horizon looks again.")
    return merged


def act_path(client: GitHubClient, owner: str, name: str, rest: str) -> str:
    """Where an act goes: the repository as it is called now. Raises ActRefused for a name that cannot be."""
    try:
        return repository_path(*client.current(owner, name), rest)
    except StageUnreadable as error:
        words = error.message
    raise ActRefused(0, words)


def _refusal_of_opening(answer: Answer) -> ActRefused:
    words = message_of(answer)
    low = words.lower()
    if answer.status == 422 and "already exists" in low:
        return refusal_of(answer, RefusalCode.ALREADY_EXISTS, transient=True)
    if answer.status == 422 and "no commits between" in low:
        return refusal_of(answer, RefusalCode.NO_COMMITS)
    return refusal_of(answer, CODES.get(answer.status, RefusalCode.OTHER))


def _refusal_of_merging(answer: Answer) -> ActRefused:
    """Of the 405s only "Base branch was modified" passes by itself; the others need somebody to do something."""
    if answer.status == 405 and "base branch was modified" in message_of(answer).lower():
        return refusal_of(answer, RefusalCode.BASE_MOVED, transient=True)
    code = CODES.get(answer.status, RefusalCode.OTHER)
    return refusal_of(answer, code, transient=code is RefusalCode.HEAD_MOVED)


def refusal_of(answer: Answer, code: RefusalCode, *, transient: bool = False) -> ActRefused:
    """GitHub's no in its own words, with what they mean where that is known."""
    words = message_of(answer) or _WORDS.get(code, f"refused with status {answer.status}, without a reason")
    hint = f" ({_WORDS[code]})" if code in _WORDS and words != _WORDS[code] else ""
    return ActRefused(answer.status, f"{words.rstrip('.')}{hint}.", code=code, transient=transient)
