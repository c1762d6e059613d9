"""What goes wrong between Horizon and GitHub, and what people are told: credentials, limits, outages, bad answers."""

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from projects import github_transport
from projects.github import GitHubReader, check_profile
from projects.github_client import GitHubClient
from projects.models import Profile
from projects.reading import Head, StageUnreadable, Trouble
from projects.secrets import Secret
from tests.projects.github_reading import (
    TOKEN,
    add_repositories,
    allow_plain_http,
    assert_no_secret,
    branch,
    is_trouble,
    profile_for,
    reader_for,
    trouble_of,
)
from tests.servers.github import GitHubServer


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_plain_http(monkeypatch)


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_an_empty_token_is_not_sent(github: GitHubServer) -> None:
    question = branch(github, "artsy/candela")
    answer = GitHubReader(profile_for(github, token=""))
    assert is_trouble(answer.heads([question])[question], Trouble.MISCONFIGURED, "has no token", '"github"')
    assert github.requests == []


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ümlaut", "nul\x00"])
def test_a_token_that_cannot_be_one_is_not_sent_and_not_shown(github: GitHubServer, token: str) -> None:
    question = branch(github, "artsy/candela")
    trouble = trouble_of(GitHubReader(profile_for(github, token=token)).heads([question])[question])
    assert trouble.trouble is Trouble.MISCONFIGURED
    assert "enter it again" in trouble.message
    assert_no_secret(trouble, token)
    assert github.requests == []


def test_a_secret_whose_key_is_gone_says_how_to_mend_it(github: GitHubServer) -> None:
    question = branch(github, "artsy/candela")
    reader = GitHubReader(profile_for(github, secret=Secret("encrypted-with-another-key")))
    assert is_trouble(reader.heads([question])[question], Trouble.MISCONFIGURED, "HORIZON_ENCRYPTION_KEYS")


def test_a_wrong_token_is_refused_with_one_request_for_all_projects(github: GitHubServer) -> None:
    questions = [branch(github, each.full_name) for each in add_repositories(github, 60)]
    answers = GitHubReader(profile_for(github)).heads(questions)
    assert all(is_trouble(answers[each], Trouble.REFUSED, "wrong, expired or revoked") for each in questions)
    assert len(github.requests) == 1


def test_an_expired_token_is_refused(github: GitHubServer) -> None:
    github.add_token(TOKEN, login="ana", expires=github.now() - timedelta(minutes=1))
    question = branch(github, "artsy/candela")
    answers = GitHubReader(profile_for(github)).heads([question])
    assert is_trouble(answers[question], Trouble.REFUSED, "expired", "Enter new ones")


def test_a_token_without_rights_finds_no_private_repository(github: GitHubServer) -> None:
    github.add_repository("artsy/candela", private=True)
    github.add_token(TOKEN, login="ana", scopes=())
    question = branch(github, "artsy/candela")
    answers = GitHubReader(profile_for(github)).heads([question])
    assert is_trouble(answers[question], Trouble.NOT_FOUND, "may read this repository")


