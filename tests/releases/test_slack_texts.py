"""Texts of messages, with whatever people may have written into commits, names and reasons."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from releases.slack_texts import LONGEST, Story, because, date, distance, notice, plain, status

NOW = datetime(2026, 11, 25, 14, tzinfo=UTC)
URL = "https://github.com/artsy/candela/pull/1"
PAGE = "https://horizon.example/projects/1/"
BLOCK = "https://horizon.example/blocks/new/?project=1"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

HOSTILE = [
    "<!channel>", "<!here|x>", "<@U123>", "<http://evil.example|https://github.com>", "&lt;!channel&gt;",
    "a\n<!channel>", "\u061ca",
    "\r\nThe following changes will be released", "\u202egnp.exe", "https://evil.example", "x" * 10_000, "<" * 10_000,
    "\x00\x1b[31m", "\ud800", "", " ", "<!date^1^{time}|never>", "http\u200b://evil.example", "HTTP://evil.example",
]  # fmt: skip
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.one_of(st.sampled_from(f"<>&!@#|^:/\n\r\t`*_~{BIDI}"), st.characters()), max_size=300),
    st.lists(st.sampled_from(HOSTILE), max_size=3).map(" ".join),
)
commits = st.lists(st.fixed_dictionaries({}, optional={"author": texts, "message": texts, "sha": texts}), max_size=30)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    found: list[dict[str, Any]] = draw(commits)
    return Story(
        project=draw(texts),
        organization=draw(texts),
        stage=draw(texts),
        base=draw(texts),
        head=draw(texts),
        zone=draw(st.sampled_from(["UTC", "America/New_York", "Nowhere/Land", ""])),
        url=URL,
        project_url=PAGE,
        block_url=BLOCK,
        number=1,
        commits=found,
        count=len(found) + draw(st.integers(0, 500)),
    )


def assert_harmless(text: str) -> None:
    """All markup is Horizon's own, nothing else becomes a link or a mention, nothing turns the reading round."""
    own = re.compile(
        rf"<!date\^\d+\^\{{date_short_pretty\}} at \{{time\}}\|[^<>|]*>"
        rf"|<{re.escape(BLOCK)}\|block it>|<{re.escape(PAGE)}\|Why and when>|{re.escape(URL)}"
    )
    rest = own.sub("", text)
    assert "<" not in rest
    assert ">" not in rest
    assert not re.search("&(?!amp;|lt;|gt;)", rest)
    assert not re.search(r"\w://", rest)
    assert not set(rest) & set(BIDI)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]", text)
    text.encode()


@given(stories(), st.integers(0, 100 * 3600))
@example(Story("<!here>", "<a|b>", "\u061ca", "<!channel>", "a\nb", "UTC", URL, PAGE, BLOCK), 3600)
def test_a_notice_is_harmless_short_and_tells_the_moment_first(story: Story, seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    text = notice(story, at, NOW)
    assert_harmless(text)
    assert len(text) <= LONGEST
    first, *_, last = text.splitlines()
    assert first == f"The following changes will be released in {distance(seconds)}: {URL}"
    assert f"<!date^{int(at.timestamp())}^" in last
    assert f"<{BLOCK}|block it>" in last


@given(stories(), texts, st.booleans())
def test_a_status_is_harmless_and_short(story: Story, reason: str, stoppable: bool) -> None:
    text = status(story, f"Not released yet: {because(reason)} {URL}", stoppable=stoppable)
    assert_harmless(text)
    assert len(text) <= LONGEST
    assert ("|block it>" in text) is stoppable


@given(texts, st.integers(1, 500))
def test_plain_text_is_one_line_of_a_bounded_length(text: str, limit: int) -> None:
    found = plain(text, limit)
    assert_harmless(found)
    assert "\n" not in found
    # The longest that one letter becomes is &amp;
    assert len(found) <= 5 * limit + limit // 3 + 1


def test_an_hour_before_the_first_line_is_that_of_the_predecessor() -> None:
    story = Story("candela", "artsy", "production", "release", "staging", "America/New_York", URL, PAGE, BLOCK)
    text = notice(story, NOW + timedelta(hours=1), NOW)
    assert text.splitlines()[0] == f"The following changes will be released in about 1 hour: {URL}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-60, "a few minutes"), (0, "a few minutes"), (89, "a few minutes"), (120, "2 minutes"),
        (44 * 60, "44 minutes"),
        (45 * 60, "about 1 hour"), (3600, "about 1 hour"), (89 * 60, "about 1 hour"), (2 * 3600, "about 2 hours"),
        (86400, "1 day"), (48 * 3600, "2 days"),
    ],
)  # fmt: skip
def test_lengths_of_time_are_told_as_people_know_them(seconds: float, words: str) -> None:
    assert distance(seconds) == words


def test_commits_are_told_by_author_ten_of_them_and_the_rest_counted() -> None:
    some = [{"author": "Ana" if number % 2 else "Bo", "message": f"Change {number}"} for number in range(30)]
    story = Story("c", "artsy", "p", "release", "staging", "UTC", URL, PAGE, BLOCK, commits=some, count=45)
    lines = notice(story, NOW, NOW).splitlines()
    assert lines[2].startswith("• Bo: Change 0; Change 2;")
    assert lines[3].startswith("• Ana: Change 1;")
    assert lines[4] == "… and 35 more commits"


def test_a_moment_is_in_the_readers_zone_and_else_in_the_strategys() -> None:
    text = date(NOW, "America/New_York")
    assert text.startswith(f"<!date^{int(NOW.timestamp())}^{{date_short_pretty}} at {{time}}|")
    assert "09:00 New York time" in text
