"""Deploy strategies in the admin: inside the page of their project, and on their own."""

from datetime import time, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from projects.models import Profile, Project, Repository
from projects.secrets import Secret
from releases.models import Attempt, DeployStrategy
from tests import worlds
from tests.projects.admin_site import AdminSite
from tests.releases.test_declare_apply import refusals
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db
WEBHOOK = "https://hooks.slack.com/services/T0/B0/canaryabcd"
ROW = "stages-2-strategies-0-"


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


@pytest.fixture
def profile(github: GitHubServer) -> Profile:
    github.add_token("ghp_admin", login="horizon-bot")
    return worlds.github_profile(api_url=github.api_url, secret=Secret.of("ghp_admin"))


@pytest.fixture
def project(github: GitHubServer, profile: Profile) -> Project:
    github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    return worlds.project("candela", remote=github.remote("artsy/candela"), profile=profile)


def strategy_of(project: Project, **changed: object) -> DeployStrategy:
    values: dict[str, object] = {"base": "release", "head": "staging", "automatic": True} | changed
    return DeployStrategy.objects.create(stage=project.stages.get(name="production"), **values)


def in_project(site: AdminSite, project: Project, **fields: str) -> str:
    """Send the project's page with a strategy for its third stage."""
    form = site.form(f"projects/project/{project.pk}/change/")
    sent = {ROW + name: value for name, value in fields.items()}
    defaults = {ROW + "time_zone": "UTC", ROW + "merge_method": "merge", ROW + "provider": "github pull request"}
    if form.values["stages-2-strategies-INITIAL_FORMS"] == "0":
        sent = {"stages-2-strategies-TOTAL_FORMS": "1", **defaults, **sent}
    return site.send(form, **sent)


def own_page(site: AdminSite, strategy: DeployStrategy, **fields: str) -> str:
    return site.send(site.form(f"releases/deploystrategy/{strategy.pk}/change/"), **fields)


