"""Lengths of time as people type and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from releases.durations import in_words, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("86400", 86400),
        (" 0 ", 0),
        ("24 hours", 86400),
        ("24h", 86400),
        ("90 minutes", 5400),
        ("90 min", 5400),
        ("1 hour", 3600),
        ("1.5 hours", 5400),
        ("1,5 hours", 5400),
        ("1 day 6 hours", 108000),
        ("1 day, 6 hours and 5 minutes", 108300),
        ("2 Weeks", 1209600),
        ("10 years", 315360000),
        ("45 secs", 45),
    ],
)
def test_what_people_type_is_understood(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["soon", "", "-5", "24 hourz", "1 hour later", "٣ hours", "1e3", "hours", "1:30", "9" * 40]
)
def test_what_is_no_length_of_time_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it for example as 24 hours"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (5400, "90 minutes"),
        (3600, "1 hour"),
        (86400, "24 hours"),
        (90000, "25 hours"),
        (10 * 86400, "10 days"),
        (80 * 3600, "3 days 8 hours"),
        (86461, "1 day 1 minute 1 second"),
    ],
)
def test_seconds_are_shown_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words


@given(some.integers(0, 2**31 - 1))
def test_what_a_form_shows_can_be_sent_back(seconds: int) -> None:
    assert seconds_of(in_words(seconds)) == seconds
