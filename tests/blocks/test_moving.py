"""A project that is moved to another organization: no block is left behind, and history tells of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from audit.record import Actor
from blocks.change import Wish, create_block, resolve_block
from blocks.models import DeployBlock
from projects.models import Project
from tests.projects.admin_site import AdminSite
from tests.worlds import organization, project

pytestmark = pytest.mark.django_db
MARY = Actor.person("mary")


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


@pytest.fixture
def candela() -> Project:
    return project("candela", tags=["galleries"])


def block(of: Project, **changed: Any) -> DeployBlock:
    wish = Wish(of.organization, **{"description": "incident 12", "projects": [of]} | changed)
    return create_block(wish, actor=MARY, owner=None, clock=timezone.now).block


def move(site: AdminSite, of: Project) -> str:
    form = site.form(f"projects/project/{of.pk}/change/")
    return site.send(form, organization=str(organization("other").pk))


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({}, "is blocked there by mary (incident 12)"),
        ({"scope": "tag", "tag": "galleries", "projects": []}, "is blocked there by mary"),
        ({"scope": "organization", "projects": []}, "is blocked there by mary"),
        ({"begins_at": timezone.now() + timedelta(days=900)}, "will be blocked there by mary"),
    ],
)
def test_is_refused_while_a_block_covers_it_or_will(
    site: AdminSite, candela: Project, scope: dict[str, Any], words: str
) -> None:
    block(candela, **scope)

    page = move(site, candela)

    assert words in page
    assert Project.objects.get().organization.name == "artsy"


def test_is_done_and_told_when_no_block_is_left(site: AdminSite, candela: Project) -> None:
    resolve_block(block(candela), note="", actor=MARY, clock=timezone.now)
    resolve_block(block(candela, begins_at=timezone.now() + timedelta(days=9)), note="", actor=MARY, clock=timezone.now)
    block(project("force"))

    move(site, candela)

    assert Project.objects.get(name="candela").organization.name == "other"
    data = AuditEvent.objects.get(kind="config.changed").data
    assert (data["before"], data["after"]) == ({"organization": "artsy"}, {"organization": "other"})


def test_a_block_that_waited_for_the_move_is_not_saved_for_nothing(candela: Project) -> None:
    wish = Wish(candela.organization, "incident 12", projects=[candela])
    Project.objects.update(organization=organization("other"))

    with pytest.raises(ValidationError, match="No longer in artsy: candela"):
        create_block(wish, actor=MARY, owner=None, clock=timezone.now)
    assert not DeployBlock.objects.exists()
