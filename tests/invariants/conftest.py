"""The GitHub server for the machines."""

from tests.servers.github.fixtures import github

__all__ = ["github"]
