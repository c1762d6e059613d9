"""What pages tell of targets that Slack does not deliver to."""

from datetime import timedelta

from pytest_django import DjangoAssertNumQueries

from releases.models import SlackPost
from releases.queries_slack import MOST, SlackProblem, problems
from tests.releases.world import World

GONE = "the webhook is gone: make a new one in Slack."


def post(world: World, target: str, **more: object) -> SlackPost:
    values = {"label": f"#{target}", "begun_at": world.now, "tried_at": world.now, **more}
    return SlackPost.objects.create(release=world.release, target=target, **values)


def test_a_target_that_took_no_message_is_told_with_its_error_and_the_next_attempt(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    world.opened()
    again = world.now + timedelta(minutes=5)
    post(world, "dev", error=GONE, retry_at=again)
    post(world, "ops")
    with django_assert_num_queries(1):
        assert problems([world.strategy]) == [SlackProblem(world.strategy.pk, "#dev", GONE, world.now, again)]


def test_a_target_that_took_a_later_message_is_well_again(world: World) -> None:
    world.due()
    post(world, "dev", error=GONE)
    world.advance()
    world.opened()
    post(world, "dev")
    assert problems([world.strategy]) == []


def test_there_are_never_more_than_a_page_can_show(world: World) -> None:
    world.opened()
    for number in range(MOST + 1):
        post(world, f"channel-{number}", error=GONE)
    assert len(problems([world.strategy])) == MOST


def test_without_strategies_there_is_no_trouble(db: None) -> None:
    assert problems([]) == []
