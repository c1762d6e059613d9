"""History is only ever added to, and says what kind of being did it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from audit.models import AuditEvent, EventTag
from audit.record import HORIZON, Actor, record

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        lambda: AuditEvent.objects.update(actor="nobody"),
        lambda: AuditEvent.objects.all().delete(),
        lambda: AuditEvent.objects.get().save(),
        lambda: AuditEvent.objects.get().delete(),
    ],
    ids=["update", "delete", "save", "delete one"],
)
def test_the_applications_own_role_can_neither_change_nor_delete_events(change: Callable[[], object]) -> None:
    record("release.merged", actor=HORIZON, at=AT)

    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        change()

    assert AuditEvent.objects.get().actor == "Horizon"


@pytest.mark.parametrize(
    ("actor", "kind"),
    [
        (Actor.person("ana"), "person"),
        (Actor.api("build"), "api"),
        (HORIZON, "horizon"),
        (Actor.github("octocat"), "github"),
        (Actor.command("root"), "command"),
    ],
)
def test_an_event_says_what_kind_of_being_did_it(actor: Actor, kind: str) -> None:
    record("release.merged", actor=actor, at=AT)

    event = AuditEvent.objects.get()
    assert (event.actor, event.actor_kind) == (actor.name, kind)


def test_an_event_is_found_by_each_of_its_tags_once() -> None:
    made = [
        AuditEvent(kind="release.live", at=AT, actor="Horizon", actor_kind="horizon", tags=tags)
        for tags in (["web", "auctions", "web"], [], ["web"])
    ]

    several, none, one = AuditEvent.objects.bulk_create(made)

    found = EventTag.objects.order_by("tag", "event_id").values_list("tag", "event_id")
    assert list(found) == [("auctions", several.pk), ("web", several.pk), ("web", one.pk)]
    assert not none.borne.exists()
