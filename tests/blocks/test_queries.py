"""Which blocks cover a project, read for many projects at once."""

from datetime import timedelta
from typing import Any

import pytest

from blocks.models import DeployBlock
from blocks.queries import unresolved_blocks
from projects.models import Organization
from tests import worlds
from tests.worlds import NOW

pytestmark = pytest.mark.django_db
Scope = DeployBlock.Scope


def block(owner: Organization, reason: str, hours: int, **changed: Any) -> DeployBlock:
    """One that was made so many hours ago."""
    at = NOW - timedelta(hours=hours)
    values: dict[str, Any] = {"created_by": "ana", "created_at": at, "begins_at": at, "updated_at": at} | changed
    return DeployBlock.objects.create(organization=owner, description=reason, **values)


def test_blocks_of_all_scopes_come_oldest_first_and_spare_their_exceptions() -> None:
    candela = worlds.project("candela", tags=["galleries", "auctions", "galleries"])
    spared = worlds.project("spared", tags=["auctions"])
    elsewhere = worlds.project("far", organization=worlds.organization("other"), tags=["auctions"])
    owner = candela.organization
    block(owner, "project", 2).projects.add(candela)
    block(owner, "all", 3, scope=Scope.ORGANIZATION)
    block(owner, "tag", 4, scope=Scope.TAG, tag="auctions").exceptions.add(spared)
    block(owner, "twice", 1, scope=Scope.TAG, tag="galleries")
    block(owner, "over", 5, scope=Scope.ORGANIZATION, resolved_at=NOW - timedelta(hours=1))

    found = unresolved_blocks([candela, spared, elsewhere], NOW)

    assert {pk: [each.description for each in blocks] for pk, blocks in found.items()} == {
        candela.pk: ["tag", "all", "project", "twice"],
        spared.pk: ["all"],
        elsewhere.pk: [],
    }
