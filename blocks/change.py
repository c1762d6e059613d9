"""Make, change and end blocks, under the lock that merges take: a saved block either stops the merge, or is told that
it came too late."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction

from audit.record import Actor, record
from blocks.models import DeployBlock
from blocks.queries import covered_projects
from projects.live import announce
from projects.merging import Overtaken, hold_back_merges, too_late, wake
from projects.models import Organization, Project


@dataclass(frozen=True, slots=True)
class Saved:
    """A block that is in force from now on (or from its begin), and the releases that it came too late for."""

    block: DeployBlock
    too_late: tuple[Overtaken, ...] = ()
    projects: tuple[Project, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for: the block as it should be.

    `exceptions` are projects that a tag's or an organization's block spares. `bad_commits` belong to a new block only.
    """

    organization: Organization
    description: str
    scope: str = DeployBlock.Scope.PROJECTS
    tag: str = ""
    projects: Sequence[Project] = field(default=())
    begins_at: datetime | None = None
    resolved_at: datetime | None = None
    exceptions: Sequence[Project] = field(default=())
    bad_commits: Sequence[str] = field(default=())


class ReasonMissing(Exception):
    """Bad commits may be released again only by somebody who says why."""

    def __init__(self) -> None:
        super().__init__("This block keeps bad commits back. Say in a note why they may be released: it is kept.")


class BlockEnded(Exception):
    """The block was ended meanwhile, so it cannot be changed."""

    def __init__(self, block: DeployBlock) -> None:
        by = f" by {block.resolved_by}" if block.resolved_by else ""
        super().__init__(f"This block was ended{by} at {block.resolved_at:%H:%M} UTC. Make a new one instead.")


class BlockChanged(Exception):
    """Somebody changed the block since this person read it: saving now would undo that unseen."""

    def __init__(self, block: DeployBlock, zone: tzinfo) -> None:
        at = f"{block.updated_at.astimezone(zone):%H:%M:%S} {zone}"
        end = f"ends {block.resolved_at.astimezone(zone):%Y-%m-%d %H:%M} {zone}" if block.resolved_at else "has no end"
        super().__init__(
            f"Somebody changed this block at {at}. It now {end}, is for {_reach(block)}, and says: {block.description} "
            "What you typed is still here: look it through, and save again to put it in the other's place."
        )


def create_block(wish: Wish, *, actor: Actor, owner: AbstractBaseUser | None, clock: Callable[[], datetime]) -> Saved:
    """Save a new block. `clock` is read again once no merge is under way, because that may take a while: a block that
    would be over by then, or whose project has gone, raises ValidationError with the names of its fields."""
    block = DeployBlock(organization=wish.organization, created_by=actor.name)
    block.owner_id = owner.pk if owner else None
    block.bad_commits = list(wish.bad_commits)
    return _save(block, wish.organization, lambda _: wish, "block.created", actor, clock)


def change_block(
    block: DeployBlock,
    organization: Organization,
    wished: Callable[[DeployBlock], Wish],
    *,
    actor: Actor,
    clock: Callable[[], datetime],
) -> Saved:
    """Save a block with another reason, scope, begin or end; the organization is that of the wish.

    `wished` is asked with the block as it is stored once nobody else can change it, so that nothing that others saved
    meanwhile is undone; what it raises is passed on. Raises BlockEnded, so that nobody's "go on" is undone; and
    ValidationError as `create_block` does.
    """
    return _save(block, organization, wished, "block.changed", actor, clock)


def wish_of(block: DeployBlock) -> Wish:
    """The block as it is, to be changed in parts."""
    return Wish(
        block.organization,
        block.description,
        scope=block.scope,
        tag=block.tag,
        projects=list(block.projects.all()),
        exceptions=list(block.exceptions.all()),
        begins_at=block.begins_at,
        resolved_at=block.resolved_at,
    )


def resolve_block(block: DeployBlock, *, note: str, actor: Actor, clock: Callable[[], datetime]) -> bool:
    """End a block now; False where somebody else ended it before. A planned one ends when it would have begun.

    Raises ReasonMissing where one that keeps bad commits back is ended without a note.
    """
    with transaction.atomic():
        block = _locked(block)
        now = clock()
        if block.has_ended(now):
            return False
        if block.bad_commits and not note:
            raise ReasonMissing
        block.resolved_at = max(now, block.begins_at)
        block.resolved_by, block.resolution, block.updated_at = actor.name, note, _version(block, now)
        block.save(update_fields=["resolved_at", "resolved_by", "resolution", "updated_at"])
        _record("block.resolved", block, actor, now, {"note": note})
    return True


