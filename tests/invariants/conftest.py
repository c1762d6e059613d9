"""The servers for the machines."""

from tests.servers.github.fixtures import github
from tests.servers.slack.fixtures import slack

__all__ = ["github", "slack"]