def test_a_single_sign_on_that_is_missing_is_named(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.fail("GRAPHQL", status=403, body='{"message":"Resource protected"}', headers={"X-GitHub-SSO": "required"})
    question = branch(github, "artsy/candela")
    assert is_trouble(reader.heads([question])[question], Trouble.REFUSED, "single sign-on", "Configure SSO")


# --- Apps -------------------------------------------------------------------------------------------------------------


def app_profile(github: GitHubServer, **changed: Any) -> Profile:
    app = github.add_app(17)
    rights = {"contents": "write", "metadata": "read", "pull_requests": "write"}
    installation = github.add_installation(17, "artsy", permissions=rights)
    values: dict[str, Any] = {
        "kind": Profile.Kind.GITHUB_APP,
        "app_id": "17",
        "installation_id": str(installation.id),
        "secret": Secret.of(app.private_key),
    }
    return profile_for(github, **(values | changed))


def test_an_app_gets_one_token_for_all_its_readers(github: GitHubServer) -> None:
    github.add_repository("artsy/candela", branches=("main",), private=True)
    profile, question = app_profile(github), branch(github, "artsy/candela")
    for _ in range(3):
        assert isinstance(GitHubReader(profile).heads([question])[question], Head)
    assert len(github.sent("POST /app/installations/.*/access_tokens")) == 1
    assert github.count("GRAPHQL Heads") == 3


def test_an_apps_token_is_renewed_before_it_ends(github: GitHubServer) -> None:
    github.add_repository("artsy/candela", branches=("main",), private=True)
    profile, question = app_profile(github), branch(github, "artsy/candela")
    now = datetime.now(UTC)
    for minutes in (0, 54, 56):
        GitHubClient(profile, clock=partial(now.__add__, timedelta(minutes=minutes))).graphql(
            "query Viewer{viewer{login}}", {}
        )
    assert len(github.sent("POST /app/installations/.*/access_tokens")) == 2
    assert isinstance(GitHubReader(profile).heads([question])[question], Head)


def test_an_apps_token_that_github_no_longer_knows_is_replaced_at_once(github: GitHubServer) -> None:
    github.add_repository("artsy/candela", branches=("main",), private=True)
    profile, question = app_profile(github), branch(github, "artsy/candela")
    reader = GitHubReader(profile)
    assert isinstance(reader.heads([question])[question], Head)
    github.fail("GRAPHQL Heads", status=401, body='{"message":"Bad credentials"}')
    assert isinstance(reader.heads([question])[question], Head)
    assert len(github.sent("POST /app/installations/.*/access_tokens")) == 2


@pytest.mark.parametrize(
    "key", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----", "ssh-rsa AAAA"]
)
def test_an_app_key_that_is_no_key_says_what_one_looks_like(github: GitHubServer, key: str) -> None:
    profile, question = app_profile(github, secret=Secret.of(key)), branch(github, "artsy/candela")
    trouble = trouble_of(GitHubReader(profile).heads([question])[question])
    assert trouble.trouble is Trouble.MISCONFIGURED
    assert ".pem" in trouble.message
    assert_no_secret(trouble, "canary")
    assert github.requests == []


def test_a_key_of_another_kind_is_no_app_key(github: GitHubServer) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    profile, question = app_profile(github, secret=Secret.of(key.decode())), branch(github, "artsy/candela")
    assert is_trouble(GitHubReader(profile).heads([question])[question], Trouble.MISCONFIGURED, ".pem")


def test_the_key_of_another_app_is_refused(github: GitHubServer) -> None:
    other = github.add_app(18).private_key
    profile, question = app_profile(github, secret=Secret.of(other)), branch(github, "artsy/candela")
    answers = GitHubReader(profile).heads([question])
    assert is_trouble(answers[question], Trouble.REFUSED, "App ID and private key do not belong together")


def test_an_installation_that_is_not_there_is_named(github: GitHubServer) -> None:
    profile, question = app_profile(github, installation_id="4711"), branch(github, "artsy/candela")
    answers = GitHubReader(profile).heads([question])
    assert is_trouble(answers[question], Trouble.NOT_FOUND, "no installation of this ID")


def test_an_installation_id_that_is_no_number_is_not_sent(github: GitHubServer) -> None:
    profile, question = app_profile(github, installation_id="../1"), branch(github, "artsy/candela")
    answers = GitHubReader(profile).heads([question])
    assert is_trouble(answers[question], Trouble.MISCONFIGURED, "must be a number")
    assert github.requests == []


@pytest.mark.parametrize(("hours", "word"), [(-2, "ahead of"), (2, "behind")])
def test_a_wrong_clock_is_named_as_the_reason(github: GitHubServer, hours: int, word: str) -> None:
    profile, question = app_profile(github), branch(github, "artsy/candela")
    github.clock_offset = timedelta(hours=hours)
    answers = GitHubReader(profile).heads([question])
    assert is_trouble(answers[question], Trouble.MISCONFIGURED, f"120 minutes {word} GitHub's", "NTP")


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_spent_budget_pauses_until_its_renewal_without_further_requests(github: GitHubServer) -> None:
    reader = reader_for(github)
    questions = [branch(github, each.full_name) for each in add_repositories(github, 60)]
    github.limit(TOKEN, remaining=0, reset_in=600, resource="graphql")
    answers = reader.heads(questions)
    for each in questions:
        assert is_trouble(answers[each], Trouble.LIMITED, "hourly budget", "Horizon waits until")
    until = trouble_of(answers[questions[0]]).retry_at
    assert until is not None
    assert timedelta(seconds=590) < until - datetime.now(UTC) < timedelta(seconds=610)
    assert len(github.requests) == 1
    assert reader.budget.paused_until == until
    assert reader.budget.pause_reason == trouble_of(answers[questions[0]]).message
    reader.heads(questions)
    assert len(github.requests) == 1


def test_the_renewal_is_told_by_our_own_clock_even_when_githubs_differs(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.clock_offset = timedelta(hours=3)
    github.limit(TOKEN, remaining=0, reset_in=600, resource="graphql")
    question = branch(github, "artsy/candela")
    until = trouble_of(reader.heads([question])[question]).retry_at
    assert until is not None
    assert until - datetime.now(UTC) < timedelta(seconds=610)


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("retry_after", [30, None])
def test_a_secondary_limit_pauses_as_long_as_github_says_else_a_minute(
    github: GitHubServer, status: int, retry_after: int | None
) -> None:
    reader = reader_for(github)
    questions = [branch(github, each.full_name) for each in add_repositories(github, 60)]
    github.secondary_limit(times=1, retry_after=retry_after, status=status)
    answers = reader.heads(questions)
    assert all(is_trouble(answers[each], Trouble.LIMITED, "fewer requests") for each in questions)
    until = trouble_of(answers[questions[0]]).retry_at
    assert until is not None
    left = until - datetime.now(UTC)
    assert timedelta(seconds=(retry_after or 60) - 5) < left <= timedelta(seconds=retry_after or 60)
    assert len(github.requests) == 1


def test_a_rest_limit_is_told_by_comparisons(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    base = repository.sha("release")
    repository.commit("main", "news")
    github.limit(TOKEN, remaining=0, reset_in=60, resource="core")
    with pytest.raises(StageUnreadable) as caught:
        reader.difference(github.remote("artsy/candela"), base, repository.sha("main"))
    assert caught.value.trouble is Trouble.LIMITED
    assert reader.budget.rest_remaining == 0


def test_a_limit_that_would_last_for_years_is_not_believed(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.fail("GRAPHQL", status=429, body="{}", headers={"Retry-After": "999999999"})
    question = branch(github, "artsy/candela")
    until = trouble_of(reader.heads([question])[question]).retry_at
    assert until is not None
    assert until - datetime.now(UTC) < timedelta(hours=3)


@pytest.mark.parametrize("value", ["NaN", "inf", "-5", "soon", "1e400", ""])
def test_headers_that_make_no_sense_do_no_harm(github: GitHubServer, value: str) -> None:
    reader = reader_for(github)
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "Date")
    github.fail("GRAPHQL", status=403, body="{}", headers=dict.fromkeys(names, value))
    question = branch(github, "artsy/candela")
    assert trouble_of(reader.heads([question])[question]).trouble in (
        Trouble.REFUSED,
        Trouble.LIMITED,
        Trouble.BROKEN_ANSWER,
    )


# --- outages and hostile answers ------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects.github_client.BACK_OFF_SECONDS", 0.001)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_short_outage_is_not_even_noticed(github: GitHubServer, status: int) -> None:
    reader = reader_for(github)
    github.add_repository("artsy/candela", branches=("main",))
    github.fail("GRAPHQL", times=2, status=status, body="<html>")
    question = branch(github, "artsy/candela")
    assert isinstance(reader.heads([question])[question], Head)


@pytest.mark.usefixtures("quick")
def test_a_dropped_connection_is_asked_again(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.add_repository("artsy/candela", branches=("main",))
    question = branch(github, "artsy/candela")
    github.fail("GRAPHQL", drop="before")
    assert isinstance(reader.heads([question])[question], Head)
    github.fail("GRAPHQL", truncate=True)
    assert isinstance(reader.heads([question])[question], Head)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_outage_ends_after_a_few_requests_whatever_the_number_of_projects(github: GitHubServer, status: int) -> None:
    reader = reader_for(github)
    questions = [branch(github, each.full_name) for each in add_repositories(github, 120)]
    github.fail("GRAPHQL", times=1000, status=status, body="<html>unicorn</html>")
    answers = reader.heads(questions)
    assert all(is_trouble(answers[each], Trouble.UNREACHABLE, "asks again") for each in questions)
    assert len(github.requests) <= 20


@pytest.mark.usefixtures("quick")
def test_a_host_that_is_not_there_is_unreachable(github: GitHubServer) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    profile = profile_for(github, api_url=f"http://127.0.0.1:{port}/api/v3")
    question = branch(github, "artsy/candela")
    assert is_trouble(GitHubReader(profile).heads([question])[question], Trouble.UNREACHABLE, "Check the network")


def test_a_host_that_does_not_answer_in_time_is_unreachable(
    github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_transport, "READ_SECONDS", 0.2)
    monkeypatch.setattr("projects.github_client.RETRY_SECONDS", 0.1)
    reader = reader_for(github)
    github.fail("GRAPHQL", times=9, slow=5)
    question = branch(github, "artsy/candela")
    assert is_trouble(reader.heads([question])[question], Trouble.UNREACHABLE, "in time")
    assert len(github.requests) <= 1


@contextmanager
def trickling_host() -> Iterator[int]:
    """A host that sends its answer byte by byte, for ever."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_trickle, args=(listener, stopped), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        stopped.set()
        thread.join(5)


def _trickle(listener: socket.socket, stopped: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not stopped.wait(0.02):
            try:
                connection.sendall(b" ")
            except OSError:
                return


def test_an_answer_that_only_trickles_is_given_up(github: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_transport, "TOTAL_SECONDS", 0.2)
    monkeypatch.setattr("projects.github_client.RETRY_SECONDS", 0.1)
    question = branch(github, "artsy/candela")
    with trickling_host() as port:
        reader = GitHubReader(profile_for(github, api_url=f"http://127.0.0.1:{port}/api/v3"))
        assert is_trouble(reader.heads([question])[question], Trouble.UNREACHABLE, "in time")


@pytest.mark.parametrize("fault", ["garbage", "endless"])
def test_answers_that_are_none_are_not_asked_for_again(
    github: GitHubServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_transport, "LARGEST_ANSWER", 200_000)
    reader = reader_for(github)
    github.add_repository("artsy/candela", branches=("main",))
    github.fail("GRAPHQL", garbage=fault == "garbage", endless=fault == "endless")
    question = branch(github, "artsy/candela")
    trouble = trouble_of(reader.heads([question])[question])
    assert trouble.trouble in (Trouble.BROKEN_ANSWER, Trouble.TOO_LARGE)
    assert len(github.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_to_another_host_are_not_followed(github: GitHubServer, status: int) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/candela", branches=("main", "release"))
    base = repository.sha("release")
    repository.commit("main", "news")
    with GitHubServer() as other:
        elsewhere = f"{other.api_url.replace('127.0.0.1', 'localhost')}/repositories/{repository.id}/compare"
        github.fail("GET .*", redirect=elsewhere, status=status)
        with pytest.raises(StageUnreadable) as caught:
            reader.difference(github.remote("artsy/candela"), base, repository.sha("main"))
        assert caught.value.trouble is Trouble.UNSAFE
        assert "not followed with your credentials" in caught.value.message
        assert other.requests == []


def test_an_address_without_an_api_says_how_to_write_it(github: GitHubServer) -> None:
    reader = reader_for(github, api_url=f"{github.url}/api/v4")
    question = branch(github, "artsy/candela")
    assert is_trouble(reader.heads([question])[question], Trouble.MISCONFIGURED, "/api/v3")


@contextmanager
def tls_host(folder: Path) -> Iterator[int]:
    """A host whose certificate no authority that we know has signed; it notes what it is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_shake_hands, args=(listener, context, folder / "received"), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _shake_hands(listener: socket.socket, context: ssl.SSLContext, notes: Path) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                secure = context.wrap_socket(connection, server_side=True)
                notes.write_bytes(secure.recv(1000))
            except OSError:
                continue


@pytest.mark.usefixtures("quick")
def test_a_certificate_that_is_not_trusted_gets_no_token(github: GitHubServer, tmp_path: Path) -> None:
    with tls_host(tmp_path) as port:
        profile = profile_for(github, api_url=f"https://127.0.0.1:{port}/api/v3")
        question = branch(github, "artsy/candela")
        answers = GitHubReader(profile).heads([question])
        assert is_trouble(answers[question], Trouble.UNREACHABLE, "certificate", "REQUESTS_CA_BUNDLE")
    assert not (tmp_path / "received").exists()


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
def test_no_log_line_holds_a_token_even_when_everything_is_logged(
    github: GitHubServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    github.add_repository("artsy/candela", branches=("main",), private=True)
    question = branch(github, "artsy/candela")
    profile = app_profile(github)
    reader_for(github).heads([question])
    github.fail("GRAPHQL", times=5, drop="before")
    GitHubReader(profile).heads([question])
    check_profile(profile)
    tokens = {request.token for request in github.requests if request.token}
    assert len(tokens) >= 3
    for token in tokens:
        assert token not in caplog.text


# --- the test that people run by hand -------------------------------------------------------------------------------


def test_a_profile_tells_who_it_is_what_it_may_and_what_is_left(github: GitHubServer) -> None:
    github.add_token(TOKEN, login="ana", scopes=("repo", "workflow"))
    report = check_profile(profile_for(github))
    assert report.login == "ana"
    assert "repo, workflow" in report.rights
    assert "4,999 of 5,000 points" in report.budget
    assert report.problems == ()


def test_a_profile_whose_token_lacks_the_scope_or_ends_soon_says_so(github: GitHubServer) -> None:
    github.add_token(TOKEN, login="ana", scopes=("gist",), expires=github.now() + timedelta(days=2))
    report = check_profile(profile_for(github))
    assert any("scope repo" in problem for problem in report.problems)
    assert any("expires on" in problem for problem in report.problems)


def test_an_app_tells_its_rights_and_how_much_it_sees(github: GitHubServer) -> None:
    github.add_repository("artsy/candela")
    report = check_profile(app_profile(github))
    assert "pull_requests write" in report.rights
    assert "sees 1 repositories" in report.rights
    assert report.problems == ()
