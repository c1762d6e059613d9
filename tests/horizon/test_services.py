"""The servers that all tests use."""

import pytest
from django.core.cache import cache
from django.db import connection


@pytest.mark.django_db
def test_tests_run_on_a_real_postgresql_and_valkey() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)
    cache.set("word", "kept", 10)
    assert cache.get("word") == "kept"
