"""How pages say things."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import words

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-100), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=45), "1 month ago"),
        (timedelta(days=20000), "54 years ago"),
    ],
)
def test_ages(length: timedelta, said: str) -> None:
    assert words.ago(NOW - length, NOW) == said


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([], ""),
        (["Ana Lee"], "Ana"),
        (["Ana Lee", "Bo Li"], "Ana and Bo"),
        (["Ana", "Bo", "Cy"], "Ana, Bo, and Cy"),
        (["Ana", "Bo", "Cy", "Di"], "Ana, Bo, Cy, and Di"),
        (["Ana", "Bo", "Cy", "Di", "Ed"], "Ana, Bo, Cy, and 2 more"),
        ([""], "?"),
    ],
)
def test_people(people: list[str], said: str) -> None:
    assert words.in_words(people) == said


def test_a_name_from_right_to_left_does_not_turn_the_sentence_round() -> None:
    assert words.first_name("דנה כהן") == "\u2068דנה\u2069"


@pytest.mark.parametrize(
    ("name", "said"), [("candela", "Candela"), ("my-app_two", "My App Two"), ("iOS", "IOS"), ("--", "--"), ("éa", "Éa")]
)
def test_names_of_projects(name: str, said: str) -> None:
    assert words.title_case(name) == said


@pytest.mark.parametrize(
    ("severity", "word"),
    [(0.0, "fresh"), (0.99, "fresh"), (1.0, "warm"), (9.99, "warm"), (10.0, "hot"), (499.9, "hot"), (500.0, "aged")],
)
def test_severities(severity: float, word: str) -> None:
    assert words.severity_word(severity) == word


def test_a_person_has_always_the_same_colour() -> None:
    assert words.colour_of("Ana@example.com") == words.colour_of("ana@example.com")
    assert words.initials("Ana María Lee") == "AL"
    assert words.initials("") == "?"
