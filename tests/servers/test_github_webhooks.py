"""Webhooks: what is told, how it is signed, what gets lost."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from tests.servers.github import GitHubServer, Repository

SECRET = "a-secret-of-tests"
SHAPES: dict[tuple[str, str | None], Any] = {
    ("push", None): models.WebhookPush,
    ("create", None): models.WebhookCreate,
    ("delete", None): models.WebhookDelete,
    ("pull_request", "opened"): models.WebhookPullRequestOpened,
    ("pull_request", "synchronize"): models.WebhookPullRequestSynchronize,
    ("pull_request", "closed"): models.WebhookPullRequestClosed,
    ("check_run", "completed"): models.WebhookCheckRunCompleted,
    ("status", None): models.WebhookStatus,
    ("repository", "renamed"): models.WebhookRepositoryRenamed,
    ("repository", "transferred"): models.WebhookRepositoryTransferred,
    ("repository", "deleted"): models.WebhookRepositoryDeleted,
}


@dataclass(slots=True)
class Ear:
    """A server that hears deliveries and answers `status`."""

    url: str = ""
    status: int = 202
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def events(self) -> list[str]:
        return [headers["x-github-event"] for headers, _ in self.heard]


@pytest.fixture
def ear() -> Iterator[Ear]:
    found = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.heard.append((headers, self.rfile.read(int(headers["content-length"]))))
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/github"
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def repo(github: GitHubServer) -> Repository:
    return github.add_repository("artsy/candela", branches=("staging", "release"))


class TestWebhooks:
    def test_have_githubs_shapes(self, github: GitHubServer, repo: Repository, ear: Ear) -> None:
        github.webhooks.add(ear.url)
        repo.commit("staging", "Add maps", author="ana")
        repo.branch("later")
        repo.tag("v1", annotated=True)
        repo.delete_branch("later")
        repo.open_pull_request("staging", "release", author="ana")
        repo.commit("staging", "Late", author="ana")
        repo.check_run("ci", at="staging")
        repo.status("ci/circleci", at="staging")
        repo.merge_pull_request(1, by="ana")
        repo.rename("artsy/lantern")
        repo.rename("other/lantern")
        repo.delete()
        github.webhooks.join()
        seen = set()
        for headers, body in ear.heard:
            value = json.loads(body)
            kind = (headers["x-github-event"], value.get("action"))
            TypeAdapter(SHAPES[kind]).validate_python(value)
            seen.add(kind)
        assert seen == SHAPES.keys()

    def test_tell_of_a_push_what_moved(self, github: GitHubServer, repo: Repository, ear: Ear) -> None:
        github.webhooks.add(ear.url, events=["push"])
        before = repo.sha("main")
        first, second = repo.commits("main", 2, author="ana")
        repo.force_push("main", before)
        github.webhooks.join()
        moved, forced = (json.loads(body) for _, body in ear.heard)
        assert (moved["before"], moved["after"], moved["ref"]) == (before, second, "refs/heads/main")
        assert [commit["id"] for commit in moved["commits"]] == [first, second]
        assert (moved["forced"], forced["forced"], forced["commits"]) == (False, True, [])
        assert moved["repository"]["full_name"] == "artsy/candela"

    def test_are_signed(self, github: GitHubServer, repo: Repository, ear: Ear) -> None:
        github.webhooks.add(ear.url, secret=SECRET, app_id=17)
        repo.commit("main", "Add maps")
        github.webhooks.join()
        ((headers, body),) = ear.heard
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature-256"] == f"sha256={signature}"
        assert headers["x-github-hook-installation-target-id"] == "17"

    def test_are_told_once_and_again_by_hand_with_the_same_id(
        self, github: GitHubServer, repo: Repository, ear: Ear
    ) -> None:
        ear.status = 503
        github.webhooks.add(ear.url)
        repo.commit("main", "Add maps")
        github.webhooks.join()
        (delivery,) = github.webhooks.deliveries
        assert (delivery.status, len(ear.heard)) == (503, 1)
        ear.status = 202
        github.webhooks.redeliver(delivery)
        github.webhooks.join()
        assert delivery.status == 202
        assert [headers["x-github-delivery"] for headers, _ in ear.heard] == [delivery.id] * 2

    def test_get_lost_and_go_only_where_they_are_wanted(self, github: GitHubServer, repo: Repository, ear: Ear) -> None:
        github.add_repository("artsy/other")
        hook = github.webhooks.add(ear.url, repository="artsy/candela", events=["push", "status"])
        hook.losing = 1
        repo.commit("main", "Lost")
        repo.commit("main", "Told")
        repo.open_pull_request("main", "release")
        github.repository("artsy/other").commit("main", "Elsewhere")
        repo.status("ci", at="main")
        github.webhooks.join()
        assert ear.events() == ["push", "status"]

    def test_to_nobody_are_noted_as_unanswered(self, github: GitHubServer, repo: Repository) -> None:
        github.webhooks.add("http://127.0.0.1:9/webhooks/github")
        repo.commit("main", "Add maps")
        github.webhooks.join()
        assert [delivery.status for delivery in github.webhooks.deliveries] == [0]
