"""All projects at a glance."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.cards import _rendered
from projects.models import ProfileBudget, Project, ProjectProperties
from releases.models import StrategyReading
from tests import worlds
from tests.dashboard.world import blocked, comparison, current, read, shown, strategy, waiting

pytestmark = pytest.mark.django_db


def text(client: Client, address: str = "/") -> str:
    return client.get(address).content.decode()


def names(html: str, group: str) -> list[str]:
    """The cards of a group, in order."""
    part = html.split(f'data-group="{group}"')[1].split("</ul></section>", maxsplit=1)[0]
    return re.findall(r"<h3><a [^>]*>([^<]*)", part)


def card(html: str, project: Project) -> str:
    return html.split(f'<li id="p{project.pk}" ')[1].split('<li id="p', maxsplit=1)[0]


class TestGroups:
    def test_out_of_sync_by_severity_and_up_to_date_by_name(self, reader: Client) -> None:
        shown("small", [], waiting(1))
        shown("zeta", [], [])
        shown("large", [], waiting(30))
        shown("alpha", [], [])

        html = text(reader)

        assert names(html, "out") == ["Large", "Small"]
        assert names(html, "ok") == ["Alpha", "Zeta"]

    def test_a_project_that_was_never_read_is_not_called_up_to_date(self, reader: Client) -> None:
        project = worlds.project("fresh")
        read(project, None)
        project.poll.refreshed_at = None
        project.poll.save()

        html = text(reader)

        assert names(html, "out") == ["Fresh"]
        assert "Not read yet" in card(html, project)

    def test_an_archived_project_is_not_shown(self, reader: Client) -> None:
        project = shown("old")
        Project.objects.filter(pk=project.pk).update(archived_at=timezone.now())

        assert "Old" not in text(reader)


class TestCard:
    def test_says_how_many_wait_for_which_stage_and_whose_they_are(self, reader: Client) -> None:
        people = [waiting(1, author=name, email=f"{name}@x")[0] for name in ("Ana Lee", "Bo Li", "Cy Wu")]
        project = shown("candela", [], people)

        html = card(text(reader), project)

        assert "<b>production</b> 3 commits behind" in html
        assert "Ana, Bo, and Cy, oldest" in html

    def test_names_three_of_many_people(self, reader: Client) -> None:
        people = [waiting(1, author=f"P{number} X", email=f"{number}@x")[0] for number in range(6)]

        project = shown("candela", [], people)

        assert "P0, P1, P2, and 3 more" in card(text(reader), project)

    @pytest.mark.parametrize(
        ("count", "hours", "severity"),
        [(1, 24 * 40, "aged"), (9, 1, "hot"), (8, 1, "warm"), (0, 0, "fresh")],
    )
    def test_looks_as_severe_as_it_is(self, reader: Client, count: int, hours: int, severity: str) -> None:
        project = shown("candela", [], waiting(count, hours=hours))

        assert card(text(reader), project).startswith(f'class="card {severity}"')

    def test_marks_a_number_that_is_a_lower_bound(self, reader: Client) -> None:
        project = shown("candela", [], waiting(3))
        row = comparison(project)
        row.count, row.at_least = 300, True
        row.save()

        html = card(text(reader), project)

        assert "<b>300+</b>" in html
        assert "at least 300 commits behind" in html

    def test_shows_a_block_with_its_reason(self, reader: Client) -> None:
        project = shown("candela", [], waiting(1))
        blocked(project, "needs QA")

        html = card(text(reader), project)

        assert "Blocked</b>" in html
        assert "Blocked by mary: needs QA" in html

    def test_shows_the_error_and_how_old_the_last_good_data_is(self, reader: Client) -> None:
        project = shown("candela", [], waiting(2), error="GitHub says 401: renew the token.")
        snapshot = current(project)
        snapshot.read_at = timezone.now() - timedelta(hours=3)
        snapshot.save()

        html = card(text(reader), project)

        assert "GitHub says 401: renew the token." in html
        assert "As of 3 hours ago" in html
        assert "2 commits behind" in html

    def test_says_how_old_it_is_when_nobody_polled(self, reader: Client) -> None:
        project = shown("candela", [], [])
        read(project, timezone.now() - timedelta(hours=2))

        assert "As of 2 hours ago" in card(text(reader), project)

    def test_a_stage_that_is_gone_is_never_up_to_date(self, reader: Client) -> None:
        project = shown("candela", [], [])
        row = comparison(project)
        row.state, row.explanation = "behind-gone", "The branch release is gone."
        row.save()
        project.snapshots.update(released=False)

        html = card(text(reader), project)

        assert "The branch release is gone." in html
        assert "<b>production</b> is gone" in html

    def test_says_the_decision_in_one_sentence(self, reader: Client) -> None:
        project = shown("candela", [], waiting(1))
        strategy(project, automatic=False)

        assert "Released by people" in card(text(reader), project)

    def test_says_once_what_keeps_it_from_being_read_and_released(self, reader: Client) -> None:
        project = shown("candela", [], waiting(1), error="main, staging: GitHub is away.")
        StrategyReading.objects.create(strategy=strategy(project), tried_at=timezone.now(), error="GitHub is away.")

        assert card(text(reader), project).count("GitHub is away.") == 1

    def test_says_what_limits_its_profile(self, reader: Client) -> None:
        profile = worlds.github_profile()
        until = timezone.now() + timedelta(minutes=5)
        ProfileBudget.objects.create(profile=profile, paused_until=until, pause_reason="GitHub limits us.")
        project = shown("candela", [], [], profile=profile)

        assert "GitHub limits us." in card(text(reader), project)


class TestHostileText:
    EVIL = "<script>alert(1)</script>"

    def test_nothing_that_comes_from_forms_or_hosts_is_html(self, reader: Client) -> None:
        project = shown(
            "<img src=x>",
            [],
            waiting(1, author=f"{self.EVIL} x"),
            description=self.EVIL,
            tags=[f'"{self.EVIL}'],
            error=self.EVIL,
            remote="https://github.com/a/b.git",
        )
        blocked(project, f'" onload="x {self.EVIL}')

        for address in ("/", "/?view=list", f"/projects/{project.pk}/", f"/?q={self.EVIL}"):
            html = text(reader, address)
            assert self.EVIL not in html
            assert "<img" not in html
            assert 'onload="x' not in html


class TestFilters:
    @pytest.fixture(autouse=True)
    def _three_projects(self) -> None:
        shown("candela", [], waiting(1), tags=["auctions"], criticality=3, description="send data")
        shown("force", tags=["galleries", "mobile"], criticality=1)
        shown("gravity", organization=worlds.organization("other"))

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("organization=other", {"Gravity"}),
            ("tag=auctions", {"Candela"}),
            ("tags[]=auctions&tags[]=mobile", {"Candela", "Force"}),
            ("criticality=3", {"Candela"}),
            ("q=SEND", {"Candela"}),
            ("q=mobile", {"Force"}),
            ("q=or", {"Force"}),
            ("criticality=x&q=", {"Candela", "Force", "Gravity"}),
            ("organization=99999999999999999999", set[str]()),
            ("q=%00", {"Candela", "Force", "Gravity"}),
        ],
    )
    def test_the_address_says_which_are_shown(self, reader: Client, query: str, found: set[str]) -> None:
        html = text(reader, f"/?{query}")

        assert set(names(html, "out") + names(html, "ok")) == found

    def test_the_number_of_an_organization_works_as_it_did(self, reader: Client) -> None:
        other = worlds.organization("other")

        assert names(text(reader, f"/?organization_id={other.pk}"), "ok") == ["Gravity"]

    def test_a_tag_is_the_heading(self, reader: Client) -> None:
        assert "<h1>Team: auctions</h1>" in text(reader, "/?tag=auctions")

    def test_no_match_offers_to_clear_the_filters(self, reader: Client) -> None:
        html = text(reader, "/?q=nothing")

        assert "No project matches these filters" in html
        assert "Clear the filters" in html


class TestList:
    def test_what_is_not_released_comes_first_then_by_name(self, reader: Client) -> None:
        shown("zeta", [], waiting(1))
        shown("alpha", [], [])
        shown("beta", [], waiting(9))

        assert self.rows(reader, "/?view=list") == ["Beta", "Zeta", "Alpha"]

    def test_sorts_by_a_column_in_both_directions(self, reader: Client) -> None:
        for name, level in (("low", 0), ("none", None), ("high", 3)):
            shown(name, criticality=level)

        assert self.rows(reader, "/?view=list&sort=criticality") == ["High", "Low", "None"]
        assert self.rows(reader, "/?view=list&sort=-criticality") == ["None", "Low", "High"]
        assert self.rows(reader, "/?view=list&sort=-name") == ["None", "Low", "High"]
        assert 'aria-sort="descending"' in text(reader, "/?view=list&sort=-name")

    def test_an_unknown_column_does_not_break_it(self, reader: Client) -> None:
        shown("candela")

        assert self.rows(reader, "/?view=list&sort=secret") == ["Candela"]

    def test_says_what_deployment_needs(self, reader: Client) -> None:
        project = shown("candela")
        project.stages.filter(name="production").update(hokusai="production", branch="", git_remote="")
        ProjectProperties.objects.create(project=project, renovate=False, orbs=["a/b"], runtimes={"ruby": "3"})

        html = text(reader, "/?view=list")

        assert "Kubernetes" in html
        assert html.count('<span class="value bad">Missing</span>') == 2
        assert "Ruby 3" in html

    @staticmethod
    def rows(reader: Client, address: str) -> list[str]:
        return re.findall(r'<th scope="row"><a [^>]*>([^<]*)', text(reader, address))


class TestNoProjects:
    def test_an_administrator_is_told_what_to_do(self, admin: Client) -> None:
        html = text(admin)

        assert "Add an organization" in html
        assert "manage.py apply" in html

    def test_others_are_told_whom_to_ask(self, reader: Client) -> None:
        html = text(reader)

        assert "An administrator has to add them" in html
        assert "manage.py apply" not in html


class TestParts:
    def test_an_open_page_gets_the_cards_that_changed(self, reader: Client) -> None:
        changed, other = shown("candela", [], waiting(2)), shown("force")

        html = text(reader, f"/?changed={changed.pk}&v=1")

        assert html.startswith(f'<li id="p{changed.pk}" ')
        assert f'id="p{other.pk}"' not in html

    def test_what_does_not_match_any_more_is_gone(self, reader: Client) -> None:
        project = shown("candela")

        html = text(reader, f"/?changed={project.pk}&tag=other&v=2")

        assert html == f"<li id=p{project.pk} data-gone></li>"

    def test_many_pages_that_ask_the_same_cost_one_answer(
        self, reader: Client, django_assert_max_num_queries: Any
    ) -> None:
        project = shown("candela")
        text(reader, f"/?changed={project.pk}&v=3")

        with django_assert_max_num_queries(2):
            text(reader, f"/?changed={project.pk}&v=3")

    def test_somebody_who_signed_out_gets_no_page_into_the_page(self) -> None:
        answer = Client().get("/?changed=1", headers={"HX-Request": "true"})

        assert answer.status_code == 403


class TestQueries:
    @pytest.mark.parametrize("projects", [1, 30])
    @pytest.mark.parametrize("view", ["", "list"])
    def test_their_number_does_not_grow_with_the_projects(
        self, reader: Client, projects: int, view: str, django_assert_max_num_queries: Any
    ) -> None:
        profile = worlds.github_profile()
        for number in range(projects):
            project = shown(f"p{number}", [], waiting(2), profile=profile, tags=["team"])
            strategy(project, profile=profile)
            blocked(project)

        with django_assert_max_num_queries(12):
            text(reader, f"/?view={view}")


class TestWhoMayRead:
    def test_strangers_are_sent_to_the_sign_in_and_back(self, client: Client) -> None:
        assert client.get("/?tag=x")["Location"] == "/sign-in/?next=/%3Ftag%3Dx"

    def test_everybody_reads_a_public_dashboard_but_not_its_history(self, client: Client, settings: Any) -> None:
        settings.PUBLIC_DASHBOARD = True
        project = shown("candela", [], waiting(1))

        assert "Candela" in text(client)
        assert "Recent history" not in text(client, f"/projects/{project.pk}/")
        assert client.get("/history/").status_code == 302


def test_a_crowded_page_says_less_of_those_that_are_not_most_severe(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.board.CROWDED", 2)
    monkeypatch.setattr("dashboard.board.IN_FULL", 1)
    most = shown("most", [], waiting(9), description="first things")
    least = shown("least", [], waiting(1), description="last things")
    shown("other")

    html = text(reader)

    assert "first things" in card(html, most)
    assert "last things" not in card(html, least)
    assert "1 commit behind" in card(html, least)
    assert "The 1 most severe are shown in full" in html


def test_cards_that_show_the_same_are_rendered_once(reader: Client) -> None:
    shown("candela", [], waiting(1))
    text(reader)
    before = _rendered.cache_info().misses

    text(reader)

    assert _rendered.cache_info().misses == before
