"""Starts the servers of the test run before Django reads its settings, and stops them when it ends."""

import os
from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from tests import services
from tests.servers.github.fixtures import github

__all__ = ["github"]
SERVERS = services.begin()
os.environ["DJANGO_SETTINGS_MODULE"] = "horizon.settings"
django.setup()
# Workers of pytest-xdist inherit the environment, and pytest-django would read the settings there too early.
del os.environ["DJANGO_SETTINGS_MODULE"]

# A slow machine is no failure; how to repeat one is printed with it.
hypothesis_settings.register_profile("horizon", deadline=None, print_blob=True)
hypothesis_settings.load_profile("horizon")


@pytest.fixture(autouse=True, scope="session")
def _static_files_as_they_are() -> Iterator[None]:
    """Pages in tests name static files as they lie in the source; nothing has to be collected first."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}, WHITENOISE_USE_FINDERS=True):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tests with real transactions are followed by a TRUNCATE of every table, which that of audit events refuses."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_never_truncated")


@pytest.fixture(autouse=True)
def _empty_valkey() -> Iterator[None]:
    """What a test leaves in the cache or in a queue, no other finds."""
    yield
    cache.clear()


@pytest.fixture
def reader() -> Client:
    """Somebody who is signed in, and no more."""
    client = Client()
    client.force_login(get_user_model().objects.create_user("bo"))
    return client


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_user("ana", is_staff=True))
    return client


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure() -> None:
    if SERVERS is not None:
        SERVERS.stop()
