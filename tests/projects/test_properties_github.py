"""Files of default branches, from the GitHub server."""

from typing import Any

import pytest

from projects.github import GitHubReader
from projects.models import Profile
from projects.reading import StageUnreadable, Trouble
from projects.repository_files import PATHS, properties_of
from projects.secrets import Secret
from tests.servers.github import GitHubServer

TOKEN = "ghp_properties"


@pytest.fixture
def reader(github: GitHubServer) -> GitHubReader:
    github.add_token(TOKEN, login="horizon-bot")
    values: dict[str, Any] = {"kind": Profile.Kind.GITHUB_TOKEN, "secret": Secret.of(TOKEN), "api_url": github.api_url}
    return GitHubReader(Profile(**values))


def test_files_and_folders_of_the_default_branch_come_with_one_request(
    github: GitHubServer, reader: GitHubReader
) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    files: dict[str, str | bytes | None] = {
        "Gemfile": "source 'x'\nruby '3.2.2'",
        ".github/workflows/ci.yml": "",
        ".github/renovate.json": "{}",
    }
    repository.commit("main", "Add files", files=files)
    repository.commit("release", "Add another", files={".travis.yml": ""})
    github.reset_requests()

    found = reader.files("artsy", "candela", PATHS)

    assert {path: text for path, text in found.items() if text is not None} == {
        "Gemfile": files["Gemfile"],
        ".github/workflows/": "ci.yml",
        ".github/renovate.json": "{}",
    }
    properties = properties_of(found)
    assert (properties.ci_provider, properties.renovate, properties.runtimes) == (
        "github actions",
        True,
        {"ruby": "3.2.2"},
    )
    assert github.count("GRAPHQL") == 1


def test_a_folder_instead_of_a_file_and_a_file_instead_of_a_folder_are_nothing(
    github: GitHubServer, reader: GitHubReader
) -> None:
    repository = github.add_repository("artsy/candela")
    repository.commit("main", "Confuse", files={"Gemfile/inner": "x", ".github/workflows": "x"})
    assert set(reader.files("artsy", "candela", ["Gemfile", ".github/workflows/"]).values()) == {None}


def test_a_repository_without_commits_has_no_files(github: GitHubServer, reader: GitHubReader) -> None:
    github.add_repository("artsy/empty", branches=(), initial=False)
    assert set(reader.files("artsy", "empty", PATHS).values()) == {None}


def test_a_repository_that_is_not_there_is_told(github: GitHubServer, reader: GitHubReader) -> None:
    with pytest.raises(StageUnreadable) as caught:
        reader.files("artsy", "nothing", PATHS)
    assert caught.value.trouble is Trouble.NOT_FOUND
