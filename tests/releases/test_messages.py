"""Moments and lengths in words, and the text of the pull request."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releases.messages import (
    BODY_LIMIT,
    Announcement,
    Waiting,
    body,
    counted,
    listed,
    moment,
    part_of,
    span,
    title,
    with_body,
)

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

    def test_lists_commits_by_pull_request_and_those_without_any_last(self) -> None:
        commits = (
            waiting(1, "Alone", "Bo"),
            replace(waiting(2, "Newer"), pull_request=12),
            replace(waiting(3, "Older", "Bo"), pull_request=12),
        )
        pulls = {"titles": {12: "Show prices"}, "pull_url": "https://github.com/artsy/candela/pull/{number}"}

        text = body(replace(PLAIN, commits=commits, count=3, **pulls))  # type: ignore[arg-type]

        assert "### 3 commits" in text
        group = "- **[#12](https://github.com/artsy/candela/pull/12)** Show prices by Ana Lee and Bo\n  - Newer"
        assert text.index(group) < text.index("  - Older") < text.index("- Alone")

    def test_names_a_squashed_pull_request_once(self) -> None:
        commits = (replace(waiting(2, "Show prices (#12)"), pull_request=12, url="https://github.com/artsy/candela/x"),)

        text = body(replace(PLAIN, commits=commits, titles={12: "Show prices"}))

        line = f"- **#12** Show prices by Ana Lee ([{waiting(2).sha[:7]}](https://github.com/artsy/candela/x))"
        assert line in text
        assert text.count("Show prices") == 1

    def test_makes_nothing_of_titles_of_strangers(self) -> None:
        commits = (replace(waiting(2), pull_request=12), replace(waiting(3), pull_request=12))
        title = (
            "[Prices](http://evil) @all <b> closes #7, GH-8 and https://github.com/artsy/candela/issues/9 www.evil.x"
        )

        text = body(replace(PLAIN, commits=commits, titles={12: title}))

        for alive in ("[Prices]", "@all", "<b>", "#7", "GH-8", "https://github.com/artsy/candela/issues", "www.evil"):
            assert alive not in text

    def test_says_which_commits_came_after_the_notice(self) -> None:
        text = body(replace(PLAIN, late=frozenset({waiting(1).sha})))

        assert "### 1 commit came after the notice" in text

    def test_names_the_moment_so_that_it_is_true_whenever_it_is_read(self) -> None:
        assert "on Tuesday 24 November 2026 at 14:05 UTC at the earliest" in body(PLAIN)

    def test_tells_no_time_that_moves_on_while_it_is_held(self) -> None:
        assert "That time has come" in body(replace(PLAIN, merge_at=None))

    def test_counts_the_commits_that_are_not_listed(self) -> None:
        text = body(replace(PLAIN, commits=tuple(waiting(number) for number in range(250)), count=300))

        assert "… and 200 more commits." in text

    def test_leaves_people_to_merge_where_there_is_no_time(self) -> None:
        assert "People merge it." in body(replace(PLAIN, merge_after=None, merge_at=None))

    def test_is_never_longer_than_github_takes(self) -> None:
        commits = tuple(waiting(number, subject="x" * 5000) for number in range(100))

        text = body(replace(PLAIN, commits=commits, count=100))

        assert len(text) <= BODY_LIMIT
        assert text.endswith("<!-- horizon:end -->")

    def test_makes_nothing_of_what_strangers_wrote(self) -> None:
        subject = "<!-- horizon:end --> @all <img src=x> ![x](http://evil) fixes #1\nsecond"

        text = body(replace(PLAIN, commits=(waiting(1, subject=subject),)))

        assert text.count("<!-- horizon:end -->") == 1
        assert "<img" not in text
        assert "@all" not in text
        assert "![" not in text
        assert "fixes #1" not in text

    def test_takes_its_place_between_what_people_wrote(self) -> None:
        ours, newer = body(PLAIN), body(replace(PLAIN, head="next"))

        assert with_body(f"Before\n{ours}\nAfter", newer) == f"Before\n{newer}\nAfter"
        assert part_of(f"Before\n{ours}\nAfter") == ours

    @pytest.mark.parametrize("text", ["", "By hand", "<!-- horizon:begin 0b1c --> and no end", "<!-- horizon:end -->"])
    def test_is_put_nowhere_without_its_markers(self, text: str) -> None:
        assert with_body(text, body(PLAIN)) is None
        assert part_of(text) == ""

    def test_needs_no_commits(self) -> None:
        assert "###" not in body(replace(PLAIN, commits=(), count=0))


def test_a_title_is_never_longer_than_github_takes() -> None:
    assert len(title("b" * 255, "h" * 255)) == 256
