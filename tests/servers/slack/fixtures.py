"""The pytest fixture `slack`: a fresh Slack for each test that asks for one, which Horizon's bot talks to."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from tests.servers.slack import SlackServer


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    hosts = frozenset({"hooks.slack.com", "127.0.0.1"})
    with SlackServer() as server, override_settings(SLACK_API_URL=f"{server.url}/api/", SLACK_WEBHOOK_HOSTS=hosts):
        yield server
