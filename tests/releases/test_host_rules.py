"""Rules of the host that Horizon does not know one by one: a token that may go round them does not."""

import pytest

from tests.releases.wire import tapped
from tests.releases.world import BOT, World

pytestmark = pytest.mark.django_db

ASKED = "PUT .*/merge-async$"
MERGED = "PUT .*/merge$"


@pytest.fixture
def behind(world: World) -> World:
    """A release that is due, of a head that GitHub wants to be up to date, by a token that may go round that."""
    world.repo.set_role(BOT, "admin")
    world.repo.protect("release", strict=True)
    world.opened()
    world.repo.commit("release", "Hot fix")
    world.wait(days=1)
    return world


def test_are_not_gone_round_and_github_says_which(behind: World) -> None:
    decision = behind.advance()

    assert decision.code == "refused"
    assert "Head branch is out of date" in decision.reason
    assert behind.github.sent(MERGED) == []
    assert not behind.repo.pull(1).merged


def test_are_asked_for_with_growing_pauses(behind: World) -> None:
    for _ in range(60):
        behind.advance()
        behind.wait(minutes=1)

    assert 1 < len(behind.github.sent(ASKED)) < 10


def test_that_are_met_again_hold_nothing(behind: World) -> None:
    behind.advance()
    behind.repo.unprotect("release")
    behind.wait(minutes=5)

    behind.advance()

    assert behind.repo.pull(1).merged
    assert behind.story == ["pull-request.opened", "release.merged"]


def test_that_only_githubs_memory_takes_for_unmet_hold_nothing(behind: World) -> None:
    """GitHub's word may be stale (strands-labs/robots #2578): asked for the merge, it looks itself."""
    with tapped() as wire:
        wire.at(ASKED, "before", lambda: behind.repo.unprotect("release"))
        behind.advance()

    assert len(behind.github.sent(ASKED)) == 1
    assert behind.repo.pull(1).merged
    behind.advance()
    assert behind.story == ["pull-request.opened", "release.merged"]
