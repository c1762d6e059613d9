"""Hosts that misbehave, mirrors that break, disks that are full: plain git survives them and says what to do."""

import os
import subprocess
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
import trustme

from projects.git import Credentials, GitReader, Limits, prune_mirrors
from projects.git_lock import Content, held, mirror_folder
from projects.reading import Head, Question, StageUnreadable, Trouble, Where
from projects.remotes import parse_remote
from tests.projects.git_questions import branch, head, trouble
from tests.servers.githost import PASSWORD, USER, BareRepository, GitHost, git_host


@pytest.fixture
def reader(data_dir: Path) -> GitReader:
    return GitReader(None, data_dir=data_dir, limits=Limits(question_seconds=10))


def mirror_of(data_dir: Path) -> Path:
    (mirror,) = data_dir.glob("mirrors/*.git")
    return mirror


def in_use(data_dir: Path, remote: str) -> AbstractContextManager[None]:
    """What another process that reads this remote does."""
    parsed = parse_remote(remote, insecure_hosts=())
    return held(mirror_folder(data_dir.resolve(), parsed, Content.HISTORY), parsed, 1)


def processes_of(path: str) -> list[list[str]]:
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if any(path in word for word in line)]


# --- hosts ------------------------------------------------------------------------------------------------------


def test_a_host_that_never_answers_is_given_up_with_its_processes(host: GitHost, data_dir: Path) -> None:
    reader = GitReader(None, data_dir=data_dir, limits=Limits(question_seconds=0.5))

    told = trouble(reader, branch(host, path="never/candela"))

    assert told.trouble is Trouble.UNREACHABLE
    assert "did not answer within 0.5 seconds" in told.message
    assert not processes_of(host.remote("never/candela"))


def test_a_host_that_sends_without_end_is_stopped(host: GitHost, data_dir: Path) -> None:
    reader = GitReader(None, data_dir=data_dir, limits=Limits(question_seconds=60))

    told = trouble(reader, branch(host, path="endless/candela"))

    assert told.trouble is Trouble.TOO_LARGE
    assert "sent more data than is allowed" in told.message


def test_an_answer_larger_than_the_limit_is_refused(host: GitHost, data_dir: Path) -> None:
    repository = host.repository()
    sha = repository.commit()
    for number in range(50):
        repository.git("update-ref", f"refs/heads/branch-{number}", sha)
    reader = GitReader(None, data_dir=data_dir, limits=Limits(answer_bytes=1000))

    assert trouble(reader, branch(host)).trouble is Trouble.TOO_LARGE


def test_a_redirect_to_another_host_is_not_followed_and_gets_no_credentials(
    host: GitHost, data_dir: Path, tmp_path: Path, authority: trustme.CA
) -> None:
    reader = GitReader(Credentials("127.0.0.1", USER, PASSWORD), data_dir=data_dir)
    with git_host(tmp_path / "elsewhere", authority) as elsewhere:
        elsewhere.repository("candela").commit()
        host.elsewhere = elsewhere.address

        told = trouble(reader, branch(host, path="moved/candela"))

        assert not elsewhere.seen
    assert told.trouble is Trouble.UNREACHABLE
    assert "redirects are not followed" in told.message


def test_a_certificate_for_another_host_is_refused(
    host: GitHost, reader: GitReader, tmp_path: Path, authority: trustme.CA
) -> None:
    with git_host(tmp_path / "impostor", authority, "other.example.com") as impostor:
        told = trouble(reader, branch(impostor))

    assert told.trouble is Trouble.UNREACHABLE
    assert "The TLS certificate of 127.0.0.1 was made for another host" in told.message


def test_a_certificate_of_an_unknown_authority_is_refused(host: GitHost, reader: GitReader, tmp_path: Path) -> None:
    with git_host(tmp_path / "stranger", trustme.CA()) as stranger:
        told = trouble(reader, branch(stranger))

    assert told.trouble is Trouble.UNREACHABLE
    assert "is not trusted here" in told.message


