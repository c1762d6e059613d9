"""A client of the GitHub server with every right."""

from collections.abc import Iterator

import pytest

from tests.servers.asking import TOKEN, Asking, asking
from tests.servers.github import GitHubServer


@pytest.fixture
def ask(github: GitHubServer) -> Iterator[Asking]:
    github.add_user("ana", name="Ana Lee", email="ana@example.com")
    github.add_token(TOKEN, login="ana")
    with asking(github) as client:
        yield client
