"""The frame around REST and GraphQL: who asks, what is left of the limits, renamed repositories, ETags, headers."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.servers.github import rest, rest_apps, rest_commits, rest_pulls, rest_repositories, show
from tests.servers.github.access import ANONYMOUS, App, Credential, app_of, can_see, is_jwt, secret_of
from tests.servers.github.limits import Budget
from tests.servers.github.messages import Answer, Incoming
from tests.servers.github.model import Json, Refused, stamp
from tests.servers.github.repository import Repository
from tests.servers.github.world import GitHub

ROUTE_MODULES = (rest_repositories, rest_commits, rest_pulls, rest_apps)  # importing them registers their routes
DOCUMENTATION = "https://docs.github.com/rest"
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID {id}."
)
PRIMARY = (
    "API rate limit exceeded for {who}. "
    "If you reach out to GitHub Support for help, please include the request ID {id} and timestamp {at} UTC."
)
BY_NAME = re.compile(r"/repos/([^/]+)/([^/]+)(/.*)?")
BY_ID = re.compile(r"/repositories/(\d+)(/.*)?")


@dataclass(slots=True)
class Asked:
    """One request on its way: who asks, under which id it is answered, and the budget it spends."""

    github: GitHub
    incoming: Incoming
    resource: str = "core"
    request_id: str = field(default_factory=lambda: "B0B0:" + secrets.token_hex(8).upper())
    credential: Credential = ANONYMOUS
    app: App | None = None
    budget: Budget | None = None
    accepted: str = ""

    def authenticate(self) -> None:
        """401 for a token that is unknown, revoked or expired, in GitHub's words."""
        given = secret_of(self.incoming.headers)
        if given is None:
            return
        secret = given[1]
        if is_jwt(secret) and given[0] == "bearer":
            self.app = app_of(secret, self.github.apps, self.github.now())
            self.credential = Credential(secret=secret, login=self.app.bot, permissions={})
            return
        found = self.github.credentials.get(secret)
        if found is None or found.revoked or (found.expires and found.expires <= self.github.now()):
            raise Refused(401, "Bad credentials")
        if found.installation and found.installation.suspended_at:
            raise Refused(403, "This installation has been suspended")
        self.credential = found

    def find_budget(self) -> Budget:
        installation = self.credential.installation
        count = self.github.visible_count(installation) if installation else 0
        self.budget = self.github.limits.budget(self.credential, self.resource, self.github.now(), count)
        return self.budget

    def check_secondary(self, operation: str) -> Answer | None:
        limit = self.github.limits.secondary_for(operation)
        if limit is None:
            return None
        headers = {"Retry-After": str(limit.retry_after)} if limit.retry_after is not None else {}
        text = SECONDARY.format(id=self.request_id)
        return refusal(Refused(limit.status, text), f"{DOCUMENTATION}/using-the-rest-api/rate-limits", headers)

    def exceeded(self) -> str:
        who = "user ID " + str(self.github.person(self.credential.login).id) if self.credential.login else "127.0.0.1"
        if self.credential.installation:
            who = f"installation ID {self.credential.installation.id}"
        return PRIMARY.format(who=who, id=self.request_id, at=stamp(self.github.now()).replace("T", " ").rstrip("Z"))

    def headers(self) -> dict[str, str]:
        """What every answer of the API carries."""
        found = {"X-GitHub-Request-Id": self.request_id, "X-GitHub-Media-Type": "github.v3; format=json"}
        found["X-GitHub-Api-Version-Selected"] = self.incoming.headers.get("x-github-api-version", "2022-11-28")
        if self.budget:
            found |= {
                "X-RateLimit-Limit": str(self.budget.limit),
                "X-RateLimit-Remaining": str(self.budget.remaining),
                "X-RateLimit-Reset": str(int(self.budget.reset_at.timestamp())),
                "X-RateLimit-Used": str(self.budget.used),
                "X-RateLimit-Resource": self.resource,
            }
        if self.credential.scopes is not None:
            found |= {"X-OAuth-Scopes": ", ".join(self.credential.scopes), "X-Accepted-OAuth-Scopes": "repo"}
        elif self.credential.permissions is not None and self.accepted:
            found["X-Accepted-GitHub-Permissions"] = self.accepted
        if self.credential.expires and not self.credential.installation:
            expires = self.credential.expires.strftime("%Y-%m-%d %H:%M:%S UTC")
            found["GitHub-Authentication-Token-Expiration"] = expires
        return found


def refusal(refused: Refused, documentation: str = DOCUMENTATION, headers: dict[str, str] | None = None) -> Answer:
    body: Json = {"message": refused.message}
    if refused.errors is not None:
        body["errors"] = refused.errors
    body |= {"documentation_url": documentation, "status": str(refused.status)}
    return Answer.of(body, refused.status, headers)


