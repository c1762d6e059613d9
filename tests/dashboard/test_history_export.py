"""The history as files: what the filters let through, whole, and harmless in a spreadsheet."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import AsyncClient, Client

from audit.models import AuditEvent
from audit.record import HORIZON, Actor, record
from dashboard import history_export
from tests import worlds

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 11, 24, 12, tzinfo=UTC)


def happened(number: int = 1, **changed: Any) -> AuditEvent:
    values: dict[str, Any] = {"actor": HORIZON, "at": DAY, "data": {"pull_request": {"number": number}}} | changed
    return record("release.merged", **values)


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(client, f"/history/history.csv{query}"))))


class TestCsv:
    def test_has_every_event_of_the_filters_newest_first(self, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history_export, "PIECE", 3)
        candela = worlds.project("candela", tags=["auctions"])
        for number in range(1, 9):
            happened(number, project=candela)
        happened(99)

        found = rows(reader, "?project=candela&tag=auctions")

        assert [row["what"] for row in found] == [f"merged pull request #{number}" for number in range(8, 0, -1)]
        assert (found[0]["project"], found[0]["tags"], found[0]["at"]) == (
            "candela", "auctions", "2026-11-24T12:00:00+00:00",
        )  # fmt: skip

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "\uff20A1"])
    def test_has_no_formulas(self, reader: Client, name: str) -> None:
        happened(actor=Actor.github(name))

        assert rows(reader)[0]["actor"] == f"'{name}"

    def test_is_a_download(self, reader: Client) -> None:
        answer = reader.get("/history/history.csv")

        assert answer["Content-Disposition"] == 'attachment; filename="history.csv"'
        assert answer["Content-Type"].startswith("text/csv")

    def test_of_nothing_has_its_head_line(self, reader: Client) -> None:
        assert text(reader, "/history/history.csv").startswith("id,at,kind,actor,")


def test_json_lines_hold_the_data(reader: Client) -> None:
    happened(1)
    happened(2)

    lines = [json.loads(line) for line in text(reader, "/history/history.jsonl").splitlines()]

    assert [line["data"]["pull_request"]["number"] for line in lines] == [2, 1]


def test_strangers_get_none(client: Client) -> None:
    assert client.get("/history/history.csv").status_code == 302


def test_other_forms_are_not_found(reader: Client) -> None:
    assert reader.get("/history/history.xlsx").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_under_asgi_it_is_sent_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_export, "PIECE", 2)
    for number in range(1, 6):
        happened(number)
    user = User.objects.create_user("bo")

    async def read() -> list[bytes]:
        client = AsyncClient()
        await client.aforce_login(user)
        answer = await client.get("/history/history.jsonl")
        assert answer.is_async  # type: ignore[attr-defined]
        pieces = [piece async for piece in answer]  # type: ignore[attr-defined]
        await sync_to_async(connections.close_all)()
        return pieces

    pieces = asyncio.run(read())

    assert [len(piece.splitlines()) for piece in pieces] == [2, 2, 1]
