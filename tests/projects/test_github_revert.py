"""Reverting on GitHub, what commits say they revert, and who pushed."""

import pytest

from projects.github_revert import Reverts
from projects.github_values import ActRefused, AnswerLost
from tests.releases.world import World
from tests.servers.github import GitHubServer
from tests.servers.github.fixtures import github

__all__ = ["github"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(github: GitHubServer, db: None) -> World:
    return World(github)


@pytest.fixture
def reverts(world: World) -> Reverts:
    return Reverts(world.profile)


def merged(world: World) -> str:
    world.repo.commit("staging", "Add a price", author="ana", files={"price.txt": "12"})
    world.repo.open_pull_request("staging", "release", title="Deploy")
    return world.repo.merge_pull_request(1, by="ana") or world.repo.sha("release")


class TestRevertingAPullRequest:
    def test_opens_one_that_takes_its_changes_out_of_the_base(self, world: World, reverts: Reverts) -> None:
        merge = merged(world)

        pull = reverts.revert("artsy", "candela", 1, title="Back", body="key 1")

        assert (pull.title, pull.base, pull.head, pull.is_open) == ("Back", "release", "revert-1-staging", True)
        assert reverts.find("artsy", "candela", "release", "key 1") == pull
        assert reverts.find("artsy", "candela", "release", "key 2") is None
        world.repo.merge_pull_request(pull.number, by="ana")
        told = reverts.told("artsy", "candela", merge, world.repo.sha("release"))
        assert [commit.reverts for commit in told if commit.reverts] == [{merge}]
        assert len(told) == 2

    def test_tells_in_githubs_words_why_it_cannot_be_done(self, world: World, reverts: Reverts) -> None:
        world.commit()
        world.repo.open_pull_request("staging", "release")

        with pytest.raises(ActRefused, match="not merged"):
            reverts.revert("artsy", "candela", 1, title="Back", body="")

        with pytest.raises(ActRefused, match="has no pull request 99"):
            reverts.revert("artsy", "candela", 99, title="Back", body="")

    def test_with_a_conflict_is_refused(self, world: World, reverts: Reverts) -> None:
        merged(world)
        world.repo.commit("release", "Another price", files={"price.txt": "13"})

        with pytest.raises(ActRefused, match="reverted automatically"):
            reverts.revert("artsy", "candela", 1, title="Back", body="")

    def test_whose_answer_was_lost_is_found_again(self, world: World, reverts: Reverts) -> None:
        merged(world)
        world.github.fail("GRAPHQL Revert", drop="after")

        with pytest.raises(AnswerLost):
            reverts.revert("artsy", "candela", 1, title="Back", body="key 1")

        found = reverts.find("artsy", "candela", "release", "key 1")
        assert found is not None
        assert found.number == 2


class TestPushes:
    def test_name_who_moved_a_branch(self, world: World, reverts: Reverts) -> None:
        old = world.repo.sha("release")
        new = world.repo.commit("release", "Quick fix", author="ana")
        world.repo.force_push("release", old, by="bo")

        back = reverts.push("artsy", "candela", "release", old)
        forth = reverts.push("artsy", "candela", "release", new)

        assert back is not None
        assert forth is not None
        assert (back.login, back.forced) == ("bo", True)
        assert (forth.login, forth.forced) == ("ana", False)
        assert reverts.push("artsy", "candela", "release", "0" * 40) is None

    def test_are_nobodys_where_the_host_does_not_tell(self, world: World, reverts: Reverts) -> None:
        world.github.fail("GET .*/activity", status=404)

        assert reverts.push("artsy", "candela", "release", world.repo.sha("release")) is None
