"""Commits that hold anything: they are counted, shown as plain text, and harm no page."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client

from projects.models import Project
from tests.bad_input.looking import A_MINUTE, compared, comparison_of, look, polled
from tests.servers.githost import GitHost
from tests.servers.github import GitHubServer
from tests.worlds import NOW

pytestmark = pytest.mark.django_db

SUBJECTS: list[tuple[bytes, str]] = [
    (b"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    (b"<img src=x onerror=alert(1)> \"quoted\" 'so'", "&lt;img src=x onerror=alert(1)&gt; &quot;quoted&quot; &#x27;so"),
    (b"{{ settings.SECRET_KEY }} {% debug %}", "{{ settings.SECRET_KEY }} {% debug %}"),
    (b"\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
    (b"before\x08\x7f after", "before after"),
    (b"broken \xff\xfe utf-8", "broken \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} utf-8"),
    ("turned \N{RIGHT-TO-LEFT OVERRIDE}round".encode(), "turned round"),
    ("\N{PARTY POPPER} שלום".encode(), "\N{PARTY POPPER} שלום"),
]


@pytest.mark.parametrize(("subject", "shown"), SUBJECTS)
def test_a_hostile_subject_on_github_is_shown_as_text(
    github: GitHubServer, on_github: Project, reader: Client, subject: bytes, shown: str
) -> None:
    github.repository("artsy/candela").commit("main", subject, author="ana")

    polled(on_github)

    seen = look(reader, on_github)
    assert shown in seen.page
    assert "<script>alert" not in seen.page + seen.home
    assert "<img src=x" not in seen.page + seen.home
    assert len(seen.commits) == 1


@pytest.mark.parametrize(("subject", "shown"), SUBJECTS)
def test_a_hostile_subject_on_a_git_host_is_shown_as_text(
    host: GitHost, on_git: Project, reader: Client, subject: bytes, shown: str
) -> None:
    host.repository().commit(subject)

    polled(on_git)

    seen = look(reader, on_git)
    assert shown in seen.page
    assert "<script>alert" not in seen.page + seen.home
    assert len(seen.commits) == 1


def test_a_subject_with_a_nul_is_cut_or_cleaned_and_never_refused_by_the_database(
    host: GitHost, on_git: Project, github: GitHubServer, on_github: Project, reader: Client
) -> None:
    host.repository().commit(b"before\0after")
    github.repository("artsy/candela").commit("main", b"before\0after", author="ana")

    polled(on_git)
    polled(on_github)

    assert look(reader, on_git).commits[0]["message"] == "before"
    assert look(reader, on_github).commits[0]["message"] == "beforeafter"


def test_a_subject_of_a_megabyte_costs_five_hundred_characters(
    host: GitHost, on_git: Project, github: GitHubServer, on_github: Project, reader: Client
) -> None:
    long = b"<b>" + b"x" * 1_000_000
    host.repository().commit(long)
    github.repository("artsy/candela").commit("main", long, author="ana")

    polled(on_git)
    polled(on_github)

    for project in (on_git, on_github):
        seen = look(reader, project)
        assert len(seen.commits[0]["message"]) <= 500
        assert len(seen.page) < 30_000


def test_a_commit_without_any_message_is_still_a_line(
    host: GitHost, on_git: Project, github: GitHubServer, on_github: Project, reader: Client
) -> None:
    host.repository().commit(b"")
    github.repository("artsy/candela").commit("main", b"\n\n \n", author="ana")

    polled(on_git)
    polled(on_github)

    for project in (on_git, on_github):
        assert "(no message)" in look(reader, project).page


# --- dates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "year", "age"),
    [
        ("0", 1970, "56 years ago"),
        ("-86400", 1970, "56 years ago"),
        ("4294967295", 2106, "just now"),
        ("253402300799", 9999, "just now"),
        ("99999999999999", 9999, "just now"),
    ],
)
def test_an_absurd_date_on_a_git_host_is_an_age_like_any_other(
    host: GitHost, on_git: Project, reader: Client, seconds: str, year: int, age: str
) -> None:
    host.repository().commit("Change", at=seconds)

    polled(on_git)

    seen = look(reader, on_git)
    assert f'the oldest is from <time datetime="{year}' in seen.page
    assert f">{age}</time>" in seen.page
    assert datetime.fromisoformat(seen.commits[0]["date"]).year == year
    assert (seen.api["severity"] > 400_000_000) == (year == 1970)
    assert seen.api["severity"] >= 2


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("1970-01-01T00:00:00Z", "1970-01-01"),
        ("2106-02-07T06:28:15Z", "2106-02-07"),
        ("9999-12-31T23:59:59Z", "9999-12-31"),
        ("9999-12-31T23:59:59-12:00", "9999-12-31"),
        ("0001-01-01T00:00:00+14:00", "1970-01-01"),
        ("1066-10-14T09:00:00Z", "1970-01-01"),
        ("no date at all", "1970-01-01"),
        ("10000-01-01T00:00:00Z", "1970-01-01"),
    ],
)
def test_whatever_github_says_the_date_is_pages_can_show_it(
    github: GitHubServer, on_github: Project, reader: Client, date: str, told: str
) -> None:
    github.repository("artsy/candela").commit("main", "Change", author="ana")
    answer = comparison_of(github, "artsy/candela", "release", "main")
    answer["commits"][0]["commit"]["author"]["date"] = date
    github.fail("GET .*/compare/", body=json.dumps(answer))

    polled(on_github)

    seen = look(reader, on_github)
    assert seen.commits[0]["date"].startswith(told)
    assert f'<time datetime="{told}' in seen.page


def test_an_old_and_a_future_commit_together_are_as_old_as_the_old_one(
    host: GitHost, on_git: Project, reader: Client
) -> None:
    host.repository().commit("Old", at="0")
    host.repository().commit("Future", at="4294967295")

    polled(on_git)

    assert compared(on_git).oldest_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert 'oldest <data value="0">56 years</data>' in look(reader, on_git).home


# --- people -----------------------------------------------------------------------------------------------------------


def test_two_names_with_one_email_are_one_contributor(host: GitHost, on_git: Project, reader: Client) -> None:
    host.repository().commit("One", author=b"Ana Lee <ana@example.com>")
    host.repository().commit("Two", author=b"Ana Lee-Miller <ANA@example.com>")

    polled(on_git)

    assert len(compared(on_git).contributors) == 1
    seen = look(reader, on_git)
    assert {commit["author"] for commit in seen.commits} == {"Ana Lee", "Ana Lee-Miller"}


def test_two_people_without_an_email_are_two(host: GitHost, on_git: Project) -> None:
    host.repository().commit("One", author=b"Ana <>")
    host.repository().commit("Two", author=b"Bo <>")

    polled(on_git)

    assert sorted(compared(on_git).contributors) == ["Ana", "Bo"]


@pytest.mark.parametrize(
    "author",
    [
        b" <>",
        b"x" * 10_000 + b" <ana@example.com>",
        b"Ana <" + b"y" * 10_000 + b"@example.com>",
        b"\xff\xfe <\xff@\xfe>",
        b"\x1b[31mAna \x07 <a@x>",
        "\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE} <a@x>".encode(),
        "\N{RIGHT-TO-LEFT ISOLATE}\N{COMBINING ACUTE ACCENT}\N{ZERO WIDTH JOINER} <a@x>".encode(),
        b"{{ x }} <a@x>",
        b"<b>Ana</b> <a@x>",
    ],
)
def test_whoever_the_author_is_pages_show_the_commit(
    host: GitHost, on_git: Project, reader: Client, author: bytes
) -> None:
    host.repository().commit("Change", author=author)

    polled(on_git)

    seen = look(reader, on_git)
    assert len(seen.commits) == 1
    assert len(seen.commits[0]["author"]) <= 200
    assert "<b>Ana" not in seen.page + seen.home
    assert "Change" in seen.page


@pytest.mark.parametrize("name", ["", "   ", "\0", "x" * 10_000, "<b>Ana</b>"])
def test_whoever_the_author_is_on_github_pages_show_the_commit(
    github: GitHubServer, on_github: Project, reader: Client, name: str
) -> None:
    github.repository("artsy/candela").commit("main", "Change", author=(name, ""))

    polled(on_github)

    seen = look(reader, on_github)
    assert len(seen.commits) == 1
    assert "<b>Ana" not in seen.page + seen.home
    assert compared(on_github).contributors != [""]


# --- tags -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["v1-<b>", "v1-\N{PARTY POPPER}", "v1-" + "x" * 200 + "/" + "y" * 200])
def test_the_name_of_a_tag_may_be_anything_that_git_allows(
    host: GitHost, on_git: Project, reader: Client, tag: str
) -> None:
    host.repository().tag(tag, host.repository().git("rev-parse", "main"))
    on_git.stages.filter(name="production").update(branch="", tag_pattern="v*")

    polled(on_git)
    assert "<b>" not in look(reader, on_git).page.partition("since")[0].partition('<ol class="stages">')[2]

    assert polled(on_git, at=NOW + A_MINUTE).unchanged == {on_git.pk}


def test_a_tag_with_a_name_of_broken_utf_8_is_read(host: GitHost, on_git: Project, reader: Client) -> None:
    repository = host.repository()
    sha = repository.git("rev-parse", "main")
    with (repository.folder / "packed-refs").open("wb") as packed:
        packed.write(b"# pack-refs with: peeled fully-peeled sorted \n" + sha.encode() + b" refs/tags/v\xff1\n")
    on_git.stages.filter(name="production").update(branch="", tag_pattern="v*")

    polled(on_git)

    assert "production" in look(reader, on_git).page
    assert on_git.stages.get(name="production").head.sha == sha
    assert polled(on_git, at=NOW + A_MINUTE).unchanged == {on_git.pk}
