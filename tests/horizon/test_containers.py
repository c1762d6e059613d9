"""Dockerfile and docker-compose.yml, as far as they can be judged without running them."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from horizon import env

COMPOSE = (settings.BASE_DIR / "docker-compose.yml").read_text()
DOCKERFILE = (settings.BASE_DIR / "Dockerfile").read_text()
OURS = {"migrate", "web", "polls", "hosts", "actions", "events", "beat"}


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
    return found


def test_all_parts_of_an_installation_are_there(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == OURS | {"postgres", "redis"}


def test_no_secret_has_a_default(services: dict[str, dict[str, Any]]) -> None:
    for name in ("POSTGRES_PASSWORD", "HORIZON_SECRET_KEY", "HORIZON_ENCRYPTION_KEYS", "HORIZON_ADMIN_PASSWORD"):
        uses = re.findall(r"\$\{" + name + r"([^}]*)\}", COMPOSE)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_containers_cannot_write_to_their_root_and_gain_no_rights(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
    for name in OURS:
        assert services[name]["cap_drop"] == ["ALL"]
    assert re.search(r"^USER (?!0|root)", DOCKERFILE, re.MULTILINE)


def test_what_waits_for_a_server_waits_until_it_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    for name in OURS:
        needs = services[name]["depends_on"]
        assert needs["postgres"]["condition"] == needs["redis"]["condition"] == "service_healthy"
        assert name == "migrate" or needs["migrate"]["condition"] == "service_completed_successfully"
    watched = ("postgres", "redis", "polls", "hosts", "actions", "events")
    assert all("test" in services[name]["healthcheck"] for name in watched)
    assert "HEALTHCHECK" in DOCKERFILE


def test_every_command_and_queue_that_is_named_exists(services: dict[str, dict[str, Any]]) -> None:
    words = [services[name]["command"] for name in ("web", "polls", "hosts", "actions", "events", "beat")]
    assert {command[0] for command in words} <= set(get_commands())
    assert {command[1] for command in words if command[0] == "worker"} == set(settings.QUEUES)
    for command in re.findall(r"manage\.py (\w+)", COMPOSE + DOCKERFILE):
        assert command in get_commands()


def test_every_variable_that_is_set_is_one_of_horizon(services: dict[str, dict[str, Any]]) -> None:
    for name in OURS:
        assert set(services[name]["environment"]) <= env.known
    assert set(re.findall(r"(HORIZON_[A-Z_]+)=", DOCKERFILE)) <= env.known


def test_every_setting_that_is_not_made_for_one_machine_can_be_given(services: dict[str, dict[str, Any]]) -> None:
    of_one_machine = {"HORIZON_PORT", "HORIZON_DEBUG", "HORIZON_DATA_DIR", "HORIZON_STATIC_ROOT"}  # the image's own
    known = {name for name in env.known if name.startswith(("HORIZON_", "MINIMUM_"))}

    assert known - of_one_machine <= set(services["migrate"]["environment"])
    assert known - of_one_machine - {"HORIZON_ADMIN_PASSWORD"} <= set(services["web"]["environment"])


def test_the_image_can_ask_remotes_over_ssh() -> None:
    assert re.search(r"apt-get install .* git openssh-client", DOCKERFILE)


def test_the_queue_of_redis_is_never_evicted(services: dict[str, dict[str, Any]]) -> None:
    assert " ".join(services["redis"]["command"]).endswith("--maxmemory-policy noeviction")


def test_every_folder_that_the_program_needs_is_in_the_image() -> None:
    copied = set(re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE))
    assert copied == {"audit", "blocks", "dashboard", "horizon", "projects", "releases", "static", "templates"}
    ignored = (settings.BASE_DIR / ".dockerignore").read_text()
    assert all(f"!{folder}\n" in ignored for folder in copied)
