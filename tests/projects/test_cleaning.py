"""What strangers wrote, made fit for a line on a page."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.cleaning import clean_line, without_secrets


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Fix it", "Fix it"),
        ("First\nSecond", "First"),
        ("\n\n  First \r\nSecond", "First"),
        ("a\tb\u00a0 c", "a b c"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x07link\x1b]8;;\x07", "link"),
        ("\x9b31mred", "red"),
        ("a\x00b\x08c\x7f", "abc"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202egnp.exe\u2066x\u2069", "gnp.exex"),
        ("bad \ud800 half", "bad \ufffd half"),
        ("שלום 🚀 日本語", "שלום 🚀 日本語"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("", ""),
        ("\x00", ""),
    ],
)
def test_one_clean_line_remains(text: str, line: str) -> None:
    assert clean_line(text) == line


def test_a_long_line_ends_in_an_ellipsis() -> None:
    assert clean_line("a" * 1_000_000, 10) == "aaaaaaaaa…"
    assert clean_line("a" * 10, 10) == "a" * 10


@settings(deadline=None)
@given(st.text(st.characters()))
def test_nothing_that_moves_a_cursor_or_breaks_an_encoding_is_left(text: str) -> None:
    line = clean_line(text, 40)

    assert len(line) <= 40
    assert all(unicodedata.category(letter) not in {"Cc", "Cs", "Zl", "Zp"} for letter in line)
    assert line.encode().decode() == line
    assert clean_line(line, 40) == line


def test_secrets_are_taken_out() -> None:
    text = "fatal: https://ana:pa%20ss@host/x refused tok-123 and tok-123456"

    assert without_secrets(text, ["tok-123", "tok-123456", "", None]) == "fatal: https://***@host/x refused *** and ***"


def test_what_costs_careless_expressions_hours_is_read_in_a_moment() -> None:
    text = "a." * 500_000

    assert without_secrets(text, []) == text
    assert clean_line("\x9d" * 1_000_000, 100_000) == ""
