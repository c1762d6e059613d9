"""The servers that all tests use."""

import os

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection


@pytest.mark.django_db
def test_tests_run_on_a_real_postgresql_and_valkey() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)
    cache.set("word", "kept", 10)
    assert cache.get("word") == "kept"


def test_every_worker_of_a_run_has_its_own_valkey_database_and_data_folder() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    assert settings.REDIS_URL.endswith(f"?db={number}")
    assert settings.DATA_DIR.name == f"data-{worker or 'main'}"
