"""Asks the GitHub server as any client would, without following redirects or retrying."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.servers.github import GitHubServer

TOKEN = "a-token-of-tests"


class Asking:
    """One client with one token (None: nobody)."""

    def __init__(self, github: GitHubServer, token: str | None) -> None:
        self.github = github
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(headers=headers, timeout=10, trust_env=False, verify=False)

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, self.github.api_url + path, json=body, headers=named)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self("GET", path, **headers)

    def json(self, path: str) -> Any:
        """The answer of a GET that must succeed."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer, errors included."""
        answer = self.http.post(self.github.graphql_url, json={"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def asking(github: GitHubServer, token: str | None = TOKEN) -> Iterator[Asking]:
    client = Asking(github, token)
    with client.http:
        yield client