class TestInsideTheProjectsPage:
    def test_a_strategy_is_added_to_its_stage(self, site: AdminSite, project: Project) -> None:
        in_project(site, project, base="release", head="staging", merge_after="86400", automatic="on")

        strategy = DeployStrategy.objects.get()
        assert strategy.stage.name == "production"
        assert (strategy.merge_after, strategy.merge_prior_warning) == (86400, 3600)
        event = AuditEvent.objects.get()
        assert event.data["object"] == "deploy strategy"
        assert event.project_name == "candela"

    def test_a_new_project_gets_stages_and_strategies_at_once(
        self, site: AdminSite, github: GitHubServer, profile: Profile
    ) -> None:
        github.add_repository("artsy/x", branches=("main", "staging", "release"))
        form = site.form("projects/project/add/")
        stage = {"name": "production", "git_remote": github.remote("artsy/x"), "branch": "release"}
        strategy = {"base": "release", "head": "staging", "time_zone": "UTC", "merge_method": "merge"}

        site.send(
            form,
            organization=str(profile.organization_id),
            name="x",
            **{f"stages-0-{name}": value for name, value in stage.items()},
            **{"stages-0-profile": str(profile.pk), "stages-0-strategies-TOTAL_FORMS": "1"},
            **{f"stages-0-strategies-0-{name}": value for name, value in strategy.items()},
            **{"stages-0-strategies-0-provider": "github pull request"},
        )

        assert str(DeployStrategy.objects.get()) == "artsy/x production: staging -> release"

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"head": "release"}, "Base and head are the same branch"),
            ({"head": "--x"}, "must not begin with a hyphen"),
            ({"merge_after": "60", "merge_prior_warning": "60"}, "must be shorter than merge_after"),
            ({"merge_after": "315360000"}, "365 days"),
            ({"time_zone": "Mars/Olympus"}, "There is no such time zone"),
            ({"time_zone": "Europe/Berln"}, "Did you mean Europe/Berlin?"),
            ({"blocked_time_buckets": "* 1-2 * *"}, "five fields"),
            ({"slack_webhook_urls": "https://evil.test/canary"}, "is not allowed"),
            ({"slack_webhook_urls": "http://hooks.slack.com/canary"}, "must begin with https://"),
            ({"slack_channels": "dev team"}, "is no Slack channel"),
            ({"repository": "https://github.com/artsy/x"}, "Write the repository as owner/name"),
            ({"merge_after": "soon"}, "“soon” is no length of time: write it for example as 24 hours"),
            (
                {"merge_after": "10 years"},
                "3650 days is too long: merge_after is from 0 to 31536000",
            ),
            ({"merge_after": "999999 days"}, "is too long: at most 365 days"),
            ({"merge_after": "2 hours", "merge_prior_warning": "2h"}, "merge_prior_warning (2 hours) must be shorter"),
            ({"min_commit_age": "1 hour"}, "people merge here: give merge_after"),
            ({"merge_after": "24h", "max_wait": "48h"}, "max_wait is the limit of min_commit_age"),
            (
                {"merge_after": "24h", "min_commit_age": "1h", "max_wait": "23h"},
                "max_wait (23 hours) must not be shorter than merge_after (24 hours)",
            ),
            ({"merge_after": "1h", "min_commit_age": "2h", "max_wait": "1h"}, "no commit would ever be old enough"),
            ({"live_within": "1 second"}, "live_within is from 1 minute to 7 days"),
            ({"blocked_time_buckets": "0 0 30 2 *"}, "never matches: there is no such day"),
            ({"blocked_time_buckets": "* 0-11 * * *\n* 12-23 * * *"}, "Together, these leave no minute open"),
            ({"blocked_time_buckets": "* * * * *"}, "closes every minute"),
            (
                {"head": "stagin"},
                "no branch “stagin”: push it first, or name another. It has staging",
            ),
            ({"base": "prod", "head": "staging"}, "has no branch “prod”"),
            ({"repository": "artsy/nothing"}, "artsy/nothing"),
        ],
    )
    def test_a_mistake_is_told(self, site: AdminSite, project: Project, fields: dict[str, str], sentence: str) -> None:
        page = in_project(site, project, **({"base": "release", "head": "staging"} | fields))
        assert sentence in page
        assert "canary" not in page
        assert not DeployStrategy.objects.exists()

    def test_times_are_typed_and_shown_in_words(self, site: AdminSite, project: Project) -> None:
        times = {
            "merge_after": "24 hours",
            "merge_prior_warning": "90 min",
            "min_commit_age": "2h",
            "max_wait": "3 days",
        }
        in_project(site, project, base="release", head="staging", live_within="1 hour", **times)

        strategy = DeployStrategy.objects.get()
        assert (strategy.merge_after, strategy.merge_prior_warning, strategy.live_within) == (86400, 5400, 3600)
        assert (strategy.min_commit_age, strategy.max_wait) == (7200, 259200)
        shown = site.form(f"releases/deploystrategy/{strategy.pk}/change/").values
        assert [shown[name] for name in times] == ["24 hours", "90 minutes", "2 hours", "72 hours"]

    def test_minutes_that_the_organizations_closed_hours_leave_over_must_not_all_be_closed(
        self, site: AdminSite, project: Project
    ) -> None:
        hours = {"weekdays": list(range(7)), "begins_at": time(18), "ends_at": time(9)}
        project.organization.closed_hours.create(name="night", created_at=worlds.NOW, created_by="ana", **hours)

        page = in_project(site, project, base="release", head="staging", blocked_time_buckets="* 9-17 * * *")

        assert "Together with the closed hours of the organization (night), these leave no minute open" in page
        assert not DeployStrategy.objects.exists()

    def test_what_follows_from_a_mistake_is_not_told(self, site: AdminSite, project: Project) -> None:
        page = in_project(
            site, project, base="release", head="staging", merge_after="soon", min_commit_age="2h", max_wait="1h"
        )
        assert "“soon” is no length of time" in page
        assert "people merge here" not in page

    def test_zero_is_a_wait_too(self, site: AdminSite, project: Project) -> None:
        in_project(site, project, base="release", head="staging", merge_after="0")
        assert DeployStrategy.objects.get().merge_after == 0

    def test_a_host_that_cannot_be_asked_is_told_and_the_strategy_saved(
        self, site: AdminSite, project: Project, github: GitHubServer
    ) -> None:
        github.stop()
        page = in_project(site, project, base="release", head="staging")
        assert "Whether staging and release exist could not be asked" in page
        assert DeployStrategy.objects.exists()

    def test_a_host_is_asked_again_only_for_other_branches(
        self, site: AdminSite, project: Project, github: GitHubServer
    ) -> None:
        strategy = strategy_of(project)
        own_page(site, strategy, merge_after="2h")
        assert github.requests == []

        own_page(site, strategy, head="main")
        assert len(github.requests) == 1

    def test_a_channel_without_a_bot_is_told_and_saved(self, site: AdminSite, project: Project) -> None:
        page = in_project(site, project, base="release", head="staging", slack_channels="#dev")
        assert "Nobody can write to #dev: give the organization a profile of the kind slack-bot" in page
        assert DeployStrategy.objects.get().slack_channels == ["#dev"]

    def test_a_bot_writes_to_the_channels(self, site: AdminSite, project: Project) -> None:
        bot = Profile.objects.create(organization=project.organization, name="slack", kind="slack-bot")
        page = in_project(
            site, project, base="release", head="staging", slack_channels="#dev", slack_profile=str(bot.pk)
        )
        assert "Nobody can write" not in page
        assert DeployStrategy.objects.get().slack_profile == bot

    def test_two_new_strategies_of_one_page_must_not_share_base_and_head(
        self, site: AdminSite, project: Project
    ) -> None:
        fields = {"base": "release", "head": "staging", "time_zone": "UTC", "merge_method": "merge"}
        fields["provider"] = "github pull request"
        page = site.send(
            site.form(f"projects/project/{project.pk}/change/"),
            **{"stages-1-strategies-TOTAL_FORMS": "1", "stages-2-strategies-TOTAL_FORMS": "1"},
            **{f"stages-{stage}-strategies-0-{name}": value for stage in (1, 2) for name, value in fields.items()},
        )

        assert "artsy/candela staging releases artsy/candela from staging to release already" in page
        assert not DeployStrategy.objects.exists()

    def test_a_stage_without_github_profile_is_told(self, site: AdminSite) -> None:
        page = in_project(site, worlds.project("plain"), base="release", head="staging")
        assert "needs a github-token or github-app profile" in page

    def test_two_strategies_of_one_repository_must_not_share_base_and_head(
        self, site: AdminSite, project: Project
    ) -> None:
        strategy_of(project)
        remote = project.stages.first().git_remote  # type: ignore[union-attr]
        twin = worlds.project("twin", remote=remote, profile=Profile.objects.get())

        assert "already: two strategies would merge the same pull request" in in_project(
            site, twin, base="release", head="staging"
        )

    def test_two_names_of_one_repository_are_one_repository(self, site: AdminSite, project: Project) -> None:
        """Its remote is written as it was called once; another project's as it is called now."""
        first = strategy_of(project)
        api_url = Profile.objects.get().api_url
        Repository.objects.create(
            api_url=api_url, path="artsy/candela", host_id=7, current_path="Artsy/mars", default_branch="main"
        )
        remote = str(first.stage.git_remote).replace("candela", "mars")
        twin = worlds.project("twin", remote=remote, profile=Profile.objects.get())

        assert "releases artsy/mars from staging to release already" in in_project(
            site, twin, base="release", head="staging"
        )