def ended_before(block: DeployBlock, note: str, zone: tzinfo) -> str:
    """For the second of two people: who was first and when; their own note is given back."""
    at = f" at {block.resolved_at.astimezone(zone):%H:%M:%S} {zone}" if block.resolved_at else ""
    yours = f" Your note was not saved: {note}" if note else ""
    return f"{block.resolved_by or 'Its end'} had ended this block before{at}: {block}.{yours}"


def _save(
    block: DeployBlock,
    organization: Organization,
    wished: Callable[[DeployBlock], Wish],
    kind: str,
    actor: Actor,
    clock: Callable[[], datetime],
) -> Saved:
    asked_at = clock()
    with transaction.atomic():
        hold_back_merges(organization.pk)
        now = clock()
        if block.pk:
            block = _locked(block)
            if block.has_ended(now):
                raise BlockEnded(block)
        wish = wished(block)
        before = _values(block) if block.pk else None
        held = covered_projects(block) if block.pk else []
        block.organization, block.description = wish.organization, wish.description
        block.scope, block.tag = wish.scope, wish.tag if wish.scope == DeployBlock.Scope.TAG else ""
        block.begins_at = wish.begins_at or (min(block.begins_at, now) if block.pk else now)
        block.resolved_at, block.updated_at = wish.resolved_at, _version(block, now)
        if not block.pk:
            block.created_at = now
        _check(block, now)
        names_projects = wish.scope == DeployBlock.Scope.PROJECTS
        if names_projects:
            _check_place(wish)
        block.save()
        block.projects.set(wish.projects if names_projects else [])
        block.exceptions.set([] if names_projects else wish.exceptions)
        projects = _record(kind, block, actor, now, {"before": before} if before else {}, held)
        return Saved(
            block,
            too_late([project.pk for project in projects], asked_at) if block.unresolved(now) else (),
            tuple(projects),
        )


def _locked(block: DeployBlock) -> DeployBlock:
    """The block as it is stored now; nobody else changes it before this transaction ends."""
    return DeployBlock.objects.select_for_update(of=("self",)).select_related("organization").get(pk=block.pk)


def _version(block: DeployBlock, now: datetime) -> datetime:
    """When it is changed: always after the last change, also by a process whose clock is behind that of the other."""
    return max(now, block.updated_at + timedelta(microseconds=1)) if block.pk else now


def _check(block: DeployBlock, now: datetime) -> None:
    if block.resolved_at is not None and block.resolved_at <= now:
        raise ValidationError({"resolved_at": "The block would be over at once. Give an end that comes later."})
    if block.resolved_at is not None and block.resolved_at <= block.begins_at:
        raise ValidationError({"resolved_at": "A block must end after it begins."})
    block.full_clean(exclude=["projects", "owner"], validate_unique=False)


def _check_place(wish: Wish) -> None:
    """A project may have left the organization before the lock was taken: nothing would hold it there."""
    chosen = Project.objects.filter(pk__in=[project.pk for project in wish.projects])
    gone = list(chosen.exclude(organization=wish.organization).order_by("name").values_list("name", flat=True))
    if gone:
        words = f"No longer in {wish.organization}: {', '.join(gone)}. Make a block of its own there."
        raise ValidationError({"projects": words})


def _reach(block: DeployBlock) -> str:
    """For people: what a block is for."""
    match block.scope:
        case DeployBlock.Scope.ORGANIZATION:
            return f"all of {block.organization.name}"
        case DeployBlock.Scope.TAG:
            return f"what bears the tag {block.tag}"
    return ", ".join(block.projects.order_by("name").values_list("name", flat=True)) or "no project"


def _values(block: DeployBlock) -> dict[str, object]:
    stored = DeployBlock.objects.get(pk=block.pk)
    return {
        "reason": stored.description,
        "scope": stored.scope,
        "tag": stored.tag,
        "projects": sorted(stored.projects.values_list("name", flat=True)),
        "exceptions": sorted(stored.exceptions.values_list("name", flat=True)),
        "bad_commits": stored.bad_commits,
        "begins_at": stored.begins_at.isoformat(),
        "resolved_at": stored.resolved_at.isoformat() if stored.resolved_at else None,
    }


def _record(
    kind: str,
    block: DeployBlock,
    actor: Actor,
    at: datetime,
    more: dict[str, object],
    held: Iterable[Project] = (),
) -> list[Project]:
    """One event; it names the project where the block is for one only. Tells open pages, and has the engine look at
    what the block covers, and at what it `held` before."""
    projects = covered_projects(block)
    single = projects[0] if block.scope == DeployBlock.Scope.PROJECTS and len(projects) == 1 else None
    record(
        kind,
        actor=actor,
        at=at,
        project=single,
        organization_name=block.organization.name,
        data={"block": block.pk, **_values(block), **more},
    )
    touched = {project.pk for project in [*projects, *held]}
    announce(touched)
    wake(touched, at)
    return projects
