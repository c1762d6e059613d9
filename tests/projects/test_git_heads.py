"""Where stages are, asked of a real git host over https."""

import base64
from pathlib import Path

import pytest

from projects.git import Credentials, GitReader
from projects.reading import Head, Question, Trouble, Where
from tests.projects.git_questions import branch, head, tags, trouble
from tests.servers.githost import PASSWORD, USER, BareRepository, GitHost


@pytest.fixture
def reader(data_dir: Path) -> GitReader:
    return GitReader(None, data_dir=data_dir)


def mirrors(data_dir: Path) -> list[Path]:
    return list(data_dir.glob("mirrors/*.git"))


def test_the_head_of_a_branch_is_found_without_fetching(host: GitHost, reader: GitReader, data_dir: Path) -> None:
    sha = host.repository().commit()

    assert head(reader, branch(host)) == Head(sha)
    assert not mirrors(data_dir)


@pytest.mark.parametrize("name", ["feature/a/b", "fix#12", "100%", "übung-日本", "a'b", "$(touch)", "refs"])
def test_unusual_names_of_branches_work(host: GitHost, reader: GitReader, name: str) -> None:
    sha = host.repository().commit(on=name)

    assert head(reader, branch(host, name)) == Head(sha)


def test_a_remote_is_asked_once_for_all_its_questions(host: GitHost, reader: GitReader) -> None:
    repository = host.repository()
    main, staging = repository.commit("One"), repository.commit("Two", on="staging")
    tag = repository.tag("v1", main)
    questions = [branch(host), branch(host, "staging"), tags(host, "v*"), branch(host)]

    answers = reader.heads(questions)

    assert answers == {questions[0]: Head(main), questions[1]: Head(staging), questions[2]: Head(tag, label="v1")}
    assert sum("info/refs" in path for path, _ in host.seen) == 1


def test_many_remotes_are_read_in_one_go_and_ones_trouble_is_no_others(host: GitHost, reader: GitReader) -> None:
    shas = {f"team/app{number}": host.repository(f"team/app{number}").commit() for number in range(20)}
    questions = {path: branch(host, path=path) for path in shas}
    lost = branch(host, path="team/lost")

    answers = reader.heads([lost, *questions.values()])

    assert {path: answers[question] for path, question in questions.items()} == {
        path: Head(sha) for path, sha in shas.items()
    }
    assert answers[lost].trouble is Trouble.NOT_FOUND  # type: ignore[union-attr]


def test_no_question_is_no_work(reader: GitReader) -> None:
    assert reader.heads([]) == {}


def test_an_empty_repository_is_told_from_one_without_the_branch(host: GitHost, reader: GitReader) -> None:
    host.repository("artsy/empty")
    host.repository().commit()

    empty, gone = trouble(reader, branch(host, path="artsy/empty")), trouble(reader, branch(host, "release"))

    assert (empty.trouble, gone.trouble) == (Trouble.EMPTY, Trouble.GONE)
    assert "has no commit yet" in empty.message
    assert "has no branch release" in gone.message


def test_a_branch_is_not_found_by_the_end_of_its_name(host: GitHost, reader: GitReader) -> None:
    host.repository().commit(on="feature/main")

    assert trouble(reader, branch(host)).trouble is Trouble.GONE


# --- tags -------------------------------------------------------------------------------------------------------


def test_the_newest_tag_is_the_one_made_last_whatever_its_commit(host: GitHost, reader: GitReader) -> None:
    repository = host.repository()
    old, new = repository.commit("Old", at="1700000000"), repository.commit("New", at="1700005000")
    repository.tag("v2", new, annotated_at=1700006000)
    repository.tag("v10", old, annotated_at=1700009000)

    assert head(reader, tags(host, "v*")) == Head(old, label="v10")


