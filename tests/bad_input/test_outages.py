"""PostgreSQL or Valkey away and back: pages say so and come back, polls fail whole and are made up for."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import Error as DatabaseError
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from horizon import embedded
from projects import leases
from projects import poll as polling
from projects.live import CHANNEL
from projects.models import Profile, Project, ProjectPoll
from projects.poll import lanes
from tests import worlds
from tests.bad_input.looking import A_MINUTE, current, look, polled
from tests.bad_input.servers import OwnServers, Server
from tests.servers.github import GitHubServer
from tests.worlds import NOW, TOKEN


@pytest.fixture(scope="module")
def servers(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnServers]:
    """Horizon's connection leads to them while this module runs."""
    own = OwnServers()
    before = connection.settings_dict
    try:
        own.postgres.start()
        own.valkey.start()
        with django_db_blocker.unblock():
            connection.close()
            connection.settings_dict = before | embedded.database_settings(own.places.database_url)
            call_command("migrate", verbosity=0)
            yield own
            connection.close()
    finally:
        connection.settings_dict = before
        own.close()


@pytest.fixture
def database(servers: OwnServers) -> Server:
    return servers.postgres


@pytest.fixture
def reader(servers: OwnServers) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get_or_create(username="bo")[0])
    return client


@pytest.fixture
def project(servers: OwnServers, github: GitHubServer) -> Iterator[Project]:
    github.add_token(TOKEN, login="ana", scopes=("repo",))
    github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    profile = worlds.github_profile(api_url=github.api_url)
    made = worlds.project("candela", profile=profile, remote=github.remote("artsy/candela"))
    polled(made)
    yield made
    connection.close()
    Project.objects.all().delete()
    Profile.objects.all().delete()


def end_of_work() -> None:
    """What the worker does after each task, and the web server after each request."""
    connection.close()


class TestPostgreSQL:
    @pytest.mark.parametrize("goes", ["stop", "freeze"])
    def test_pages_say_that_it_is_away_and_come_back(
        self, database: Server, project: Project, reader: Client, goes: str
    ) -> None:
        end_of_work()
        getattr(database, goes)()
        try:
            page, api = reader.get(f"/projects/{project.pk}/"), reader.get("/api/projects/")
            ready, alive = reader.get("/readyz"), reader.get("/healthz")
        finally:
            end_of_work()
            database.start() if goes == "stop" else database.thaw()

        assert (page.status_code, page["Retry-After"]) == (503, "10")
        assert "The database does not answer" in page.content.decode()
        assert (api.status_code, api["Content-Type"]) == (503, "application/problem+json")
        assert "Nothing is lost: try again" in json.loads(api.content)["detail"]
        assert (ready.status_code, ready.json()["database"].startswith("away")) == (503, True)
        assert alive.status_code == 200
        assert look(reader, project).api["error"] is None

    def test_what_was_pushed_meanwhile_is_seen_by_the_next_poll(
        self, database: Server, project: Project, github: GitHubServer, reader: Client
    ) -> None:
        end_of_work()
        database.stop()
        try:
            github.repository("artsy/candela").commit("main", "While it was away", author="ana")
            with pytest.raises(DatabaseError):
                polled(project, at=NOW + A_MINUTE)
        finally:
            end_of_work()
            database.start()

        assert lanes(NOW + 2 * A_MINUTE) == [[project.pk]]
        polled(project, at=NOW + 2 * A_MINUTE)
        assert [each["message"] for each in look(reader, project).commits] == ["While it was away"]

    @pytest.mark.parametrize("call", range(1, 4))
    def test_going_in_the_middle_of_a_poll_it_holds_the_project_up_for_one_lease_only(
        self, database: Server, project: Project, github: GitHubServer, reader: Client, call: int
    ) -> None:
        github.repository("artsy/candela").commit("main", "In the middle", author="ana")
        calls = 0

        def clock() -> datetime:
            nonlocal calls
            calls += 1
            if calls == call:
                database.stop()
            return NOW + A_MINUTE

        try:
            with pytest.raises(DatabaseError):
                polling.poll([project.pk], clock=clock, until=NOW + 2 * A_MINUTE)
        finally:
            end_of_work()
            database.start()

        assert current(project).created_at == NOW
        later = NOW + A_MINUTE + leases.LEASE
        assert lanes(later) == [[project.pk]]
        polled(project, at=later)
        assert [each["message"] for each in look(reader, project).commits] == ["In the middle"]
        assert ProjectPoll.objects.get(project=project).lease is None


class TestValkey:
    @pytest.fixture
    def valkey(self, servers: OwnServers, settings: Any) -> Server:
        settings.REDIS_URL = servers.places.redis_url
        settings.CACHES = {"default": django_settings.CACHES["default"] | {"LOCATION": servers.places.redis_url}}
        return servers.valkey

    @pytest.mark.parametrize("goes", ["stop", "freeze"])
    def test_polls_and_pages_go_on_without_it(
        self, valkey: Server, project: Project, github: GitHubServer, reader: Client, goes: str
    ) -> None:
        github.repository("artsy/candela").commit("main", "While it was away", author="ana")
        getattr(valkey, goes)()
        try:
            polled(project, at=NOW + A_MINUTE)
            seen = look(reader, project)
            ready = reader.get("/readyz")
        finally:
            valkey.start() if goes == "stop" else valkey.thaw()

        assert [each["message"] for each in seen.commits] == ["While it was away"]
        assert (ready.status_code, ready.json()["valkey"].startswith("away")) == (503, True)

    def test_open_pages_are_told_again_when_it_is_back(
        self, valkey: Server, project: Project, github: GitHubServer, announced: Callable[[], dict[str, Any]]
    ) -> None:
        github.repository("artsy/candela").commit("main", "After it came back", author="ana")

        polled(project, at=NOW + A_MINUTE)

        assert announced() == {"projects": [project.pk]}

    @pytest.fixture
    def announced(self, valkey: Server) -> Iterator[Callable[[], dict[str, Any]]]:
        valkey.stop()
        valkey.start()
        with redis.Redis.from_url(django_settings.REDIS_URL) as client, client.pubsub() as listening:
            listening.subscribe(CHANNEL)
            listening.get_message(timeout=5)  # the confirmation

            def next_message() -> dict[str, Any]:
                message = listening.get_message(timeout=10)
                assert message is not None
                told: dict[str, Any] = json.loads(message["data"])
                return told

            yield next_message
