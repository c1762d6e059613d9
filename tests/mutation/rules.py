"""The rules of `decide`, each broken in turn while the decision's own tests run, all in one process.

A pytest plugin: instead of running the collected tests once, it breaks RULES in each way and runs them until one fails.
What every test survives is printed as "SURVIVOR ...". Started by tests/mutation/__main__.py.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from _pytest.runner import runtestprotocol

from releases import decision
from releases.rule import Decision, Rule, hold
from releases.situation import Facts

Rules = tuple[Rule, ...]


def never(facts: Facts) -> Decision | None:
    return None


def always(facts: Facts) -> Decision | None:
    return hold("broken", "Broken.")


def broken() -> Iterator[tuple[str, Rules]]:
    """Each rule left out, never answering, always answering, and in its neighbour's place."""
    rules = decision.RULES
    for index, rule in enumerate(rules):
        before, after = rules[:index], rules[index + 1 :]
        yield f"{rule.name} is left out", before + after
        yield f"{rule.name} never answers", (*before, replace(rule, answer=never), *after)
        yield f"{rule.name} always answers", (*before, replace(rule, answer=always), *after)
        if rule.rushed:
            yield f"{rule.name} is not passed over", (*before, replace(rule, rushed=False), *after)
        else:
            yield f"{rule.name} is passed over", (*before, replace(rule, rushed=True), *after)
        if after:
            yield f"{after[0].name} stands before {rule.name}", (*before, after[0], rule, *after[1:])


@pytest.hookimpl
def pytest_runtestloop(session: pytest.Session) -> bool:
    whole = decision.RULES
    assert not any(map(_fails, session.items)), "the tests fail with nothing broken"
    tried = 0
    for words, rules in broken():
        decision.RULES = rules
        tried += 1
        if not any(map(_fails, session.items)):
            print(f"SURVIVOR {words}", flush=True)
    decision.RULES = whole
    print(f"TRIED {tried}", flush=True)
    return True


def _fails(item: pytest.Item) -> bool:
    item._initrequest()  # type: ignore[attr-defined]  # as pytest-rerunfailures runs a test once more
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
