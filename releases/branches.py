"""Asks hosts whether the branches of strategies exist, before they are stored.

A branch that is missing is a problem; a host that cannot be asked only a warning: GitHub may be away, and what is meant
is right all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

from projects.github_branches import BranchAnswer, BranchQuestion, branches_of
from projects.models import Profile
from projects.reading import StageUnreadable, Trouble
from projects.validation import Problem
from releases.facts import github_profile, repository_of_strategy
from releases.models import DeployStrategy

MOST_NEAR_NAMES = 3


@dataclass(slots=True)
class Found:
    """What a host said of one strategy: what is wrong, or why it could not be asked."""

    problems: list[Problem] = field(default_factory=list)
    warning: str = ""


def look_for_branches(strategies: Sequence[DeployStrategy], at: datetime) -> list[Found]:
    """One answer for each, in the same order. A strategy whose profile or repository cannot be told gets an empty one:
    that is told by releases/validation.py."""
    found = [Found() for _ in strategies]
    by_profile: dict[int, tuple[Profile, dict[BranchQuestion, list[int]]]] = {}
    for place, strategy in enumerate(strategies):
        try:
            profile = github_profile(strategy)
            owner, name = repository_of_strategy(strategy)
        except StageUnreadable:
            continue
        question = BranchQuestion(owner, name, tuple(branch for branch in (strategy.base, strategy.head) if branch))
        by_profile.setdefault(id(profile), (profile, {}))[1].setdefault(question, []).append(place)
    for profile, questions in by_profile.values():
        for question, answer in _ask(profile, list(questions), at).items():
            for place in questions[question]:
                found[place] = _meant(answer, strategies[place])
    return found


def asks_the_same(strategy: DeployStrategy, stored: DeployStrategy | None) -> bool:
    """Whether nothing changed that a host would have to be asked about."""
    fields = ("base", "head", "repository", "profile_id")
    return stored is not None and all(getattr(strategy, name) == getattr(stored, name) for name in fields)


def _ask(
    profile: Profile, questions: list[BranchQuestion], at: datetime
) -> dict[BranchQuestion, BranchAnswer | StageUnreadable]:
    budget = getattr(profile, "budget", None)
    if budget is not None and budget.pauses(at):
        reason = budget.pause_reason or "A limit of GitHub was reached."
        return dict.fromkeys(questions, StageUnreadable(Trouble.LIMITED, reason))
    try:
        return branches_of(profile, questions)
    except StageUnreadable as error:
        return dict.fromkeys(questions, error)


def _meant(answer: BranchAnswer | StageUnreadable, strategy: DeployStrategy) -> Found:
    if isinstance(answer, BranchAnswer):
        return Found([_missing(name, strategy, answer) for name in answer.missing])
    if answer.trouble is Trouble.NOT_FOUND and strategy.repository:
        return Found([Problem("repository", answer.message)])
    return Found(warning=f"Whether {strategy.head} and {strategy.base} exist could not be asked: {answer.message}")


def _missing(name: str, strategy: DeployStrategy, answer: BranchAnswer) -> Problem:
    near = get_close_matches(name, answer.others, n=MOST_NEAR_NAMES, cutoff=0.5) or list(answer.others[:5])
    has = f" It has {', '.join(near)}." if near else " It has no branch yet."
    return Problem(
        "base" if name == strategy.base else "head",
        f"{answer.repository} has no branch “{name[:100]}”: push it first, or name another.{has}",
    )