@pytest.mark.parametrize(
    ("path", "expected", "words"),
    [
        ("status/404/candela", Trouble.NOT_FOUND, "knows no such repository"),
        ("status/403/candela", Trouble.REFUSED, "choose a profile"),
        ("status/429/candela", Trouble.LIMITED, "limits how often"),
        ("status/500/candela", Trouble.UNREACHABLE, "an error of its own"),
        ("status/503/candela", Trouble.UNREACHABLE, "an error of its own"),
        ("page/candela", Trouble.BROKEN_ANSWER, "not git"),
    ],
)
def test_each_refusal_of_a_host_has_its_own_words(
    host: GitHost, reader: GitReader, path: str, expected: Trouble, words: str
) -> None:
    told = trouble(reader, branch(host, path=path))

    assert (told.trouble, words in told.message) == (expected, True), told.message


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ("https://127.0.0.1:1/artsy/candela.git", "nothing answers"),
        ("https://no-such-host.invalid/artsy/candela.git", "is not known"),
        ("git@127.0.0.1:artsy/candela.git", "127.0.0.1"),
    ],
)
def test_hosts_that_cannot_be_reached_are_told(reader: GitReader, remote: str, words: str) -> None:
    told = trouble(reader, Question(remote, Where.BRANCH, "main"))

    assert told.trouble in {Trouble.UNREACHABLE, Trouble.REFUSED}
    assert words in told.message


def test_plain_http_works_for_the_hosts_that_are_named(data_dir: Path, tmp_path: Path) -> None:
    with git_host(tmp_path / "plain", None) as plain:
        sha = plain.repository().commit()

        assert head(GitReader(None, data_dir=data_dir, insecure_hosts={"127.0.0.1"}), branch(plain)) == Head(sha)
        assert trouble(GitReader(None, data_dir=data_dir), branch(plain)).trouble is Trouble.UNSAFE


