"""docs/configuration.md and the settings say the same."""

import re

import pytest
from django.conf import settings

from horizon import env

TABLE = (settings.BASE_DIR / "docs" / "configuration.md").read_text()
SOURCES = ["audit", "blocks", "dashboard", "horizon", "projects", "releases"]


def _documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", TABLE, re.MULTILINE))


def test_every_variable_that_is_read_is_in_the_table() -> None:
    assert env.known - _documented() == set()


def test_every_variable_in_the_table_is_read() -> None:
    assert _documented() - env.known == set()


def test_only_the_settings_read_the_environment_of_horizon() -> None:
    written = {
        (path.relative_to(settings.BASE_DIR).as_posix(), name)
        for source in SOURCES
        for path in (settings.BASE_DIR / source).rglob("*.py")
        for name in re.findall(r"environ[^\n]*\"((?:HORIZON_|DATABASE_URL|REDIS_URL)[A-Z_]*)", path.read_text())
    }
    assert written == set()


@pytest.mark.parametrize("name", ["HORIZON_POLL_SECONDS", "HORIZON_PORT", "HORIZON_MERGES_AT_ONCE"])
def test_the_table_shows_the_default_that_applies(name: str) -> None:
    values = {
        "HORIZON_POLL_SECONDS": int(settings.POLL_INTERVAL.total_seconds()),
        "HORIZON_PORT": settings.PORT,
        "HORIZON_MERGES_AT_ONCE": settings.MERGES_AT_ONCE,
    }
    assert f"| `{name}` | `{values[name]}` |" in TABLE
