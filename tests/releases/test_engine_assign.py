"""Somebody responsible is assigned: the most frequent human contributor that can be; and nothing waits for it."""

from collections.abc import Callable, Iterator

import pytest

from audit.models import AuditEvent
from releases.models import Attempt
from tests.releases.test_races import together
from tests.releases.wire import When, Wire, dying, tapped
from tests.releases.world import BOT, World
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db

ASSIGN = "POST .*/assignees"
TOLD = "pull-request.assigned"


@pytest.fixture
def team(world: World) -> World:
    for login in ("bo", "cy"):
        world.github.add_user(login)
    return world


def push(world: World, *authors: str) -> None:
    for number, author in enumerate(authors):
        world.repo.commit("staging", f"Change {number}", author=author)


def assignees(world: World) -> list[str]:
    return world.repo.pull(1).assignees


def test_the_most_frequent_contributor_is_assigned(team: World) -> None:
    push(team, "ana", "bo", "bo")

    team.advance()

    assert assignees(team) == ["bo"]
    assert team.acts.count(TOLD) == 1 == team.events.count(TOLD)
    assert AuditEvent.objects.get(kind=TOLD).data["assignee"] == "bo"


def test_somebody_who_was_assigned_by_a_person_stays(team: World) -> None:
    push(team, "bo")
    team.repo.open_pull_request("staging", "release", author="ana").assignees.append("cy")

    team.advance()

    assert assignees(team) == ["cy"]
    assert team.github.sent(ASSIGN) == []


def test_who_cannot_be_assigned_is_passed_over(team: World) -> None:
    team.repo.set_role("bo", "none")
    push(team, "ana", "bo", "bo")

    team.advance()

    assert assignees(team) == ["ana"]


@pytest.mark.parametrize("login", ["web-flow", "renovate[bot]", "artsy-robot-bot", "k8s-ci-robot", "bot2", BOT])
def test_robots_never_are(team: World, login: str) -> None:
    team.github.add_user(login, kind="Bot" if login.endswith("[bot]") else "User")
    push(team, "ana", login, login, login)

    team.advance()

    assert assignees(team) == ["ana"]


@pytest.mark.parametrize("login", ["botond", "abbott", "talbot"])
def test_people_whose_names_hold_these_letters_are(team: World, login: str) -> None:
    team.github.add_user(login)
    push(team, login, login, "bo")

    team.advance()

    assert assignees(team) == [login]


def test_where_there_are_robots_only_the_release_goes_on(team: World) -> None:
    team.github.add_user("some-bot")
    push(team, "some-bot")

    assert team.advance().code == "too-young"

    assert assignees(team) == []
    assert team.github.sent(ASSIGN) == []
    assert TOLD not in team.events


FAULTS: dict[str, Callable[[GitHubServer], object]] = {
    "refused": lambda github: github.refuse(ASSIGN, 403, "Resource not accessible"),
    "invalid": lambda github: github.refuse(ASSIGN, 422, "Validation Failed"),
    "passed over": lambda github: github.fail(ASSIGN, status=201, body='{"assignees": []}'),
    "unreadable": lambda github: github.fail("GET .*/commits", status=502, times=9),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refusal_never_holds_the_release_and_is_not_repeated(team: World, fault: str) -> None:
    push(team, "bo")
    FAULTS[fault](team.github)

    assert team.advance().code == "too-young"
    team.github.clear_faults()
    team.wait(minutes=5)
    team.advance()

    assert assignees(team) == []
    assert TOLD not in team.events
    assert Attempt.objects.get(act="assign").outcome == "refused"


def test_new_commits_give_it_another_try(team: World) -> None:
    team.github.add_user("some-bot")
    push(team, "some-bot")
    team.advance()
    push(team, "bo")

    team.advance()

    assert assignees(team) == ["bo"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_is_settled(team: World, when: When) -> None:
    push(team, "bo")
    team.github.fail(ASSIGN, drop=when)

    assert team.advance().code == "too-young"
    team.wait(seconds=61)
    team.advance()

    assert team.acts.count(TOLD) == (when == "after") == team.events.count(TOLD)
    assert not Attempt.objects.filter(act="assign", finished_at=None).exists()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", ["GET .*/pulls/1/commits", "GET .*/assignees/bo", ASSIGN])
def test_a_death_is_settled_even_after_the_merge(team: World, place: str, when: When) -> None:
    team.set(merge_after=0)
    push(team, "bo")
    dying(team.advance, place, when)

    team.advance()
    team.wait(seconds=61)
    team.advance()

    assert team.repo.pull(1).merged
    assert team.acts.count(TOLD) == team.events.count(TOLD)
    assert not Attempt.objects.filter(act="assign", finished_at=None).exists()


@pytest.fixture
def racing(github: GitHubServer, transactional_db: None) -> World:
    return World(github)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tapped() as wire:
        yield wire


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_engines_assign_once(self, racing: World, wire: Wire) -> None:
        racing.commit()

        together(*[racing.advance] * 4)
        racing.advance()

        assert racing.acts.count(TOLD) == 1 == racing.events.count(TOLD)
        assert racing.moves == ["pull-request.opened"] == racing.story

    @pytest.mark.parametrize("attempt", range(3))
    def test_engines_enqueue_and_dequeue_once(self, racing: World, wire: Wire, attempt: int) -> None:
        racing.repo.add_ruleset("release", merge_queue=True)
        racing.due()

        together(*[racing.advance] * 4)
        while racing.advance().code == "merging":
            pass
        racing.block()
        together(*[racing.advance] * 4)

        expected = ["pull-request.opened", "pull-request.enqueued", "pull-request.dequeued"]
        assert racing.moves == expected == racing.story
