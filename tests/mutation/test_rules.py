"""The quick part of `make mutation`: whichever rule is broken, the tests of the decision notice it."""

import pytest

from tests.mutation.__main__ import survivors_of_rules


@pytest.mark.slow
def test_a_test_fails_for_each_way_of_breaking_a_rule() -> None:
    assert survivors_of_rules() == []
