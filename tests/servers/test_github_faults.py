"""Limits, broken answers, the log, and the server as a process of its own."""

import json
import ssl
from collections.abc import Iterator

import httpx
import pytest
import trustme

from tests.servers.asking import TOKEN, Asking, asking
from tests.servers.github import GitHubServer, Repository
from tests.servers.github.process import GitHubProcess

PATH = "/repos/artsy/candela"


@pytest.fixture
def repo(github: GitHubServer) -> Repository:
    repo = github.add_repository("artsy/candela", branches=("staging", "release"))
    repo.commit("staging", "Add maps")
    return repo


class TestLimits:
    def test_what_is_left_is_told_and_spent(self, ask: Asking, repo: Repository) -> None:
        first, second = ask.get(PATH).headers, ask.get(PATH).headers
        assert int(first["x-ratelimit-remaining"]) - int(second["x-ratelimit-remaining"]) == 1
        assert (second["x-ratelimit-limit"], second["x-ratelimit-resource"]) == ("5000", "core")
        before = ask.json("/rate_limit")["resources"]["core"]
        assert ask.json("/rate_limit")["resources"]["core"] == before

    @pytest.mark.parametrize("status", [403, 429])
    def test_the_primary_limit_names_its_end_and_ends(self, ask: Asking, repo: Repository, status: int) -> None:
        ask.github.limit(TOKEN, remaining=0, reset_in=600, status=status)
        answer = ask.get(PATH)
        assert answer.status_code == status
        assert answer.json()["message"].startswith("API rate limit exceeded for user ID")
        assert answer.headers["x-ratelimit-remaining"] == "0"
        reset = int(answer.headers["x-ratelimit-reset"])
        assert reset == pytest.approx(ask.github.now().timestamp() + 600, abs=5)
        ask.github.advance(seconds=601)
        assert ask.get(PATH).headers["x-ratelimit-remaining"] == "4999"

    def test_all_tokens_of_a_person_share_one_budget(self, ask: Asking, repo: Repository) -> None:
        ask.github.add_token("second", "ana")
        ask.github.add_token("others", "bo")
        ask.github.limit(TOKEN, remaining=0)
        for token, status in (("second", 403), ("others", 200)):
            with asking(ask.github, token) as client:
                assert client.get(PATH).status_code == status

    def test_an_installation_gets_more_for_more_repositories(self, github: GitHubServer) -> None:
        github.add_app(17)
        for number in range(30):
            github.add_repository(f"artsy/r{number}", initial=False)
        installation = github.add_installation(17, "artsy")
        github.credentials["ghs_x"] = github.add_token("ghs_x", "app-17[bot]", permissions={"contents": "read"})
        github.credentials["ghs_x"].installation = installation
        with asking(github, "ghs_x") as bot:
            assert bot.json("/rate_limit")["resources"]["core"]["limit"] == 5500

    def test_the_secondary_limit_says_when_to_come_again(self, ask: Asking, repo: Repository) -> None:
        ask.github.secondary_limit(times=1, retry_after=42, matching="^GRAPHQL")
        assert ask.get(PATH).status_code == 200
        answer = ask.http.post(ask.github.graphql_url, json={"query": "{ viewer { login } }"})
        assert (answer.status_code, answer.headers["retry-after"]) == (403, "42")
        assert answer.json()["message"].startswith("You have exceeded a secondary rate limit")
        assert ask.graphql("{ viewer { login } }")["data"]


