"""The JSON of projects and of history."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from audit.record import HORIZON, record
from dashboard import shapes
from projects.models import Project, StageHead
from tests import worlds
from tests.dashboard.world import basic, blocked, shown, strategy, waiting

pytestmark = pytest.mark.django_db

STORED_SCHEMA = Path(django_settings.BASE_DIR) / "docs" / "openapi.yaml"


def get(client: Client, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestProjects:
    def test_a_project_is_told_exactly(self, reader: Client) -> None:
        project = shown("candela", [], waiting(2), tags=["auctions"], criticality=2, profile=worlds.github_profile())
        StageHead.objects.create(stage=project.stages.get(name="main"), sha="a" * 40, since=worlds.NOW)
        block = blocked(project, "needs QA")
        strategy(project, automatic=False)

        told = get(reader, f"/api/projects/{project.pk}/")

        assert {name: told[name] for name in ("id", "name", "organization", "tags", "criticality")} == {
            "id": project.pk, "name": "candela", "organization": "artsy", "tags": ["auctions"], "criticality": 2,
        }  # fmt: skip
        assert (told["severity"], told["released"], told["error"]) == (3.0, False, None)
        assert told["refreshed_at"].endswith("Z")
        assert told["stages"][0] == {"name": "main", "position": 1, "sha": "a" * 40, "source": "github"}
        assert told["stages"][2]["sha"] is None
        second = told["comparisons"][1]
        assert (second["ahead"], second["behind"], second["released"], second["count"], second["drift"]) == (
            "staging", "production", False, 2, 0,
        )  # fmt: skip
        assert set(second["commits"][0]) == {"sha", "date", "message", "author", "email", "login", "url"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", second["commits"][0]["date"])
        assert told["blocks"][0]["id"] == block.pk
        assert told["blocks"][0]["resolved_at"] is None
        (release,) = told["releases"]
        assert (release["stage"], release["action"], release["pull_request"]) == ("production", "hold", None)

    def test_rows_of_the_list_equal_the_detail(self, reader: Client) -> None:
        for name in ("candela", "force"):
            project = shown(name, [], waiting(2))
            strategy(project, automatic=False)

        page = get(reader, "/api/projects/")

        assert set(page) == {"next", "previous", "results"}
        assert [row["name"] for row in page["results"]] == ["candela", "force"]
        assert page["results"] == [get(reader, f"/api/projects/{row['id']}/") for row in page["results"]]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("organization=other", ["gravity"]),
            ("tag=auctions", ["candela"]),
            ("tag=auctions&tag=mobile", ["candela", "force"]),
            ("criticality=3", ["candela"]),
            ("q=orc", ["force"]),
        ],
    )
    def test_filters(self, reader: Client, query: str, found: list[str]) -> None:
        shown("candela", tags=["auctions"], criticality=3)
        shown("force", tags=["mobile"])
        shown("gravity", organization=worlds.organization("other"))

        assert [row["name"] for row in get(reader, f"/api/projects/?{query}")["results"]] == found

    def test_pages_follow_each_other(self, reader: Client) -> None:
        names = [shown(f"p{number}").name for number in range(5)]

        first = get(reader, "/api/projects/?page_size=2")
        second = get(reader, first["next"])
        third = get(reader, second["next"])

        assert [row["name"] for page in (first, second, third) for row in page["results"]] == names
        assert (first["previous"], third["next"]) == (None, None)

    def test_an_error_says_when_a_branch_is_gone(self, reader: Client) -> None:
        project = shown("candela", [], [])
        snapshot = project.snapshots.get()
        snapshot.comparisons.filter(position=1).update(state="behind-gone", explanation="The branch staging is gone.")

        assert get(reader, f"/api/projects/{project.pk}/")["error"] == "The branch staging is gone."

    @pytest.mark.parametrize("projects", [1, 20])
    def test_the_number_of_queries_does_not_grow(
        self, reader: Client, projects: int, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(projects):
            project = shown(f"p{number}", waiting(2), waiting(2))
            strategy(project)
            blocked(project)

        with django_assert_max_num_queries(12):
            get(reader, "/api/projects/")

    def test_an_unread_project_has_no_comparisons(self, reader: Client) -> None:
        project = worlds.project("new")

        told = get(reader, f"/api/projects/{project.pk}/")

        assert (told["released"], told["comparisons"], told["severity"]) == (False, [], 0)


class TestAudit:
    def test_is_told_newest_first(self, reader: Client) -> None:
        candela = worlds.project("candela")
        at = datetime(2026, 11, 24, 12, tzinfo=UTC)
        record("release.merged", actor=HORIZON, at=at, project=candela, data={"sha": "abc"})
        record("block.created", actor=HORIZON, at=at, organization_name="artsy")

        newest, oldest = get(reader, "/api/audit/")["results"]

        assert newest["project"] is None
        assert oldest == {
            "id": oldest["id"], "at": "2026-11-24T12:00:00Z", "actor": "Horizon", "kind": "release.merged",
            "project": {"id": candela.pk, "name": "candela"}, "data": {"sha": "abc"},
        }  # fmt: skip

    def test_filters_as_the_page_does(self, reader: Client) -> None:
        for kind in ("release.merged", "block.created"):
            record(kind, actor=HORIZON, at=worlds.NOW)

        assert [row["kind"] for row in get(reader, "/api/audit/?kind=block.created")["results"]] == ["block.created"]


class TestWhoMayRead:
    def test_strangers_are_asked_for_basic(self, client: Client) -> None:
        answer = client.get("/api/projects/")

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Basic")
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 401

    def test_name_and_password_do(self, client: Client) -> None:
        User.objects.create_user("build", password="a long pass phrase")

        assert client.get("/api/projects/", headers=basic("build", "a long pass phrase")).status_code == 200
        assert client.get("/api/projects/", headers=basic("build", "wrong")).status_code == 401

    def test_a_public_dashboard_is_public_to_read_without_addresses_of_people(
        self, client: Client, settings: Any
    ) -> None:
        settings.PUBLIC_DASHBOARD = True
        project = shown("candela", waiting(1))

        told = get(client, f"/api/projects/{project.pk}/")

        assert told["comparisons"][0]["commits"][0]["email"] == ""
        assert client.get("/api/audit/").status_code == 401
        assert client.post("/api/projects/").status_code == 405

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_what_the_api_does_not_know_is_not_allowed_rather_than_forbidden(self, reader: Client, method: str) -> None:
        assert getattr(reader, method)("/api/projects/").status_code == 405


class TestProblems:
    def test_an_unknown_project_is_a_problem(self, reader: Client) -> None:
        answer = reader.get("/api/projects/999999/")

        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert set(answer.json()) == {"type", "title", "status", "detail"}

    def test_an_unknown_address_is_a_problem_too(self, reader: Client) -> None:
        answer = reader.get("/api/nothing/")

        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")

    def test_a_page_that_is_none_is_a_problem(self, reader: Client) -> None:
        assert reader.get("/api/projects/?cursor=nonsense").status_code in {404, 200}


class TestSchema:
    def test_every_address_of_the_api_is_in_it(self, reader: Client) -> None:
        described = set(yaml.safe_load(reader.get("/api/schema/").content)["paths"])

        assert {_in_words(address) for address in _addresses(get_resolver().url_patterns)} - {
            "/api/schema/"
        } <= described

    def test_the_stored_copy_is_up_to_date(self, tmp_path: Path) -> None:
        """When it is not: `manage.py spectacular --file docs/openapi.yaml`."""
        made = tmp_path / "openapi.yaml"
        call_command("spectacular", "--fail-on-warn", file=str(made))

        assert STORED_SCHEMA.read_text() == made.read_text()

    def test_what_is_told_is_what_is_described(self, reader: Client) -> None:
        project: Project = shown("candela", waiting(1))
        strategy(project)
        blocked(project)

        told = get(reader, f"/api/projects/{project.pk}/")

        for value, shape in (
            (told, shapes.ProjectOut()),
            (told["stages"][0], shapes.StageOut()),
            (told["comparisons"][0], shapes.ComparisonOut()),
            (told["comparisons"][0]["commits"][0], shapes.CommitOut()),
            (told["blocks"][0], shapes.ProjectBlockOut()),
            (told["releases"][0], shapes.ReleaseOut()),
        ):
            assert list(value) == list(shape.fields)


def _addresses(patterns: list[Any], prefix: str = "/") -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += _addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern) and address.startswith("/api/"):
            found.append(address)
    return found


def _in_words(address: str) -> str:
    return address.replace("<int:", "{").replace(">", "}")
