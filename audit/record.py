"""The only writer of history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from audit.models import AuditEvent


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str: ...


class Recordable(Protocol):
    """What history needs to know of a project."""

    @property
    def pk(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def tags(self) -> list[str]: ...
    @property
    def organization(self) -> Named: ...


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it."""

    name: str
    kind: AuditEvent.ActorKind

    @classmethod
    def person(cls, username: str) -> "Actor":
        return cls(username, AuditEvent.ActorKind.PERSON)

    @classmethod
    def api(cls, username: str) -> "Actor":
        return cls(username, AuditEvent.ActorKind.API)

    @classmethod
    def github(cls, login: str) -> "Actor":
        return cls(login, AuditEvent.ActorKind.GITHUB)

    @classmethod
    def command(cls, username: str) -> "Actor":
        return cls(username, AuditEvent.ActorKind.COMMAND)


HORIZON = Actor("Horizon", AuditEvent.ActorKind.HORIZON)


def record(
    kind: str,
    *,
    actor: Actor,
    at: datetime,
    project: Recordable | None = None,
    organization_name: str = "",
    data: Mapping[str, object] | None = None,
) -> AuditEvent:
    """Write one event, in the transaction of what it tells. `data` is plain JSON without secrets."""
    return AuditEvent.objects.create(
        kind=kind,
        actor=actor.name,
        actor_kind=actor.kind,
        at=at,
        organization_name=project.organization.name if project else organization_name,
        project_id=project.pk if project else None,
        project_name=project.name if project else "",
        tags=project.tags if project else [],
        data=dict(data or {}),
    )
