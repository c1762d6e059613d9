"""The pages on which staff release now, postpone, skip, take it back and heal."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from blocks.models import DeployBlock
from releases.models import (
    Attempt,
    DeployStrategy,
    Intervention,
    Note,
    Notice,
    Release,
    Repair,
    SlackPost,
    StrategyReading,
)
from releases.readings import to_json
from releases.situation import PullRequest, Reading, seen_block
from tests import worlds
from tests.worlds import sha

pytestmark = pytest.mark.django_db
HEAD, NEXT = sha(7), sha(8)


@pytest.fixture
def strategy(db: None) -> DeployStrategy:
    """An open release, young, of which GitHub was just read."""
    project = worlds.project("candela", profile=worlds.github_profile())
    made = DeployStrategy.objects.create(
        stage=project.stages.get(name="production"), automatic=True, base="release", head="staging", merge_after=86400
    )
    read(made, HEAD)
    Release.objects.create(
        strategy=made, state="open", number=12, url="https://github.com/artsy/candela/pull/12", head_sha=HEAD,
        begun_at=timezone.now(), opened_at=timezone.now(), commits=[worlds.commit(7, message="Show prices")],
        commit_count=1,
    )  # fmt: skip
    return made


def read(strategy: DeployStrategy, head: str) -> None:
    now = timezone.now()
    pull = PullRequest(12, "https://github.com/artsy/candela/pull/12", now, head, assignees=("ana",))
    reading = Reading("artsy/candela", 1, head, sha(1), 1, pull)
    values = {"read_at": now, "tried_at": now, "facts": to_json(reading)}
    StrategyReading.objects.update_or_create(strategy=strategy, defaults=values)


def at(strategy: DeployStrategy, what: str) -> str:
    return f"/projects/{strategy.stage.project_id}/releases/{strategy.pk}/{what}/"


def typed(**changed: Any) -> dict[str, Any]:
    return {"sha": HEAD, "reason": "the fix is needed"} | changed


def blocked(strategy: DeployStrategy) -> DeployBlock:
    now = timezone.now()
    project = strategy.stage.project
    block = DeployBlock.objects.create(
        organization=project.organization, description="incident 12", begins_at=now, created_by="mary",
        created_at=now, updated_at=now,
    )  # fmt: skip
    block.projects.add(project)
    return block


class TestReleaseNow:
    def test_shows_the_commit_and_what_is_passed_over_and_what_is_not(
        self, staff: Client, strategy: DeployStrategy
    ) -> None:
        blocked(strategy)

        page = staff.get(at(strategy, "now")).content.decode()

        assert HEAD in page
        assert "Show prices" in page
        passed, held = page.split('id="held"')
        assert "Merges" in passed.split('id="passed"')[1]
        assert "incident 12" in held

    def test_tells_of_age_and_notice_as_the_one_wait_that_they_are(
        self, staff: Client, strategy: DeployStrategy
    ) -> None:
        DeployStrategy.objects.update(merge_prior_warning=3600, slack_channels=["#dev"])

        passed, held = staff.get(at(strategy, "now")).content.decode().split('id="passed"')[1].split('id="held"')

        assert passed.count("<li>") == 1
        assert "people are told in Slack" in passed
        assert "Nothing: Horizon merges it at once." in held

    def test_holds_against_nobody_what_horizon_does_by_itself(self, staff: Client, strategy: DeployStrategy) -> None:
        reading = Reading("artsy/candela", 1, HEAD, sha(1), 1, None)
        StrategyReading.objects.update(facts=to_json(reading))
        blocked(strategy)

        held = staff.get(at(strategy, "now")).content.decode().split('id="held"')[1]

        assert held.count("<li>") == 1
        assert "incident 12" in held

    def test_saves_the_wish_its_event_and_a_note_and_has_the_engine_look_at_once(
        self, staff: Client, strategy: DeployStrategy
    ) -> None:
        page = staff.post(at(strategy, "now"), typed(), follow=True)

        assert "is released as soon as" in page.content.decode()
        wish = Intervention.objects.get()
        assert (wish.kind, wish.head_sha, wish.created_by, wish.ended_at) == ("release-now", HEAD, "ana", None)
        event = AuditEvent.objects.get()
        assert (event.kind, event.actor, event.data["reason"], event.data["sha"]) == (
            "release.now", "ana", "the fix is needed", HEAD,
        )  # fmt: skip
        assert "the fix is needed" in Note.objects.get().text
        assert StrategyReading.objects.get().asked_at is not None

    def test_twice_is_once(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "now"), typed())
        staff.post(at(strategy, "now"), typed())

        assert Intervention.objects.count() == 1 == AuditEvent.objects.count()

    @pytest.mark.parametrize("reason", ["", "   ", "\u202e\u200f"])
    def test_needs_a_reason(self, staff: Client, strategy: DeployStrategy, reason: str) -> None:
        page = staff.post(at(strategy, "now"), typed(reason=reason))

        assert page.status_code == 422
        assert "Give a reason" in page.content.decode()
        assert not Intervention.objects.exists()

    def test_of_a_head_that_moved_loses_nothing_and_says_what_is_new(
        self, staff: Client, strategy: DeployStrategy
    ) -> None:
        read(strategy, NEXT)
        commits = [worlds.commit(8, message="Late change"), worlds.commit(7, message="Show prices")]
        Release.objects.update(head_sha=NEXT, commits=commits)

        page = staff.post(at(strategy, "now"), typed())

        text = page.content.decode()
        assert page.status_code == 409
        assert "staging moved meanwhile" in text
        assert "Late change" in text.split("</div>")[0] + text
        assert "the fix is needed" in text
        assert f'value="{NEXT}"' in text
        assert not Intervention.objects.exists()

    def test_ends_what_was_postponed_and_skipped(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "skip"), typed())
        staff.post(at(strategy, "postpone"), typed(until="tomorrow", zone="UTC"))
        staff.post(at(strategy, "now"), typed())

        assert list(Intervention.objects.filter(ended_at=None).values_list("kind", flat=True)) == ["release-now"]

    def test_in_spite_of_a_block_is_for_those_who_may(self, staff: Client, strategy: DeployStrategy) -> None:
        block = blocked(strategy)

        assert "spite" not in staff.get(at(strategy, "now")).content.decode().split("<form")[-1].split("notice warn")[0]
        staff.post(at(strategy, "now"), typed(blocks=[block.pk], closed="on"))

        assert (Intervention.objects.get().spite_blocks, Intervention.objects.get().spite_closed) == ([], False)

    def test_names_the_blocks_that_it_is_in_spite_of(self, staff: Client, strategy: DeployStrategy) -> None:
        block = blocked(strategy)
        User.objects.get().user_permissions.add(Permission.objects.get(codename="release_in_spite"))

        assert "In spite of the block by mary: incident 12" in staff.get(at(strategy, "now")).content.decode()
        staff.post(at(strategy, "now"), typed(blocks=[seen_block(block.pk, block.updated_at)]))

        assert Intervention.objects.get().spite_blocks == [block.pk]
        assert AuditEvent.objects.get().data["in_spite_of"][0]["reason"] == "incident 12"
        assert "In spite of the block by mary: incident 12." in Note.objects.get().text


class TestPostpone:
    def test_holds_until_the_moment_on_the_clock_of_the_zone(self, staff: Client, strategy: DeployStrategy) -> None:
        wall = f"{timezone.now() + timedelta(days=30):%Y-%m-%d}T09:00"
        staff.post(at(strategy, "postpone"), typed(until="custom", until_at=wall, zone="Asia/Tokyo"))

        until = Intervention.objects.get().until
        assert until is not None
        assert f"{until:%H:%M}" == "00:00"
        assert AuditEvent.objects.get().kind == "release.postponed"

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"until": "custom"}, "Say until when"),
            ({"until": "custom", "until_at": "2020-01-01T00:00"}, "This is past"),
            ({"until": "custom", "until_at": "9999-12-31T23:59"}, "for a year at most"),
            ({"until": "custom", "until_at": "soon"}, "Give a date and time"),
            ({"zone": "Moon/Crater"}, "This is no time zone"),
            ({"reason": ""}, "Give a reason"),
            ({"reason": "x" * 100_000}, "This has 100,000 characters"),
        ],
    )
    def test_says_at_the_field_what_is_wrong_and_loses_nothing(
        self, staff: Client, strategy: DeployStrategy, changed: dict[str, str], sentence: str
    ) -> None:
        page = staff.post(at(strategy, "postpone"), typed(**{"until": "tomorrow", "zone": "UTC"} | changed))

        assert page.status_code == 422
        assert sentence in page.content.decode()
        assert changed.get("reason", "the fix is needed") in page.content.decode()
        assert not Intervention.objects.exists()

    def test_of_what_was_merged_meanwhile_says_when(self, staff: Client, strategy: DeployStrategy) -> None:
        Release.objects.update(state="merged", merged_at=timezone.now())

        page = staff.post(at(strategy, "postpone"), typed(until="tomorrow", zone="UTC"))

        assert page.status_code == 409
        assert "too late for this" in page.content.decode()
        assert not Intervention.objects.exists()


class TestSkip:
    def test_is_for_the_commit_that_the_person_saw(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "skip"), typed())

        assert (Intervention.objects.get().kind, Intervention.objects.get().head_sha) == ("skip", HEAD)
        assert AuditEvent.objects.get().kind == "release.skipped"

    def test_ends_release_now(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "now"), typed())
        staff.post(at(strategy, "skip"), typed())

        assert Intervention.objects.get(kind="release-now").ended_by == "ana"


class TestTakingBack:
    def test_is_confirmed_and_told(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "skip"), typed())
        row = Intervention.objects.get()

        assert "the fix is needed" in staff.get(at(strategy, "resume")).content.decode()
        staff.post(at(strategy, "resume"), {"intervention": row.pk})

        row.refresh_from_db()
        assert row.ended_by == "ana"
        assert AuditEvent.objects.latest("id").kind == "release.resumed"

    def test_twice_says_who_was_first(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "skip"), typed())
        row = Intervention.objects.get()
        staff.post(at(strategy, "resume"), {"intervention": row.pk})
        page = staff.post(at(strategy, "resume"), {"intervention": row.pk}, follow=True)

        assert "ana ended it" in page.content.decode()
        assert AuditEvent.objects.filter(kind="release.resumed").count() == 1

    def test_of_a_postponement_names_its_moment(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "postpone"), typed(until="tomorrow", zone="Asia/Tokyo"))

        assert "09:00 Asia/Tokyo" in staff.get(at(strategy, "resume")).content.decode()

    @pytest.mark.parametrize("pk", ["", "x", "999999", "9" * 40])
    def test_of_what_is_not_there_is_not_found(self, staff: Client, strategy: DeployStrategy, pk: str) -> None:
        assert staff.post(at(strategy, "resume"), {"intervention": pk}).status_code == 404


class TestHealing:
    def test_is_for_administrators(self, staff: Client, strategy: DeployStrategy) -> None:
        page = staff.get(at(strategy, "heal"))

        assert page.status_code == 403
        assert "Only administrators of deploy strategies" in page.content.decode()

    def test_asks_for_the_pull_request_once(self, strategy: DeployStrategy, client: Client) -> None:
        client.force_login(User.objects.create_superuser("root"))
        assert "into <code>staging</code>" in client.get(at(strategy, "heal")).content.decode()
        client.post(at(strategy, "heal"))
        page = client.post(at(strategy, "heal"), follow=True)

        assert (Repair.objects.get().base, Repair.objects.get().head) == ("staging", "release")
        assert "asked for already" in page.content.decode()

    def test_is_offered_until_it_was_asked_for(self, strategy: DeployStrategy, client: Client) -> None:
        client.force_login(User.objects.create_superuser("root"))
        project = f"/projects/{strategy.stage.project_id}/"
        Release.objects.update(state="merged", squashed=True, merged_at=timezone.now(), merge_sha=sha(9))
        assert at(strategy, "heal") in client.get(project).content.decode()

        client.post(at(strategy, "heal"))

        page = client.get(project).content.decode()
        assert at(strategy, "heal") not in page
        assert "asked for a pull request that heals the history" in page.replace("\n      ", " ")


@pytest.mark.parametrize("what", ["now", "postpone", "skip", "resume", "heal"])
class TestEveryPage:
    def test_is_for_staff(self, client: Client, strategy: DeployStrategy, what: str) -> None:
        assert client.get(at(strategy, what)).status_code == 302
        client.force_login(User.objects.create_user("gita"))
        page = client.get(at(strategy, what))

        assert page.status_code == 403
        assert "Only staff may" in page.content.decode()
        assert client.post(at(strategy, what), typed()).status_code == 403

    def test_is_of_a_strategy_of_the_project(self, client: Client, strategy: DeployStrategy, what: str) -> None:
        client.force_login(User.objects.create_superuser("root"))
        other = worlds.project("force")

        assert client.get(f"/projects/{other.pk}/releases/{strategy.pk}/{what}/").status_code == 404
        assert client.get(f"/projects/{strategy.stage.project_id}/releases/99999/{what}/").status_code == 404


class TestProject:
    def page(self, client: Client, strategy: DeployStrategy) -> str:
        return client.get(f"/projects/{strategy.stage.project_id}/").content.decode()

    def test_leads_staff_to_each_page_in_one_click(self, staff: Client, strategy: DeployStrategy) -> None:
        page = self.page(staff, strategy)

        assert all(f'href="{at(strategy, what)}"' in page for what in ("now", "postpone", "skip"))
        assert "heal" not in page

    def test_shows_the_buttons_to_nobody_else(self, client: Client, strategy: DeployStrategy) -> None:
        client.force_login(User.objects.create_user("gita"))

        assert at(strategy, "now") not in self.page(client, strategy)

    def test_names_the_announced_moment_on_the_clocks_of_reader_and_strategy(
        self, staff: Client, strategy: DeployStrategy
    ) -> None:
        staff.cookies["zone"] = "Asia/Tokyo"
        DeployStrategy.objects.update(time_zone="America/New_York")

        page = self.page(staff, strategy)

        assert "Asia/Tokyo</time>" in page
        assert "America/New_York</time>" in page

    def test_shows_what_people_said_and_how_to_take_it_back(self, staff: Client, strategy: DeployStrategy) -> None:
        staff.post(at(strategy, "postpone"), typed(until="tomorrow", zone="UTC", reason="wait for <b>Bo</b>"))
        page = self.page(staff, strategy)

        assert "Postponed until" in page
        assert "wait for &lt;b&gt;Bo&lt;/b&gt;" in page
        assert f"{at(strategy, 'resume')}?intervention={Intervention.objects.get().pk}" in page

    def test_shows_each_condition_with_who_can_change_it(self, staff: Client, strategy: DeployStrategy) -> None:
        blocked(strategy)

        assert "Can change it:" in self.page(staff, strategy)

    def test_shows_what_could_not_be_done(self, staff: Client, strategy: DeployStrategy) -> None:
        now = timezone.now()
        release = Release.objects.get()
        Note.objects.create(release=release, text="Ana skips it", created_at=now, error="The issue is locked.")
        Repair.objects.create(
            strategy=strategy, kind="heal", state="refused", base="staging", head="release", asked_by="ana",
            asked_at=now, error="No commits between staging and release",
        )  # fmt: skip
        Attempt.objects.create(
            release=release, act="status", sha=HEAD, begun_at=now, finished_at=now, outcome="refused",
            message="Resource not accessible.",
        )  # fmt: skip
        Notice.objects.create(release=release, merge_at=now, head_sha=HEAD, begun_at=now, error="channel_not_found")
        SlackPost.objects.create(release=release, target="x", label="#dev", begun_at=now, error="token_revoked")
        DeployStrategy.objects.update(commit_status=True)

        page = self.page(staff, strategy)

        for words in (
            "The issue is locked.", "No commits between", "Resource not accessible.", "channel_not_found",
            "token_revoked", "does not require the status",
        ):  # fmt: skip
            assert words in page

    def test_forgets_trouble_that_is_over(self, staff: Client, strategy: DeployStrategy) -> None:
        now, release = timezone.now(), Release.objects.get()
        for outcome in ("refused", "done"):
            Attempt.objects.create(
                release=release, act="edit", sha=HEAD, begun_at=now, finished_at=now, outcome=outcome, message="No!"
            )

        assert "could not be rewritten" not in self.page(staff, strategy)

    def test_costs_no_more_queries_than_any_page(
        self, staff: Client, strategy: DeployStrategy, django_assert_max_num_queries: Any
    ) -> None:
        staff.post(at(strategy, "skip"), typed())
        with django_assert_max_num_queries(12):
            self.page(staff, strategy)
