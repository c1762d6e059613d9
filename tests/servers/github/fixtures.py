"""The pytest fixture `github`: a fresh, empty GitHub server for each test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.servers.github import GitHubServer


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    """Fails the test when the server itself fails, whatever the test made of its answer."""
    with GitHubServer() as server:
        yield server