class TestFaults:
    def test_an_answer_of_choice_comes_so_often_and_has_no_effect(self, ask: Asking, repo: Repository) -> None:
        fault = ask.github.fail("POST /repos/artsy/candela/pulls", times=2, status=502, body="<html>Unicorn!</html>")
        body = {"title": "Deploy", "head": "staging", "base": "release"}
        answers = [ask("POST", f"{PATH}/pulls", body).status_code for _ in range(3)]
        assert (answers, fault.happened, len(repo.pulls.all)) == ([502, 502, 201], 2, 1)

    def test_a_refusal_may_have_any_words(self, ask: Asking, repo: Repository) -> None:
        repo.open_pull_request("staging", "release")
        ask.github.refuse("PUT .*/merge", 405, "Base branch was modified. Review and try the merge again.")
        answer = ask("PUT", f"{PATH}/pulls/1/merge")
        assert (answer.status_code, answer.json()["message"][:24]) == (405, "Base branch was modified")
        assert ask("PUT", f"{PATH}/pulls/1/merge").status_code == 200

    def test_a_connection_drops_before_the_effect(self, ask: Asking, repo: Repository) -> None:
        repo.open_pull_request("staging", "release")
        ask.github.fail("PUT .*/merge", drop="before")
        with pytest.raises(httpx.RemoteProtocolError):
            ask("PUT", f"{PATH}/pulls/1/merge")
        assert not repo.pull(1).merged
        assert (ask.github.requests[-1].status, ask.github.acts) == (0, [])

    def test_a_connection_drops_after_the_effect(self, ask: Asking, repo: Repository) -> None:
        repo.open_pull_request("staging", "release")
        ask.github.fail("PUT .*/merge", drop="after")
        with pytest.raises(httpx.RemoteProtocolError):
            ask("PUT", f"{PATH}/pulls/1/merge")
        assert repo.pull(1).merged
        assert [act.kind for act in ask.github.acts] == ["pull-request.merged"]

    def test_an_error_may_follow_the_effect(self, ask: Asking, repo: Repository) -> None:
        repo.open_pull_request("staging", "release")
        ask.github.fail("PUT .*/merge", status=504, after_effect=True)
        assert ask("PUT", f"{PATH}/pulls/1/merge").status_code == 504
        assert repo.pull(1).merged

    def test_an_answer_is_cut_off(self, ask: Asking, repo: Repository) -> None:
        ask.github.fail(f"GET {PATH}$", truncate=True)
        with pytest.raises(httpx.RemoteProtocolError):
            ask.get(PATH)

    def test_an_answer_is_no_json(self, ask: Asking, repo: Repository) -> None:
        ask.github.fail(f"GET {PATH}$", garbage=True)
        with pytest.raises(ValueError, match=r"decode|Expecting"):
            ask.get(PATH).json()

    def test_an_answer_never_ends(self, ask: Asking, repo: Repository) -> None:
        ask.github.fail(f"GET {PATH}$", endless=True)
        received = 0
        with ask.http.stream("GET", ask.github.api_url + PATH) as answer:
            for piece in answer.iter_bytes():
                received += len(piece)
                if received > 1_000_000:
                    break
        assert received > 1_000_000
        assert ask.get(PATH).status_code == 200

    def test_an_answer_is_late(self, ask: Asking, repo: Repository) -> None:
        ask.github.fail(f"GET {PATH}$", slow=60)
        ask.http.timeout = httpx.Timeout(0.2)
        with pytest.raises(httpx.ReadTimeout):
            ask.get(PATH)

    def test_an_answer_leads_to_another_host(self, ask: Asking, repo: Repository) -> None:
        ask.github.fail(f"GET {PATH}$", redirect="http://localhost:9/elsewhere")
        answer = ask.get(PATH)
        assert (answer.status_code, answer.headers["location"]) == (302, "http://localhost:9/elsewhere")

    def test_only_matching_bodies_are_hit(self, ask: Asking, repo: Repository) -> None:
        ask.github.fail("GRAPHQL", containing="pullRequests", status=502)
        assert ask.graphql("query Heads { viewer { login } }")["data"]
        ask.github.clear_faults()
        assert [one.operation for one in ask.github.sent("GRAPHQL")] == ["GRAPHQL Heads"]


