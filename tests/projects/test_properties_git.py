"""Files of one commit, from a real git host."""

from pathlib import Path

import pytest

from projects.git import Credentials, GitReader
from projects.reading import StageUnreadable, Trouble
from projects.repository_files import PATHS, WORKFLOWS, properties_of
from tests.servers.githost import PASSWORD, USER, BareRepository, GitHost

FILES = {
    "Gemfile": b'ruby "3.2.2"\n',
    "README.md": b"x" * 10_000,
    ".circleci/config.yml": b"orbs: {node: circleci/node@5}\n",
    ".github/workflows/ci.yml": b"",
    ".github/workflows/deep/ci.yml": b"",
    "sub/.nvmrc": b"18",
}


def commit(repository: BareRepository, files: dict[str, bytes]) -> str:
    """A commit on main with exactly these files."""
    for path, content in files.items():
        blob = repository.git("hash-object", "-w", "--stdin", stdin=content)
        repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    return repository.commit(tree=repository.git("write-tree"))


@pytest.fixture
def reader(data_dir: Path) -> GitReader:
    return GitReader(None, data_dir=data_dir)


@pytest.mark.parametrize("prefix", ["", "old/"])
def test_the_asked_files_come_and_no_others(reader: GitReader, host: GitHost, prefix: str) -> None:
    sha = commit(host.repository(f"{prefix}artsy/candela"), FILES)

    found = reader.files(host.remote(f"{prefix}artsy/candela"), sha, PATHS)

    assert {path: text for path, text in found.items() if text is not None} == {
        "Gemfile": 'ruby "3.2.2"\n',
        ".circleci/config.yml": "orbs: {node: circleci/node@5}\n",
        ".github/workflows/": "ci.yml\ndeep",
    }
    assert set(found) == set(PATHS)


def test_what_is_read_makes_properties(reader: GitReader, host: GitHost) -> None:
    sha = commit(host.repository(), FILES)
    found = properties_of(reader.files(host.remote("artsy/candela"), sha, PATHS))
    assert (found.ci_provider, found.orbs, found.runtimes) == ("circleci", ("circleci/node",), {"ruby": "3.2.2"})


def test_nothing_stays_in_the_data_folder_but_gits_home(reader: GitReader, host: GitHost, data_dir: Path) -> None:
    sha = commit(host.repository(), FILES)
    reader.files(host.remote("artsy/candela"), sha, PATHS)
    assert not list(data_dir.rglob("*.pack"))


def test_a_commit_that_is_not_handed_out_is_replaced_by_the_default_branch(reader: GitReader, host: GitHost) -> None:
    commit(host.repository(), {"Gemfile": b"of main"})
    found = reader.files(host.remote("artsy/candela"), "1" * 40, ["Gemfile"])
    assert found == {"Gemfile": "of main"}


def test_links_folders_binaries_and_large_files_are_there_without_breaking_anything(
    reader: GitReader, host: GitHost
) -> None:
    repository = host.repository()
    commit(repository, {"package.json": b"{" * 2_000_000, "renovate.json": b"\x00\xff\xfe", "Gemfile/inner": b""})
    link = repository.git("hash-object", "-w", "--stdin", stdin=b"/etc/passwd")
    repository.git("update-index", "--add", "--cacheinfo", f"120000,{link},.nvmrc")
    sha = repository.commit(tree=repository.git("write-tree"))

    found = reader.files(host.remote("artsy/candela"), sha, PATHS)

    assert (found["package.json"], found[".nvmrc"], found["Gemfile"]) == ("", "", "")
    assert found["renovate.json"] == "\x00\ufffd\ufffd"
    assert properties_of(found).runtimes == {"ruby": "unknown version", "node": "unknown version"}


def test_a_folder_name_that_is_a_file_has_no_entries(reader: GitReader, host: GitHost) -> None:
    sha = commit(host.repository(), {".github/workflows": b""})
    assert reader.files(host.remote("artsy/candela"), sha, [WORKFLOWS]) == {WORKFLOWS: None}


def test_an_empty_commit_has_no_files(reader: GitReader, host: GitHost) -> None:
    sha = commit(host.repository(), {})
    assert set(reader.files(host.remote("artsy/candela"), sha, PATHS).values()) == {None}


def test_credentials_are_used_and_never_said(data_dir: Path, host: GitHost) -> None:
    sha = commit(host.repository("private/candela"), FILES)
    remote = host.remote("private/candela")
    credentials = Credentials("127.0.0.1", USER, PASSWORD)
    assert GitReader(credentials, data_dir=data_dir).files(remote, sha, ["Gemfile"])["Gemfile"]
    wrong = GitReader(Credentials("127.0.0.1", USER, "wrong-secret"), data_dir=data_dir)
    with pytest.raises(StageUnreadable) as caught:
        wrong.files(remote, sha, ["Gemfile"])
    assert caught.value.trouble is Trouble.REFUSED
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "trouble"), [("artsy/nothing", Trouble.NOT_FOUND), ("moved/candela", Trouble.UNREACHABLE)]
)
def test_trouble_is_told_as_for_stages(reader: GitReader, host: GitHost, path: str, trouble: Trouble) -> None:
    with pytest.raises(StageUnreadable) as caught:
        reader.files(host.remote(path), "1" * 40, PATHS)
    assert caught.value.trouble is trouble


def test_an_unsafe_remote_is_refused(reader: GitReader) -> None:
    with pytest.raises(StageUnreadable) as caught:
        reader.files("ext::sh -c true", "1" * 40, PATHS)
    assert caught.value.trouble is Trouble.UNSAFE
