"""What was live at a moment, and what changed between two."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from projects.models import Project, StageMove
from releases.models import DeployStrategy, Release
from tests import worlds

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)


def moved(project: Project, to: int, at: datetime, before: int = 0, stage: str = "production", **changed: Any) -> None:
    values: dict[str, Any] = {"from_sha": worlds.sha(before) if before else "", "to_sha": worlds.sha(to)} | changed
    StageMove.objects.create(project=project, project_name=str(project), stage_name=stage, seen_at=at, **values)


def merged(project: Project, number: int | None, sha: int, at: datetime, **changed: Any) -> Release:
    stage = project.stages.get(name="production")
    strategy, _ = DeployStrategy.objects.get_or_create(stage=stage, base="release", head="staging")
    values = {"state": "merged", "head_sha": worlds.sha(sha), "merged_by": "ana", "begun_at": at} | changed
    return Release.objects.create(strategy=strategy, number=number, merged_at=at, **values)


def table(client: Client, query: str) -> list[str]:
    html = client.get(f"/history/at/{query}").content.decode()
    found = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", line).split()) for line in found if "<td" in line]


def text(client: Client, address: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", client.get(address).content.decode()).split())


def short(number: int) -> str:
    return worlds.sha(number)[:7]


def sha(number: int) -> int:
    return number * 16**34  # so that short forms differ


class TestAtOneTime:
    def test_every_project_has_what_its_production_ran(self, reader: Client) -> None:
        candela, force = worlds.project("candela"), worlds.project("force")
        moved(candela, sha(1), NOON)
        moved(candela, sha(2), NOON + timedelta(hours=2), before=sha(1), label="production--2026-11-17--14-00-00")
        moved(candela, sha(3), NOON + timedelta(hours=4), before=sha(2))
        moved(candela, sha(9), NOON, stage="staging")
        moved(force, sha(4), NOON)
        merged(candela, 12, sha(2), NOON + timedelta(hours=2))

        found = table(reader, "?at=2026-11-17T14:05&zone=UTC")

        assert len(found) == 2
        assert short(sha(2)) in found[0]
        assert "#12 by ana" in found[0]
        assert "production--2026-11-17--14-00-00" in found[0]
        assert short(sha(4)) in found[1]

    def test_one_project_has_all_of_its_stages(self, reader: Client) -> None:
        candela = worlds.project("candela")
        moved(candela, sha(1), NOON)
        moved(candela, sha(9), NOON, stage="staging")

        found = table(reader, f"?project={candela.pk}&at=2026-11-17T14:05&zone=UTC")

        assert ["main" in found[0], short(sha(9)) in found[1], short(sha(1)) in found[2]] == [True] * 3

    def test_the_time_is_of_the_zone_that_is_named(self, reader: Client) -> None:
        candela = worlds.project("candela")
        moved(candela, sha(1), NOON)
        moved(candela, sha(2), NOON + timedelta(hours=2), before=sha(1))

        found = table(reader, "?at=2026-11-17T14:05&zone=Europe/Berlin")

        assert short(sha(1)) in found[0]
        assert "13:00 Europe/Berlin" in found[0]

    def test_what_was_not_watched_yet_is_said(self, reader: Client) -> None:
        moved(worlds.project("candela"), sha(1), NOON)
        worlds.project("force")

        found = table(reader, "?at=2026-05-03T10:00&zone=UTC")

        assert "not watched before Tue 17 Nov 2026, 12:00 UTC" in found[0]
        assert "never seen yet" in found[1]

    def test_a_stage_that_was_gone_is_said_to_be(self, reader: Client) -> None:
        candela = worlds.project("candela")
        moved(candela, sha(1), NOON)
        moved(candela, 0, NOON + timedelta(hours=1), before=sha(1), to_sha="")

        assert "was gone" in table(reader, "?at=2026-11-17T14:05&zone=UTC")[0]

    def test_projects_that_were_deleted_since_are_told(self, reader: Client) -> None:
        candela = worlds.project("candela")
        moved(candela, sha(1), NOON)
        candela.delete()

        found = table(reader, "?at=2026-11-17T14:05&zone=UTC")

        assert found == [f"artsy/candela production {short(sha(1))} Tue 17 Nov 2026, 12:00 UTC"]

    @pytest.mark.parametrize(
        "query", ["?at=yesterday", "?at=2026-99-99T1", "?at=0001-01-01T00:00", "?at=9999-12-31T23:59"]
    )
    def test_nonsense_is_said_to_be(self, reader: Client, query: str) -> None:
        assert "This is no date and time" in text(reader, f"/history/at/{query}")

    @pytest.mark.parametrize("where", ["at", "between"])
    def test_a_project_that_is_not_known_is_said_to_be(self, reader: Client, where: str) -> None:
        said = text(reader, f"/history/{where}/?project=candella")

        assert "No project is called “ candella ”" in said

    def test_what_is_to_come_is_now(self, reader: Client) -> None:
        assert "still to come" in text(reader, "/history/at/?at=2126-01-01T00:00")

    @pytest.mark.parametrize("projects", [1, 60])
    def test_the_number_of_queries_does_not_grow(
        self, reader: Client, projects: int, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(projects):
            project = worlds.project()
            moved(project, sha(1), NOON)
            merged(project, number + 1, sha(1), NOON)

        with django_assert_max_num_queries(10):
            assert len(table(reader, "?at=2026-11-17T14:05")) == projects

    def test_many_projects_come_in_pages(self, reader: Client) -> None:
        for _ in range(101):
            worlds.project()

        html = reader.get("/history/at/?at=2026-11-17T14:05&zone=UTC").content.decode()
        following = re.search(r'rel="next" href="([^"]*)"', html)

        assert following
        assert len(table(reader, following[1].replace("&amp;", "&"))) == 1

    def test_strangers_are_asked_to_sign_in(self, client: Client) -> None:
        assert client.get("/history/at/").status_code == 302


class TestBetweenTwoTimes:
    SPAN = "/history/between/?since=2026-11-17T12:30&until=2026-11-17T18:00&zone=UTC"

    def test_only_what_changed_is_told_with_its_releases(self, reader: Client) -> None:
        candela, force = worlds.project("candela"), worlds.project("force")
        moved(candela, sha(1), NOON)
        moved(candela, sha(2), NOON + timedelta(hours=2), before=sha(1))
        moved(force, sha(4), NOON)
        merged(candela, 12, sha(2), NOON + timedelta(hours=2), commits=[worlds.commit(5)], commit_count=1)

        shown = text(reader, self.SPAN)
        html = reader.get(self.SPAN).content.decode()

        assert f"{short(sha(1))} → {short(sha(2))}" in shown
        assert "#12 automatic, merged Tue 17 Nov 2026, 14:00 UTC by ana, 1 commit" in shown
        assert "Change number 5" in shown
        assert "force" not in shown
        assert f"/compare/{worlds.sha(sha(1))}...{worlds.sha(sha(2))}" in html

    def test_a_rollback_is_marked(self, reader: Client) -> None:
        candela = worlds.project("candela")
        moved(candela, sha(1), NOON)
        moved(candela, sha(2), NOON + timedelta(hours=2), before=sha(1))
        merged(candela, None, sha(1), NOON + timedelta(hours=3), kind="rollback")

        assert "rolled back" in text(reader, self.SPAN)

    def test_a_first_sight_is_no_change(self, reader: Client) -> None:
        moved(worlds.project("candela"), sha(1), NOON + timedelta(hours=1))

        assert "Nothing changed" in text(reader, self.SPAN)

    def test_times_in_the_wrong_order_are_told(self, reader: Client) -> None:
        shown = text(reader, "/history/between/?since=2026-11-17T18:00&until=2026-11-17T12:30")

        assert "The first time must be before the second" in shown

    @pytest.mark.parametrize("projects", [1, 60])
    def test_the_number_of_queries_does_not_grow(
        self, reader: Client, projects: int, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(projects):
            project = worlds.project()
            moved(project, sha(1), NOON)
            moved(project, sha(2), NOON + timedelta(hours=1), before=sha(1))
            merged(project, number + 1, sha(2), NOON + timedelta(hours=1))

        with django_assert_max_num_queries(12):
            reader.get(self.SPAN)
