"""One REST call and the routes: what the modules with the routes have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from tests.servers.github.access import App, Credential, require
from tests.servers.github.messages import Answer, Incoming
from tests.servers.github.model import Json, Refused
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository
from tests.servers.github.world import GitHub

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """One authenticated request to one route; `arguments` come from the path."""

    github: GitHub
    incoming: Incoming
    credential: Credential
    arguments: dict[str, str]
    app: App | None = None
    known: Repository | None = None
    accepted: str = "metadata=read"
    json: Json = field(default_factory=dict)

    @property
    def repository(self) -> Repository:
        assert self.known, "the route has no repository"
        return self.known

    @property
    def actor(self) -> str:
        return self.credential.login

    def require(self, permission: str, level: str = "read") -> None:
        self.accepted = f"{permission}={level}"
        require(self.credential, self.repository, permission, level)

    def pull(self) -> PullRequest:
        found = self.repository.pulls.all.get(int(self.arguments["number"]))
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def text(self, name: str, *, required: bool = False, resource: str = "PullRequest") -> str | None:
        """A string of the body; 422 for anything else."""
        value = self.json.get(name)
        if isinstance(value, str) and (value or not required):
            return value
        if value is None and not required:
            return None
        code = "missing_field" if value in (None, "") else "invalid"
        raise Refused(422, "Validation Failed", [{"resource": resource, "code": code, "field": name}])

    def page(self, items: Sequence[T], show_one: Callable[[T], Any], *, key: str | None = None) -> Answer:
        """One page with its Link header; `key` wraps it as {"total_count", key}."""
        size, number = self.incoming.number("per_page", 30, 100), self.incoming.number("page", 1, 10**9)
        shown = [show_one(item) for item in items[(number - 1) * size : number * size]]
        value = shown if key is None else {"total_count": len(items), key: shown}
        return Answer.of(value, headers=self.links(len(items), size, number))

    def links(self, count: int, size: int, number: int) -> dict[str, str]:
        """docs.github.com, "Using pagination in the REST API"."""
        last = max(1, -(-count // size))
        targets = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        wanted = {
            name: target
            for name, target in targets.items()
            if 1 <= target <= last and (number < last if name in {"next", "last"} else number > 1)
        }
        if not wanted:
            return {}
        url = f"{self.github.api_url}{self.incoming.path}"
        parts = [
            f'<{url}?{urlencode({**self.incoming.query, "page": target})}>; rel="{name}"'
            for name, target in wanted.items()
        ]
        return {"Link": ", ".join(parts)}


Handler = Callable[[Call], Answer]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Registers a handler. `{name}` takes one part of the path, `{name:path}` all the rest; {r} is owner and name."""
    template = template.replace("{r}", "/repos/{owner}/{repo}")
    pattern = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", template)
    pattern = re.sub(r"\{number\}", r"(?P<number>\\d{1,9})", pattern)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return register


def find(method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
    """The route of a request, with the path's parts decoded."""
    for wanted, pattern, handler in ROUTES:
        if wanted == method and (match := pattern.fullmatch(path)):
            return handler, {name: unquote(value) for name, value in match.groupdict().items()}
    return None
