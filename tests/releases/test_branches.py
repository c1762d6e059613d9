"""Whether branches exist is asked of their host, within seconds and in few requests."""

from datetime import timedelta

import pytest

from projects.models import Profile, ProfileBudget
from projects.secrets import Secret
from releases.branches import Found, look_for_branches
from releases.models import DeployStrategy
from tests import worlds
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile(github: GitHubServer) -> Profile:
    github.add_token("ghp_1", login="horizon-bot")
    return worlds.github_profile(api_url=github.api_url, secret=Secret.of("ghp_1"))


def strategy(github: GitHubServer, profile: Profile, name: str = "candela", **changed: str) -> DeployStrategy:
    project = worlds.project(name, remote=github.remote(f"artsy/{name}"), profile=profile)
    values = {"base": "release", "head": "staging"} | changed
    return DeployStrategy(stage=project.stages.get(name="production"), **values)


def look(asked: DeployStrategy) -> Found:
    (found,) = look_for_branches([asked], worlds.NOW)
    return found


def test_branches_that_exist_are_no_trouble(github: GitHubServer, profile: Profile) -> None:
    github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    assert look(strategy(github, profile)) == Found()


def test_both_missing_are_told_each(github: GitHubServer, profile: Profile) -> None:
    github.add_repository("artsy/candela", branches=("main",))
    found = look(strategy(github, profile))
    assert {problem.field for problem in found.problems} == {"base", "head"}
    assert "It has main." in found.problems[0].message


def test_a_renamed_repository_is_followed(github: GitHubServer, profile: Profile) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    asked = strategy(github, profile)
    repository.rename("artsy/lamp")
    assert look(asked) == Found()


def test_a_repository_that_is_not_there_is_a_warning_where_the_stage_names_it(
    github: GitHubServer, profile: Profile
) -> None:
    found = look(strategy(github, profile))
    assert found.problems == []
    assert "Whether staging and release exist could not be asked" in found.warning


def test_a_repository_that_the_strategy_names_must_be_there(github: GitHubServer, profile: Profile) -> None:
    (problem,) = look(strategy(github, profile, repository="artsy/nothing")).problems
    assert problem.field == "repository"


def test_credentials_that_are_refused_are_a_warning(github: GitHubServer, profile: Profile) -> None:
    github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    profile.secret = Secret.of("ghp_wrong")
    profile.save()
    found = look(strategy(github, profile))
    assert found.problems == []
    assert found.warning
    assert "ghp_wrong" not in found.warning


def test_a_profile_that_pauses_is_not_asked(github: GitHubServer, profile: Profile) -> None:
    until = worlds.NOW + timedelta(minutes=5)
    ProfileBudget.objects.create(profile=profile, paused_until=until, pause_reason="The hourly budget is used up.")
    assert "The hourly budget is used up." in look(strategy(github, profile)).warning
    assert github.requests == []


def test_a_strategy_without_github_is_told_elsewhere(github: GitHubServer) -> None:
    project = worlds.project("plain")
    asked = DeployStrategy(stage=project.stages.get(name="production"), base="release", head="staging")
    assert look(asked) == Found()
