"""Whoever blocks is told which releases the block came too late for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from audit.record import Actor
from blocks.change import Wish, change_block, create_block, wish_of
from blocks.models import DeployBlock
from projects import merging
from releases.models import Release
from tests.releases.world import World

pytestmark = pytest.mark.django_db


def test_a_release_of_just_now_is_told_with_its_time(world: World) -> None:
    world.due()
    world.advance()
    world.wait(seconds=30)

    (overtaken,) = world.save_block().too_late

    assert overtaken.at == Release.objects.get().merged_at


def test_a_release_of_long_ago_is_not_told(world: World) -> None:
    world.due()
    world.advance()
    world.wait(minutes=5)

    assert world.save_block().too_late == ()


def test_a_release_by_hand_is_told_too(world: World) -> None:
    world.opened()
    world.repo.merge_pull_request(1, by="ana")
    world.advance()

    assert len(world.save_block().too_late) == 1


def test_a_merge_whose_answer_was_lost_is_told_as_unknown(world: World) -> None:
    world.due()
    world.github.fail("PUT .*/merge", drop="before")
    world.advance()

    (overtaken,) = world.save_block().too_late

    assert overtaken.at is None


def test_a_block_from_now_holds_at_once_where_its_authors_clock_is_ahead(world: World) -> None:
    world.due()
    wish = Wish(world.project.organization, "incident 12", projects=[world.project])
    block = create_block(
        wish, actor=Actor.person("mary"), owner=None, clock=lambda: world.now + timedelta(seconds=3)
    ).block

    assert world.advance().code == "blocked"
    assert list(DeployBlock.objects.unresolved(world.now)) == [block]
    assert not DeployBlock.objects.planned(world.now).exists()


def test_it_goes_on_where_its_words_are_changed_by_a_clock_that_is_right(world: World) -> None:
    world.due()
    wish = Wish(world.project.organization, "incident 12", projects=[world.project])
    mary = Actor.person("mary")
    block = create_block(wish, actor=mary, owner=None, clock=lambda: world.now + timedelta(seconds=3)).block
    change_block(
        block,
        block.organization,
        lambda stored: replace(wish_of(stored), description="incident 13"),
        actor=mary,
        clock=world.clock,
    )

    assert world.advance().code == "blocked"


def test_a_planned_block_is_never_too_late(world: World) -> None:
    world.due()
    world.advance()

    assert world.save_block(begins_at=world.now.replace(year=2027)).too_late == ()


def test_other_projects_do_not_matter(world: World) -> None:
    other = World(world.github, "force")
    world.due()
    world.advance()

    assert other.save_block().too_late == ()


def test_the_page_says_it(world: World, client: Client) -> None:
    world.github.freeze(None)
    world.set(merge_after=0)
    world.commit()
    world.advance()
    client.force_login(User.objects.create_user("ana", is_staff=True))
    typed = {"description": "no", "scope": "projects", "projects": [world.project.pk], "begins": "now"}

    page = client.post("/blocks/new/", typed | {"until": "open", "zone": "UTC"}, follow=True).content.decode()

    merged_at = Release.objects.get().merged_at
    assert merged_at is not None
    assert f"candela (production) was released at {merged_at:%H:%M:%S} UTC, too late for this block" in page


def test_a_release_in_the_merge_queue_is_told_as_one_that_is_taken_out(world: World, client: Client) -> None:
    world.github.freeze(None)
    world.opened()
    Release.objects.update(state=Release.State.QUEUED, queued_at=world.now)
    client.force_login(User.objects.create_user("ana", is_staff=True))
    typed = {"description": "no", "scope": "projects", "projects": [world.project.pk], "begins": "now"}

    page = client.post("/blocks/new/", typed | {"until": "open", "zone": "UTC"}, follow=True).content.decode()

    assert "candela (production) is in GitHub&#x27;s merge queue: Horizon takes it out" in page


def test_a_merge_that_never_ends_loses_nothing_that_was_typed(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "LONGEST_MERGE", "50ms")
    client.force_login(User.objects.create_user("ana", is_staff=True))
    typed = {"description": "incident 12", "scope": "projects", "projects": [world.project.pk], "begins": "now"}
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [merging.LOCK, world.project.organization_id])
        page = client.post("/blocks/new/", typed | {"until": "open", "zone": "UTC"})
    finally:
        other.close()

    assert page.status_code == 422
    assert "Nothing was saved yet" in page.content.decode()
    assert "incident 12" in page.content.decode()
    assert not DeployBlock.objects.exists()


class TestApi:
    """`POST` and `PATCH /api/deploy_blocks` tell what the form tells."""

    @pytest.fixture
    def script(self, world: World, client: Client) -> Client:
        world.github.freeze(None)
        world.set(merge_after=0)
        world.commit()
        client.force_login(User.objects.create_user("ana", is_staff=True))
        return client

    def test_names_the_release_that_was_quicker(self, world: World, script: Client) -> None:
        world.advance()
        release = Release.objects.get()

        answer = script.post(
            "/api/deploy_blocks", {"project_id": world.project.pk, "description": "no"}, "application/json"
        )

        assert answer.status_code == 201
        (late,) = answer.json()["too_late"]
        assert release.merged_at is not None
        assert late.pop("message") == (
            f"candela (production) was released at {release.merged_at:%H:%M:%S} UTC, too late for this block."
        )
        assert late == {
            "project_id": world.project.pk,
            "project": "candela",
            "stage": "production",
            "released_at": release.merged_at.isoformat().replace("+00:00", "Z"),
            "pull_request": {"number": 1, "url": release.url},
        }

    def test_says_so_when_a_block_is_changed(self, world: World, script: Client) -> None:
        world.advance()
        block = world.block(begins_at=world.now - timedelta(minutes=1))

        changed = script.patch(f"/api/deploy_blocks/{block.pk}", {"description": "still"}, "application/json").json()
        ended = script.patch(
            f"/api/deploy_blocks/{block.pk}", {"description": "done", "resolved": True}, "application/json"
        ).json()

        assert [late["project"] for late in changed["too_late"]] == ["candela"]
        assert "too_late" not in ended

    def test_says_nothing_where_the_block_was_in_time(self, world: World, script: Client) -> None:
        sent = {"project_id": world.project.pk, "description": "no"}

        answer = script.post("/api/deploy_blocks", sent, "application/json").json()

        assert list(answer) == ["id", "project_id", "description", "resolved_at", "created_at", "updated_at"]
        assert list(script.get(f"/api/deploy_blocks?project_id={world.project.pk}").json()[0]) == list(answer)