def test_tags_that_are_not_annotated_count_by_their_commit(host: GitHost, reader: GitReader) -> None:
    repository = host.repository()
    old, new = repository.commit("Old", at="1700000000"), repository.commit("New", at="1700005000")
    repository.tag("v1", new)
    repository.tag("v2", old, annotated_at=1700004000)
    repository.tag("other", repository.commit("Newest", at="1700009000"))

    assert head(reader, tags(host, "v*")) == Head(new, label="v1")


def test_tags_of_the_same_time_are_ordered_by_their_commits(host: GitHost, reader: GitReader) -> None:
    repository = host.repository()
    first, second = repository.commit("One", at="1700000001"), repository.commit("Two", at="1700000002")
    repository.tag("b", first, annotated_at=1700000009)
    repository.tag("a", second, annotated_at=1700000009)

    assert head(reader, tags(host, "*")) == Head(second, label="a")


def test_a_tag_of_a_tag_is_followed_to_the_commit(host: GitHost, reader: GitReader) -> None:
    repository = host.repository()
    sha = repository.commit()
    inner = repository.tag("inner/v1", sha, annotated_at=1700000000)
    raw = f"object {inner}\ntype tag\ntag outer\ntagger A <a@b.c> 1800000001 +0000\n\nouter\n"
    outer = repository.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=raw.encode())
    repository.git("update-ref", "refs/tags/outer", outer)
    repository.tag("other", sha)

    assert head(reader, tags(host, "o*")) == Head(sha, label="outer")


def test_tags_that_lead_to_no_commit_are_passed_over(host: GitHost, reader: GitReader) -> None:
    repository = host.repository()
    sha = repository.commit()
    repository.git("update-ref", "refs/tags/v9", repository.git("hash-object", "-w", "--stdin", stdin=b"a file"))
    repository.tag("v1", sha)

    assert head(reader, tags(host, "v*")) == Head(sha, label="v1")


def test_a_second_look_at_the_same_tags_fetches_nothing(host: GitHost, reader: GitReader) -> None:
    repository = host.repository()
    for number in range(3):
        repository.tag(f"v{number}", repository.commit(at=f"170000000{number}"))
    head(reader, tags(host, "v*"))
    asked = len(host.seen)

    assert head(reader, tags(host, "v*")).label == "v2"
    assert not any(path.endswith("/git-upload-pack") for path, _ in host.seen[asked + 2 :])


def test_for_the_dates_of_tags_no_history_is_fetched(host: GitHost, reader: GitReader, data_dir: Path) -> None:
    repository = host.repository()
    shas = [repository.commit(str(number), at=f"170000000{number}") for number in range(5)]
    repository.tag("v1", shas[1])
    repository.tag("v2", shas[4])

    assert head(reader, tags(host, "v*")) == Head(shas[4], label="v2")
    (mirror,) = mirrors(data_dir)
    assert BareRepository(mirror).git("cat-file", "--batch-all-objects", "--batch-check").count("commit") == 2


@pytest.mark.parametrize("path", ["artsy/candela", "old/candela"])
def test_new_moved_and_deleted_tags_are_followed(host: GitHost, reader: GitReader, path: str) -> None:
    repository = host.repository(path)
    shas = [repository.commit(str(number), at=f"170000000{number}") for number in range(4)]
    found = []
    for name, sha in (("v1", shas[0]), ("v2", shas[1]), ("v3", shas[3]), ("v3", shas[2])):
        repository.tag(name, sha)
        found.append(head(reader, tags(host, "v*", path)))
    repository.git("update-ref", "-d", "refs/tags/v3")
    found.append(head(reader, tags(host, "v*", path)))

    assert [(answer.label, answer.sha) for answer in found] == [
        ("v1", shas[0]),
        ("v2", shas[1]),
        ("v3", shas[3]),
        ("v3", shas[2]),
        ("v2", shas[1]),
    ]


