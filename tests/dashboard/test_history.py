"""What happened."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from audit.record import HORIZON, Actor, record
from dashboard.sentences import SENTENCES, told
from tests import worlds

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 11, 24, 12, tzinfo=UTC)


def happened(kind: str = "release.merged", **changed: Any) -> AuditEvent:
    values: dict[str, Any] = {"actor": HORIZON, "at": DAY} | changed
    return record(kind, **values)


def lines(client: Client, address: str = "/history/") -> list[str]:
    html = client.get(address).content.decode()
    found = re.findall(r'<li class="event.*?</li>', html, re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", line).split()) for line in found]


def numbers(found: list[str]) -> list[int]:
    return [int(match[1]) for line in found if (match := re.search(r"#(\d+)", line))]


def pull(number: int) -> dict[str, Any]:
    return {"pull_request": {"number": number, "url": f"https://github.com/a/b/pull/{number}"}}


class TestPages:
    def test_go_from_the_newest_to_the_oldest_and_back(self, reader: Client) -> None:
        for number in range(1, 121):
            happened(data=pull(number))

        first = reader.get("/history/").content.decode()
        assert numbers(lines(reader)) == list(range(120, 70, -1))
        assert 'rel="prev"' not in first

        older = self.link(first, "next")
        second = reader.get(f"/history/{older}").content.decode()
        assert numbers(lines(reader, f"/history/{older}")) == list(range(70, 20, -1))

        last = reader.get(f"/history/{self.link(second, 'next')}").content.decode()
        assert numbers(lines(reader, f"/history/{self.link(second, 'next')}")) == list(range(20, 0, -1))
        assert 'rel="next"' not in last
        assert numbers(lines(reader, f"/history/{self.link(last, 'prev')}")) == list(range(70, 20, -1))

    @pytest.mark.parametrize("events", [1, 60])
    def test_cost_the_same_number_of_queries(
        self, reader: Client, events: int, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(events):
            happened(project=worlds.project(), data=pull(1))

        with django_assert_max_num_queries(12):
            lines(reader)

    @pytest.mark.parametrize(
        "query",
        ["before=x", "after=-1", f"before={2**70}", "after=" + "9" * 5000, "since=2026-99-99", "until=x", "q=%00"],
    )
    def test_nonsense_in_the_address_is_passed_over(self, reader: Client, query: str) -> None:
        happened()

        assert len(lines(reader, f"/history/?{query}")) == 1

    @staticmethod
    def link(html: str, rel: str) -> str:
        found = re.search(rf'rel="{rel}" href="([^"]*)"', html)
        assert found
        return found[1].replace("&amp;", "&")


class TestFilters:
    @pytest.fixture(autouse=True)
    def _events(self) -> None:
        candela = worlds.project("candela")
        happened(project=candela, data=pull(1))
        happened("block.created", actor=Actor.person("ana"), organization_name="other", data=pull(2))
        tagged = worlds.project("force", tags=["auctions", "web"])
        happened("release.live", project=tagged, at=DAY.replace(hour=14, minute=5), data=pull(4))
        happened("pull-request.opened", at=datetime(2026, 1, 2, 23, 59, tzinfo=UTC), data=pull(3))

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("project=candela", [1]),
            ("project=artsy/candela", [1]),
            ("project=unknown", []),
            ("kind=pull-request.opened", [3]),
            ("organization=artsy", [4, 1]),
            ("tag=auctions", [4]),
            ("tag=auction", []),
            ("since=2026-11-24T14:05&until=2026-11-24T14:05", [4]),
            ("since=2026-11-24T15:05&until=2026-11-24T15:05&zone=Europe/Berlin", [4]),
            ("since=2026-11-24T15:05&zone=Nowhere/Land", []),
            ("until=2026-01-02&since=2026-01-02", [3]),
            ("since=2026-01-03&kind=release.merged", [1]),
            ("tag=web&project=force&organization=artsy&kind=release.live&actor=Horizon", [4]),
            ("tag=web&kind=release.merged", []),
            ("tag=web&actor=ana", []),
        ],
    )
    def test_by_what_the_address_says(self, reader: Client, query: str, found: list[int]) -> None:
        assert numbers(lines(reader, f"/history/?{query}")) == found

    def test_by_who_did_it(self, reader: Client) -> None:
        (line,) = lines(reader, "/history/?actor=ana")

        assert "ana put a block on releases" in line

    def test_finds_horizon_however_it_is_written(self, reader: Client) -> None:
        assert lines(reader, "/history/?actor=horizon") == lines(reader, "/history/?actor=Horizon") != []


class TestSentences:
    @pytest.mark.parametrize("kind", [*SENTENCES, "something.else"])
    def test_every_kind_is_told_even_without_data(self, kind: str) -> None:
        sentence = told(happened(kind)).what

        assert sentence
        assert "None" not in sentence

    def test_a_change_of_configuration_says_what_it_was_and_is(self) -> None:
        data = {
            "object": "stage",
            "name": "main",
            "action": "changed",
            "before": {"branch": "a"},
            "after": {"branch": "b"},
        }

        line = told(happened("config.changed", data=data))

        assert (line.what, line.note) == ("changed the stage main", "branch: a → b")

    def test_what_was_passed_over_is_named(self) -> None:
        data = {"sha": "5" * 40, "in_spite_of": [{"id": 1, "by": "ana", "reason": "x"}], "in_closed_hours": True}

        told_of = told(happened("release.now", data=data))

        assert told_of.what == "asked to release 5555555 now, in spite of the block by ana and closed hours"

    def test_a_change_is_told_in_words(self) -> None:
        before = {"merge_after": 90, "automatic": False, "blocked_time_buckets": []}
        after = {"merge_after": 86400, "automatic": True, "blocked_time_buckets": ["* 1 * * *"]}

        line = told(happened("config.changed", data={"before": before, "after": after}))

        assert line.note == "merge after: 90 seconds → 24 hours, automatic: no → yes, blocked time buckets: * 1 * * *"

    def test_data_that_is_no_web_address_is_no_link(self) -> None:
        assert told(happened(data={"pull_request": {"number": 1, "url": "javascript:alert(1)"}})).url == ""


def test_an_event_of_a_deleted_project_names_it_without_a_link(reader: Client) -> None:
    project = worlds.project("candela")
    happened(project=project, data=pull(1))
    project.delete()

    html = reader.get("/history/").content.decode()

    assert "<b>candela</b>" in html


def test_strangers_do_not_read_history(client: Client) -> None:
    assert client.get("/history/").status_code == 302


def test_the_readers_own_zone_counts_where_the_address_names_none(reader: Client) -> None:
    happened(at=datetime(2026, 11, 24, 23, 30, tzinfo=UTC), data=pull(1))
    reader.cookies["zone"] = "Asia/Tokyo"

    assert numbers(lines(reader, "/history/?since=2026-11-25T08:30&until=2026-11-25T08:30")) == [1]


def test_kinds_are_offered_in_words(reader: Client) -> None:
    html = reader.get("/history/").content.decode()

    assert '<option value="release.by-hand">Release by hand</option>' in html
    assert '<optgroup label="Releases">' in html


def test_downloads_have_the_filters_of_the_page(reader: Client) -> None:
    happened(data=pull(1))

    html = reader.get("/history/?kind=release.merged").content.decode()

    assert 'href="/history/history.csv?kind=release.merged"' in html
