"""Changes the configuration: saves, deletes, archives and restores, each with its audit event in one transaction.

The event is `config.changed`; its data is {object, name, action, before, after}, where before and after hold the fields
that differ. Of secrets they say that they are set or changed, never what they are.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from django.db import models, transaction

from audit.record import Actor, record
from projects import budgets, leases, live, merging
from projects.models import Organization, Profile, Project, Stage, StageMove
from projects.secrets import Secret

CONFIG_CHANGED = "config.changed"

# What is in the event already, or no configuration.
_LEFT_OUT = {"id", "organization", "project", "stage", "archived_at", "created_at"}

Described = dict[str, object]


class Action(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    ARCHIVED = "archived"
    RESTORED = "restored"


class OfStage(Protocol):
    """A part of a stage that another app defines, such as a deploy strategy."""

    @property
    def stage(self) -> Stage: ...


def described(thing: models.Model) -> Described:
    """The configuration of an organization, profile, project, stage or strategy: field -> value."""
    values: Described = {}
    for field in thing._meta.concrete_fields:
        if field.name in _LEFT_OUT:
            continue
        value = getattr(thing, field.name)
        if isinstance(value, models.Model):
            value = getattr(value, "name", str(value))
        values[field.name] = list(value) if isinstance(value, list) else value
    return values


def as_stored(thing: models.Model) -> Described:
    """What the database holds of it now; nothing for a new one."""
    stored = type(thing)._base_manager.filter(pk=thing.pk).first() if thing.pk else None
    return described(stored) if stored else {}


def differences(before: Described, after: Described) -> tuple[dict[str, object], dict[str, object]]:
    """The fields that differ, as plain JSON, before and after. Secrets only say what happened to them."""
    names = [name for name in (after or before) if before.get(name) != after.get(name)]
    if not before or not after:
        names = [name for name in names if (after or before)[name] not in (None, "", [], Secret(""))]
    return (
        {name: _shown(before[name]) for name in names if name in before},
        {name: _shown(after[name], changed=bool(before.get(name))) for name in names if name in after},
    )


def save(
    thing: models.Model,
    *,
    actor: Actor,
    at: datetime,
    before: Described | None = None,
    again: set[int] | None = None,
) -> bool:
    """Save it, and record what changed, if anything did. `before` is what is stored, where the caller knows it.

    The projects to be read soon go into `again`, for a caller who changes many things and asks once at the end. Raises
    merging.Tied where a project must not leave its organization.
    """
    with transaction.atomic():
        stored = as_stored(thing) if before is None else before
        left = _left(thing, at)
        thing.save()
        old, new = differences(stored, described(thing))
        if left is not None:
            old["organization"], new["organization"] = left.name, _place_of(thing)[1].name
        if not old and not new and stored:
            return False
        if isinstance(thing, Stage) and stored and "name" in new:
            _rename_moves(thing, str(stored["name"]))
        _record(thing, Action.CHANGED if stored else Action.CREATED, old, new, actor=actor, at=at)
        if isinstance(thing, Profile):
            budgets.forget(thing)
        if again is None:
            look_again(projects_of(thing), at=at)
        else:
            again |= projects_of(thing)
    return True


def _rename_moves(stage: Stage, before: str) -> None:
    """What a stage did is known by its name and goes with it. A stage that was called so once, and was deleted, keeps
    what it did to itself."""
    moves = StageMove.objects.filter(project=stage.project_id)
    moves.filter(stage_name=stage.name).update(stage_name=f"{stage.name[:90]} (deleted)")
    moves.filter(stage_name=before).update(stage_name=stage.name)


def delete(thing: models.Model, *, actor: Actor, at: datetime) -> None:
    """Delete it with what depends on it. Raises ProtectedError where something else still uses it."""
    with transaction.atomic():
        before, _ = differences(as_stored(thing), {})
        _record(thing, Action.DELETED, before, {}, actor=actor, at=at)
        look_again(projects_of(thing), at=at)
        thing.delete()


def hold_back_merges(things: Iterable[models.Model]) -> None:
    """Before any of these is changed: wait for the merges of their organizations that are under way, and let none begin
    before this transaction ends. Raises StillMerging."""
    things = list(things)
    organizations = {_place_of(thing)[1].pk for thing in things}
    moved = Project.objects.filter(pk__in=[thing.pk for thing in things if isinstance(thing, Project)])
    organizations |= set(moved.order_by().values_list("organization", flat=True))
    for number in sorted(organizations - {None}):
        merging.hold_back_merges(number)


def may_stop(thing: models.Model, fields: Collection[str]) -> set[int]:
    """The projects of which a release may be stopped by a change in these fields: a strategy that merges no more or
    closes hours, a stage of another repository, a tag that is blocked."""
    if isinstance(thing, Project):
        return {thing.pk} if {"tags", "organization"} & set(fields) else set()
    return set() if isinstance(thing, Organization | Profile) else {_project_of(thing).pk}


def archive(project: Project, *, actor: Actor, at: datetime) -> bool:
    """Take a project out of polling, pages and releases; False when it was archived before."""
    if not Project.objects.active().filter(pk=project.pk).update(archived_at=at):
        return False
    project.archived_at = at
    _record(project, Action.ARCHIVED, {}, {}, actor=actor, at=at)
    live.announce([project.pk])
    return True


def restore(project: Project, *, actor: Actor, at: datetime) -> bool:
    """Take an archived project back; False when it was not archived."""
    if not Project.objects.exclude(archived_at=None).filter(pk=project.pk).update(archived_at=None):
        return False
    project.archived_at = None
    _record(project, Action.RESTORED, {}, {}, actor=actor, at=at)
    look_again({project.pk}, at=at)
    return True


def projects_of(thing: models.Model) -> set[int]:
    """The projects that look different when this has changed."""
    if isinstance(thing, Organization):
        return set(thing.projects.values_list("pk", flat=True))
    if isinstance(thing, Profile):
        return set(thing.stages.values_list("project_id", flat=True))
    return {_project_of(thing).pk}


def look_again(project_ids: Iterable[int], *, at: datetime) -> None:
    """Once this transaction is committed, have these projects read soon, whatever the interval, and tell open pages."""
    ids = sorted(set(project_ids))
    if ids:
        transaction.on_commit(lambda: leases.ask(ids, at))
        live.announce(ids)


def _left(thing: models.Model, at: datetime) -> Organization | None:
    """The organization that a project leaves by being saved."""
    if not isinstance(thing, Project) or not thing.pk:
        return None
    stored = Project.objects.select_related("organization").exclude(organization=thing.organization_id)
    project = stored.filter(pk=thing.pk).first()
    if project is None:
        return None
    for tie in merging.TIES:
        if words := tie(project, at):
            raise merging.Tied(words)
    return project.organization


def _shown(value: object, *, changed: bool = False) -> object:
    if not isinstance(value, Secret):
        return value
    if not value:
        return "not set"
    return "changed" if changed else "set"


def _record(
    thing: models.Model,
    action: Action,
    before: dict[str, object],
    after: dict[str, object],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    project, organization = _place_of(thing)
    data = {
        "object": str(thing._meta.verbose_name),
        "name": str(thing),
        "action": action.value,
        "before": before,
        "after": after,
    }
    record(CONFIG_CHANGED, actor=actor, at=at, project=project, organization_name=organization.name, data=data)


def _place_of(thing: models.Model) -> tuple[Project | None, Organization]:
    if isinstance(thing, Organization):
        return None, thing
    if isinstance(thing, Profile):
        return None, thing.organization
    project = _project_of(thing)
    return project, project.organization


def _project_of(thing: models.Model) -> Project:
    if isinstance(thing, Project):
        return thing
    if isinstance(thing, Stage):
        return thing.project
    part: OfStage = thing  # type: ignore[assignment]  # the apps above hand in parts of stages only
    return part.stage.project
