"""Makes the configuration what a YAML file declares, and writes down what it is in the same format (docs/yaml.md)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import yaml
from django.db import models, transaction

from audit.record import Actor
from projects import configure, merging
from projects.models import Organization, Profile, Project
from releases.declare_plan import Plan, Step, Verb, plan_of
from releases.declared import ORGANIZATION, PROFILE, PROJECT, STAGE, STRATEGY, Reading, Shape, read_declared
from releases.validation import default_warning
from releases.yaml_tree import Complaint, Unreadable

HEADER = "# Horizon's configuration, without secrets: applying this file keeps those that are stored.\n"


class Refused(Exception):
    """The file cannot be applied; `complaints` are all that is wrong with it, by line."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = sorted(set(complaints), key=lambda complaint: (complaint.line, complaint.message))
        super().__init__(f"{len(self.complaints)} errors")


# --- apply ------------------------------------------------------------------------------------------------------


def apply(
    content: bytes,
    *,
    environment: Mapping[str, str],
    actor: Actor,
    at: datetime,
    prune: bool = False,
    dry_run: bool = False,
    ask_hosts: bool = False,
    say: Callable[[str], None],
) -> int:
    """Say each change of the plan, then make them all, in one transaction. Returns their number. Raises Refused.

    `ask_hosts`: whether the branches of new strategies exist is asked of their hosts, which may take seconds. Nothing
    is locked meanwhile; then the plan is made again, under the lock that merges take. Raises StillMerging.
    """
    try:
        organizations, complaints = read_declared(content, environment)
    except Unreadable as error:
        raise Refused([Complaint(error.line, error.message)]) from None
    plan = plan_of(organizations, at=at, prune=prune, ask_hosts=ask_hosts)
    _refuse([*complaints, *plan.complaints])
    if dry_run or not plan.taken:
        _say(plan, say)
        return len(plan.taken)
    with transaction.atomic():
        configure.hold_back_merges(step.thing for step in plan.taken)
        notes = plan.notes
        plan = plan_of(organizations, at=at, prune=prune, lock=True)
        _refuse(plan.complaints)
        plan.notes = list(dict.fromkeys([*plan.notes, *notes]))
        _say(plan, say)
        _carry_out(plan, actor=actor, at=at)
        for late in merging.too_late({pk for step in plan.taken for pk in step.may_stop()}, at):
            say(f"! {late.words('this change', UTC)}")
    return len(plan.taken)


def _refuse(complaints: Sequence[Complaint]) -> None:
    if complaints:
        raise Refused(complaints)


def _say(plan: Plan, say: Callable[[str], None]) -> None:
    for line in _lines(plan):
        say(line)


def _lines(plan: Plan) -> Iterable[str]:
    """What goes is said first."""
    for step in [*plan.removals, *plan.steps]:
        yield from step.lines()
    yield from plan.notes


def _carry_out(plan: Plan, *, actor: Actor, at: datetime) -> None:
    again: set[int] = set()
    for step in plan.taken:
        _take(step, actor=actor, at=at, again=again)
    configure.look_again(again, at=at)


def _take(step: Step, *, actor: Actor, at: datetime, again: set[int]) -> None:
    match step:
        case Step(Verb.CREATE | Verb.CHANGE, thing, before):
            configure.save(thing, actor=actor, at=at, before=before, again=again)
        case Step(Verb.RESTORE, Project() as project, _):
            configure.restore(project, actor=actor, at=at)
        case Step(Verb.ARCHIVE, Project() as project, _):
            configure.archive(project, actor=actor, at=at)
        case Step(_, thing, _):
            configure.delete(thing, actor=actor, at=at)


# --- export -----------------------------------------------------------------------------------------------------


def export() -> str:
    """The configuration of all organizations, archived projects and secrets left out, always in the same order."""
    found = Organization.objects.prefetch_related(
        "profiles",
        "projects__stages__profile",
        "projects__stages__strategies__profile",
        "projects__stages__strategies__slack_profile",
    )
    content = {
        "organizations": [_organization(organization) for organization in sorted(found, key=lambda one: one.name)]
    }
    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def _organization(organization: Organization) -> dict[str, object]:
    profiles = sorted(organization.profiles.all(), key=lambda profile: profile.name)
    projects = sorted(
        (project for project in organization.projects.all() if project.archived_at is None),
        key=lambda project: project.name,
    )
    return _written(
        organization,
        ORGANIZATION,
        profiles=[_written(profile, PROFILE) for profile in profiles],
        projects=[_project(project) for project in projects],
    )


def _project(project: Project) -> dict[str, object]:
    stages = [
        _written(
            stage,
            STAGE,
            strategies=[
                _written(strategy, STRATEGY, merge_prior_warning=default_warning(strategy.merge_after))
                for strategy in sorted(stage.strategies.all(), key=lambda strategy: strategy.pk)
            ],
        )
        for stage in sorted(project.stages.all(), key=lambda stage: stage.position)
    ]
    return _written(project, PROJECT, stages=stages)


def _written(thing: models.Model, shape: Shape, **more: object) -> dict[str, object]:
    """The keys of a thing in the order of its shape, without secrets and without what a new thing has anyway.

    `more` holds lists of things inside it, and defaults that depend on other fields.
    """
    written: dict[str, object] = {}
    for name, reading in shape.fields.items():
        if reading in (Reading.SECRET, Reading.SECRETS):
            continue
        value = getattr(thing, name)
        value = value.name if isinstance(value, Profile) else value
        field = thing._meta.get_field(name)
        default = more.get(name, field.get_default() if isinstance(field, models.Field) else None)
        if value not in (None, "", []) and (value != default or name in ALWAYS_WRITTEN):
            written[name] = _plain(value)
    return {**written, **{key: more[key] for key in shape.children if more.get(key)}}


ALWAYS_WRITTEN = {"name", "kind", "provider", "automatic", "base", "head"}


def _plain(value: object) -> object:
    """Without the subclasses of str and int that Django's choices are, which YAML does not know."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    return int(value) if isinstance(value, int) else value
