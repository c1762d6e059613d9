"""Starts the servers of the test run before Django reads its settings, and stops them when it ends."""

import os

import django
import pytest

from tests import services

SERVERS = services.begin()
os.environ["DJANGO_SETTINGS_MODULE"] = "horizon.settings"
django.setup()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if SERVERS is not None:
        SERVERS.stop()
