"""Who a pull request's commits are by, and assigning one of them.

Sources: docs.github.com/en/rest, "List commits on a pull request" (250 at the most), "Check if a user can be assigned"
(204 or 404) and "Add assignees to an issue", which passes over in silence whom it may not assign.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from projects.cleaning import clean_line
from projects.github_acts import CODES, act_path, refusal_of
from projects.github_answers import parse
from projects.github_client import GitHubClient
from projects.github_troubles import broken
from projects.github_values import AnswerLost, RefusalCode
from projects.reading import StageUnreadable, Trouble

PAGE: Final = 100
MOST_PAGES: Final = 3
ROBOTS: Final = frozenset({"web-flow"})  # who commits what people do in the browser
# Accounts of machines that are no apps say so in a word of their own; Talbot and Botond are people.
_SAYS_BOT: Final = re.compile(r"(?<![a-z])(ro)?bot(?![a-z])")


def contributors(client: GitHubClient, owner: str, name: str, number: int) -> tuple[str, ...]:
    """The logins of the people who wrote or committed it, those with the most commits first; no robots.

    Raises StageUnreadable.
    """
    counts: Counter[str] = Counter()
    for page in range(1, MOST_PAGES + 1):
        rest = f"/pulls/{number}/commits?per_page={PAGE}&page={page}"
        answer = client.get_of_repository(owner, name, rest)
        found = parse(answer.body) if answer.status == 200 else None
        if answer.status in (404, 410, 422):
            raise StageUnreadable(Trouble.GONE, f"{owner}/{name} has no pull request {number}.")
        if not isinstance(found, list):
            raise broken(client.whom, f"{owner}/{name}")
        for commit in found:
            counts.update(dict.fromkeys(_people(commit), 1))
        if len(found) < PAGE:
            break
    return tuple(login for login, _ in counts.most_common())


def can_be_assigned(client: GitHubClient, owner: str, name: str, login: str) -> bool:
    """Raises StageUnreadable."""
    return client.get_of_repository(owner, name, f"/assignees/{login}").status == 204


def assign(client: GitHubClient, owner: str, name: str, number: int, login: str) -> bool:
    """Assign this person; whether they are assigned now. Raises ActRefused, AnswerLost."""
    path = act_path(client, owner, name, f"/issues/{number}/assignees")
    answer = client.act("POST", path, {"assignees": [login]})
    if answer.status >= 300:
        raise refusal_of(answer, CODES.get(answer.status, RefusalCode.OTHER))
    found = parse(answer.body)
    assignees = found.get("assignees") if isinstance(found, Mapping) else None
    if not isinstance(assignees, list):
        raise AnswerLost("GitHub's answer does not tell who is assigned: Horizon looks again.")
    return login.lower() in {str(user.get("login")).lower() for user in assignees if isinstance(user, Mapping)}


def _people(commit: Any) -> list[str]:
    """Author and committer, each once; commits without an account name nobody."""
    users = [commit.get(role) for role in ("author", "committer")] if isinstance(commit, Mapping) else []
    return [clean_line(str(user["login"]), 100) for user in users if isinstance(user, Mapping) and _is_person(user)]


def _is_person(user: Mapping[str, Any]) -> bool:
    login = str(user.get("login") or "").lower()
    return bool(login) and user.get("type") != "Bot" and login not in ROBOTS and not _SAYS_BOT.search(login)
