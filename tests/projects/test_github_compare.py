"""What is between two commits on GitHub, and the texts of files, asked of the GitHub server."""

import json
from datetime import UTC, datetime

import pytest

from projects.github_compare import web_address
from projects.reading import KEPT_COMMITS, Difference, StageUnreadable, Trouble
from tests.projects.github_reading import allow_plain_http, branch, reader_for
from tests.servers.github import GitHubServer

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNKNOWN = "f" * 40


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_plain_http(monkeypatch)


def trouble_between(github: GitHubServer, base: str, head: str, path: str = "artsy/candela") -> StageUnreadable:
    with pytest.raises(StageUnreadable) as caught:
        reader_for(github).difference(github.remote(path), base, head)
    return caught.value


def test_commits_come_newest_first_with_people_parents_and_trees(github: GitHubServer) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    base = repository.sha("release")
    github.add_user("ana", name="Ana Lee", email="ana@example.com")
    first = repository.commit("main", "First\n\nwith a body", author="ana", date=NOON)
    second = repository.commit("main", "Second", author=("Bo", "bo@nowhere.example"), date=NOON)
    found = reader_for(github).difference(github.remote("artsy/candela"), base, second)
    assert [(each.sha, each.subject) for each in found.commits] == [(second, "Second"), (first, "First")]
    assert (found.commits[1].author, found.commits[1].email, found.commits[1].login) == (
        "Ana Lee",
        "ana@example.com",
        "ana",
    )
    assert found.commits[0].login is None
    assert found.commits[0].parents == (first,)
    assert found.commits[0].tree == repository.store.commit(second).tree
    assert found.commits[0].date == NOON
    assert (found.total, found.behind) == (2, 0)
    assert found.url and "/compare/" in found.url
    assert github.count("GET") == 1


def test_merges_are_in_it_and_what_the_base_has_of_its_own_is_counted(github: GitHubServer) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    repository.commit("main", "news")
    repository.merge("release", "main")
    repository.commit("main", "more")
    ahead = reader_for(github).difference(
        github.remote("artsy/candela"), repository.sha("release"), repository.sha("main")
    )
    assert ([each.subject for each in ahead.commits], ahead.total, ahead.behind) == (["more"], 1, 1)
    drift = reader_for(github).difference(
        github.remote("artsy/candela"), repository.sha("main"), repository.sha("release")
    )
    assert [each.is_merge for each in drift.commits] == [True]


def test_the_newest_two_hundred_and_fifty_are_kept_and_all_are_counted(github: GitHubServer) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    base = repository.sha("release")
    shas = repository.commits("main", 300)
    found = reader_for(github).difference(github.remote("artsy/candela"), base, shas[-1])
    assert found.total == 300
    assert [each.sha for each in found.commits] == list(reversed(shas))[:KEPT_COMMITS]
    assert github.count("GET") == 1


def test_equal_commits_cost_no_request(github: GitHubServer) -> None:
    sha = github.add_repository("artsy/candela").sha("main")
    assert reader_for(github).difference(github.remote("artsy/candela"), sha, sha) == Difference((), 0, 0)
    assert github.requests == []


def test_a_renamed_repository_is_compared_under_its_new_name(github: GitHubServer) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    base, head = repository.sha("release"), repository.commit("main", "news")
    repository.rename("artsy/lantern")
    found = reader_for(github).difference(github.remote("artsy/candela"), base, head)
    assert [each.subject for each in found.commits] == ["news"]
    assert [request.status for request in github.requests] == [301, 200, 200]


def test_a_rename_that_a_poll_has_seen_costs_a_comparison_nothing(github: GitHubServer) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    base, head = repository.sha("release"), repository.commit("main", "news")
    repository.rename("artsy/lantern")
    reader_for(github).heads([branch(github, "artsy/candela")])
    assert reader_for(github).difference(github.remote("artsy/candela"), base, head).total == 1
    assert [request.status for request in github.requests if request.method == "GET"] == [200]
    repository.rename("artsy/candela")
    reader_for(github).heads([branch(github, "artsy/candela")])
    github.reset_requests()
    assert reader_for(github).difference(github.remote("artsy/candela"), base, head).total == 1
    assert [request.operation.split("/compare")[0] for request in github.requests] == ["GET /repos/artsy/candela"]


def test_unrelated_unknown_and_hidden_are_told_apart(github: GitHubServer) -> None:
    repository = github.add_repository("artsy/candela", branches=("main",))
    stranger = repository.commit("island", "no parent", parents=())
    unrelated = trouble_between(github, stranger, repository.sha("main"))
    assert (unrelated.trouble, "share no history" in unrelated.message) == (Trouble.UNRELATED, True)
    unknown = trouble_between(github, UNKNOWN, repository.sha("main"))
    assert (unknown.trouble, "no longer has one" in unknown.message) == (Trouble.GONE, True)
    hidden = trouble_between(github, UNKNOWN, repository.sha("main"), "artsy/nothing")
    assert (hidden.trouble, "may read this repository" in hidden.message) == (Trouble.NOT_FOUND, True)


