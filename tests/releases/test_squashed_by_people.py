"""What people squashed is not released again, whenever Horizon comes to see it, and whatever they push to the base."""

import pytest

from releases.decision import Action, Decision
from tests.releases.pushing import Watched
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(github: GitHubServer) -> Watched:
    return Watched(github)


def later(world: Watched) -> Decision:
    for _ in range(2):
        world.wait(minutes=5)
        world.look()
    return world.decide()


def squashed(world: Watched) -> None:
    world.commit()
    world.look()
    world.wait(minutes=5)
    world.repo.merge_pull_request(1, by="ana", method="squash")


def test_a_push_to_the_base_does_not_heal_it(here: Watched) -> None:
    squashed(here)
    assert later(here).code == "history-broken"

    here.repo.commit("release", "Hotfix", author="ana")
    here.commit("Something new")

    assert later(here).code == "history-broken"
    assert list(here.repo.pulls.all) == [1]


def test_one_that_was_opened_and_squashed_between_two_looks_is_recognised(here: Watched) -> None:
    here.wait(minutes=5)
    here.commit()
    here.repo.open_pull_request("staging", "release", author="ana")
    here.repo.merge_pull_request(1, by="ana", method="squash")
    here.wait(minutes=5)
    here.poll()
    here.follow()

    decision = later(here)

    assert (decision.code, list(here.repo.pulls.all)) == ("history-broken", [1])
    assert "The last release (#1) was squashed instead of merged" in decision.reason


def test_one_that_was_closed_reopened_and_squashed_between_two_looks_is_recognised(here: Watched) -> None:
    here.commit()
    here.look()
    here.repo.close_pull_request(1, by="ana")
    assert later(here).code == "closed"
    here.repo.reopen_pull_request(1)
    here.repo.merge_pull_request(1, by="ana", method="squash")
    here.poll()
    here.follow()
    here.commit("Something new")

    assert later(here).code == "history-broken"


def test_what_is_healed_is_released_with_what_is_new(here: Watched) -> None:
    squashed(here)
    later(here)
    here.repo.merge("staging", "release", author="ana")
    here.commit("Something new")

    later(here)

    assert here.repo.pull(2).state == "open"


def test_a_hotfix_of_another_branch_does_not_heal_it(here: Watched) -> None:
    squashed(here)
    later(here)
    here.repo.branch("hotfix", at="release")
    here.repo.commit("hotfix", "Hotfix", author="ana")
    here.repo.open_pull_request("hotfix", "release", author="ana")
    here.repo.merge_pull_request(2, by="ana")

    assert later(here).code == "history-broken"


def test_a_push_to_the_base_does_not_reopen_what_a_person_closed(here: Watched) -> None:
    here.commit()
    here.look()
    here.repo.close_pull_request(1, by="ana")
    assert later(here).code == "closed"

    here.repo.commit("release", "Hotfix", author="ana")

    decision = later(here)
    assert (decision.action, decision.code) == (Action.HOLD, "closed")
