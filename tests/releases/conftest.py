"""A release world: one project on the GitHub server, whose staging goes to release."""

import pytest

from tests.releases.world import World
from tests.servers.github import GitHubServer
from tests.servers.github.fixtures import github

__all__ = ["github"]


@pytest.fixture
def world(github: GitHubServer, db: None) -> World:
    return World(github)
