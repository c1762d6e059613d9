"""What is written to the log."""

import logging
import sys

import pytest

from horizon.logs import OneLine, StrikeSecrets, strike_secrets


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_0123456789abcdefghij0123456789abcdef",
        "github_pat_11AAAAAAA0123456789_abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-1234567890-abcdefghij",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "gAAAAABm" + "x" * 60,
    ],
)
def test_what_looks_like_a_secret_is_struck_out(secret: str) -> None:
    assert strike_secrets(f"before {secret} after") == "before [secret] after"


@pytest.mark.parametrize(
    ("text", "struck"),
    [
        ("fetch https://ana:hunter2@git.example/r.git", "fetch https://[secret]@git.example/r.git"),
        ("fetch https://:hunter2@git.example/r.git", "fetch https://[secret]@git.example/r.git"),
        ("Authorization: Basic YW5hOmh1bnRlcjI=", "Authorization: Basic [secret]"),
        ("authorization: bearer abc.def-ghi_jkl123", "authorization: bearer [secret]"),
        ("https://hooks.slack.com/services/T00/B00/abcDEF123", "https://hooks.slack.com/services/[secret]"),
        ("https://hooks.slack.com/triggers/T00/123/abcDEF123", "https://hooks.slack.com/triggers/[secret]"),
    ],
)
def test_only_the_secret_part_is_struck_out(text: str, struck: str) -> None:
    assert strike_secrets(text) == struck


@pytest.mark.parametrize(
    "text", ["https://github.com/artsy/candela.git", "postgresql://horizon@/horizon", "mail ana@example.com: a token"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert strike_secrets(text) == text


def _line(message: str, *arguments: object, trouble: BaseException | None = None) -> str:
    info = (type(trouble), trouble, trouble.__traceback__) if trouble else None
    record = logging.LogRecord("projects.poll", logging.WARNING, __file__, 1, message, arguments, info)
    assert StrikeSecrets().filter(record)
    return OneLine().format(record)


def test_an_event_is_one_line_with_time_level_and_module() -> None:
    assert _line("read %s\nof %d", "ghp_0123456789abcdefghij", 3).endswith(
        "Z WARNING projects.poll: read [secret] | of 3"
    )


def test_what_strangers_wrote_neither_ends_the_line_nor_rules_the_terminal() -> None:
    line = _line("read %s", "a\r\nb\x1b[2J\u2028c\u202ed\te\x85f")

    assert line.endswith(r"read a | b\x1b[2J\u2028c\u202ed e\x85f")


def test_a_traceback_is_on_the_same_line_without_secrets_and_not_endless() -> None:
    try:
        raise ValueError("x" * 10_000 + " ghp_0123456789abcdefghij")
    except ValueError:
        trouble = sys.exc_info()[1]
    line = _line("broke", trouble=trouble)
    assert "\n" not in line
    assert "Traceback" in line
    assert line.endswith("[secret]")
    assert len(line) < 5000
