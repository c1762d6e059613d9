"""Moments and lengths in words, and the text of the pull request."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releases.messages import BODY_LIMIT, Announcement, Waiting, body, counted, listed, moment, span, title

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "zone", "words"),
    [
        (timedelta(0), "UTC", "today at 14:05 UTC"),
        (timedelta(hours=10), "UTC", "tomorrow at 00:05 UTC"),
        (timedelta(hours=10), "America/New_York", "today at 19:05 New York time"),
        (timedelta(days=-1), "UTC", "yesterday at 14:05 UTC"),
        (timedelta(days=7), "UTC", "on Monday 30 November at 14:05 UTC"),
        (timedelta(days=60), "UTC", "on Friday 22 January 2027 at 14:05 UTC"),
        (timedelta(hours=1), "Moon/Crater", "today at 15:05 UTC"),
        (timedelta(hours=1), "../etc/passwd", "today at 15:05 UTC"),
        (timedelta(days=200), "Europe/Berlin", "on Friday 11 June 2027 at 16:05 Berlin time"),
    ],
)
def test_a_moment_is_said_as_people_say_it(after: timedelta, zone: str, words: str) -> None:
    assert moment(NOW + after, NOW, zone) == words


def test_today_is_the_day_of_the_zone_and_not_of_utc() -> None:
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)

    assert moment(late + timedelta(hours=1), late, "Asia/Tokyo") == "today at 09:30 Tokyo time"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (5400, "90 minutes"), (86400, "24 hours"),
     (10 * 86400, "10 days"), (315_360_000, "3,650 days")],
)  # fmt: skip
def test_a_length_is_said_in_its_largest_fitting_unit(seconds: int, words: str) -> None:
    assert span(seconds) == words


def test_names_are_listed_and_the_rest_is_counted() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(list("abcde")) == "a, b, c and 2 more"
    assert counted(1, "commit") == "1 commit"


def waiting(number: int, subject: str = "Change it", author: str = "Ana Lee") -> Waiting:
    return Waiting(f"{number:040x}", subject, author, "ana", f"https://github.com/artsy/candela/commit/{number:040x}")


PLAIN = Announcement(
    key="0b1c", base="release", head="staging", commits=(waiting(1),), count=1, merge_after=86400,
    merge_at=NOW + timedelta(days=1), now=NOW, zone="UTC", project_url="https://h.example/projects/1/",
    block_url="https://h.example/blocks/new/?project=1",
)  # fmt: skip


class TestBody:
    def test_stands_between_markers_and_bears_the_key(self) -> None:
        text = body(PLAIN)

        assert text.startswith("<!-- horizon:begin 0b1c -->")
        assert text.endswith("<!-- horizon:end -->")

    def test_lists_commits_by_author_those_with_most_first(self) -> None:
        commits = (waiting(1, author="Bo"), waiting(2), waiting(3))

        text = body(replace(PLAIN, commits=commits, count=3))

        assert text.index("**Ana Lee**") < text.index("**Bo**")
        assert "### 3 commits" in text

    def test_counts_the_commits_that_are_not_listed(self) -> None:
        text = body(replace(PLAIN, commits=tuple(waiting(number) for number in range(250)), count=300))

        assert "… and 200 more commits." in text

    def test_leaves_people_to_merge_where_there_is_no_time(self) -> None:
        assert "People merge it." in body(replace(PLAIN, merge_after=None, merge_at=None))

    def test_is_never_longer_than_github_takes(self) -> None:
        commits = tuple(waiting(number, subject="x" * 5000) for number in range(100))

        text = body(replace(PLAIN, commits=commits, count=100))

        assert len(text) <= BODY_LIMIT + 100
        assert text.endswith("<!-- horizon:end -->")

    def test_makes_nothing_of_what_strangers_wrote(self) -> None:
        subject = "<!-- horizon:end --> @all <img src=x>\nsecond"

        text = body(replace(PLAIN, commits=(waiting(1, subject=subject),)))

        assert text.count("<!-- horizon:end -->") == 1
        assert "<img" not in text
        assert "@all" not in text

    def test_needs_no_commits(self) -> None:
        assert "###" not in body(replace(PLAIN, commits=(), count=0))


def test_a_title_is_never_longer_than_github_takes() -> None:
    assert len(title("b" * 255, "h" * 255)) == 256
