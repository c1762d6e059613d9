"""Projects and their stages in the admin: one page, in order, archived instead of deleted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.models import AuditEvent
from projects.models import Organization, Profile, Project, ProjectPoll, Stage, StageMove
from releases.at_time import stages_at
from tests import worlds
from tests.projects.admin_site import AdminSite, Form

pytestmark = pytest.mark.django_db
REMOTE = "https://github.com/artsy/candela.git"


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


def rows(form: Form, *stages: dict[str, str]) -> dict[str, str]:
    """The fields that rows of new stages send, below those that are stored."""
    first = int(form.values["stages-INITIAL_FORMS"])
    sent = {"stages-TOTAL_FORMS": str(first + len(stages))}
    for number, stage in enumerate(stages, start=first):
        sent |= {f"stages-{number}-{name}": value for name, value in stage.items()}
        sent |= {f"stages-{number}-strategies-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
    return sent


def add(site: AdminSite, *stages: dict[str, str], **fields: str) -> str:
    form = site.form("projects/project/add/")
    values = {"organization": str(worlds.organization().pk), "name": "candela"}
    return site.send(form, **(values | fields | rows(form, *stages)))


def page_of(site: AdminSite, project: Project) -> Form:
    return site.form(f"projects/project/{project.pk}/change/")


def order(project: Project) -> list[tuple[int, str]]:
    return list(project.stages.order_by("position").values_list("position", "name"))


def events() -> list[tuple[str, str]]:
    found = AuditEvent.objects.filter(kind="config.changed").order_by("id")
    return [(event.data["action"], event.data["name"]) for event in found]


class TestAdding:
    def test_three_stages_in_one_page_without_a_thought_about_numbers(self, site: AdminSite) -> None:
        add(
            site,
            {"name": "main", "git_remote": REMOTE, "branch": "main"},
            {"name": "staging", "git_remote": REMOTE, "branch": "staging"},
            {"name": "production", "git_remote": REMOTE, "tag_pattern": "v*"},
            tags="galleries,  auctions, Galleries,",
            criticality="2",
        )

        project = Project.objects.get()
        assert order(project) == [(1, "main"), (2, "staging"), (3, "production")]
        assert (project.tags, project.criticality) == (["galleries", "auctions"], 2)
        assert events() == [
            ("created", "artsy/candela"),
            ("created", "artsy/candela main"),
            ("created", "artsy/candela staging"),
            ("created", "artsy/candela production"),
        ]

    def test_a_row_without_remote_has_that_of_the_row_above_and_its_profile(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        add(
            site,
            {"name": "main", "git_remote": REMOTE, "branch": "main", "profile": str(profile.pk)},
            {"name": "staging", "branch": "staging"},
        )

        staging = Stage.objects.get(name="staging")
        assert (staging.git_remote, staging.profile) == (REMOTE, profile)

    def test_a_project_without_stages_is_fine(self, site: AdminSite) -> None:
        add(site)

        assert Project.objects.get().stages.count() == 0

    @pytest.mark.parametrize(
        ("stage", "sentence"),
        [
            ({"git_remote": REMOTE}, "give a branch, a tag_pattern or an image tag"),
            ({"git_remote": REMOTE, "branch": "main", "tag_pattern": "v*"}, "a stage has one source"),
            ({"branch": "main"}, "Give the git remote"),
            ({"git_remote": "ext::sh -c x", "branch": "main"}, "must not hold spaces"),
            ({"git_remote": "file:///etc/passwd", "branch": "main"}, "must begin with https:// or ssh://"),
            ({"git_remote": "https://me:hush@github.com/a/b", "branch": "main"}, "must not hold a user name"),
            ({"git_remote": "-oProxyCommand=x", "branch": "main"}, "must not begin with a hyphen"),
            ({"git_remote": f"https://github.com/{'a' * 10_000}", "branch": "main"}, "at most 2000 characters"),
            ({"git_remote": REMOTE, "branch": "--upload-pack=x"}, "must not begin with a hyphen"),
            ({"git_remote": REMOTE, "tag_pattern": "v[1"}, "brackets that do not fit"),
            ({"git_remote": REMOTE, "branch": "main", "registry_repository": "a/b"}, "Only a stage with an image tag"),
            ({"hokusai": "a b"}, "An image tag holds letters"),
        ],
    )
    def test_a_mistake_is_told_and_nothing_is_saved(
        self, site: AdminSite, stage: dict[str, str], sentence: str
    ) -> None:
        assert sentence in add(site, {"name": "main", **stage})
        assert not Project.objects.exists()

    def test_two_stages_of_one_name_are_told(self, site: AdminSite) -> None:
        stage = {"name": "main", "git_remote": REMOTE, "branch": "main"}
        assert "Two stages have the same name" in add(site, stage, stage)

    def test_the_name_must_be_free_whatever_its_case(self, site: AdminSite) -> None:
        worlds.project("Candela")
        assert "This organization has a project of this name already." in add(site)

    def test_a_profile_of_another_organization_is_refused(self, site: AdminSite) -> None:
        other = worlds.github_profile(Organization.objects.create(name="other"))
        page = add(site, {"name": "main", "git_remote": REMOTE, "branch": "main", "profile": str(other.pk)})
        assert "belongs to another organization" in page

    def test_a_remote_on_another_host_than_the_profiles_is_refused(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        remote = "https://gitlab.com/artsy/candela.git"
        page = add(site, {"name": "main", "git_remote": remote, "branch": "main", "profile": str(profile.pk)})
        assert "its secret goes to its own host only" in page

    def test_an_aws_profile_reads_images_only(self, site: AdminSite) -> None:
        aws = worlds.github_profile(name="aws", kind=Profile.Kind.AWS, api_url="", region="us-east-1", key_id="A")
        page = add(site, {"name": "main", "git_remote": REMOTE, "branch": "main", "profile": str(aws.pk)})
        assert "A stage in git needs a github-token, github-app or basic profile" in page


class TestChanging:
    def test_a_dragged_stage_takes_its_new_place(self, site: AdminSite) -> None:
        project = worlds.project("candela")
        form = page_of(site, project)

        # unfold's script numbers the rows from 0 in their new order
        site.send(form, **{"stages-0-position": "1", "stages-1-position": "2", "stages-2-position": "0"})

        assert order(project) == [(1, "production"), (2, "main"), (3, "staging")]

    def test_a_number_moves_a_stage_up_or_down(self, site: AdminSite) -> None:
        project = worlds.project("candela")
        site.send(page_of(site, project), **{"stages-0-position": "2"})
        assert order(project) == [(1, "staging"), (2, "main"), (3, "production")]
        site.send(page_of(site, project), **{"stages-2-position": "1"})
        assert order(project) == [(1, "production"), (2, "staging"), (3, "main")]

    def test_a_new_stage_comes_last_unless_a_number_says_where(self, site: AdminSite) -> None:
        project = worlds.project("candela")
        form = page_of(site, project)
        new = {"name": "qa", "git_remote": REMOTE, "branch": "qa", "position": "2"}

        site.send(form, **rows(form, new, {"name": "canary", "git_remote": REMOTE, "branch": "canary"}))

        assert [name for _, name in order(project)] == ["main", "qa", "staging", "production", "canary"]

    def test_a_renamed_stage_keeps_what_it_did(self, site: AdminSite) -> None:
        """Another stage was called so before, and was deleted."""
        candela = worlds.project("candela")
        at = datetime(2026, 11, 17, 12, tzinfo=UTC)
        for name, number in (("production", 1), ("prod", 2)):
            StageMove.objects.create(
                project=candela, project_name=str(candela), stage_name=name, to_sha=worlds.sha(number), seen_at=at
            )

        site.send(page_of(site, candela), **{"stages-2-name": "prod"})

        then = stages_at(candela.stages.filter(name="prod"), at + timedelta(hours=1))
        assert [(each.known, each.sha) for each in then] == [(True, worlds.sha(1))]
        assert StageMove.objects.get(to_sha=worlds.sha(2)).stage_name == "prod (deleted)"

    def test_a_removed_stage_closes_the_gap(self, site: AdminSite) -> None:
        project = worlds.project("candela")

        site.send(page_of(site, project), **{"stages-1-DELETE": "on"})

        assert order(project) == [(1, "main"), (2, "production")]
        assert ("deleted", "artsy/candela staging") in events()

    def test_is_an_event_with_before_and_after(self, site: AdminSite) -> None:
        project = worlds.project("candela", criticality=1)

        site.send(page_of(site, project), criticality="3", **{"stages-0-branch": "trunk"})

        project_event, stage_event = AuditEvent.objects.order_by("id")
        assert (project_event.data["before"], project_event.data["after"]) == ({"criticality": 1}, {"criticality": 3})
        assert (stage_event.data["object"], stage_event.data["after"]) == ("stage", {"branch": "trunk"})
        assert {event.actor for event in (project_event, stage_event)} == {"ana"}

    def test_asks_for_a_poll(self, site: AdminSite, django_capture_on_commit_callbacks: Any) -> None:
        project = worlds.project("candela")
        with django_capture_on_commit_callbacks(execute=True):
            site.send(page_of(site, project), **{"stages-0-branch": "trunk"})

        assert ProjectPoll.objects.get(project=project).asked_at is not None

    def test_offers_only_profiles_of_the_organization(self, site: AdminSite) -> None:
        worlds.github_profile(name="ours")
        worlds.github_profile(Organization.objects.create(name="other"), name="theirs")

        page = site.text(f"projects/project/{worlds.project('candela').pk}/change/")

        assert "artsy/ours" in page
        assert "other/theirs" not in page

    def test_a_failed_audit_undoes_the_change(self, site: AdminSite, monkeypatch: pytest.MonkeyPatch) -> None:
        project = worlds.project("candela")
        form = page_of(site, project)
        monkeypatch.setattr("projects.configure.record", _refuse)
        with pytest.raises(RuntimeError):
            site.send(form, name="other")
        assert Project.objects.get().name == "candela"


def _refuse(*_: Any, **__: Any) -> None:
    raise RuntimeError("no history today")


class TestArchiving:
    def test_takes_a_project_away_and_can_be_taken_back(self, site: AdminSite) -> None:
        project = worlds.project("candela")

        assert "artsy/candela is archived" in site.press(f"projects/project/{project.pk}/archive/")
        assert not Project.objects.active().exists()
        assert "artsy/candela is back" in site.press(f"projects/project/{project.pk}/restore/")
        assert Project.objects.active().exists()
        assert events() == [("archived", "artsy/candela"), ("restored", "artsy/candela")]

    def test_works_for_several_from_the_list(self, site: AdminSite) -> None:
        chosen = [worlds.project("a").pk, worlds.project("b").pk]
        site.client.post("/admin/projects/project/", {"action": "archive_selected", "_selected_action": chosen})
        assert Project.objects.exclude(archived_at=None).count() == 2

    def test_comes_before_deleting(self, site: AdminSite) -> None:
        project = worlds.project("candela")
        address = f"/admin/projects/project/{project.pk}/delete/"
        assert site.client.post(address, {"post": "yes"}).status_code == 403
        site.press(f"projects/project/{project.pk}/archive/")
        site.client.post(address, {"post": "yes"})
        assert not Project.objects.exists()
        assert events()[-1] == ("deleted", "artsy/candela")

    def test_hides_it_from_the_list_but_not_for_good(self, site: AdminSite) -> None:
        project = worlds.project("candela")
        site.press(f"projects/project/{project.pk}/archive/")
        address = f"projects/project/{project.pk}/change/"
        assert address not in site.text("projects/project/")
        assert address in site.text("projects/project/?state=archived")

    def test_needs_the_right_to_change_projects(self, client: Client) -> None:
        project = worlds.project("candela")
        site = AdminSite(client, permissions=[Permission.objects.get(codename="view_project")])
        assert site.client.post(f"/admin/projects/project/{project.pk}/archive/").status_code == 403

    def test_an_organization_with_projects_is_not_deleted(self, site: AdminSite) -> None:
        owner = worlds.project("candela").organization
        assert site.client.post(f"/admin/projects/organization/{owner.pk}/delete/", {"post": "yes"}).status_code == 403


class TestTheStageButton:
    def test_says_what_the_host_found(self, site: AdminSite, github: Any) -> None:
        repo = github.add_repository("artsy/candela", branches=("main",))
        sha = repo.commit("main", "Begin")
        github.add_token(worlds.TOKEN, login="bot")
        profile = worlds.github_profile(api_url=github.api_url)
        project = worlds.project(
            "candela", stages={"main": "main"}, remote=github.remote("artsy/candela"), profile=profile
        )
        stage = project.stages.get()

        page = site.press(f"projects/project/stage/{stage.pk}/test/")

        assert "artsy/candela main: Found the branch" in page
        assert sha[:12] in page

    def test_says_what_is_wrong(self, site: AdminSite) -> None:
        project = worlds.project("candela", stages={"main": "main"}, remote="https://127.0.0.1:1/a/b.git")
        page = site.press(f"projects/project/stage/{project.stages.get().pk}/test/")
        assert "artsy/candela main: " in page
        assert "Found" not in page


class TestLists:
    def test_ask_the_same_number_of_queries_for_few_and_for_many(
        self, site: AdminSite, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(30):
            worlds.project(f"p{number}", profile=worlds.github_profile(name=f"github{number}"))
        for address in ("project", "profile", "organization"):
            with django_assert_max_num_queries(12):
                site.text(f"projects/{address}/")

    def test_and_so_does_the_page_of_a_project(
        self, site: AdminSite, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        profile = worlds.github_profile()
        project = worlds.project("candela", stages={f"s{number}": "main" for number in range(9)}, profile=profile)
        with django_assert_max_num_queries(12 + 9):  # and one for the strategies of each stage
            site.text(f"projects/project/{project.pk}/change/")


class TestOrganizations:
    def test_are_added_with_their_profiles_in_one_page(self, site: AdminSite) -> None:
        form = site.form("projects/organization/add/")
        row = {"name": "github", "kind": "github-token", "secret": "ghp_1"}
        sent = {f"profiles-0-{name}": value for name, value in row.items()}

        site.send(form, name="artsy", **{"profiles-TOTAL_FORMS": "1", **sent})

        profile = Profile.objects.get()
        assert (str(profile), profile.secret.reveal()) == ("artsy/github", "ghp_1")
        assert events() == [("created", "artsy"), ("created", "artsy/github")]

    def test_refuse_a_slash_in_the_name(self, site: AdminSite) -> None:
        assert "must not hold a slash" in site.send(site.form("projects/organization/add/"), name="a/b")

    def test_keep_the_secrets_of_their_profiles(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        site.send(site.form(f"projects/organization/{profile.organization_id}/change/"), name="artsy2")
        profile.refresh_from_db()
        assert profile.secret.reveal() == worlds.TOKEN
