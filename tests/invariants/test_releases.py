"""People, checks, time and faults in any order: whatever happens, the design's invariants hold after every step."""

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.invariants.stories import Stories
from tests.releases.wire import Wire, tapped
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
