"""People, checks, time and faults in any order: whatever happens, the design's invariants hold after every step."""

import os
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tests.invariants.stories import Stories
from tests.releases.wire import Wire, tapped
from tests.releases.world import START
from tests.servers.github import GitHubServer
from tests.servers.slack import SlackServer


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tapped() as wire:
        yield wire


@pytest.mark.slow
@pytest.mark.django_db
def test_the_invariants_of_releases_hold_whatever_happens(github: GitHubServer, slack: SlackServer, wire: Wire) -> None:
    """INVARIANTS_SEED repeats a run, _EXAMPLES makes it longer, _SHRINK looks for the shortest way to a failure."""
    chosen = int(os.environ.get("INVARIANTS_SEED") or random.SystemRandom().randrange(2**32))
    print(f"INVARIANTS_SEED={chosen}")
    Stories.github, Stories.slack, Stories.wire = github, slack, wire
    Stories.figures.clear()
    run_state_machine_as_test(
        seed(chosen)(Stories),
        settings=settings(
            max_examples=int(os.environ.get("INVARIANTS_EXAMPLES") or 12),
            stateful_step_count=20,
            deadline=None,
            database=None,
            print_blob=False,
            phases=[Phase.generate, *([Phase.shrink] if os.environ.get("INVARIANTS_SHRINK") else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print("FIGURES", *(f"{name}={count}" for name, count in Stories.figures.items()))


# What chance does not come by in a few examples: each story alone, always.
STORIES: list[tuple[str, int, Callable[[Stories], None]]] = [
    ("webhook", 1, lambda company: company.a_release_that_is_held_beyond_its_notice(hours=2)),
    ("", 1, lambda company: company.a_release_in_a_closed_minute(rushed=False)),
    ("bot", 1, lambda company: company.a_release_in_a_closed_minute(rushed=True)),
    ("", 1, lambda company: company.a_release_that_is_squashed(method="squash", healed=True)),
    ("", 3, lambda company: company.a_freeze_that_ends(lost=3, when="after")),
]


@pytest.mark.slow
@pytest.mark.django_db
def test_each_story_ends_well(github: GitHubServer, slack: SlackServer, wire: Wire) -> None:
    Stories.github, Stories.slack, Stories.wire = github, slack, wire

    @settings(
        max_examples=1, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(st.none())
    def tell(_: None) -> None:
        for slack_target, projects, story in STORIES:
            company = Stories()
            company.begin(begin=START, slack=slack_target, warning=3600, projects=projects)
            story(company)
            company.history_and_rows_are_true()
            company.teardown()

    tell()
