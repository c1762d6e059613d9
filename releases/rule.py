"""What a rule is and what it answers.

Pure: no Django, no clock, no input or output.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from releases.messages import sentence
from releases.situation import Action, Facts

# The codes of the answers that looking again changes.
STALE = "stale"
OTHERS_FIRST = "others-first"


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
    """One condition of a release: its name, the sentence that is true when it is met, who can change it, its function.

    `rushed`: "release now" passes over it, for the commit that the person saw.
    """

    name: str
    met: str
    who: str
    needs: Needs
    rushed: bool
    answer: Callable[[Facts], Decision | None]

    def __call__(self, facts: Facts) -> Decision | None:
        if self.rushed and facts.released_now:
            return None
        decision = self.answer(facts)
        if decision is None or not self.rushed:
            return decision
        return replace(decision, reason=decision.reason + overtaken(facts))

    def can_be_asked(self, facts: Facts) -> bool:
        if self.needs is Needs.NOTHING:
            return True
        return facts.is_open if self.needs is Needs.PULL_REQUEST else facts.reading is not None


def rule(
    met: str, who: str, needs: Needs = Needs.NOTHING, *, rushed: bool = False
) -> Callable[[Callable[[Facts], Decision | None]], Rule]:
    """Make a rule of a function of facts; `met` is its line of the checklist, `who` who can change it."""
    return lambda answer: Rule(answer.__name__, met, who, needs, rushed, answer)


def overtaken(facts: Facts) -> str:
    """That a release was wished for now, but not of this commit, or too long ago."""
    wish = facts.release_now
    if wish is None or facts.reading is None or facts.released_now:
        return ""
    moved = wish.sha != facts.reading.head_sha
    why = f"{facts.plan.head} has moved since" if moved else "that was a day ago"
    return f" {wish.by} wanted {wish.sha[:7]} released now, but {why}: look and say it again."


def not_as_seen(facts: Facts, what: str) -> str:
    """That a release was wished for now in spite of something, and that this is not what holds it."""
    wish = facts.released_now
    if wish is None:
        return overtaken(facts)
    return f" {wish.by} wanted {wish.sha[:7]} released now, but {what}: look and say it again."


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
