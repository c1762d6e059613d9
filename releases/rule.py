"""What a rule is and what it answers.

Pure: no Django, no clock, no input or output.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releases.messages import sentence
from releases.situation import Action, Facts

STALE = "stale"  # the code of the one answer that looking again changes


@dataclass(frozen=True, slots=True)
class Decision:
    """What should happen, the reason for machines and for people, when it may change by itself, and the commit meant.

    `unknown` tells that the answer is missing, not that it is no.
    """

    action: Action
    code: str
    reason: str
    until: datetime | None = None
    sha: str | None = None
    unknown: bool = False


class Needs(StrEnum):
    """What a rule cannot be asked without; by the order of RULES `decide` always has it."""

    NOTHING = "nothing"
    READING = "reading"
    PULL_REQUEST = "pull request"


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a release: its name, the sentence that is true when it is met, and its function."""

    name: str
    met: str
    needs: Needs
    answer: Callable[[Facts], Decision | None]

    def __call__(self, facts: Facts) -> Decision | None:
        return self.answer(facts)

    def can_be_asked(self, facts: Facts) -> bool:
        if self.needs is Needs.NOTHING:
            return True
        if facts.reading is None:
            return False
        return self.needs is Needs.READING or facts.reading.pull_request is not None


def rule(met: str, needs: Needs = Needs.NOTHING) -> Callable[[Callable[[Facts], Decision | None]], Rule]:
    """Make a rule of a function of facts; `met` is its line of the checklist."""
    return lambda answer: Rule(answer.__name__, met, needs, answer)


def hold(code: str, reason: str, until: datetime | None = None) -> Decision:
    return Decision(Action.HOLD, code, reason, until)


def wait(code: str, reason: str, until: datetime | None = None, *, unknown: bool = False) -> Decision:
    return Decision(Action.WAIT, code, reason, until, unknown=unknown)


def refused(facts: Facts, act: Action, words: str) -> Decision | None:
    refusal = facts.refusal
    if (
        refusal is None
        or refusal.act is not act
        or refusal.sha != facts.known.head_sha
        or refusal.retry_at <= facts.now
    ):
        return None
    reason = f"GitHub refused to {words}: {sentence(refusal.words)} Horizon asks again {facts.says(refusal.retry_at)}."
    return hold("refused", reason, refusal.retry_at)
