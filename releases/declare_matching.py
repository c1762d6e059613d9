"""Which stored thing each declared one is, and what its fields become."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db import models

from projects.models import Organization, Profile, Project, Stage
from projects.validation import Problem, hint
from releases.declared import Declared
from releases.models import DeployStrategy

Named = TypeVar("Named", Organization, Profile, Project, Stage)


def fill(thing: models.Model, declared: Declared, names: Iterable[str]) -> None:
    """Set fields as the file has them; what it leaves out is as in a new thing."""
    for name in names:
        model_field = thing._meta.get_field(name)
        default = model_field.get_default() if isinstance(model_field, models.Field) else None
        setattr(thing, name, declared.values.get(name, default))


def profile_named(
    declared: Declared, profiles: list[Profile], key: str = "profile"
) -> tuple[Profile | None, list[Problem]]:
    name = declared.text(key)
    if not name:
        return None, []
    found = {profile.name: profile for profile in profiles}
    folded = {profile.name.lower(): profile for profile in profiles}
    profile = found.get(name) or folded.get(name.lower())
    if profile is not None:
        return profile, []
    known = f" It has {', '.join(sorted(found))}." if found else " It has none yet."
    return None, [Problem(key, f"The organization has no profile “{name[:100]}”.{hint(name, found) or known}")]


def matched(declared: Sequence[Declared], stored: Sequence[Named]) -> list[tuple[Declared, Named | None]]:
    """Each declared thing with the stored one of its name."""
    exact = {thing.name: thing for thing in stored}
    folded = {thing.name.lower(): thing for thing in stored}
    return [(one, exact.get(one.name) or folded.get(one.name.lower())) for one in declared]


def paired(
    declared: Sequence[Declared], stored: Sequence[DeployStrategy]
) -> list[tuple[Declared, DeployStrategy | None]]:
    """Strategies have no names: those with the same branches belong together, then the rest in their order."""
    rest = list(stored)
    pairs: dict[int, DeployStrategy | None] = {}
    for index, one in enumerate(declared):
        key = (one.text("repository") or "", one.text("base"), one.text("head"))
        same = next((other for other in rest if (other.repository, other.base, other.head) == key), None)
        if same is not None:
            rest.remove(same)
            pairs[index] = same
    for index in range(len(declared)):
        if index not in pairs:
            pairs[index] = rest.pop(0) if rest else None
    return [(one, pairs[index]) for index, one in enumerate(declared)]


def with_left_ones(kept: list[Stage], old: list[Stage]) -> list[Stage]:
    """The declared stages in their order; each stored one that the file does not name stays behind its predecessor."""
    order = list(kept)
    for index, stage in enumerate(old):
        if all(stage is not other for other in order):
            before = old[index - 1] if index else None
            place = next((at + 1 for at, other in enumerate(order) if other is before), 0)
            order.insert(place, stage)
    return order
