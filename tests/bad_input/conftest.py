"""Hosts that the tests turn against Horizon, and somebody who looks at the pages."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from projects.models import Profile, Project
from tests import worlds
from tests.projects.conftest import authority, data_dir, host
from tests.servers.githost import GitHost
from tests.servers.github import GitHubServer
from tests.worlds import TOKEN

__all__ = ["authority", "data_dir", "host"]


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("bo"))
    return client


@pytest.fixture
def profile(github: GitHubServer) -> Profile:
    github.add_user("ana", name="Ana Lee", email="ana@example.com")
    github.add_token(TOKEN, login="ana", scopes=("repo",))
    return worlds.github_profile(api_url=github.api_url)


@pytest.fixture
def on_github(github: GitHubServer, profile: Profile) -> Project:
    """A project whose three branches are the same commit, read through GitHub's API."""
    github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    return worlds.project("candela", profile=profile, remote=github.remote("artsy/candela"))


@pytest.fixture
def on_git(host: GitHost, data_dir: Path, settings: Any) -> Project:
    """The same on a plain git host, read with a mirror."""
    settings.DATA_DIR = data_dir
    repository = host.repository()
    sha = repository.commit("First")
    for branch in ("staging", "release"):
        repository.git("update-ref", f"refs/heads/{branch}", sha)
    return worlds.project("plain", remote=host.remote("artsy/candela"))
