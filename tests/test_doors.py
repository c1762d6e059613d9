"""Who may pass which door: every address of the site is tried by strangers, by readers and from other sites."""

from datetime import time

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.models import AuditEvent
from audit.record import Actor
from blocks.change import Wish, create_block
from blocks.models import DeployBlock
from projects.models import Project
from releases.models import ClosedHours, DeployStrategy, Holiday, Intervention
from tests import worlds
from tests.addresses import addresses

pytestmark = pytest.mark.django_db
# What strangers get an answer from: the sign-in itself, health, light or dark, and GitHub's events, which are signed.
OPEN = {"/sign-in/", "/sign-out/", "/healthz", "/readyz", "/theme/", "/admin/login/", "/admin/logout/"}
REFUSED = {401, 403, 404, 405, 415, 503}  # 415: the API takes JSON only; 503: no secret of webhooks is set


@pytest.fixture(autouse=True)
def company() -> DeployStrategy:
    """One of everything that an address names."""
    project = worlds.project("candela")
    strategy = DeployStrategy.objects.create(
        stage=project.stages.get(name="production"), base="release", head="staging", automatic=True
    )
    create_block(
        Wish(project.organization, "QA", projects=[project]), actor=Actor.person("ana"), owner=None, clock=lambda: NOW
    )
    made = {"organization": project.organization, "created_at": NOW, "created_by": "ana"}
    ClosedHours.objects.create(name="nights", weekdays=[0], begins_at=time(22), ends_at=time(6), **made)
    Holiday.objects.create(name="fair", first_day=NOW.date(), last_day=NOW.date(), **made)
    return strategy


NOW = worlds.NOW


def doors() -> list[str]:
    """All addresses but those that are open to everybody."""
    found = [address for address in addresses() if address not in OPEN and not address.endswith("/jsi18n/")]
    assert len(found) > 80
    return found


def everything() -> tuple[object, ...]:
    """What an act would have changed."""
    return (
        AuditEvent.objects.count(),
        list(Project.objects.values()),
        list(DeployStrategy.objects.values()),
        list(DeployBlock.objects.values()),
        Intervention.objects.count(),
        ClosedHours.objects.count() + Holiday.objects.count(),
        list(User.objects.values_list("username", "is_staff", "is_active", "password")),
    )


def test_strangers_pass_none(client: Client) -> None:
    before = everything()

    for address in doors():
        for answer in (client.get(address), client.post(address)):
            if answer.status_code == 302:
                assert answer["Location"].startswith(("/sign-in/?next=", "/admin/login/?next=")), address
            else:
                assert answer.status_code in REFUSED, address

    assert everything() == before


def test_readers_change_nothing(client: Client) -> None:
    client.force_login(User.objects.create_user("reader"))
    before = everything()

    for address in doors():
        for body in ({}, {"confirmed": "1", "reason": "x", "sha": "a" * 40, "note": "x"}):
            answer = client.post(address, body)
            is_of_admin = address.startswith("/admin/") and answer.status_code == 302
            assert answer.status_code in REFUSED or is_of_admin, address

    assert everything() == before


def test_readers_see_nothing_of_the_admin(client: Client) -> None:
    client.force_login(User.objects.create_user("reader"))

    for address in doors():
        if address.startswith("/admin/"):
            assert client.get(address).status_code in (302, 403), address


def test_staff_without_rights_see_no_page_of_the_admins_models(client: Client) -> None:
    client.force_login(User.objects.create_user("staff", is_staff=True))
    before = everything()

    for address in doors():
        if address.startswith("/admin/") and address.count("/") > 3 and "/password_change/" not in address:
            # The old address of a row leads to the new one.
            assert client.get(address, follow=True).status_code == 403, address
            assert client.post(address, follow=True).status_code == 403, address

    assert everything() == before


def test_no_other_site_acts_for_an_administrator() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("admin"))
    before = everything()

    for address in [*doors(), "/theme/", "/sign-out/"]:
        answer = client.post(address, {"confirmed": "1", "reason": "x", "sha": "a" * 40, "note": "x"})
        assert answer.status_code in REFUSED, address

    assert everything() == before
