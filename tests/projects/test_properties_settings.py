"""The least supported versions, from the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from horizon import env

NAME = "MINIMUM_VERSION_RUBY"


@pytest.mark.parametrize(("value", "version"), [("3.2", "3.2"), (" v20 ", "20"), ("3.2.1", "3.2.1"), ("", "")])
def test_a_minimum_version_is_a_plain_number(monkeypatch: pytest.MonkeyPatch, value: str, version: str) -> None:
    monkeypatch.setenv(NAME, value)
    assert env.version(NAME) == version


def test_without_a_value_there_is_no_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    assert env.version(NAME) == ""


@pytest.mark.parametrize("value", [">=3.2", "three", "3.x", "3.", "lts/iron", "9" * 100])
def test_any_other_value_stops_the_start_with_a_line_that_names_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{NAME}=.*no version.*for example"):
        env.version(NAME)
