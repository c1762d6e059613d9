"""What a profile's credentials can do at GitHub: the test that an administrator runs by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone

from projects.cleaning import clean_line
from projects.github_answers import parse
from projects.github_budget import Budget
from projects.github_client import GitHubClient
from projects.models import Profile

SOON: Final = timedelta(days=7)
_RIGHTS: Final = {
    "contents": "read",
    "metadata": "read",
    "pull_requests": "write",
}
_LEVELS: Final = {"": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """What "test this profile" found, in words for people. `problems` is empty when all is well."""

    login: str
    budget: str
    rights: str
    problems: tuple[str, ...] = ()


def check_profile(profile: Profile) -> ProfileReport:
    """Ask the host who these credentials belong to and what they may do. Raises StageUnreadable."""
    client = GitHubClient(profile)
    answer = client.graphql("query Viewer{viewer{login}}", {})
    headers = client.headers
    viewer = answer.data.get("viewer")
    login = clean_line(str(viewer.get("login") or ""), 100) if isinstance(viewer, dict) else ""
    now = timezone.now()
    if client.credentials.is_app:
        rights, problems = _of_app(client, now)
    else:
        rights, problems = _of_token(headers, now)
    return ProfileReport(login or "unknown", _budget(client.budget), rights, tuple(problems))


def _budget(budget: Budget) -> str:
    if budget.graphql_limit is None or budget.graphql_remaining is None:
        return "This host tells no limit."
    renewed = f", renewed at {budget.graphql_reset_at:%H:%M} UTC" if budget.graphql_reset_at else ""
    return f"{budget.graphql_remaining:,} of {budget.graphql_limit:,} points an hour are left{renewed}."


def _of_app(client: GitHubClient, now: datetime) -> tuple[str, list[str]]:
    rights = client.credentials.rights(now)
    answer = client.get("/installation/repositories", {"per_page": "1"})
    found = parse(answer.body) if answer.status == 200 else None
    count = found.get("total_count") if isinstance(found, dict) else None
    sees = f"The installation sees {count} repositories. " if isinstance(count, int) else ""
    told = ", ".join(f"{name} {level}" for name, level in sorted(rights.items())) or "none told"
    lacking = [
        f"{name} {level}" for name, level in _RIGHTS.items() if _LEVELS.get(rights.get(name, ""), 0) < _LEVELS[level]
    ]
    problems = [f"The App lacks: {', '.join(lacking)}. Add it in the App's permissions."] if lacking and rights else []
    if count == 0:
        problems.append("The installation sees no repository: choose some in the organization's settings.")
    return f"{sees}Rights: {told}.", problems


def _of_token(headers: Mapping[str, str], now: datetime) -> tuple[str, list[str]]:
    problems = []
    ends = _expiry(headers)
    if ends is not None and ends - now < SOON:
        problems.append(f"The token expires on {ends:%Y-%m-%d %H:%M} UTC: replace it before that.")
    scopes = headers.get("x-oauth-scopes")
    ending = f" It expires on {ends:%Y-%m-%d}." if ends else ""
    if scopes is None:
        told = (
            "A fine-grained token: GitHub does not tell its rights. It needs Contents (read), Metadata (read) and, for "
            f"releases, Pull requests (write) and Contents (write).{ending}"
        )
        return told, problems
    words = [clean_line(scope, 50) for scope in scopes.split(",") if scope.strip()]
    if "repo" not in words:
        problems.append("The token has not the scope repo: it reads public repositories only and releases nothing.")
    return f"Scopes: {', '.join(words) or 'none'}.{ending}", problems


def _expiry(headers: Mapping[str, str]) -> datetime | None:
    """GitHub writes it as `2026-12-01 09:00:00 UTC` or with an offset such as `+0100`."""
    text = headers.get("github-authentication-token-expiration", "").replace(" UTC", " +0000")
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None
