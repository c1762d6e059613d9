"""When a release that is opened now could merge: the rules of age, notice and closed hours, played forward.

The first moment is the one that people would be told. Each further one is the first after the next closed hours, for a
release that something else (a check, a block) held until then; people are warned anew before it.

Pure: no Django, no clock, no input or output.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from releases.calendar import ClosedRule, occurrences
from releases.durations import in_words
from releases.messages import later, listed
from releases.situation import Facts, Plan, PullRequest, Reading

MOMENTS = 10
# Closed hours mostly begin within a day; looking further costs more.
_LOOK_AHEAD = (timedelta(days=2), timedelta(days=15), timedelta(days=100), timedelta(days=400))
_SHA = "0" * 40


@dataclass(frozen=True, slots=True)
class Chance:
    """From `at` on it could merge, until closed hours begin (None: for as long as anybody can see); `why` says what the
    moment comes from."""

    at: datetime
    until: datetime | None
    why: str


def chances(plan: Plan, now: datetime, count: int = MOMENTS) -> list[Chance]:
    """The next moments at which a release opened now could merge; none where people merge or no minute is open."""
    found: list[Chance] = []
    for chance in _played(_opened(plan, now)):
        found.append(chance)
        if len(found) == count:
            break
    return found


def _opened(plan: Plan, now: datetime) -> Facts:
    """The facts of a release whose pull request is opened now, with everything else as it should be."""
    pull = PullRequest(number=1, url="", created_at=now, head_sha=_SHA)
    reading = Reading("", 0, _SHA, _SHA, ahead=1, pull_request=pull)
    plan = replace(plan, automatic=True)
    return Facts(now=now, plan=plan, reading=reading, read_at=now, opened_at=now, head_since=now)


def _played(facts: Facts) -> Iterator[Chance]:
    opened, first = facts.now, True
    while (at := facts.announced_at) is not None:
        until = _closes(facts.plan.closed, at)
        yield Chance(at, until, _why(facts, at) if first else _why_later(facts, at))
        if until is None or until >= opened + _LOOK_AHEAD[-1]:
            return
        facts, first = replace(facts, now=until), False


def _closes(rules: Sequence[ClosedRule], at: datetime) -> datetime | None:
    """When the open time ends that holds `at`."""
    for ahead in _LOOK_AHEAD:
        begins = [closed.begins for closed in occurrences(rules, at, at + ahead) if closed.begins > at]
        if begins:
            return min(begins)
    return None


def _why(facts: Facts, at: datetime) -> str:
    plan, opened = facts.plan, facts.now
    due = facts.due or at
    wanted = later(opened, plan.merge_after or 0)
    said = f"{in_words(plan.merge_after)} after its opening" if plan.merge_after else "at once"
    if due > wanted:
        said = f"its newest commit must be {in_words(plan.min_commit_age or 0)} old"
        wanted = due
    if plan.slack_targets and wanted < later(opened, plan.merge_prior_warning):
        wanted = later(opened, plan.merge_prior_warning)
        said = f"people are warned {in_words(plan.merge_prior_warning)} before"
    return f"{said}, delayed by {_delay(facts, wanted, at)}" if at > wanted else said


def _why_later(facts: Facts, at: datetime) -> str:
    """`facts.now` is when closed hours began."""
    names = _closed_between(facts, facts.now, at)
    warned = f", and people are warned {in_words(facts.plan.merge_prior_warning)} before" if _warns(facts) else ""
    return f"the first open minute after {names}{warned}"


def _delay(facts: Facts, wanted: datetime, at: datetime) -> str:
    warning = timedelta(seconds=facts.plan.merge_prior_warning) if facts.plan.slack_targets else timedelta(0)
    names = _closed_between(facts, max(wanted - warning, facts.now), at)
    late = in_words(max(60, round((at - wanted).total_seconds() / 60) * 60))
    told = " (no notice is sent then either)" if _warns(facts) else ""
    return f"{late}: closed by {names}{told}"


def _warns(facts: Facts) -> bool:
    return bool(facts.plan.slack_targets and facts.plan.merge_prior_warning)


def _closed_between(facts: Facts, since: datetime, until: datetime) -> str:
    names = [closed.name for closed in occurrences(facts.plan.closed, since, until) if closed.begins < until]
    return listed(list(dict.fromkeys(names)) or ["closed hours"])