class TestSlackWebhookURLs:
    def test_are_stored_one_a_line_and_shown_masked(self, site: AdminSite, project: Project) -> None:
        in_project(site, project, base="release", head="staging", slack_webhook_urls=f"{WEBHOOK}\r\n{WEBHOOK}2")

        strategy = DeployStrategy.objects.get()
        assert strategy.slack_webhook_urls.reveal().split() == [WEBHOOK, f"{WEBHOOK}2"]
        for address in (f"projects/project/{project.pk}/change/", f"releases/deploystrategy/{strategy.pk}/change/"):
            page = site.text(address)
            assert "https://hooks.slack.com/…abcd, https://hooks.slack.com/…bcd2" in page
            assert "canary" not in page

    def test_stay_when_nothing_is_typed(self, site: AdminSite, project: Project) -> None:
        strategy = strategy_of(project, slack_webhook_urls=Secret.of(WEBHOOK))

        own_page(site, strategy, merge_after="7200")

        strategy.refresh_from_db()
        assert (strategy.merge_after, strategy.slack_webhook_urls.reveal()) == (7200, WEBHOOK)

    def test_are_replaced_by_what_is_typed(self, site: AdminSite, project: Project) -> None:
        strategy = strategy_of(project, slack_webhook_urls=Secret.of(WEBHOOK))

        own_page(site, strategy, slack_webhook_urls="https://hooks.slack.com/services/new")

        strategy.refresh_from_db()
        assert strategy.slack_webhook_urls.reveal() == "https://hooks.slack.com/services/new"
        event = AuditEvent.objects.get()
        assert event.data["after"] == {"slack_webhook_urls": "changed"}

    def test_are_forgotten_when_asked(self, site: AdminSite, project: Project) -> None:
        strategy = strategy_of(project, slack_webhook_urls=Secret.of(WEBHOOK))

        own_page(site, strategy, forget_webhook_urls="on")

        strategy.refresh_from_db()
        assert not strategy.slack_webhook_urls


