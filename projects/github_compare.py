"""What one commit has and another has not, by GitHub's REST API: one request that is not paged.

Paged, GitHub lists from the oldest; unpaged, it gives the newest 250, the newest last (docs.github.com, "Compare two
commits").
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from projects.cleaning import clean_line
from projects.github_answers import Answer, message_of, parse, whole
from projects.github_client import GitHubClient
from projects.github_heads import repository_at
from projects.github_heads_query import SHA
from projects.github_troubles import broken
from projects.reading import KEPT_COMMITS, Commit, Difference, StageUnreadable, Trouble

_UNKNOWN_DATE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DATE: Final = datetime(9999, 12, 31, tzinfo=UTC)
_WEB_ADDRESS: Final = re.compile(
    r"https?://[^\s\x00-\x20\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069<>\"`()|\\]{1,1990}"
)


def difference(client: GitHubClient, remote: str, base_sha: str, head_sha: str) -> Difference:
    """The commits of `head_sha` that `base_sha` has not. Raises StageUnreadable."""
    owner, name = repository_at(remote, client.credentials.api_url)
    if not SHA.fullmatch(base_sha) or not SHA.fullmatch(head_sha):
        raise StageUnreadable(Trouble.GONE, "One of the commits to compare is not known.")
    if base_sha == head_sha:
        return Difference((), 0, 0)
    answer = client.get_of_repository(owner, name, f"/compare/{base_sha}...{head_sha}")
    if answer.status != 200:
        raise _trouble(client, owner, name, answer)
    found = _difference(parse(answer.body))
    if found is None:
        raise broken(client.whom, f"{owner}/{name}")
    return found


def _difference(found: Any) -> Difference | None:
    """None where the answer has another form."""
    try:
        commits = tuple(_commit(item) for item in reversed(found["commits"][-KEPT_COMMITS:]))
        total, behind = whole(found["total_commits"]), whole(found["behind_by"])
        return Difference(commits, max(total, len(commits)), behind, web_address(found.get("html_url")))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _commit(item: Mapping[str, Any]) -> Commit:
    commit, author = item["commit"], item.get("author") or {}
    person, message = commit.get("author") or {}, commit.get("message") or ""
    return Commit(
        sha=_sha(item["sha"]),
        date=date_of(person.get("date")) or _UNKNOWN_DATE,
        subject=clean_line(message),
        author=clean_line(person.get("name") or "", 200),
        email=clean_line(person.get("email") or "", 200),
        parents=tuple(_sha(parent["sha"]) for parent in item["parents"]),
        tree=_sha(commit["tree"]["sha"]),
        login=clean_line(author["login"], 100) if author.get("login") else None,
        url=web_address(item.get("html_url")),
        body=clean_line(message.partition("\n")[2]) if len(item["parents"]) > 1 else "",
    )


def _sha(text: str) -> str:
    if not SHA.fullmatch(text):
        raise ValueError("no sha")
    return text


def date_of(text: object) -> datetime | None:
    """A time as GitHub writes it, in UTC and not before 1970 (as plain git's are brought there); None where there is
    none that makes sense. Near the ends of the calendar a time has no form in other zones."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    try:
        return max(found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC), _UNKNOWN_DATE)
    except OverflowError:
        return _UNKNOWN_DATE if found.year < 1970 else _LAST_DATE


def web_address(text: object) -> str | None:
    """A link that pages, messages and pull requests may show: http and https only, and nothing that would end it."""
    return text if isinstance(text, str) and _WEB_ADDRESS.fullmatch(text) else None


def _trouble(client: GitHubClient, owner: str, name: str, answer: Answer) -> StageUnreadable:
    """GitHub answers 404 to unrelated histories, to unknown commits and to hidden repositories alike."""
    path = "/".join(client.current(owner, name))
    words = message_of(answer)
    if "no common ancestor" in words.lower():
        return StageUnreadable(
            Trouble.UNRELATED,
            f"The two stages share no history in {path}: they cannot be compared. Check their branches.",
        )
    if answer.status == 409 or "is empty" in words.lower():
        return StageUnreadable(Trouble.EMPTY, f"{path} is empty: it has no commit yet.")
    if answer.status not in (404, 422):
        return broken(client.whom, path, words)
    if client.get_of_repository(owner, name).status != 200:
        return client.not_found(owner, name)
    return StageUnreadable(
        Trouble.GONE,
        f"{path} no longer has one of the two commits: a history was rewritten, or a branch deleted. The next poll "
        "compares anew.",
    )
