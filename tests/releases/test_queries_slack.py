"""What pages tell of targets that Slack does not deliver to."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pytest_django import DjangoAssertNumQueries

from releases.models import DeployStrategy, SlackPost
from releases.queries_slack import MOST, slack_troubles, with_slack_troubles
from tests.releases.world import World

GONE = "the webhook is gone: make a new one in Slack."


def post(world: World, target: str, **more: object) -> SlackPost:
    values = {"label": f"#{target}", "begun_at": world.now, "tried_at": world.now, **more}
    return SlackPost.objects.create(release=world.release, target=target, **values)


def troubles(world: World) -> list[Mapping[str, Any]]:
    return slack_troubles(DeployStrategy.objects.annotate(**with_slack_troubles()).get(pk=world.strategy.pk))


def test_a_target_that_took_no_message_is_told_with_its_error_and_the_next_attempt(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    world.opened()
    again = world.now + timedelta(minutes=5)
    post(world, "dev", error=GONE, retry_at=again)
    post(world, "ops")
    with django_assert_num_queries(1):
        (row,) = troubles(world)
    assert (row["label"], row["error"], row["tried_at"], row["retry_at"]) == ("#dev", GONE, world.now, again)


def test_a_target_of_a_finished_release_is_still_told(world: World) -> None:
    world.due()
    post(world, "dev", error=GONE)
    world.advance()
    world.opened()
    assert [row["label"] for row in troubles(world)] == ["#dev"]


def test_a_target_that_took_a_later_message_is_well_again(world: World) -> None:
    world.due()
    post(world, "dev", error=GONE)
    world.advance()
    world.opened()
    post(world, "dev")
    assert troubles(world) == []


def test_there_are_never_more_than_a_page_can_show(world: World) -> None:
    world.opened()
    for number in range(MOST + 1):
        post(world, f"channel-{number}", error=GONE)
    assert len(troubles(world)) == MOST


def test_where_all_is_well_there_is_none(world: World) -> None:
    assert troubles(world) == []
