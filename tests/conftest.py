"""Starts the servers of the test run before Django reads its settings, and stops them when it ends."""

import os
from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.test import override_settings

from tests import services

SERVERS = services.begin()
os.environ["DJANGO_SETTINGS_MODULE"] = "horizon.settings"
django.setup()


@pytest.fixture(autouse=True, scope="session")
def _static_files_as_they_are() -> Iterator[None]:
    """Pages in tests name static files as they lie in the source; nothing has to be collected first."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}, WHITENOISE_USE_FINDERS=True):
        yield


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if SERVERS is not None:
        SERVERS.stop()
