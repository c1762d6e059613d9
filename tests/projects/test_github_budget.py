"""How fast a budget may be spent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.github_budget import Budget, pace

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def budget(remaining: int, minutes_left: float, limit: int = 5000) -> Budget:
    renewed_at = NOW + timedelta(minutes=minutes_left)
    return Budget(graphql_limit=limit, graphql_remaining=remaining, graphql_reset_at=renewed_at)


@pytest.mark.parametrize("known", [Budget(), budget(5000, 60), budget(3800, 1), budget(100, -1), budget(0, 0)])
def test_with_enough_left_or_nothing_known_polls_keep_their_interval(known: Budget) -> None:
    assert pace(known, NOW, MINUTE) == MINUTE


def test_the_less_is_left_for_the_longer_the_slower_the_polls() -> None:
    waits = [pace(budget(remaining, 40), NOW, MINUTE) for remaining in (3000, 2500, 1500, 1000, 600)]
    assert waits == sorted(waits)
    assert MINUTE <= waits[0] < waits[-1] <= 40 * MINUTE


def test_the_reserve_is_for_releases() -> None:
    assert pace(budget(500, 40), NOW, MINUTE) == 40 * MINUTE
    assert pace(budget(0, 40), NOW, MINUTE) == 40 * MINUTE


def test_the_budget_of_rest_counts_too() -> None:
    spent = Budget(rest_limit=5000, rest_remaining=400, rest_reset_at=NOW + 20 * MINUTE)
    assert pace(spent, NOW, MINUTE) == 20 * MINUTE


def test_a_pause_is_waited_out() -> None:
    assert pace(Budget(paused_until=NOW + 7 * MINUTE), NOW, MINUTE) == 7 * MINUTE
    assert pace(Budget(paused_until=NOW - 7 * MINUTE), NOW, MINUTE) == MINUTE


@given(
    cost=st.integers(1, 400),
    limit=st.sampled_from([5000, 12500]),
    start=st.floats(0.2, 1.0),
)
def test_a_budget_is_never_spent_before_its_renewal(cost: int, limit: int, start: float) -> None:
    """Whatever a poll costs, up to an eighth of the hour's budget at once."""
    left, now, renewed_at = int(limit * start), NOW, NOW + timedelta(hours=1)
    while now < renewed_at:
        known = Budget(graphql_limit=limit, graphql_remaining=left, graphql_reset_at=renewed_at)
        now += pace(known, now, MINUTE)
        if now < renewed_at:
            left -= cost
    assert left > 0
