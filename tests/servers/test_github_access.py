"""Who may what: tokens of all kinds, GitHub Apps and their clocks, and PyGithub as a client."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from github import Auth, Github, GithubException, UnknownObjectException
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from tests.servers.asking import TOKEN, Asking, asking
from tests.servers.github import GitHubServer, Repository

PATH = "/repos/artsy/secret"
Sign = Callable[..., str]


@pytest.fixture
def secret(github: GitHubServer) -> Repository:
    return github.add_repository("artsy/secret", private=True, branches=("release",))


def status_of(ask: Asking, path: str, token: str, method: str = "GET") -> int:
    with asking(ask.github, token) as client:
        return client(method, path).status_code


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class TestTokens:
    @pytest.mark.parametrize("fault", ["unknown", "revoked", "expired", "empty"])
    def test_a_bad_one_is_401(self, ask: Asking, secret: Repository, fault: str) -> None:
        github = ask.github
        github.add_token("old", "ana", expires=github.now() + timedelta(hours=1))
        if fault == "revoked":
            github.revoke_token("old")
        elif fault == "expired":
            github.advance(hours=2)
        with asking(github, "unheard-of" if fault == "unknown" else "old") as client:
            if fault == "empty":
                client.http.headers["Authorization"] = "Bearer"
            answer = client.get(PATH)
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")

    def test_one_that_expires_says_when(self, ask: Asking, secret: Repository) -> None:
        expires = ask.github.now() + timedelta(days=1)
        ask.github.add_token("brief", "ana", expires=expires)
        with asking(ask.github, "brief") as client:
            told = client.get(PATH).headers["github-authentication-token-expiration"]
        assert told == expires.strftime("%Y-%m-%d %H:%M:%S UTC")

    def test_what_it_may_not_see_is_404_like_what_is_not_there(self, ask: Asking, secret: Repository) -> None:
        github = ask.github
        github.add_user("stranger", member=False)
        github.add_token("strange", "stranger")
        github.add_token("unscoped", "ana", scopes=())
        github.add_token("elsewhere", "ana", permissions={"contents": "read"}, repositories=())
        bodies = []
        for token in ("strange", "unscoped", "elsewhere"):
            with asking(github, token) as client:
                bodies += [client.get(PATH).json(), client.get("/repos/artsy/nothing").json()]
        assert all(body == bodies[0] for body in bodies)
        assert bodies[0]["message"] == "Not Found"
        assert status_of(ask, PATH, TOKEN) == 200
        with asking(github, None) as nobody:
            assert nobody.get(PATH).status_code == 404

    def test_one_without_scopes_reads_what_is_public(self, ask: Asking, github: GitHubServer) -> None:
        github.add_repository("artsy/open", branches=("release",))
        github.add_token("unscoped", "ana", scopes=())
        assert status_of(ask, "/repos/artsy/open", "unscoped") == 200
        assert status_of(ask, "/repos/artsy/open/pulls", "unscoped", "POST") == 404
        assert status_of(ask, "/repos/artsy/open/branches/release", "unscoped") == 200

    def test_a_role_counts_as_well_as_the_token(self, ask: Asking, secret: Repository) -> None:
        secret.set_role("ana", "read")
        answer = ask("POST", f"{PATH}/git/refs", {"ref": "refs/heads/x", "sha": secret.sha("main")})
        assert (answer.status_code, answer.json()["message"]) == (403, "Must have push access to repository")
        secret.set_role("ana", "none")
        assert ask.get(PATH).status_code == 404

    def test_basic_authentication_takes_the_token_as_password(self, ask: Asking, secret: Repository) -> None:
        with httpx.Client(auth=("x-access-token", TOKEN), trust_env=False, verify=False) as client:
            assert client.get(ask.github.api_url + PATH).status_code == 200

    def test_headers_tell_its_scopes(self, ask: Asking) -> None:
        assert ask.get("/user").headers["x-oauth-scopes"] == "repo, workflow"


class TestApps:
    @pytest.fixture
    def sign(self, github: GitHubServer) -> Sign:
        app = github.add_app(17, slug="horizon", owner="artsy")

        def signed(*, issued: int = -60, expires: int = 300, app_id: int = 17, algorithm: str = "RS256") -> str:
            now = int(github.now().timestamp())
            claims = {"iat": now + issued, "exp": now + expires, "iss": app_id}
            text = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}"
            signature = app.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
            return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

        return signed

    def test_show_themselves_and_give_tokens_for_an_hour(self, ask: Asking, sign: Sign, secret: Repository) -> None:
        github = ask.github
        installation = github.add_installation(17, "artsy")
        with asking(github, sign()) as app:
            TypeAdapter(models.Integration).validate_python(app.json("/app"))
            TypeAdapter(list[models.Installation]).validate_python(app.json("/app/installations"))
            TypeAdapter(models.Installation).validate_python(app.json(f"{PATH}/installation"))
            made = app("POST", f"/app/installations/{installation.id}/access_tokens")
        TypeAdapter(models.InstallationToken).validate_python(made.json())
        assert made.status_code == 201
        token = made.json()["token"]
        with asking(github, token) as bot:
            assert bot.json("/installation/repositories")["total_count"] == 1
            assert bot.get("/user").json()["message"] == "Resource not accessible by integration"
            assert bot("POST", f"{PATH}/git/refs", {"ref": "refs/heads/x", "sha": secret.sha("main")}).is_success
            assert github.acts[-1].actor == "horizon[bot]"
            github.advance(minutes=61)
            assert bot.get(PATH).status_code == 401

    def test_a_token_has_the_rights_and_repositories_of_its_installation(
        self, ask: Asking, sign: Sign, secret: Repository
    ) -> None:
        github = ask.github
        github.add_repository("artsy/other", private=True)
        installation = github.add_installation(
            17, "artsy", repositories=["artsy/secret"], permissions={"metadata": "read", "contents": "read"}
        )
        with asking(github, sign()) as app:
            url = f"/app/installations/{installation.id}/access_tokens"
            token = app("POST", url).json()["token"]
            assert app("POST", url, {"permissions": {"contents": "write"}}).status_code == 422
        assert status_of(ask, "/repos/artsy/other", token) == 404
        assert status_of(ask, f"{PATH}/pulls", token) == 403

    @pytest.mark.parametrize(
        ("claims", "status", "words"),
        [
            ({"expires": -1}, 401, "'Expiration time' claim ('exp') must be"),
            ({"expires": 700}, 401, "'Expiration time' claim ('exp') is too far in the future"),
            ({"issued": 30}, 401, "'Issued at' claim ('iat') must be"),
            ({"app_id": 18}, 404, "Integration not found"),
            ({"algorithm": "HS256"}, 401, "A JSON web token could not be decoded"),
        ],
    )
    def test_a_wrong_jwt_is_told_why(
        self, github: GitHubServer, sign: Sign, claims: dict[str, Any], status: int, words: str
    ) -> None:
        with asking(github, sign(**claims)) as app:
            answer = app.get("/app")
        assert answer.status_code == status
        assert words in answer.json()["message"]

    def test_a_signature_by_another_key_is_refused(self, github: GitHubServer, sign: Sign) -> None:
        with asking(github, sign()[:-8] + "AAAAAAAA") as app:
            assert app.get("/app").json()["message"] == "A JSON web token could not be decoded"

    def test_a_clock_that_runs_ahead_or_behind_is_found(self, github: GitHubServer, sign: Sign) -> None:
        token = sign()
        github.advance(minutes=-5)
        with asking(github, token) as app:
            assert "'Issued at' claim" in app.get("/app").json()["message"]
            github.advance(minutes=30)
            assert "'Expiration time' claim" in app.get("/app").json()["message"]

    def test_an_installation_may_be_limited(self, ask: Asking, sign: Sign, secret: Repository) -> None:
        installation = ask.github.add_installation(17, "artsy")
        with asking(ask.github, sign()) as app:
            token = app("POST", f"/app/installations/{installation.id}/access_tokens").json()["token"]
        ask.github.limit(installation, remaining=0)
        assert status_of(ask, PATH, token) == 403
        assert ask.get(PATH).status_code == 200

    def test_a_suspended_installation_gives_nothing(self, ask: Asking, sign: Sign, secret: Repository) -> None:
        installation = ask.github.add_installation(17, "artsy")
        with asking(ask.github, sign()) as app:
            url = f"/app/installations/{installation.id}/access_tokens"
            token = app("POST", url).json()["token"]
            ask.github.suspend_installation(installation.id)
            assert app("POST", url).status_code == 403
        assert status_of(ask, PATH, token) == 403


class TestPyGithub:
    """The library that Horizon uses, as it is."""

    @pytest.fixture
    def library(self, ask: Asking) -> Github:
        return Github(
            auth=Auth.Token(TOKEN),
            base_url=ask.github.api_url,
            seconds_between_requests=None,
            seconds_between_writes=None,
            retry=None,
        )

    def test_opens_and_merges(self, library: Github, secret: Repository) -> None:
        secret.commit("main", "Add maps")
        repository = library.get_repo("artsy/secret")
        pull = repository.create_pull(base="release", head="main", title="Deploy", body="All")
        assert (pull.number, pull.raw_data["mergeable"]) == (1, None)
        assert repository.get_pull(1).raw_data["mergeable"] is None
        assert repository.get_pull(1).raw_data["mergeable"] is True
        result = pull.merge(sha=secret.sha("main"))
        assert (result.merged, result.sha) == (True, secret.sha("release"))
        library.close()

    def test_asks_graphql_and_fails_on_partial_answers(self, library: Github, secret: Repository) -> None:
        _, data = library.requester.graphql_query('{ repository(owner: "artsy", name: "secret") { name } }', {})
        assert data["data"] == {"repository": {"name": "secret"}}
        with pytest.raises(UnknownObjectException):
            library.requester.graphql_query('{ repository(owner: "artsy", name: "x") { name } }', {})
        library.close()

    def test_takes_a_redirected_write_for_a_success(self, library: Github, secret: Repository) -> None:
        repository = library.get_repo("artsy/secret")
        secret.commit("main", "Add maps")
        secret.rename("artsy/renamed")
        pull = repository.create_pull(base="release", head="main", title="Deploy", body="All")
        assert pull.raw_data.get("number") is None
        assert secret.pulls.all == {}
        library.close()

    def test_acts_as_an_app(self, ask: Asking, secret: Repository) -> None:
        app = ask.github.add_app(17)
        installation = ask.github.add_installation(17, "artsy")
        auth = Auth.AppInstallationAuth(Auth.AppAuth(17, app.private_key), installation.id)
        with Github(auth=auth, base_url=ask.github.api_url, retry=None) as library:
            assert library.get_repo("artsy/secret").id == secret.id

    def test_a_refusal_is_its_exception(self, library: Github, secret: Repository) -> None:
        secret.commit("main", "Add maps")
        secret.open_pull_request("main", "release")
        pull = library.get_repo("artsy/secret").get_pull(1)
        with pytest.raises(GithubException, match="Head branch was modified") as refused:
            pull.merge(sha="0" * 40)
        assert refused.value.status == 409
        library.close()
