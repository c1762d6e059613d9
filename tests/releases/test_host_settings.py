"""What a repository's settings do to its releases."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from releases.host_settings import Tone, findings
from releases.situation import STATUS_CONTEXT, Check, CheckState, Plan, PullRequest, Reading

SHA = "a" * 40
PLAN = Plan(automatic=True, base="release", head="staging", merge_after=86400)
PULL = PullRequest(12, "", datetime(2026, 11, 23, tzinfo=UTC), SHA, checks=(Check("test", CheckState.SUCCESS),))
READING = Reading("artsy/candela", 1, SHA, SHA, ahead=1, pull_request=PULL)


def told(reading: Reading = READING, plan: Plan = PLAN) -> list[tuple[Tone, str]]:
    return [(found.tone, found.text) for found in findings(plan, reading)]


def test_a_repository_that_lets_everything_be_is_all_good() -> None:
    assert {tone for tone, _ in told()} == {Tone.GOOD}


@pytest.mark.parametrize(
    ("changed", "tone", "words"),
    [
        ({"archived": True}, Tone.BAD, "artsy/candela is archived"),
        ({"head_sha": None}, Tone.BAD, "has no branch staging"),
        ({"base_sha": None}, Tone.BAD, "has no branch release"),
        ({"merge_methods": ("squash",)}, Tone.BAD, "It does not allow merge commits"),
        ({"delete_branch_on_merge": True}, Tone.CARE, "GitHub deletes staging with each release. Horizon restores it"),
        ({"merge_queue": True}, Tone.GOOD, "release has a merge queue: Horizon puts the release into it"),
        ({"merge_queue": None}, Tone.UNKNOWN, "merge queue could not be read"),
        ({"can_write": False}, Tone.BAD, "may read artsy/candela, and not write to it"),
        ({"can_write": None}, Tone.UNKNOWN, "whether these credentials may write"),
        ({"required_checks": None}, Tone.UNKNOWN, "may not see the protection of release"),
        ({"required_checks": ("ci",)}, Tone.GOOD, "release requires ci to be green"),
        ({"required_checks": (STATUS_CONTEXT,)}, Tone.GOOD, "Horizon sets it to success before its own merge"),
        ({"pull_request": None}, Tone.UNKNOWN, "shows when a release pull request is open"),
        ({"pull_request": replace(PULL, review_decision="review_required")}, Tone.CARE, "has none yet"),
        ({"pull_request": replace(PULL, review_decision="changes_requested")}, Tone.CARE, "changes were requested"),
        ({"pull_request": replace(PULL, review_decision="approved")}, Tone.CARE, "has one"),
    ],
)
def test_each_setting_is_told(changed: dict[str, Any], tone: Tone, words: str) -> None:
    found = told(replace(READING, **changed))
    assert any(tone is said and words in text for said, text in found), found


@pytest.mark.parametrize(
    ("changed", "tone", "words"),
    [
        ({"merge_method": "squash"}, Tone.CARE, "breaks the common history of staging and release"),
        ({"commit_status": True}, Tone.CARE, "people can merge while Horizon says no"),
        ({"required_checks": ("tset",)}, Tone.CARE, "The required tset never reported on pull request #12"),
    ],
)
def test_what_the_strategy_asks_is_held_against_it(changed: dict[str, Any], tone: Tone, words: str) -> None:
    found = told(plan=replace(PLAN, **changed))
    assert any(tone is said and words in text for said, text in found), found


def test_what_stands_in_the_way_comes_first() -> None:
    tones = [tone for tone, _ in told(replace(READING, archived=True, can_write=None, delete_branch_on_merge=True))]
    assert tones[:3] == [Tone.BAD, Tone.CARE, Tone.UNKNOWN]
