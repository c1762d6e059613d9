"""Whether Horizon works, for machines."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from projects.models import ProfileBudget
from tests import worlds
from tests.dashboard.world import read, shown, waiting

pytestmark = pytest.mark.django_db


def test_healthz_asks_nothing_of_anybody(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


class TestReady:
    def test_when_all_parts_work(self, client: Client) -> None:
        shown("candela")

        answer = client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json() == {"ready": True, "database": "ok", "valkey": "ok", "polling": "ok"}

    def test_not_when_nothing_was_read_for_long(self, client: Client) -> None:
        read(shown("candela"), timezone.now() - timedelta(hours=2))

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["polling"] == "late: nothing was read for 2 hours; is the worker running?"

    def test_without_projects_there_is_nothing_to_be_late_with(self, client: Client) -> None:
        assert client.get("/readyz").json()["polling"] == "ok"

    def test_not_when_valkey_is_away(self, client: Client, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        answer = client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["valkey"].startswith("away")


class TestMetrics:
    def test_are_for_those_who_may_sign_in(self, client: Client) -> None:
        assert client.get("/metrics").status_code == 401

    def test_count_projects_by_state(self, reader: Client) -> None:
        shown("a", [], [])
        shown("b", [], waiting(1))
        shown("c", error="no")
        worlds.project("d")

        lines = reader.get("/metrics").content.decode().splitlines()

        for state in ("released", "out_of_sync", "error", "unread"):
            assert f'horizon_projects{{state="{state}"}} 1' in lines

    def test_tell_queues_and_budgets_with_labels_that_cannot_break_out(self, reader: Client) -> None:
        profile = worlds.github_profile(name='a"b\nc')
        ProfileBudget.objects.create(profile=profile, rest_remaining=17)

        text = reader.get("/metrics").content.decode()

        assert 'horizon_queue_length{queue="polls"}' in text
        assert 'horizon_budget_remaining{organization="artsy",profile="a\\"b\\nc",api="rest"} 17' in text
