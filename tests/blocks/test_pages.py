"""The pages on which people block releases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from audit.record import Actor
from blocks.change import Wish, change_block, create_block, resolve_block, wish_of
from blocks.forms import seen
from blocks.models import DeployBlock
from blocks.queries import covered_projects, forgotten_blocks, unresolved_blocks
from projects.models import Project
from tests.worlds import organization, project

pytestmark = pytest.mark.django_db


@pytest.fixture
def candela() -> Project:
    return project("candela", tags=["galleries"])


def typed(of: Project | None = None, **changed: Any) -> dict[str, Any]:
    """What a browser sends for a block of one project from now without an end."""
    values: dict[str, Any] = {"description": "needs QA", "scope": "projects", "begins": "now", "until": "open"}
    return values | {"zone": "UTC", "projects": [of.pk] if of else []} | changed


def blocked(of: Project, **changed: Any) -> DeployBlock:
    wish = Wish(of.organization, **{"description": "needs QA", "projects": [of]} | changed)
    return create_block(wish, actor=Actor.person("ana"), owner=None, clock=timezone.now).block


def changed(block: DeployBlock, of: Project | None = None, **values: Any) -> dict[str, Any]:
    """What the form sends for a block that it showed as it is now."""
    return typed(of, seen=seen(block), **values)


def in_hours(hours: float) -> str:
    return f"{timezone.now() + timedelta(hours=hours):%Y-%m-%dT%H:%M}"


class TestNew:
    def test_comes_with_the_project_that_the_person_was_looking_at(self, staff: Client, candela: Project) -> None:
        page = staff.get(f"/blocks/new/?project={candela.pk}")

        assert f'<option value="{candela.pk}" selected>' in page.content.decode()

    def test_offers_the_organization_of_that_project_at_once(self, staff: Client, candela: Project) -> None:
        page = staff.get(f"/blocks/new/?project={candela.pk}").content.decode()

        assert f'<option value="{candela.organization_id}" selected>' in page.split('name="organization"')[1]

    def test_leads_back_to_that_project(self, staff: Client, candela: Project) -> None:
        page = staff.get(f"/blocks/new/?project={candela.pk}")

        assert f'<a href="{candela.get_absolute_url()}">Cancel</a>' in page.content.decode()

    @pytest.mark.parametrize("asked", ["", "x", "999999", "9" * 40, "²"])
    def test_is_empty_for_a_project_that_is_not_there(self, staff: Client, asked: str) -> None:
        assert staff.get("/blocks/new/", {"project": asked}).status_code == 200

    def test_saves_a_block_and_one_line_of_history(self, staff: Client, candela: Project) -> None:
        page = staff.post("/blocks/new/", typed(candela), follow=True)

        block = DeployBlock.objects.get()
        assert (block.description, block.created_by, block.resolved_at) == ("needs QA", "ana", None)
        assert block in DeployBlock.objects.unresolved(timezone.now()).covering(candela)
        event = AuditEvent.objects.get()
        assert (event.kind, event.actor, event.project_id) == ("block.created", "ana", candela.pk)
        assert "candela is blocked: needs QA" in page.content.decode()

    def test_covers_a_tag(self, staff: Client, candela: Project) -> None:
        staff.post("/blocks/new/", typed(scope="tag", tag=f"{candela.organization_id}:galleries"))

        assert DeployBlock.objects.unresolved(timezone.now()).covering(candela).exists()

    def test_covers_an_organization(self, staff: Client, candela: Project) -> None:
        staff.post("/blocks/new/", typed(scope="organization", organization=candela.organization_id))

        assert DeployBlock.objects.unresolved(timezone.now()).covering(candela).exists()

    def test_that_is_planned_is_not_in_force_yet(self, staff: Client, candela: Project) -> None:
        staff.post("/blocks/new/", typed(candela, begins="planned", begins_at=in_hours(1), until="two-hours"))

        block = DeployBlock.objects.get()
        assert not block.unresolved(timezone.now())
        assert block.resolved_at == block.begins_at + timedelta(hours=2)
        assert block in DeployBlock.objects.planned(timezone.now())

    def test_takes_times_on_the_clock_of_the_zone(self, staff: Client, candela: Project) -> None:
        wall = "2099-07-01T09:00"
        staff.post("/blocks/new/", typed(candela, until="custom", resolved_at=wall, zone="America/New_York"))

        resolved_at = DeployBlock.objects.get().resolved_at
        assert resolved_at is not None
        assert f"{resolved_at:%H:%M}" == "13:00"

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"description": ""}, "Give a reason"),
            ({"description": " \u202e\u200f "}, "Give a reason"),
            ({"description": "x" * 100_000}, "This has 100,000 characters"),
            ({"projects": []}, "Choose at least one project"),
            ({"projects": [999_999]}, "not there any more"),
            ({"scope": "tag", "tag": ""}, "Choose the tag"),
            ({"scope": "organization"}, "Choose the organization"),
            ({"until": "custom"}, "Say when the block ends"),
            ({"until": "custom", "resolved_at": in_hours(-24)}, "over before it begins"),
            ({"until": "custom", "resolved_at": "soon"}, "Give a date and time"),
            ({"until": "custom", "resolved_at": "2999-01-01T09:00"}, "more than a hundred years away"),
            ({"until": "custom", "resolved_at": "9999-12-31T23:59", "zone": "Pacific/Honolulu"}, "hundred years away"),
            (
                {"until": "custom", "resolved_at": "2027-03-14T02:30", "zone": "America/New_York"},
                "There is no 02:30 on 14 Mar 2027 in America/New_York: the clocks go forward. Give 03:30",
            ),
            ({"begins": "planned"}, "Say when the block begins"),
            ({"begins": "planned", "begins_at": in_hours(-1)}, "This is past"),
            ({"zone": "Moon/Crater"}, "This is no time zone"),
            ({"zone": "../../etc/passwd"}, "This is no time zone"),
        ],
    )
    def test_says_at_the_field_what_is_wrong_and_loses_nothing(
        self, staff: Client, candela: Project, changed: dict[str, Any], sentence: str
    ) -> None:
        page = staff.post("/blocks/new/", {**typed(candela), **changed})

        assert page.status_code == 422
        assert sentence in page.content.decode()
        assert changed.get("description", "needs QA").strip() in page.content.decode()
        assert not DeployBlock.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_refuses_projects_of_two_organizations(self, staff: Client, candela: Project) -> None:
        other = project("force", organization=organization("other"))

        page = staff.post("/blocks/new/", typed(projects=[candela.pk, other.pk]))

        assert "one block for each of them" in page.content.decode()

    def test_says_that_a_project_was_archived_meanwhile(self, staff: Client, candela: Project) -> None:
        Project.objects.filter(pk=candela.pk).update(archived_at=timezone.now())

        page = staff.post("/blocks/new/", typed(candela))

        assert page.status_code == 422
        assert "Archived, so nothing is released there: candela" in page.content.decode()
        assert "candela is archived" in staff.get(f"/blocks/new/?project={candela.pk}").content.decode()

    def test_refuses_an_organization_without_projects(self, staff: Client) -> None:
        empty = organization("empty")

        page = staff.post("/blocks/new/", typed(scope="organization", organization=empty.pk))

        assert "nothing would be blocked" in page.content.decode()
        assert not DeployBlock.objects.exists()

    def test_shows_html_as_text_and_takes_marks_of_direction_away(self, staff: Client, candela: Project) -> None:
        staff.post("/blocks/new/", typed(candela, description="<script>x</script>\u202egnp\nsecond line"))

        assert DeployBlock.objects.get().description == "<script>x</script>gnp\nsecond line"
        page = " ".join(staff.get("/blocks/").content.decode().split())
        assert "&lt;script&gt;x&lt;/script&gt;gnp<br>second line" in page


class TestExceptions:
    """A tag or an organization, but not these projects."""

    @pytest.fixture
    def force(self) -> Project:
        return project("force", tags=["galleries"])

    @pytest.mark.parametrize("scope", ["organization", "tag"])
    def test_are_spared(self, staff: Client, candela: Project, force: Project, scope: str) -> None:
        where: dict[str, Any] = {"organization": candela.organization_id, "tag": f"{candela.organization_id}:galleries"}

        page = staff.post("/blocks/new/", typed(scope=scope, exceptions=[force.pk], **where), follow=True)

        in_force = unresolved_blocks([candela, force], timezone.now())
        assert (len(in_force[candela.pk]), len(in_force[force.pk])) == (1, 0)
        assert not DeployBlock.objects.covering(force).exists()
        assert [each.name for each in covered_projects(DeployBlock.objects.get())] == ["candela"]
        assert AuditEvent.objects.get().data["exceptions"] == ["force"]
        assert "but not <b>force</b>" in " ".join(page.content.decode().split())

    def test_are_not_in_the_answer_to_builds(self, staff: Client, candela: Project, force: Project) -> None:
        blocked(candela, scope="organization", exceptions=[force], projects=[])

        assert staff.get(f"/api/deploy_blocks?project_id={force.pk}&resolved=false").content == b"[]"
        assert staff.get(f"/api/deploy_blocks?project_id={candela.pk}&resolved=false").json()

    def test_stay_when_something_else_is_changed(self, staff: Client, candela: Project, force: Project) -> None:
        block = blocked(candela, scope="organization", exceptions=[force], projects=[])

        staff.patch(f"/api/deploy_blocks/{block.pk}", {"description": "incident 12"}, content_type="application/json")

        block.refresh_from_db()
        assert (block.description, block.exceptions.get()) == ("incident 12", force)
        assert f'<option value="{force.pk}" selected>' in staff.get(f"/blocks/{block.pk}/").content.decode()

    def test_may_not_leave_nothing(self, staff: Client, candela: Project, force: Project) -> None:
        both = [candela.pk, force.pk]

        page = staff.post(
            "/blocks/new/", typed(scope="organization", organization=candela.organization_id, exceptions=both)
        )

        assert page.status_code == 422
        assert "leave no project to block" in page.content.decode()
        assert page.content.decode().count(f'<option value="{force.pk}" selected>') == 1

    def test_are_of_the_same_organization(self, staff: Client, candela: Project) -> None:
        other = project("elsewhere", organization=organization("other"))

        page = staff.post(
            "/blocks/new/", typed(scope="organization", organization=candela.organization_id, exceptions=[other.pk])
        )

        assert "Not of artsy, so not blocked anyway: elsewhere" in page.content.decode()


class TestPermission:
    def test_strangers_are_sent_to_sign_in(self, client: Client) -> None:
        for path in ("/blocks/", "/blocks/new/"):
            assert client.get(path).status_code == 302

    def test_others_than_staff_read_and_change_nothing(self, client: Client, candela: Project) -> None:
        block = blocked(candela)
        client.force_login(User.objects.create_user("visitor"))

        assert client.get("/blocks/").status_code == 200
        assert client.get("/blocks/new/").status_code == 403
        assert client.post("/blocks/new/", typed(candela)).status_code == 403
        assert client.post(f"/blocks/{block.pk}/resolve/").status_code == 403
        assert client.post(f"/blocks/{block.pk}/", typed(candela)).status_code == 403
        assert DeployBlock.objects.unresolved(timezone.now()).count() == 1


class TestWithoutProjects:
    """A block all of whose projects were deleted or archived."""

    @pytest.mark.parametrize("gone", ["deleted", "archived"])
    def test_holds_nothing_and_is_not_counted(self, staff: Client, candela: Project, gone: str) -> None:
        block = blocked(candela, begins_at=timezone.now() - timedelta(days=8))
        if gone == "deleted":
            candela.delete()
        else:
            Project.objects.update(archived_at=timezone.now())

        page = staff.get("/blocks/").content.decode()

        assert 'In force now <span class="soft">0</span>' in page
        assert 'They hold nothing <span class="soft">1</span>' in page
        assert f"/blocks/{block.pk}/resolve/" in page
        assert not forgotten_blocks(timezone.now()).exists()

    def test_is_in_force_with_the_one_that_is_left(self, staff: Client, candela: Project) -> None:
        blocked(candela, projects=[candela, project("force")])
        candela.delete()

        page = staff.get("/blocks/").content.decode()

        assert 'In force now <span class="soft">1</span>' in page
        assert "They hold nothing" not in page

    def test_of_a_tag_may_get_projects_again(self, staff: Client, candela: Project) -> None:
        blocked(candela, projects=[], scope="tag", tag="nobody")

        assert "They hold nothing" not in staff.get("/blocks/").content.decode()


class TestChange:
    def test_shows_what_is_stored(self, staff: Client, candela: Project) -> None:
        block = blocked(candela, resolved_at=timezone.now() + timedelta(days=2))

        page = staff.get(f"/blocks/{block.pk}/").content.decode()

        assert "needs QA" in page
        assert f"{block.resolved_at:%Y-%m-%dT%H:%M}" in page

    def test_saves_and_records_what_it_was_before(self, staff: Client, candela: Project) -> None:
        block = blocked(candela)

        staff.post(f"/blocks/{block.pk}/", changed(block, candela, description="incident 12", until="two-hours"))

        event = AuditEvent.objects.filter(kind="block.changed").get()
        assert event.data["before"]["reason"] == "needs QA"
        assert event.data["reason"] == "incident 12"
        stored = DeployBlock.objects.get()
        assert (stored.begins_at, stored.created_by) == (block.begins_at, "ana")

    def test_undoes_nothing_that_somebody_else_saved_meanwhile(self, staff: Client, candela: Project) -> None:
        block, force = blocked(candela), project("force")
        mine = changed(block, candela, description="incident 12")
        both: dict[str, Any] = {"projects": [candela.pk, force.pk], "description": "wider"}
        staff.post(f"/blocks/{block.pk}/", changed(block, **both))

        page = staff.post(f"/blocks/{block.pk}/", mine).content.decode()

        assert "Somebody changed this block at" in page
        assert "It now has no end, is for candela, force, and says: wider" in page
        assert "incident 12" in page
        assert len(covered_projects(DeployBlock.objects.get())) == 2
        again = mine | {"seen": seen(DeployBlock.objects.get())}
        assert again["seen"] in page
        assert staff.post(f"/blocks/{block.pk}/", again).status_code == 302
        assert DeployBlock.objects.get().description == "incident 12"

    def test_of_a_part_keeps_what_somebody_else_saved_meanwhile(self, candela: Project) -> None:
        stale, force = blocked(candela), project("force")
        mary = Actor.person("mary")
        wider = replace(wish_of(stale), projects=[candela, force], resolved_at=timezone.now() + timedelta(days=1))
        change_block(stale, candela.organization, lambda _: wider, actor=mary, clock=timezone.now)

        change_block(
            stale,
            candela.organization,
            lambda stored: replace(wish_of(stored), description="incident 12"),
            actor=mary,
            clock=timezone.now,
        )

        stored = DeployBlock.objects.get()
        assert (stored.description, stored.resolved_at) == ("incident 12", wider.resolved_at)
        assert len(covered_projects(stored)) == 2

    def test_of_the_reason_keeps_the_very_end(self, staff: Client, candela: Project) -> None:
        """02:30 comes twice that night; this is the second."""
        end = datetime(2030, 10, 27, 1, 30, 12, tzinfo=UTC)
        block = blocked(candela, resolved_at=end)
        shown = {"until": "custom", "resolved_at": "2030-10-27T02:30", "zone": "Europe/Berlin"}

        staff.post(f"/blocks/{block.pk}/", changed(block, candela, description="incident 12", **shown))

        stored = DeployBlock.objects.get()
        assert (stored.description, stored.resolved_at) == ("incident 12", end)

    def test_lets_a_planned_block_begin_now(self, staff: Client, candela: Project) -> None:
        block = blocked(candela, begins_at=timezone.now() + timedelta(days=1))

        staff.post(f"/blocks/{block.pk}/", changed(block, candela, begins="now"))

        assert DeployBlock.objects.unresolved(timezone.now()).exists()

    def test_by_the_api_leaves_a_planned_begin(self, staff: Client, candela: Project) -> None:
        block = blocked(candela, begins_at=timezone.now() + timedelta(days=1))

        staff.patch(f"/api/deploy_blocks/{block.pk}", {"description": "move"}, content_type="application/json")

        assert DeployBlock.objects.planned(timezone.now()).get().begins_at == block.begins_at

    def test_does_not_put_an_ended_block_back_in_force(self, staff: Client, candela: Project) -> None:
        block = blocked(candela)
        resolve_block(block, note="", actor=Actor.person("mary"), clock=timezone.now)

        page = staff.post(f"/blocks/{block.pk}/", typed(candela, description="still broken"))

        assert "ended by mary" in page.content.decode()
        assert "still broken" in page.content.decode()
        assert not DeployBlock.objects.unresolved(timezone.now()).exists()

    def test_is_404_for_a_block_that_is_not_there(self, staff: Client) -> None:
        assert staff.get("/blocks/999/").status_code == 404


class TestResolve:
    def test_ends_the_block_now_with_a_note(self, staff: Client, candela: Project) -> None:
        block = blocked(candela)

        page = staff.post(f"/blocks/{block.pk}/resolve/", {"note": "fixed in #12"}, follow=True)

        block.refresh_from_db()
        assert (block.resolved_by, block.resolution) == ("ana", "fixed in #12")
        assert not block.unresolved(timezone.now())
        assert AuditEvent.objects.filter(kind="block.resolved", data__note="fixed in #12").count() == 1
        assert "fixed in #12" in page.content.decode()

    def test_leads_back_to_the_project_that_the_person_came_from(self, staff: Client, candela: Project) -> None:
        address = f"/blocks/{blocked(candela).pk}/resolve/?project={candela.pk}"
        assert f'action="{address}"' in staff.get(address).content.decode()

        answer = staff.post(address, {"note": "fixed"})

        assert answer.headers["Location"] == candela.get_absolute_url()

    def test_by_the_second_of_two_people_says_who_was_first(self, staff: Client, candela: Project) -> None:
        block = blocked(candela)
        resolve_block(block, note="mine", actor=Actor.person("mary"), clock=timezone.now)

        page = staff.post(f"/blocks/{block.pk}/resolve/", {"note": "late"}, follow=True)

        block.refresh_from_db()
        assert (block.resolved_by, block.resolution) == ("mary", "mine")
        told = page.content.decode()
        assert f"mary had ended this block before at {block.resolved_at:%H:%M:%S} UTC" in told
        assert "Your note was not saved: late" in told
        assert AuditEvent.objects.filter(kind="block.resolved").count() == 1

    def test_calls_a_planned_block_off(self, staff: Client, candela: Project) -> None:
        block = blocked(candela, begins_at=timezone.now() + timedelta(days=1))

        staff.post(f"/blocks/{block.pk}/resolve/", {"note": ""})

        assert not DeployBlock.objects.planned(timezone.now()).exists()
        assert not DeployBlock.objects.unresolved(timezone.now() + timedelta(days=2)).exists()
        assert DeployBlock.objects.past(timezone.now()).exists()

    def test_asks_before_it_ends_the_block_of_a_link(self, staff: Client, candela: Project) -> None:
        block = blocked(candela)
        page = staff.get(f"/blocks/{block.pk}/resolve/")

        assert page.status_code == 200
        assert block.description in page.content.decode()
        assert DeployBlock.objects.filter(resolved_at=None).exists()

    def test_keeps_a_note_that_is_too_long_in_the_form(self, staff: Client, candela: Project) -> None:
        page = staff.post(f"/blocks/{blocked(candela).pk}/resolve/", {"note": "y" * 3000})

        assert page.status_code == 422
        assert "y" * 3000 in page.content.decode()


class TestForgotten:
    """A block without an end that is older than a week."""

    @pytest.fixture
    def forgotten(self, candela: Project) -> DeployBlock:
        block = blocked(candela)
        DeployBlock.objects.update(begins_at=timezone.now() - timedelta(days=8))
        return block

    @pytest.mark.parametrize("address", ["/", "/blocks/", "/history/", "/closed-hours/"])
    def test_is_told_to_its_owner_on_every_page(self, staff: Client, forgotten: DeployBlock, address: str) -> None:
        DeployBlock.objects.update(owner=User.objects.get(username="ana"))

        assert "You have 1 block without an end older than a week" in staff.get(address).content.decode()

    def test_is_told_no_more_once_it_has_an_end(self, staff: Client, candela: Project, forgotten: DeployBlock) -> None:
        DeployBlock.objects.update(owner=User.objects.get(username="ana"))
        staff.post(f"/blocks/{forgotten.pk}/", changed(forgotten, candela, until="two-hours"))

        assert "without an end older" not in staff.get("/").content.decode()

    def test_is_not_told_to_others_but_marked_in_the_list(self, staff: Client, forgotten: DeployBlock) -> None:
        page = staff.get("/blocks/").content.decode()

        assert "You have" not in page
        assert "No end for more than a week" in page


class TestList:
    def test_speaks_in_the_zone_of_the_reader(self, staff: Client, candela: Project) -> None:
        blocked(candela, resolved_at=datetime(2099, 7, 1, 13, tzinfo=UTC))
        staff.cookies["zone"] = "America/New_York"

        assert "Wed 01 Jul 2099, 09:00 America/New_York" in staff.get("/blocks/").content.decode()

    def test_shows_the_commits_that_a_block_is_about(self, staff: Client, candela: Project) -> None:
        blocked(candela, bad_commits=["a" * 40])

        page = " ".join(staff.get("/blocks/").content.decode().split())

        assert f'Because of the commit <code title="{"a" * 40}">aaaaaaa</code>' in page

    @pytest.mark.parametrize("number", [1, 30])
    def test_costs_the_same_number_of_queries_for_one_or_many(
        self, staff: Client, candela: Project, number: int, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(number):
            blocked(candela)
            blocked(candela, begins_at=timezone.now() + timedelta(days=1))
            resolve_block(blocked(candela), note="", actor=Actor.person("ana"), clock=timezone.now)

        with django_assert_max_num_queries(10):
            page = " ".join(staff.get("/blocks/").content.decode().split())

        assert page.count("candela") >= 3 * number

    def test_says_from_when_a_planned_block_is_in_force(self, staff: Client, candela: Project) -> None:
        block = blocked(candela, begins_at=timezone.now() + timedelta(days=1))

        page = " ".join(staff.get("/blocks/").content.decode().split())

        assert f'from <time datetime="{block.begins_at.isoformat(timespec="seconds")}"' in page
        assert "Call it off" in page

    def test_says_that_nothing_is_blocked(self, staff: Client) -> None:
        assert "Nothing is blocked" in staff.get("/blocks/").content.decode()

    def test_pages_through_the_past(self, staff: Client, candela: Project) -> None:
        for _ in range(51):
            resolve_block(blocked(candela), note="", actor=Actor.person("ana"), clock=timezone.now)

        assert "Page 2 of 2" in staff.get("/blocks/?page=2").content.decode()
