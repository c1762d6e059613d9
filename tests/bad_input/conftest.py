"""Hosts that the tests turn against Horizon, and somebody who looks at the pages."""

from pathlib import Path
from typing import Any

import pytest

from projects.models import Profile, Project
from tests import worlds
from tests.bad_input.looking import polled
from tests.projects.conftest import authority, data_dir, host, profile
from tests.servers.githost import GitHost
from tests.servers.github import GitHubServer

__all__ = ["authority", "data_dir", "host", "profile"]


@pytest.fixture
def on_github(github: GitHubServer, profile: Profile) -> Project:
    """A project whose three branches are the same commit, read through GitHub's API."""
    github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    return worlds.project("candela", profile=profile, remote=github.remote("artsy/candela"))


@pytest.fixture
def waiting(github: GitHubServer, on_github: Project) -> Project:
    """A project with one commit that waits for staging, which was read well."""
    github.repository("artsy/candela").commit("main", "Add maps", author="ana")
    polled(on_github)
    return on_github


@pytest.fixture
def on_git(host: GitHost, data_dir: Path, settings: Any) -> Project:
    """The same on a plain git host, read with a mirror."""
    settings.DATA_DIR = data_dir
    repository = host.repository()
    sha = repository.commit("First")
    for branch in ("staging", "release"):
        repository.git("update-ref", f"refs/heads/{branch}", sha)
    return worlds.project("plain", remote=host.remote("artsy/candela"))