def test_a_pattern_that_matches_nothing_is_told(host: GitHost, reader: GitReader) -> None:
    host.repository().commit()

    told = trouble(reader, tags(host, "v*"))

    assert told.trouble is Trouble.GONE
    assert "matches the pattern v*" in told.message


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "remote",
    [
        "ext::sh -c 'touch /tmp/pwned'",
        "file:///etc",
        "-oProxyCommand=touch",
        "https://ana:hunter2@github.com/artsy/candela.git",
        "https://github.com/" + "a" * 10_000,
        "http://127.0.0.1/artsy/candela.git",
    ],
)
def test_unsafe_remotes_are_refused_without_repeating_them(reader: GitReader, remote: str) -> None:
    told = trouble(reader, Question(remote, Where.BRANCH, "main"))

    assert told.trouble is Trouble.UNSAFE
    assert remote not in told.message
    assert "hunter2" not in told.message


@pytest.mark.parametrize(
    ("where", "name"), [(Where.BRANCH, "--upload-pack=x"), (Where.BRANCH, "a b"), (Where.TAG_PATTERN, "v[")]
)
def test_unsafe_names_are_refused(host: GitHost, reader: GitReader, where: Where, name: str) -> None:
    assert trouble(reader, Question(host.remote("artsy/candela"), where, name)).trouble is Trouble.UNSAFE
    assert not host.seen


def test_a_hokusai_environment_is_no_question_for_git(host: GitHost, reader: GitReader) -> None:
    assert trouble(reader, Question("candela", Where.HOKUSAI, "staging")).trouble is Trouble.MISCONFIGURED


# --- credentials ------------------------------------------------------------------------------------------------


def test_credentials_open_a_private_repository(host: GitHost, data_dir: Path) -> None:
    sha = host.repository("private/candela").commit()
    reader = GitReader(Credentials("127.0.0.1", USER, PASSWORD), data_dir=data_dir)

    assert head(reader, branch(host, path="private/candela")) == Head(sha)


def test_a_wrong_password_is_told_without_showing_it(host: GitHost, data_dir: Path) -> None:
    host.repository("private/candela").commit()
    reader = GitReader(Credentials("127.0.0.1", USER, "wr0ng-pass"), data_dir=data_dir)

    told = trouble(reader, branch(host, path="private/candela"))

    assert told.trouble is Trouble.REFUSED
    assert "refused the user or password of the profile" in told.message
    assert "wr0ng-pass" not in told.message


@pytest.mark.parametrize(
    ("user", "secret", "sent"),
    [
        ("", "a-token", "token:a-token"),
        ("ana@example.com", "p:w", "ana@example.com:p:w"),
        ("a b'\"$", "p\"'$(x)`\\ é%", "a b'\"$:p\"'$(x)`\\ é%"),
    ],
)
def test_credentials_arrive_as_they_are(host: GitHost, data_dir: Path, user: str, secret: str, sent: str) -> None:
    reader = GitReader(Credentials("127.0.0.1", user, secret), data_dir=data_dir)

    trouble(reader, branch(host, path="private/candela"))

    arrived = {base64.b64decode(header.removeprefix("Basic ")).decode() for _, header in host.seen if header}
    assert arrived == {sent}


def test_a_private_repository_without_a_profile_asks_for_one(host: GitHost, reader: GitReader) -> None:
    host.repository("private/candela").commit()

    told = trouble(reader, branch(host, path="private/candela"))

    assert told.trouble is Trouble.REFUSED
    assert "choose a profile" in told.message


def test_credentials_do_not_go_to_another_host(host: GitHost, data_dir: Path) -> None:
    reader = GitReader(Credentials("git.heroku.com", USER, PASSWORD), data_dir=data_dir)

    told = trouble(reader, branch(host, path="private/candela"))

    assert told.trouble is Trouble.UNSAFE
    assert "The profile is for git.heroku.com and the git remote is on 127.0.0.1" in told.message
    assert not host.seen


def test_credentials_do_not_show_their_password() -> None:
    assert PASSWORD not in repr(Credentials("127.0.0.1", USER, PASSWORD))