class TestLog:
    def test_counts_what_was_asked(self, ask: Asking, repo: Repository) -> None:
        ask.get(f"{PATH}/pulls?state=all")
        ask.graphql("query Heads { viewer { login } }")
        listed, asked = ask.github.requests
        assert (listed.operation, listed.query, listed.token) == (f"GET {PATH}/pulls", "state=all", TOKEN)
        assert (asked.operation, asked.status, "viewer" in asked.body) == ("GRAPHQL Heads", 200, True)
        assert asked.sent == len(b'{"data":{"viewer":{"login":"ana"}}}')
        assert ask.github.count("GRAPHQL") == 1
        ask.github.reset_requests()
        assert ask.github.count() == 0

    def test_listeners_hear_what_a_webhook_would_tell(self, ask: Asking, repo: Repository) -> None:
        heard: list[tuple[str, str | None]] = []
        ask.github.listeners.append(lambda event: heard.append((event.name, event.action)))
        repo.commit("main", "Add maps")
        repo.open_pull_request("staging", "release")
        repo.check_run("ci", at="staging")
        repo.merge_pull_request(1, by="bo")
        assert heard == [
            ("push", None),
            ("pull_request", "opened"),
            ("check_run", "completed"),
            ("pull_request", "closed"),
            ("push", None),
        ]


@pytest.fixture(scope="module")
def process() -> Iterator[GitHubProcess]:
    with GitHubProcess() as process:
        process.add_user("ana", name="Ana Lee")
        process.add_token(TOKEN, login="ana")
        process.add_repositories("artsy", 3)
        yield process


class TestProcess:
    def test_answers_like_one_in_the_same_process(self, process: GitHubProcess) -> None:
        before = process.traffic().requests
        sha = process.call("sha", repository="artsy/project00002", revision="staging")
        url = f"{process.api_url}/repos/artsy/project00002/git/ref/heads/staging"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, verify=False)
        assert answer.json()["object"]["sha"] == sha
        assert process.traffic().requests == before + 1

    def test_takes_dates_and_tells_what_is_wrong(self, process: GitHubProcess) -> None:
        process.push_to_many("artsy", [1])
        with pytest.raises(RuntimeError, match="KeyError: 'artsy/project00001 has no nowhere'"):
            process.call("sha", repository="artsy/project00001", revision="nowhere")
        with pytest.raises(RuntimeError, match="not public"):
            process.call("__init__")
        arguments = {"branch": "main", "message": "Old", "author": "ana", "date": "2001-02-03T04:05:06+00:00"}
        assert len(process.call("commit", repository="artsy/project00001", **arguments)) == 40

    def test_a_failure_of_the_server_itself_fails_the_test(self) -> None:
        github = GitHubServer().start()
        github.accounts = {}
        github.limits.budgets = None  # type: ignore[assignment]
        answer = httpx.get(f"{github.api_url}/users/ana", trust_env=False, verify=False)
        assert answer.status_code == 500
        with pytest.raises(ExceptionGroup, match="the GitHub server itself failed"):
            github.stop()


class TestTLS:
    def test_a_certificate_of_choice_is_believed_or_not(self) -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        trusting = ssl.create_default_context()
        with GitHubServer(tls=context) as github:
            assert github.api_url.startswith("https://127.0.0.1:")
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                httpx.get(f"{github.api_url}/rate_limit", verify=trusting, trust_env=False)
            authority.configure_trust(trusting)
            assert httpx.get(f"{github.api_url}/rate_limit", verify=trusting, trust_env=False).status_code == 200


def test_pages_behind_links_are_there(ask: Asking, repo: Repository) -> None:
    repo.open_pull_request("staging", "release", title="Deploy <b>")
    page = ask.http.get(json.loads(ask.get(f"{PATH}/pulls/1").text)["html_url"])
    assert (page.status_code, "Deploy &lt;b&gt;" in page.text) == (200, True)
    compare = ask.http.get(f"{ask.github.url}/artsy/candela/compare/release...staging")
    assert "Add maps" in compare.text
    assert ask.http.get(ask.json("/users/ana")["avatar_url"]).headers["content-type"] == "image/svg+xml"
    assert ask.http.get(f"{ask.github.url}/artsy/nothing").status_code == 404