def test_the_configuration_of_the_machine_is_not_used(
    host: GitHost, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data folder may lie in a repository, and this machine may rewrite addresses."""
    sha = host.repository().commit()
    rewrite = f'[url "https://127.0.0.1:1/"]\n\tinsteadOf = {host.address}/\n'
    subprocess.run(["git", "init", "--quiet", str(data_dir)], check=True)
    with (data_dir / ".git" / "config").open("a") as repository_config:
        repository_config.write(rewrite)
    monkeypatch.setenv("HOME", str(data_dir))
    (data_dir / ".gitconfig").write_text(rewrite)

    assert head(GitReader(None, data_dir=data_dir), branch(host)) == Head(sha)


def test_neither_password_nor_user_stands_in_an_argument(
    host: GitHost, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that writes down how it was called goes before the real one."""
    calls, real = tmp_path / "calls", subprocess.run(["which", "git"], capture_output=True, text=True, check=True)
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "git"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{calls}"\nexec {real.stdout.strip()} "$@"\n')
    spy.chmod(0o755)
    repository = host.repository("private/candela")
    base, tip = repository.commit("One"), repository.commit("Two")
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
    reader = GitReader(Credentials("127.0.0.1", USER, PASSWORD), data_dir=data_dir)

    assert head(reader, branch(host, path="private/candela")) == Head(tip)
    assert reader.difference(host.remote("private/candela"), base, tip).total == 1

    written = calls.read_text()
    assert "ls-remote" in written
    assert "fetch" in written
    assert PASSWORD not in written
    assert f"{USER}@" not in written


def test_ssh_asks_nothing_and_uses_no_configuration(
    host: GitHost, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ssh that writes down how it was called, and runs the command here, stands in for a host with ssh."""
    calls, stand_in = tmp_path / "calls", tmp_path / "bin" / "ssh"
    stand_in.parent.mkdir()
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{calls}"\nfor last; do :; done\nexec sh -c "$last"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    repository = host.repository()
    base, tip = repository.commit("One"), repository.commit("Two")
    remote = f"git@127.0.0.1:{repository.folder}"
    reader = GitReader(None, data_dir=data_dir)

    assert head(reader, Question(remote, Where.BRANCH, "main")) == Head(tip)
    assert reader.difference(remote, base, tip).total == 1

    words = calls.read_text().split("\n")
    assert {"BatchMode=yes", "StrictHostKeyChecking=accept-new", "/dev/null", "git@127.0.0.1"} <= set(words)
    assert f'UserKnownHostsFile="{data_dir.resolve()}/git-home/known_hosts"' in words


# --- mirrors ----------------------------------------------------------------------------------------------------


@pytest.fixture
def compared(host: GitHost, reader: GitReader) -> tuple[str, str, str, BareRepository]:
    """A remote whose mirror exists, with a base and a head that it has."""
    repository = host.repository()
    base, tip = repository.commit("One"), repository.commit("Two")
    remote = host.remote("artsy/candela")
    reader.difference(remote, base, tip)
    return remote, base, tip, repository


@pytest.mark.parametrize("damage", ["pack", "head", "config", "objects", "lock", "empty"])
def test_a_broken_mirror_is_made_anew(
    compared: tuple[str, str, str, BareRepository], reader: GitReader, data_dir: Path, damage: str
) -> None:
    remote, base, tip, repository = compared
    mirror = mirror_of(data_dir)
    if damage == "pack":
        for pack in mirror.glob("objects/pack/*.pack"):
            pack.chmod(0o600)
            pack.write_bytes(b"PACK" + b"\x00" * 64)
    elif damage == "head":
        (mirror / "HEAD").write_bytes(b"\x00\x00")
    elif damage == "config":
        (mirror / "config").write_text("[core\nbroken")
    elif damage == "objects":
        subprocess.run(["rm", "-rf", str(mirror / "objects")], check=True)
    elif damage == "lock":
        (mirror / "packed-refs.lock").touch()
        (mirror / "refs/horizon/commits").mkdir(parents=True, exist_ok=True)
    else:
        subprocess.run(["rm", "-rf", str(mirror)], check=True)
        mirror.mkdir()
    newest = repository.commit("Three")

    assert reader.difference(remote, base, tip).total == 1
    assert reader.difference(remote, base, newest).total == 2


def test_a_host_that_fails_in_the_middle_leaves_the_mirror_as_it_was(
    compared: tuple[str, str, str, BareRepository], reader: GitReader, host: GitHost
) -> None:
    remote, base, tip, repository = compared
    newest = repository.commit("Three")
    hidden = repository.folder.rename(repository.folder.with_suffix(".away"))

    with pytest.raises(StageUnreadable) as caught:
        reader.difference(remote, tip, newest)
    assert caught.value.trouble is Trouble.NOT_FOUND
    assert reader.difference(remote, base, tip).total == 1

    hidden.rename(repository.folder)
    assert reader.difference(remote, tip, newest).total == 1


def test_a_mirror_larger_than_the_limit_is_refused_and_leaves_nothing(host: GitHost, data_dir: Path) -> None:
    repository = host.repository("old/candela")
    base = repository.commit("One")
    tip = repository.commit("Two", tree=repository.tree(os.urandom(3_000_000)))
    reader = GitReader(None, data_dir=data_dir, limits=Limits(mirror_bytes=1_000_000))

    with pytest.raises(StageUnreadable) as caught:
        reader.difference(host.remote("old/candela"), base, tip)

    assert caught.value.trouble is Trouble.TOO_LARGE
    assert "sent more data than is allowed for one repository" in caught.value.message
    assert sum(path.stat().st_size for path in data_dir.rglob("*") if path.is_file()) < 1_000_000


def test_a_mirror_that_has_outgrown_the_limit_begins_again(
    compared: tuple[str, str, str, BareRepository], data_dir: Path
) -> None:
    remote, base, tip, repository = compared
    grown = mirror_of(data_dir) / "objects" / "grown"
    grown.write_bytes(b"\0" * 1_500_000)
    reader = GitReader(None, data_dir=data_dir, limits=Limits(mirror_bytes=1_500_000))

    assert reader.difference(remote, base, tip).total == 1
    assert grown.exists()
    assert reader.difference(remote, base, repository.commit("Three")).total == 2
    assert not grown.exists()


def test_a_full_disk_is_told(host: GitHost, tmp_path: Path) -> None:
    repository = host.repository("old/candela")
    base = repository.commit("One")
    tip = repository.commit("Two", tree=repository.tree(os.urandom(3_000_000)))
    disk = tmp_path / "small disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "horizon-test", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a disk that is full can only be made with the right to mount one")
    try:
        with pytest.raises(StageUnreadable) as caught:
            GitReader(None, data_dir=disk).difference(host.remote("old/candela"), base, tip)
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert caught.value.trouble is Trouble.TOO_LARGE
    assert "data folder is full" in caught.value.message


def test_a_data_folder_that_cannot_be_written_is_told(host: GitHost, tmp_path: Path) -> None:
    host.repository().commit()
    (tmp_path / "a file").touch()

    told = trouble(GitReader(None, data_dir=tmp_path / "a file"), branch(host))

    assert told.trouble is Trouble.MISCONFIGURED
    assert "git cannot work in Horizon's data folder (Not a directory)" in told.message


def test_two_readers_of_one_remote_do_not_disturb_each_other(host: GitHost, data_dir: Path) -> None:
    repository = host.repository()
    shas = [repository.commit(str(number)) for number in range(6)]
    remote = host.remote("artsy/candela")
    totals: list[int] = []

    def compare(base: str) -> None:
        totals.append(GitReader(None, data_dir=data_dir).difference(remote, base, shas[-1]).total)

    threads = [threading.Thread(target=compare, args=(sha,)) for sha in shas[:-1]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(totals) == [1, 2, 3, 4, 5]


def test_a_mirror_that_is_in_use_for_too_long_is_told(
    compared: tuple[str, str, str, BareRepository], data_dir: Path
) -> None:
    remote, base, tip, _ = compared
    impatient = GitReader(None, data_dir=data_dir, limits=Limits(fetch_seconds=0.2))

    with in_use(data_dir, remote), pytest.raises(StageUnreadable) as caught:
        impatient.difference(remote, base, tip)

    assert "is being fetched since 0.2 seconds" in caught.value.message


def test_only_the_newest_commits_keep_a_ref(
    compared: tuple[str, str, str, BareRepository],
    reader: GitReader,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("projects.git_history.History.kept_refs", 2)
    remote, base, _, repository = compared
    shas = [repository.commit(str(number), at=f"176100000{number}") for number in range(4)]
    for sha in shas:
        reader.difference(remote, base, sha)

    kept = BareRepository(mirror_of(data_dir)).git("for-each-ref", "--format=%(objectname)").split()
    assert sorted(kept) == sorted(shas[-2:])


def test_mirrors_of_removed_projects_are_deleted(host: GitHost, reader: GitReader, data_dir: Path) -> None:
    for path in ("artsy/kept", "artsy/removed"):
        repository = host.repository(path)
        reader.difference(host.remote(path), repository.commit("One"), repository.commit("Two"))

    assert prune_mirrors([host.remote("artsy/kept"), "ext::nonsense"], data_dir=data_dir) == 1
    assert len(list(data_dir.glob("mirrors/*.git"))) == 1
    assert prune_mirrors([], data_dir=data_dir) == 1
    assert not list((data_dir / "mirrors").iterdir())


def test_a_mirror_that_is_being_read_is_not_deleted(
    compared: tuple[str, str, str, BareRepository], data_dir: Path
) -> None:
    with in_use(data_dir, compared[0]):
        assert prune_mirrors([], data_dir=data_dir) == 0


def test_pruning_before_anything_was_read_is_no_error(data_dir: Path) -> None:
    assert prune_mirrors([], data_dir=data_dir) == 0