def framed(asked: Asked, operation: str, inner: Callable[[Asked], Answer]) -> Answer:
    """Runs one request inside the frame; every refusal becomes an answer."""
    try:
        asked.authenticate()
        answer = asked.check_secondary(operation) or inner(asked)
    except Refused as refused:
        answer = refusal(refused)
    answer.headers = {**asked.headers(), **answer.headers}
    return answer


def rest_answer(asked: Asked) -> Answer:
    """One REST request by a known caller."""
    if asked.incoming.path == "/rate_limit":
        return rate_limit(asked)
    budget = asked.find_budget()
    if not budget.spend(1):
        return refusal(Refused(budget.status, asked.exceeded()), f"{DOCUMENTATION}/rate-limit")
    answer = routed(asked)
    if asked.incoming.method == "GET" and answer.status == 200:
        return conditional(asked, answer, budget)
    return answer


def conditional(asked: Asked, answer: Answer, budget: Budget) -> Answer:
    """304 for a known ETag: free with an Authorization header only (docs, "Best practices for using the REST API")."""
    tag = show.etag(answer.body, asked.credential.secret)
    answer.headers |= {
        "ETag": tag,
        "Cache-Control": "private, max-age=60, s-maxage=60",
        "Vary": "Accept, Authorization",
    }
    if asked.incoming.headers.get("if-none-match") not in {tag, tag.removeprefix("W/")}:
        return answer
    if asked.credential is not ANONYMOUS:
        budget.remaining += 1
    return Answer(304, b"", {key: value for key, value in answer.headers.items() if key != "Content-Type"})


def routed(asked: Asked) -> Answer:
    path, repository = asked.incoming.path.rstrip("/") or "/", None
    if match := BY_ID.fullmatch(path):
        repository = visible(asked, asked.github.repositories.get(int(match[1])))
        path = f"/repos/{repository.full_name}{match[2] or ''}"
    elif match := BY_NAME.fullmatch(path):
        name = f"{match[1]}/{match[2]}"
        repository = visible(asked, asked.github.find_repository(name))
        if repository.full_name.lower() != name.lower():
            return moved(asked, repository, match[3] or "")
    method = "GET" if asked.incoming.method == "HEAD" else asked.incoming.method
    found = rest.find(method, path)
    if found is None:
        raise Refused(404, "Not Found")
    handler, arguments = found
    call = rest.Call(asked.github, asked.incoming, asked.credential, arguments, asked.app, repository)
    call.json = parsed(asked.incoming)
    try:
        return handler(call)
    finally:
        asked.accepted = call.accepted


def parsed(incoming: Incoming) -> Json:
    if not incoming.body or incoming.method in {"GET", "HEAD"}:
        return {}
    try:
        value = json.loads(incoming.body)
    except ValueError as error:
        raise Refused(400, "Problems parsing JSON") from error
    if not isinstance(value, dict):
        raise Refused(422, "Invalid request.\n\nFor 'links/0/schema', nil is not an object.")
    return value


def visible(asked: Asked, repository: Repository | None) -> Repository:
    """404 alike for what is not there and for what this token may not see."""
    if repository is None or (asked.app is None and not can_see(asked.credential, repository)):
        raise Refused(404, "Not Found")
    return repository


def moved(asked: Asked, repository: Repository, rest_of_path: str) -> Answer:
    """301 for reading; 307 for writing, as VirtusLab/git-machete #597 saw on POST."""
    query = f"?{asked.incoming.query_string}" if asked.incoming.query_string else ""
    url = f"{asked.github.api_url}/repositories/{repository.id}{rest_of_path}{query}"
    reading = asked.incoming.method in {"GET", "HEAD"}
    body = {"message": "Moved Permanently" if reading else "Temporary Redirect", "url": url}
    return Answer.of({**body, "documentation_url": DOCUMENTATION}, 301 if reading else 307, {"Location": url})


def rate_limit(asked: Asked) -> Answer:
    """Free of charge."""
    shown: Json = {}
    for resource in ("core", "graphql", "search"):
        installation = asked.credential.installation
        count = asked.github.visible_count(installation) if installation else 0
        budget = asked.github.limits.budget(asked.credential, resource, asked.github.now(), count)
        shown[resource] = {
            "limit": budget.limit,
            "remaining": budget.remaining,
            "reset": int(budget.reset_at.timestamp()),
            "used": budget.used,
        }
    asked.find_budget()
    return Answer.of({"resources": shown, "rate": shown["core"]})
