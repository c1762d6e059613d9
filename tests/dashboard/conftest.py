"""Who looks at the pages."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client


@pytest.fixture(autouse=True)
def _nobody_is_held_up() -> None:
    """Failed sign-ins of other tests do not count."""
    cache.clear()


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("bo"))
    return client


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ana"))
    return client
