"""Which commits one stage has and another has not, from a real git host."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from projects.compare import compare
from projects.git import Credentials, GitReader
from projects.reading import Commit, Difference, Head, StageUnreadable, Trouble
from tests.servers.githost import PASSWORD, USER, BareRepository, GitHost

UNKNOWN = "1" * 40


@pytest.fixture
def reader(data_dir: Path) -> GitReader:
    return GitReader(None, data_dir=data_dir)


@pytest.fixture
def repository(host: GitHost) -> BareRepository:
    return host.repository()


@pytest.fixture
def remote(host: GitHost, repository: BareRepository) -> str:
    return host.remote("artsy/candela")


def refused(reader: GitReader, remote: str, base: str, head: str) -> StageUnreadable:
    with pytest.raises(StageUnreadable) as caught:
        reader.difference(remote, base, head)
    return caught.value


def fetches(host: GitHost) -> int:
    return sum(path.endswith("/git-upload-pack") for path, _ in host.seen)


def test_commits_come_newest_first_with_all_that_is_known(
    reader: GitReader, repository: BareRepository, remote: str
) -> None:
    base = repository.commit("Begin", at="1760000000")
    tree = repository.tree(b"two")
    middle = repository.commit("Two", at="1760000100", tree=tree)
    head = repository.commit(
        "Three\n\nWith a body\nof lines", at="1760000200", author="Åsa Ek <asa@example.com>".encode()
    )

    found = reader.difference(remote, base, head)

    assert [commit.sha for commit in found.commits] == [head, middle]
    assert (found.total, found.behind) == (2, 0)
    assert found.commits[0].author == "Åsa Ek"
    assert found.commits[1] == Commit(
        sha=middle,
        date=datetime.fromtimestamp(1760000100, UTC),
        subject="Two",
        author="Ana Lee",
        email="ana@example.com",
        parents=(base,),
        tree=tree,
    )


def test_both_directions_are_counted_and_merges_included(
    reader: GitReader, repository: BareRepository, remote: str
) -> None:
    base = repository.commit("Begin")
    left = repository.commit("Left", parents=(base,))
    right = repository.commit("Right", on="release", parents=(base,))
    merge = repository.commit("Merge", on="release", parents=(right, left))
    drifted = repository.commit("Drift", on="drift", parents=(base,))

    found = reader.difference(remote, drifted, merge)

    assert (found.commits[0].sha, found.commits[0].is_merge) == (merge, True)
    assert (found.total, found.behind) == (3, 1)


def test_the_same_commit_has_no_difference_and_costs_nothing(host: GitHost, reader: GitReader, remote: str) -> None:
    assert reader.difference(remote, UNKNOWN, UNKNOWN) == Difference((), 0, 0)
    assert not host.seen


def test_of_many_commits_the_newest_250_are_kept_and_all_are_counted(
    reader: GitReader, repository: BareRepository, remote: str
) -> None:
    base = repository.commit("Begin")
    stream = "".join(
        f"commit refs/heads/main\ncommitter A <a@b.c> {1760000000 + number} +0000\ndata 4\nc{number:03}\n"
        + (f"from {base}\n" if number == 0 else "")
        for number in range(300)
    )
    repository.git("fast-import", "--quiet", "--force", stdin=stream.encode())
    head = repository.git("rev-parse", "refs/heads/main")

    found = reader.difference(remote, base, head)

    assert (len(found.commits), found.total) == (250, 300)
    assert (found.commits[0].subject, found.commits[-1].subject) == ("c299", "c050")


def test_what_is_known_already_is_not_fetched_again(
    host: GitHost, reader: GitReader, repository: BareRepository, remote: str
) -> None:
    first, second = repository.commit("One"), repository.commit("Two")
    reader.difference(remote, first, second)
    before = fetches(host)

    assert reader.difference(remote, second, first).behind == 1
    assert fetches(host) == before


def test_later_commits_are_fetched_when_they_are_needed(
    reader: GitReader, repository: BareRepository, remote: str, data_dir: Path
) -> None:
    shas = [repository.commit(f"Number {number}") for number in range(3)]
    reader.difference(remote, shas[0], shas[1])

    assert reader.difference(remote, shas[1], shas[2]).total == 1
    assert len(list(data_dir.glob("mirrors/*.git"))) == 1


def test_files_and_trees_are_not_fetched(
    reader: GitReader, repository: BareRepository, remote: str, data_dir: Path
) -> None:
    base = repository.commit("Begin", tree=repository.tree(b"x" * 1000))
    head = repository.commit("More", tree=repository.tree(b"y" * 1000))
    reader.difference(remote, base, head)

    (mirror,) = data_dir.glob("mirrors/*.git")
    kinds = BareRepository(mirror).git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert sorted(kinds) == ["commit", "commit"]


def test_a_private_repository_is_compared_with_credentials(host: GitHost, data_dir: Path) -> None:
    repository = host.repository("private/candela")
    base, head = repository.commit("One"), repository.commit("Two")
    reader = GitReader(Credentials("127.0.0.1", USER, PASSWORD), data_dir=data_dir)

    assert reader.difference(host.remote("private/candela"), base, head).total == 1
    for path in data_dir.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_an_old_host_without_partial_clones_works(host: GitHost, reader: GitReader) -> None:
    repository = host.repository("old/candela")
    base, hidden, head = repository.commit("One"), repository.commit("Two"), repository.commit("Three")

    assert reader.difference(host.remote("old/candela"), base, hidden).total == 1
    assert reader.difference(host.remote("old/candela"), hidden, head).total == 1


def test_a_squashed_release_is_recognised_by_its_tree(
    reader: GitReader, repository: BareRepository, remote: str
) -> None:
    base = repository.commit("Begin", tree=repository.tree(b"one"))
    repository.commit("A part", tree=repository.tree(b"two"))
    staging = repository.commit("The rest", tree=repository.tree(b"three"))
    squashed = repository.commit("Release (#1)", on="release", parents=(base,), tree=repository.tree(b"three"))

    compared = compare(
        Head(squashed), reader.difference(remote, squashed, staging), reader.difference(remote, staging, squashed)
    )

    assert compared.squashed_at == staging
    assert compared.count == 0


# --- histories that were changed --------------------------------------------------------------------------------


def test_unrelated_histories_are_told(reader: GitReader, repository: BareRepository, remote: str) -> None:
    one, other = repository.commit("One", on="one"), repository.commit("Other", on="other")

    told = refused(reader, remote, one, other)

    assert told.trouble is Trouble.UNRELATED
    assert f"{one[:7]} and {other[:7]} share no history" in told.message


@pytest.mark.parametrize("path", ["artsy/candela", "old/candela"])
def test_a_commit_that_the_host_no_longer_has_is_told(host: GitHost, reader: GitReader, path: str) -> None:
    sha = host.repository(path).commit()

    told = refused(reader, host.remote(path), UNKNOWN, sha)

    assert told.trouble is Trouble.GONE
    assert "The commit 1111111 is no longer on 127.0.0.1" in told.message


def test_a_commit_that_was_force_pushed_away_is_still_found_in_the_mirror(
    reader: GitReader, repository: BareRepository, remote: str
) -> None:
    base, lost = repository.commit("One"), repository.commit("Two")
    reader.difference(remote, base, lost)
    replaced = repository.commit("Two again", parents=(base,))
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")

    found = reader.difference(remote, lost, replaced)

    assert (found.total, found.behind) == (1, 1)


def test_a_repository_that_is_gone_is_told(reader: GitReader, host: GitHost) -> None:
    told = refused(reader, host.remote("artsy/gone"), UNKNOWN, "2" * 40)

    assert told.trouble is Trouble.NOT_FOUND
    assert "knows no such repository" in told.message


def test_names_that_are_no_shas_are_refused(reader: GitReader, remote: str) -> None:
    assert refused(reader, remote, "--output=/tmp/x", UNKNOWN).trouble is Trouble.BROKEN_ANSWER


# --- what strangers write ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (b"<b>bold</b> & more", "<b>bold</b> & more"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"broken \xff\xfe bytes", "broken \ufffd\ufffd bytes"),
        ("turned \u202eback\u202c".encode(), "turned back"),
        (b"tab\tand  spaces", "tab and spaces"),
        ("emoji 🚀 and 日本語".encode(), "emoji 🚀 and 日本語"),
        (b"", ""),
    ],
)
def test_subjects_are_cleaned(
    reader: GitReader, repository: BareRepository, remote: str, subject: bytes, shown: str
) -> None:
    base = repository.commit("Begin")

    assert reader.difference(remote, base, repository.commit(subject)).commits[0].subject == shown


def test_a_subject_ends_at_a_nul(reader: GitReader, repository: BareRepository, remote: str) -> None:
    base, head = repository.commit("Begin"), repository.commit(b"before\x00after")
    above = repository.commit("On top")

    assert [commit.subject for commit in reader.difference(remote, base, above).commits] == ["On top", "before"]
    assert head in {commit.sha for commit in reader.difference(remote, base, above).commits}


@pytest.mark.parametrize("filler", [b"x", "é".encode(), "日".encode(), b"\xff", b"word "])
def test_a_subject_of_a_megabyte_is_cut(
    reader: GitReader, repository: BareRepository, remote: str, filler: bytes
) -> None:
    base = repository.commit("Begin")

    (commit,) = reader.difference(remote, base, repository.commit(filler * (1_000_000 // len(filler)))).commits

    assert 200 < len(commit.subject) <= 500
    assert commit.subject.endswith(("…", ".."))


@pytest.mark.parametrize(
    ("at", "year"), [("0", 1970), ("4294967295", 2106), ("-5", 1970), ("99999999999999", 9999), ("9" * 30, None)]
)
def test_absurd_dates_are_survived(
    reader: GitReader, repository: BareRepository, remote: str, at: str, year: int | None
) -> None:
    base = repository.commit("Begin")

    (commit,) = reader.difference(remote, base, repository.commit("When?", at=at)).commits

    assert commit.date.tzinfo is UTC
    assert year in {None, commit.date.year}


def test_authors_are_cleaned_and_may_share_an_address(
    reader: GitReader, repository: BareRepository, remote: str
) -> None:
    base = repository.commit("Begin")
    repository.commit("One", author=b"\x1b[1mAna\xff <team@example.com>")
    head = repository.commit("Two", author=b"Bo <team@example.com>")

    found = reader.difference(remote, base, head).commits

    assert [(commit.author, commit.email) for commit in found] == [
        ("Bo", "team@example.com"),
        ("Ana\ufffd", "team@example.com"),
    ]
