"""A change of configuration either stops a merge, or is told that it came too late: it takes the lock of merges."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from projects import merging
from projects.models import Project
from releases.declare import export
from releases.models import DeployStrategy, Release
from tests.projects.admin_site import AdminSite
from tests.releases.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


@pytest.fixture
def under_way(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another process merges, and does not come to an end."""
    monkeypatch.setattr(merging, "LONGEST_MERGE", "50ms")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [merging.LOCK, world.project.organization_id])
    yield
    other.close()


def strategy_page(site: AdminSite, world: World, **typed: str | None) -> str:
    address = f"releases/deploystrategy/{world.strategy.pk}/change/"
    return site.send(site.form(address), **typed)


def project_page(site: AdminSite, world: World, **typed: str | None) -> str:
    address = f"projects/project/{world.project.pk}/change/"
    return site.send(site.form(address), **typed)


class TestWhileAMergeIsUnderWay:
    def test_a_strategys_page_comes_back_with_what_was_typed(
        self, world: World, site: AdminSite, under_way: None
    ) -> None:
        page = strategy_page(site, world, blocked_time_buckets="* 1-2 * * *")

        assert "Nothing was saved yet" in page
        assert "* 1-2 * * *" in page
        assert DeployStrategy.objects.get().blocked_time_buckets == []

    def test_a_projects_page_comes_back_with_what_was_typed(
        self, world: World, site: AdminSite, under_way: None
    ) -> None:
        page = project_page(site, world, tags="frozen")

        assert "Nothing was saved yet" in page
        assert "frozen" in page
        assert Project.objects.get().tags == []

    def test_nothing_is_archived_or_deleted(self, world: World, site: AdminSite, under_way: None) -> None:
        site.client.post(f"/admin/projects/project/{world.project.pk}/archive/")
        deleted = site.client.post(
            f"/admin/releases/deploystrategy/{world.strategy.pk}/delete/", {"post": "yes"}, follow=True
        )

        assert "Nothing was saved yet" in deleted.content.decode()
        assert Project.objects.get().archived_at is None
        assert DeployStrategy.objects.exists()

    def test_a_file_is_not_applied(self, world: World, under_way: None, tmp_path: Any) -> None:
        declared = tmp_path / "horizon.yml"
        declared.write_text(export().replace("automatic: true", "automatic: false"))

        with pytest.raises(CommandError, match="Nothing was saved yet"):
            call_command("apply", str(declared), "--offline")

        assert DeployStrategy.objects.get().automatic

    def test_a_file_that_changes_nothing_waits_for_nobody(self, world: World, under_way: None, tmp_path: Any) -> None:
        declared = tmp_path / "horizon.yml"
        declared.write_text(export())

        call_command("apply", str(declared), "--offline")


class TestGitHub:
    """Merges wait for nobody who asks GitHub: it is asked before the lock is taken."""

    @pytest.fixture
    def asked(self, world: World) -> Iterator[list[int]]:
        """How many requests there were when the lock was taken."""
        asked: list[int] = []

        def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if "pg_advisory_xact_lock" in sql:
                asked.append(len(world.github.requests))
            return execute(sql, params, many, context)

        world.repo.branch("live", at="release")
        with connection.execute_wrapper(look):
            yield asked

    def test_is_asked_before_by_a_page(self, world: World, site: AdminSite, asked: list[int]) -> None:
        strategy_page(site, world, base="live")

        assert asked == [len(world.github.requests)] != [0]
        assert DeployStrategy.objects.get().base == "live"

    def test_is_asked_before_by_a_file(self, world: World, asked: list[int], tmp_path: Any) -> None:
        declared = tmp_path / "horizon.yml"
        declared.write_text(export().replace("base: release", "base: live"))

        call_command("apply", str(declared))

        assert asked == [len(world.github.requests)] != [0]
        assert DeployStrategy.objects.get().base == "live"


class TestAfterAMerge:
    @pytest.fixture(autouse=True)
    def merged(self, world: World) -> str:
        """What is said of it."""
        world.github.freeze(None)
        world.set(merge_after=0, merge_prior_warning=0)
        world.commit()
        world.advance()
        merged_at = Release.objects.get().merged_at
        assert merged_at is not None
        return f"candela (production) was released at {merged_at:%H:%M:%S} UTC, too late for this change."

    def test_whoever_changes_the_strategy_is_told(self, world: World, site: AdminSite, merged: str) -> None:
        page = strategy_page(site, world, automatic=None)

        assert merged in page
        assert not DeployStrategy.objects.get().automatic

    def test_whoever_tags_the_project_is_told(self, world: World, site: AdminSite, merged: str) -> None:
        assert merged in project_page(site, world, tags="frozen")

    def test_whoever_describes_the_project_is_not(self, world: World, site: AdminSite, merged: str) -> None:
        assert "too late" not in project_page(site, world, description="sends data")
        assert Project.objects.get().description == "sends data"

    def test_whoever_applies_a_file_is_told(self, merged: str, tmp_path: Any, capsys: Any) -> None:
        declared = tmp_path / "horizon.yml"
        declared.write_text(export().replace("automatic: true", "automatic: false"))

        call_command("apply", str(declared), "--offline")

        assert f"! {merged}" in capsys.readouterr().out
