"""What Horizon does on GitHub: each act claimed, its intention written, called once, its result and history written.

The claim is committed before the call, so that whatever dies in between leaves a row that says what was tried;
`releases.observe` settles it by looking at GitHub.
"""

from collections.abc import Callable

from releases import acts_queue
from releases.acts_assign import assign
from releases.acts_common import Clock
from releases.acts_merge import merge
from releases.acts_open import open_pull_request
from releases.decision import Action, Decision, Facts
from releases.models import DeployStrategy
from releases.notices import warn

Act = Callable[[DeployStrategy, Decision, Clock], bool]

ACTS: dict[Action, Act] = {
    Action.OPEN: open_pull_request,
    Action.ASSIGN: assign,
    Action.WARN: warn,
    Action.MERGE: merge,
}


def act_for(decision: Decision, facts: Facts) -> Act | None:
    """What is done because of this decision, if anything."""
    if facts.queued_at is not None:
        return acts_queue.dequeue if acts_queue.must_leave(decision) else None
    return ACTS.get(decision.action)
