"""Fixtures of the readers' tests: a plain git host over https, a data folder, and a profile of GitHub."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from projects.models import Profile
from tests import worlds
from tests.servers.githost import GitHost, git_host
from tests.servers.github import GitHubServer
from tests.worlds import TOKEN


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def host(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHost]:
    """A git host whose certificate is trusted."""
    certificates = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(certificates))
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificates))
    with git_host(tmp_path / "repositories", authority) as running:
        yield running


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "a data folder"
    folder.mkdir()
    return folder


@pytest.fixture
def profile(github: GitHubServer) -> Profile:
    github.add_user("ana", name="Ana Lee", email="ana@example.com")
    github.add_token(TOKEN, login="ana", scopes=("repo",))
    return worlds.github_profile(api_url=github.api_url)