def test_what_is_no_commit_is_not_asked(github: GitHubServer) -> None:
    assert trouble_between(github, "main", "../../user").trouble is Trouble.GONE
    assert github.requests == []


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\x1b[31mred\x1b[0m \x00null", "red null"),
        ("\n\n  late start\nbody", "late start"),
        ("", ""),
        ("x" * 1_000_000, "x" * 499 + "…"),
        ("broken \udcff", "broken \ufffd"),
    ],
)
def test_hostile_subjects_become_one_clean_line(github: GitHubServer, message: str, subject: str) -> None:
    reader, sha = reader_for(github), "a" * 40
    person = {"name": "Eve\x00\x1b[1m", "email": "e@x\x00", "date": "1970-01-01T00:00:00Z"}
    commit = {
        "sha": sha,
        "commit": {"message": message, "author": person, "tree": {"sha": sha}},
        "author": None,
        "parents": [{"sha": "b" * 40}],
        "html_url": "javascript:alert(1)",
    }
    answer = {"commits": [commit], "total_commits": 1, "behind_by": 0, "html_url": "javascript:alert(1)"}
    github.fail("GET .*", body=json.dumps(answer))
    found = reader.difference(github.remote("artsy/candela"), "b" * 40, sha)
    assert found.commits[0].subject == subject
    assert (found.commits[0].author, found.commits[0].email) == ("Eve", "e@x")
    assert (found.url, found.commits[0].url) == (None, None)


@pytest.mark.parametrize("date", ["1970-01-01T00:00:00Z", "2106-02-07T06:28:15Z"])
def test_dates_far_away_are_kept(github: GitHubServer, date: str) -> None:
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    base = repository.sha("release")
    when = datetime.fromisoformat(date)
    head = repository.commit("main", "far away", date=when)
    found = reader_for(github).difference(github.remote("artsy/candela"), base, head)
    assert found.commits[0].date == when


@pytest.mark.parametrize("answer", ["{}", "[]", "null", '{"commits": null}', '{"commits": [{}], "total_commits": 1}'])
def test_comparisons_of_another_form_are_broken_answers(github: GitHubServer, answer: str) -> None:
    reader = reader_for(github)
    github.fail("GET .*", body=answer)
    with pytest.raises(StageUnreadable) as caught:
        reader.difference(github.remote("artsy/candela"), "b" * 40, "a" * 40)
    assert caught.value.trouble is Trouble.BROKEN_ANSWER


# --- files ----------------------------------------------------------------------------------------------------------


def test_files_of_many_repositories_are_read_together(github: GitHubServer) -> None:
    reader = reader_for(github)
    for number in range(12):
        repository = github.add_repository(f"artsy/app{number}", initial=False)
        repository.commit("main", "files", files={".ruby-version": f"3.3.{number}\n", "ci/config.yml": "a: 1\n"})
    wanted = {("artsy", f"app{number}"): [".ruby-version", "ci/config.yml", "none"] for number in range(12)}
    found = reader.files_of(wanted | {("artsy", "nothing"): ["x"]})
    assert found["artsy", "app7"] == {".ruby-version": "3.3.7\n", "ci/config.yml": "a: 1\n", "none": None}
    trouble = found["artsy", "nothing"]
    assert isinstance(trouble, StageUnreadable)
    assert trouble.trouble is Trouble.NOT_FOUND
    assert github.count("GRAPHQL Files") == 2


def test_binary_and_large_files_have_no_text(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/app", initial=False)
    repository.commit("main", "files", files={"nul": "a\x00b", "large": "x" * 600_000, "small": "ok"})
    assert reader.files("artsy", "app", ["nul", "large", "small"]) == {"nul": None, "large": None, "small": "ok"}


def test_files_of_a_repository_that_may_not_be_read_are_a_trouble(github: GitHubServer) -> None:
    with pytest.raises(StageUnreadable):
        reader_for(github).files("artsy", "nothing", ["x"])


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "https://", "https://x/ <!channel>", "https://x/)[y](https://z", "https://x/\u202egnp",
        "https://x/\n", "https://x/|y>", "https://" + "x" * 3000, 7, None,
    ],
)  # fmt: skip
def test_an_address_that_would_say_more_in_a_message_is_none(address: object) -> None:
    assert web_address(address) is None


def test_an_address_of_a_page_stays_as_it_is() -> None:
    page = "https://github.example:8443/artsy/candela/compare/main...a%20b?x=1&y=2#é"

    assert web_address(page) == page