class TestRemoving:
    @pytest.fixture
    def merging(self, project: Project) -> DeployStrategy:
        """A strategy whose merge the host has been asked for, and has not answered."""
        strategy = strategy_of(project)
        release = strategy.releases.create(state="merging", number=1, head_sha=worlds.sha(1), begun_at=worlds.NOW)
        release.attempts.create(act="merge", sha=worlds.sha(1), begun_at=timezone.now())
        return strategy

    @pytest.mark.parametrize("field", ["stages-2-DELETE", f"{ROW}DELETE"])
    def test_a_strategy_or_its_stage_waits_for_the_host(
        self, site: AdminSite, project: Project, merging: DeployStrategy, field: str
    ) -> None:
        page = site.send(site.form(f"projects/project/{project.pk}/change/"), **{field: "on"})
        assert "is being released at this moment" in page
        assert DeployStrategy.objects.exists()

    def test_from_its_own_page_waits_too(self, site: AdminSite, merging: DeployStrategy) -> None:
        address = f"/admin/releases/deploystrategy/{merging.pk}/delete/"
        assert site.client.post(address, {"post": "yes"}).status_code == 403

    def test_by_a_file_waits_too(self, merging: DeployStrategy) -> None:
        told = refusals("organizations: [{name: artsy, projects: [{name: candela}]}]", prune=True)
        assert "is being released at this moment" in told[0][1]

    def test_a_project_is_not_archived_before_the_host_answered(
        self, site: AdminSite, project: Project, merging: DeployStrategy
    ) -> None:
        assert "is being released at this moment" in site.press(f"projects/project/{project.pk}/archive/")
        assert refusals("organizations: [{name: artsy, projects: []}]", prune=True)
        assert Project.objects.active().exists()

    def test_an_archived_project_is_not_deleted_before_the_host_answered(
        self, site: AdminSite, project: Project, merging: DeployStrategy
    ) -> None:
        Project.objects.update(archived_at=worlds.NOW)
        address = f"/admin/projects/project/{project.pk}/delete/"
        assert site.client.post(address, {"post": "yes"}).status_code == 403

    def test_a_host_that_says_nothing_for_an_hour_is_not_waited_for(
        self, site: AdminSite, project: Project, merging: DeployStrategy
    ) -> None:
        Attempt.objects.update(begun_at=timezone.now() - timedelta(hours=1, minutes=1))
        assert "is archived" in site.press(f"projects/project/{project.pk}/archive/")

    def test_a_project_with_an_open_release_says_what_is_left_on_github(
        self, site: AdminSite, project: Project
    ) -> None:
        url = "https://github.com/artsy/candela/pull/12"
        strategy_of(project).releases.create(
            state="open", number=12, url=url, head_sha=worlds.sha(1), begun_at=worlds.NOW, opened_at=worlds.NOW
        )
        page = site.press(f"projects/project/{project.pk}/archive/")
        assert "is archived" in page
        assert url in page

    @pytest.mark.parametrize("what", ["strategy", "project"])
    def test_what_was_released_before_goes_with_its_releases(
        self, site: AdminSite, project: Project, what: str
    ) -> None:
        strategy = strategy_of(project)
        strategy.releases.create(
            state="open", number=12, head_sha=worlds.sha(1), begun_at=worlds.NOW, opened_at=worlds.NOW
        )
        address = f"/admin/releases/deploystrategy/{strategy.pk}/delete/"
        if what == "project":
            site.press(f"projects/project/{project.pk}/archive/")
            address = f"/admin/projects/project/{project.pk}/delete/"

        assert site.client.post(address, {"post": "yes"}).status_code == 302
        assert not DeployStrategy.objects.exists()
        assert AuditEvent.objects.latest("id").data["action"] == "deleted"

    @pytest.mark.parametrize("field", ["stages-2-DELETE", f"{ROW}DELETE"])
    def test_goes_when_nothing_is_under_way(self, site: AdminSite, project: Project, field: str) -> None:
        strategy_of(project)
        site.send(site.form(f"projects/project/{project.pk}/change/"), **{field: "on"})
        assert not DeployStrategy.objects.exists()


class TestOwnPages:
    def test_list_what_is_released_how(self, site: AdminSite, project: Project) -> None:
        strategy_of(project, merge_after=7200, slack_channels=["#dev"], blocked_time_buckets=["* 1-2 * * *"])
        page = site.text("releases/deploystrategy/")
        assert "staging → release" in page
        assert "merges it 2 hours later, not between 01:00 and 02:59 UTC, warns #dev an hour before." in page

    def test_an_archived_project_whose_release_is_taken_over_stays_archived(
        self, site: AdminSite, project: Project
    ) -> None:
        strategy_of(project)
        site.press(f"projects/project/{project.pk}/archive/")
        remote = project.stages.first().git_remote  # type: ignore[union-attr]
        strategy_of(worlds.project("twin", remote=remote, profile=Profile.objects.get()))

        assert "artsy/candela stays archived" in site.press(f"projects/project/{project.pk}/restore/")
        assert Project.objects.active().count() == 1

    @pytest.mark.parametrize(
        "page",
        [
            *(f"releases/{name}" for name in ("release", "intervention", "repair", "notice", "webhookdelivery")),
            *(
                "releases/closedhours",
                "releases/holiday",
                "releases/farewell",
                "blocks/deployblock",
                "audit/auditevent",
            ),
        ],
    )
    def test_what_happened_is_looked_at_and_not_changed(self, site: AdminSite, page: str) -> None:
        site.text(f"{page}/")
        assert site.client.get(f"/admin/{page}/add/").status_code == 403
