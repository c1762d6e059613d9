"""REST: every answer has the shape of GitHub's own models, and says what GitHub documents."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Union
from urllib.parse import quote

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from tests.servers.asking import Asking, asking
from tests.servers.github import GitHubServer, Repository

RULE: Any = Union[  # noqa: UP007 -- made from what the package has
    tuple(getattr(models, name) for name in dir(models) if re.fullmatch(r"RepositoryRuleDetailedOneof\d+", name))
]
LONG_AGO = datetime(2020, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
def repo(github: GitHubServer) -> Repository:
    repo = github.add_repository("artsy/candela", branches=("staging", "release"))
    repo.commit("main", "Add maps\n\nWith tiles", author="ana", files={"maps/tiles.txt": "tiles\n"}, date=LONG_AGO)
    repo.push("staging", "main")
    return repo


@pytest.fixture
def pulled(repo: Repository) -> Repository:
    """With an open pull request, a comment, checks of all kinds, and rules of both kinds."""
    repo.protect("release", checks=("ci",), reviews=1, strict=True, admins=True)
    repo.add_ruleset("release", checks=("build",), reviews=1, merge_queue=True)
    repo.open_pull_request("staging", "release", author="ana")
    repo.check_run("build", at="staging")
    repo.check_run("slow", at="staging", status="in_progress")
    repo.status("ci", at="staging", state="failure", description="2 tests failed")
    return repo


def shaped(kind: Any, value: object) -> None:
    """Raises when a value is not of the shape of a model, or of a list of it."""
    TypeAdapter(kind).validate_python(value)


SHAPES: list[tuple[str, Any]] = [
    ("/user", models.PrivateUser),
    ("/users/ana", models.PublicUser),
    ("/rate_limit", models.RateLimitOverview),
    ("/user/repos", list[models.Repository]),
    ("/orgs/artsy/repos", list[models.MinimalRepository]),
    ("/repos/artsy/candela", models.FullRepository),
    ("/repos/artsy/candela/branches", list[models.ShortBranch]),
    ("/repos/artsy/candela/branches/release", models.BranchWithProtection),
    ("/repos/artsy/candela/branches/main", models.BranchWithProtection),
    ("/repos/artsy/candela/branches/release/protection", models.BranchProtection),
    ("/repos/artsy/candela/git/ref/heads/main", models.GitRef),
    ("/repos/artsy/candela/git/matching-refs/heads/", list[models.GitRef]),
    ("/repos/artsy/candela/commits", list[models.Commit]),
    ("/repos/artsy/candela/commits/main", models.Commit),
    ("/repos/artsy/candela/commits/staging/pulls", list[models.PullRequestSimple]),
    ("/repos/artsy/candela/commits/staging/status", models.CombinedCommitStatus),
    ("/repos/artsy/candela/commits/staging/statuses", list[models.Status]),
    ("/repos/artsy/candela/compare/release...staging", models.CommitComparison),
    ("/repos/artsy/candela/contents/README.md", models.ContentFile),
    ("/repos/artsy/candela/contents/maps", list[models.ContentDirectoryItems]),
    ("/repos/artsy/candela/pulls", list[models.PullRequestSimple]),
    ("/repos/artsy/candela/pulls/1", models.PullRequest),
    ("/repos/artsy/candela/pulls/1/commits", list[models.Commit]),
    ("/repos/artsy/candela/issues/1", models.Issue),
    ("/repos/artsy/candela/collaborators/ana/permission", models.RepositoryCollaboratorPermission),
]


class TestShapes:
    @pytest.mark.parametrize(("path", "kind"), SHAPES, ids=[path for path, _ in SHAPES])
    def test_of_what_is_read(self, ask: Asking, pulled: Repository, path: str, kind: Any) -> None:
        pulled.set_role("ana", "admin")
        shaped(kind, ask.json(path))

    def test_of_a_git_commit(self, ask: Asking, repo: Repository) -> None:
        shaped(models.GitCommit, ask.json(f"/repos/artsy/candela/git/commits/{repo.sha('main')}"))

    def test_of_check_runs(self, ask: Asking, pulled: Repository) -> None:
        answer = ask.json("/repos/artsy/candela/commits/staging/check-runs")
        assert answer["total_count"] == 2
        shaped(list[models.CheckRun], answer["check_runs"])
        shaped(models.CheckRun, ask.json(f"/repos/artsy/candela/check-runs/{answer['check_runs'][0]['id']}"))

    def test_of_the_rules_of_a_branch(self, ask: Asking, pulled: Repository) -> None:
        rules = ask.json("/repos/artsy/candela/rules/branches/release")
        assert [rule["type"] for rule in rules] == ["required_status_checks", "pull_request", "merge_queue"]
        for rule in rules:
            shaped(RULE, rule)

    def test_of_what_is_made(self, ask: Asking, repo: Repository) -> None:
        path, sha = "/repos/artsy/candela", repo.sha("staging")
        made: list[tuple[str, str, dict[str, object], int, Any]] = [
            ("POST", "/pulls", {"title": "Deploy", "head": "staging", "base": "release"}, 201, models.PullRequest),
            ("PATCH", "/pulls/1", {"body": "What waits"}, 200, models.PullRequest),
            ("POST", "/issues/1/assignees", {"assignees": ["ana"]}, 201, models.Issue),
            ("POST", "/issues/1/comments", {"body": "Soon"}, 201, models.IssueComment),
            ("POST", f"/statuses/{sha}", {"state": "success", "context": "horizon"}, 201, models.Status),
            ("POST", "/git/refs", {"ref": "refs/heads/again", "sha": sha}, 201, models.GitRef),
            ("PUT", "/pulls/1/merge", {"sha": sha}, 200, models.PullRequestMergeResult),
        ]
        for method, rest, body, status, kind in made:
            answer = ask(method, path + rest, body)
            assert answer.status_code == status, answer.text
            shaped(kind, answer.json())
        shaped(list[models.IssueComment], ask.json(f"{path}/issues/1/comments"))
        shaped(models.PullRequest, ask.json(f"{path}/pulls/1"))


class TestCompare:
    @pytest.fixture
    def long(self, github: GitHubServer) -> tuple[Repository, list[str]]:
        repo = github.add_repository("artsy/long", branches=("release",))
        return repo, repo.commits("main", 260, author="ana", date=LONG_AGO)

    def test_unpaged_it_lists_the_newest_250_the_last_being_the_newest(
        self, ask: Asking, long: tuple[Repository, list[str]]
    ) -> None:
        answer = ask.json("/repos/artsy/long/compare/release...main")
        assert (answer["total_commits"], answer["ahead_by"], len(answer["commits"])) == (260, 260, 250)
        assert [commit["sha"] for commit in answer["commits"]] == long[1][10:]

    def test_paged_it_goes_from_the_oldest(self, ask: Asking, long: tuple[Repository, list[str]]) -> None:
        answer = ask.get("/repos/artsy/long/compare/release...main?per_page=100&page=3")
        assert [commit["sha"] for commit in answer.json()["commits"]] == long[1][200:]
        assert "files" not in answer.json()
        assert set(answer.links) == {"prev", "first"}
        first = ask.get("/repos/artsy/long/compare/release...main?per_page=100")
        assert [commit["sha"] for commit in first.json()["commits"]] == long[1][:100]
        assert set(first.links) == {"next", "last"}

    def test_says_how_the_two_lie_to_each_other(self, ask: Asking, repo: Repository) -> None:
        def status(basehead: str) -> tuple[str, int, int]:
            answer = ask.json(f"/repos/artsy/candela/compare/{basehead}")
            return answer["status"], answer["ahead_by"], answer["behind_by"]

        assert status("release...staging") == ("ahead", 1, 0)
        assert status("staging...release") == ("behind", 0, 1)
        assert status("main...staging") == ("identical", 0, 0)
        repo.commit("release", "Hot fix")
        assert status("release...staging") == ("diverged", 1, 1)

    def test_tells_an_unknown_sha_from_unrelated_histories(self, ask: Asking, repo: Repository) -> None:
        repo.commit("island", "Another beginning", parents=())
        unknown = ask.get(f"/repos/artsy/candela/compare/main...{'0' * 40}")
        unrelated = ask.get("/repos/artsy/candela/compare/main...island")
        assert (unknown.status_code, unknown.json()["message"]) == (404, "Not Found")
        assert (unrelated.status_code, unrelated.json()["message"]) == (
            404,
            "No common ancestor between main and island.",
        )

    def test_takes_a_branch_with_a_slash_and_one_of_a_fork(self, ask: Asking, repo: Repository) -> None:
        fork = repo.fork("bo")
        fork.commit("feature/maps", "In the fork", parents=[fork.sha("main")])
        assert ask.json("/repos/artsy/candela/compare/release...bo:feature/maps")["ahead_by"] == 2


class TestReading:
    def test_pages_have_links_and_at_most_100_entries(self, ask: Asking, github: GitHubServer) -> None:
        github.add_repository("artsy/long").commits("main", 129)
        answer = ask.get("/repos/artsy/long/commits?per_page=500")
        assert len(answer.json()) == 100
        rest = ask.http.get(answer.links["next"]["url"])
        assert len(rest.json()) == 30
        assert len(ask.json("/repos/artsy/long/commits")) == 30

    def test_a_known_etag_is_answered_304_for_free_but_only_with_a_token(self, ask: Asking, repo: Repository) -> None:
        first = ask.get("/repos/artsy/candela")
        again = ask.get("/repos/artsy/candela", If_None_Match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"]
        with asking(repo.github, None) as nobody:  # type: ignore[arg-type]
            first = nobody.get("/repos/artsy/candela")
            again = nobody.get("/repos/artsy/candela", If_None_Match=first.headers["etag"])
        assert int(again.headers["x-ratelimit-remaining"]) == int(first.headers["x-ratelimit-remaining"]) - 1

    def test_a_renamed_repository_is_301_for_reading_and_307_for_writing(self, ask: Asking, repo: Repository) -> None:
        repo.rename("artsy/lantern")
        read = ask.get("/repos/artsy/candela/pulls?state=all")
        written = ask("POST", "/repos/artsy/candela/pulls", {"title": "Deploy", "head": "staging", "base": "release"})
        assert (read.status_code, written.status_code) == (301, 307)
        assert read.headers["location"].endswith(f"/api/v3/repositories/{repo.id}/pulls?state=all")
        assert ask.http.get(read.headers["location"]).json() == []
        assert ask.json("/repos/artsy/lantern")["id"] == repo.id

    def test_a_content_is_base64_and_of_the_ref_asked_for(self, ask: Asking, repo: Repository) -> None:
        answer = ask.json("/repos/artsy/candela/contents/maps/tiles.txt?ref=staging")
        assert base64.b64decode(answer["content"]) == b"tiles\n"
        assert ask.get("/repos/artsy/candela/contents/maps/tiles.txt?ref=release").status_code == 404

    def test_an_empty_repository_says_so(self, ask: Asking, github: GitHubServer) -> None:
        github.add_repository("artsy/empty", initial=False)
        assert ask.json("/repos/artsy/empty")["size"] == 0
        answer = ask.get("/repos/artsy/empty/commits")
        assert (answer.status_code, answer.json()["message"]) == (409, "Git Repository is empty.")
        assert ask.get("/repos/artsy/empty/branches/main").json()["message"] == "Branch not found"

    def test_the_root_of_the_server_answers_as_api_github_com_does(self, ask: Asking, repo: Repository) -> None:
        assert ask.http.get(f"{ask.github.url}/repos/artsy/candela").json()["id"] == repo.id
        answer = ask.http.post(f"{ask.github.url}/graphql", json={"query": "{ viewer { login } }"})
        assert answer.json() == {"data": {"viewer": {"login": "ana"}}}

    def test_classic_protection_is_seen_by_administrators_and_partly_by_readers(
        self, ask: Asking, pulled: Repository
    ) -> None:
        branch = ask.json("/repos/artsy/candela/branches/release")
        assert branch["protection"]["required_status_checks"]["contexts"] == ["ci"]
        assert ask.get("/repos/artsy/candela/branches/release/protection").status_code == 403
        pulled.set_role("ana", "admin")
        shown = ask.json("/repos/artsy/candela/branches/release/protection")
        assert shown["required_pull_request_reviews"]["required_approving_review_count"] == 1
        assert ask.get("/repos/artsy/candela/branches/main/protection").json()["message"] == "Branch not protected"

    def test_rules_leave_classic_protection_out(self, ask: Asking, repo: Repository) -> None:
        repo.protect("release", checks=("ci",))
        assert ask.json("/repos/artsy/candela/rules/branches/release") == []

    def test_the_combined_status_is_pending_while_there_is_none(self, ask: Asking, repo: Repository) -> None:
        assert ask.json("/repos/artsy/candela/commits/main/status")["state"] == "pending"
        repo.status("CI", at="main", state="failure")
        repo.status("ci", at="main", state="success")
        answer = ask.json("/repos/artsy/candela/commits/main/status")
        assert (answer["state"], answer["total_count"]) == ("success", 1)

    def test_the_head_of_an_answer_has_no_body(self, ask: Asking, repo: Repository) -> None:
        answer = ask("HEAD", "/repos/artsy/candela")
        assert (answer.status_code, answer.content) == (200, b"")

    @pytest.mark.parametrize("name", ["feature/maps", "a#b", "50%25", "日本", "--upload-pack=x"])
    def test_strange_branch_names_are_found(self, ask: Asking, repo: Repository, name: str) -> None:
        sha = repo.branch(name, at="main")
        assert ask.json(f"/repos/artsy/candela/branches/{quote(name, safe='')}")["commit"]["sha"] == sha
        assert ask.json(f"/repos/artsy/candela/git/ref/heads/{quote(name)}")["object"]["sha"] == sha
        found = ask.json(f"/repos/artsy/candela/compare/release...{quote(name, safe='')}")
        assert found["commits"][-1]["sha"] == sha

    def test_a_commit_by_a_noreply_address_has_an_account(self, ask: Asking, repo: Repository) -> None:
        repo.commit("main", "From the browser", author=("Ana", "12+ana@users.noreply.github.com"))
        assert ask.json("/repos/artsy/candela/commits/main")["author"]["login"] == "ana"

    def test_a_commit_names_the_account_of_its_address(self, ask: Asking, repo: Repository) -> None:
        repo.commit("main", "By a stranger", author=("Sam", "sam@nowhere.example"))
        stranger, ana = ask.json("/repos/artsy/candela/commits")[:2]
        assert (stranger["author"], stranger["commit"]["author"]["name"]) == (None, "Sam")
        assert (ana["author"]["login"], ana["commit"]["author"]["date"]) == ("ana", "2020-02-29T12:00:00Z")


class TestWriting:
    def test_a_deleted_branch_is_restored_at_its_commit(self, ask: Asking, repo: Repository) -> None:
        sha = repo.sha("staging")
        repo.delete_branch("staging")
        answer = ask("POST", "/repos/artsy/candela/git/refs", {"ref": "refs/heads/staging", "sha": sha})
        again = ask("POST", "/repos/artsy/candela/git/refs", {"ref": "refs/heads/staging", "sha": sha})
        assert (answer.status_code, repo.sha("staging")) == (201, sha)
        assert (again.status_code, again.json()["message"]) == (422, "Reference already exists")
        assert [act.kind for act in ask.github.acts] == ["branch.created"]

    def test_a_status_has_at_most_140_characters(self, ask: Asking, repo: Repository) -> None:
        path = f"/repos/artsy/candela/statuses/{repo.sha('staging')}"
        answer = ask("POST", path, {"state": "success", "context": "horizon", "description": "x" * 141})
        assert answer.status_code == 422
        assert "too long" in answer.text
        assert ask("POST", path, {"state": "success", "description": "x" * 140}).status_code == 201

    def test_only_people_of_the_place_can_be_assigned_and_ten_at_the_most(
        self, ask: Asking, repo: Repository, github: GitHubServer
    ) -> None:
        repo.open_pull_request("staging", "release")
        github.add_user("stranger", member=False)
        assert ask.get("/repos/artsy/candela/assignees/ana").status_code == 204
        assert ask.get("/repos/artsy/candela/assignees/stranger").status_code == 404
        people = [github.add_user(f"person{number}").login for number in range(12)]
        answer = ask("POST", "/repos/artsy/candela/issues/1/assignees", {"assignees": ["stranger", *people]})
        assert [one["login"] for one in answer.json()["assignees"]] == people[:10]

    def test_an_archived_repository_is_read_only(self, ask: Asking, repo: Repository) -> None:
        repo.open_pull_request("staging", "release")
        repo.archive()
        answer = ask("PUT", "/repos/artsy/candela/pulls/1/merge")
        assert (answer.status_code, answer.json()["message"]) == (403, "Repository was archived so is read-only.")
        assert ask.json("/repos/artsy/candela")["archived"] is True

    def test_what_is_no_json_is_refused(self, ask: Asking, repo: Repository) -> None:
        answer = ask.http.post(f"{ask.github.api_url}/repos/artsy/candela/pulls", content=b"{")
        assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")


class TestClock:
    def test_the_server_may_be_wrong_by_an_hour(self, ask: Asking, github: GitHubServer) -> None:
        github.freeze(LONG_AGO)
        github.advance(hours=1)
        assert ask.get("/rate_limit").headers["date"] == "Sat, 29 Feb 2020 13:00:00 GMT"
        assert github.now() == LONG_AGO + timedelta(hours=1)
