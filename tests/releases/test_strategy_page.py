"""The admin's page of a strategy: its words, its moments, its repository's settings, and a dry run."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from projects.models import Project
from releases import engine, facts
from releases.decision import decide
from releases.models import StrategyReading
from tests import worlds
from tests.projects.admin_site import AdminSite
from tests.releases.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


def page_of(site: AdminSite, world: World) -> str:
    return plain(site.text(f"releases/deploystrategy/{world.strategy.pk}/change/"))


def look(site: AdminSite, world: World) -> str:
    """Press the button on the page."""
    address = f"releases/deploystrategy/{world.strategy.pk}"
    return plain(site.press(f"{address}/look/", back=f"/admin/{address}/change/"))


def plain(html: str) -> str:
    text = re.sub(r"<[^>]+>", " ", html).replace("&#x27;", "'").replace("&#39;", "'")
    return " ".join(text.split())


class TestWords:
    def test_are_on_its_page_in_the_list_and_on_the_projects_page(self, site: AdminSite, world: World) -> None:
        world.set(blocked_time_buckets=["* 1-2 * * *"], time_zone="America/New_York", slack_channels=["#dev"])
        words = (
            "Opens a pull request from staging to release, merges it 24 hours later, not between 01:00 and 02:59 New "
            "York time, warns #dev an hour before."
        )
        assert words in page_of(site, world)
        assert words in plain(site.text("releases/deploystrategy/"))
        assert words in plain(site.text(f"projects/project/{world.project.pk}/change/"))

    def test_of_many_strategies_cost_no_query_each(
        self, site: AdminSite, world: World, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(10):
            project = worlds.project(f"p{number}", profile=world.profile)
            project.stages.get(name="production").strategies.create(base="release", head="staging")
        with django_assert_max_num_queries(12):
            site.text("releases/deploystrategy/")


class TestMoments:
    def test_are_ten_in_the_zone_of_the_rule_and_in_utc(self, site: AdminSite, world: World) -> None:
        world.set(blocked_time_buckets=["* 1-2 * * *"], time_zone="America/New_York")
        page = page_of(site, world)
        assert "New York time UTC Open Why then" in page
        assert page.count("the first open minute after * 1-2 * * *") == 9

    def test_keep_the_organizations_hours(self, site: AdminSite, world: World) -> None:
        world.project.organization.closed_hours.create(
            name="weekend", weekdays=[5, 6], begins_at="00:00", ends_at="00:00", created_at=world.now, created_by="ana"
        )
        assert "the first open minute after weekend" in page_of(site, world)

    def test_are_none_where_people_merge(self, site: AdminSite, world: World) -> None:
        world.set(merge_after=None)
        assert "Never by itself: without “Merge after”, people merge." in page_of(site, world)


class TestLookingNow:
    def test_tells_what_horizon_would_do_and_does_nothing(self, site: AdminSite, world: World) -> None:
        world.commit()
        page = look(site, world)
        assert "Horizon would now open the pull request: 1 commit of staging waits" in page
        assert "Nothing was done." in page
        assert world.acts == []
        assert world.events == []
        assert not world.strategy.releases.exists()

    def test_tells_the_settings_of_the_repository(self, site: AdminSite, world: World) -> None:
        world.repo.set(delete_branch_on_merge=True)
        assert "GitHub was not asked yet." in page_of(site, world)

        page = look(site, world)

        assert "GitHub deletes staging with each release. Horizon restores it" in page
        assert "It allows merge commits." in page

    def test_works_for_a_strategy_that_people_release(self, site: AdminSite, world: World) -> None:
        world.set(automatic=False)
        page = look(site, world)
        assert "Released by people" in page
        assert "It allows merge commits." in page

    def test_names_who_can_change_a_condition(self, site: AdminSite, world: World) -> None:
        assert "Condition It is Why Who can change it" in page_of(site, world)

    def test_tells_why_the_host_could_not_be_asked(self, site: AdminSite, world: World) -> None:
        world.github.stop()
        page = look(site, world)
        assert "Nothing was done." in page
        assert "The repository could not be read:" in page

    def test_is_nothing_that_a_link_can_do(self, site: AdminSite, world: World) -> None:
        address = f"/admin/releases/deploystrategy/{world.strategy.pk}/look/"
        assert site.client.get(address).status_code == 403

    def test_is_not_offered_to_those_who_may_only_view(self, client: Client, world: World) -> None:
        from django.contrib.auth.models import Permission

        site = AdminSite(client, permissions=[Permission.objects.get(codename="view_deploystrategy")])
        assert "Look at GitHub now</button>" not in site.text(f"releases/deploystrategy/{world.strategy.pk}/change/")
        address = f"/admin/releases/deploystrategy/{world.strategy.pk}/look/"
        assert site.client.post(address).status_code == 403

    def test_shows_the_very_decision_of_the_engine(self, site: AdminSite, world: World) -> None:
        world.opened()
        now = timezone.now()  # the page's clock, at which facts of the world's would be old
        StrategyReading.objects.update(read_at=now)
        strategy = facts.strategies_with_all().get()
        decision = decide(facts.facts_of([strategy], now)[strategy.pk])
        assert plain(decision.reason) in page_of(site, world)


def test_a_strategy_of_an_archived_project_is_told(site: AdminSite, world: World) -> None:
    Project.objects.update(archived_at=timezone.now())
    assert "Its project is archived: nothing is done with it." in page_of(site, world)
    assert engine.releasable().count() == 0


def test_the_page_takes_few_queries(
    site: AdminSite, world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    world.opened()
    with django_assert_max_num_queries(16):
        page_of(site, world)
