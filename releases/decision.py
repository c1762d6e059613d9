"""What should happen to a release now, and why: one pure function of the facts, the same for engine, page and API.

The order of RULES is the specification; the first rule that answers wins. A new rule is one function more, in its
place: in the `rules_*` module of its part, and here.

Pure: no Django, no clock, no input or output. The facts hold `now`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from releases import rules_checks as checks
from releases import rules_merging as merging
from releases import rules_opening as opening
from releases import rules_timing as timing
from releases.rule import OTHERS_FIRST, STALE, Decision, Rule
from releases.situation import Action, Block, Check, CheckState, Facts, Plan, PullRequest, Reading, Refusal

__all__ = [
    "OTHERS_FIRST",
    "RULES",
    "STALE",
    "Action",
    "Block",
    "Check",
    "CheckState",
    "Decision",
    "Facts",
    "Item",
    "Mark",
    "Plan",
    "PullRequest",
    "Reading",
    "Refusal",
    "Rule",
    "checklist",
    "decide",
]

RULES: tuple[Rule, ...] = (
    opening.released_by_people,
    opening.facts_unknown,
    opening.merge_unconfirmed,
    opening.blocked,
    opening.repository_closed,
    opening.branch_gone,
    opening.nothing_waits,
    opening.closed_by_a_person,
    opening.skipped,
    opening.postponed,
    opening.history_broken,
    opening.may_not_write,
    opening.opening_refused,
    opening.not_opened,
    merging.nobody_assigned,
    merging.people_merge,
    merging.head_moved,
    merging.draft,
    merging.method_forbidden,
    checks.own_status_missing,
    merging.conflicts,
    merging.review_missing,
    checks.checks_failing,
    checks.checks_waiting,
    merging.mergeability_unknown,
    timing.never_open,
    timing.closed_hours,
    timing.queued,
    timing.before_notice,
    timing.not_told,
    timing.too_young,
    timing.merge_refused,
    timing.others_first,
    timing.due,
)


def decide(facts: Facts) -> Decision:
    """The answer of the first rule that has one."""
    for each in RULES:
        if decision := each(facts):
            return decision
    raise LookupError("no rule answered, though the last one always does")


class Mark(StrEnum):
    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"
    NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist: the condition, how it stands, why, and who can change that."""

    name: str
    condition: str
    mark: Mark
    reason: str = ""
    until: datetime | None = None
    who: str = ""


def checklist(facts: Facts) -> list[Item]:
    """Every condition, by the same rules; one whose facts are missing was not looked at."""
    return [_item(each, facts) for each in RULES if each is not timing.due]


def _item(each: Rule, facts: Facts) -> Item:
    if not each.can_be_asked(facts):
        return Item(each.name, each.met, Mark.NOT_LOOKED_AT, who=each.who)
    decision = each(facts)
    if decision is None:
        return Item(each.name, each.met, Mark.MET, _passed_over(each, facts), who=each.who)
    mark = Mark.UNKNOWN if decision.unknown else Mark.NOT_MET
    return Item(each.name, each.met, mark, decision.reason, decision.until, each.who)


def _passed_over(each: Rule, facts: Facts) -> str:
    """That a condition is not met, but somebody releases it now all the same."""
    wish = facts.released_now
    if wish is None or each(replace(facts, release_now=None)) is None:
        return ""
    return f"Passed over: {wish.by} releases {wish.sha[:7]} now."
