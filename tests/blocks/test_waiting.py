"""A block that was possible when it was asked for, and is not any more when no merge is under way."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from blocks import change
from blocks.models import DeployBlock
from projects.models import Project
from tests.blocks.test_api import Script
from tests.worlds import organization, project

pytestmark = pytest.mark.django_db
SOON = timedelta(minutes=1)


@pytest.fixture
def candela() -> Project:
    return project("candela")


@pytest.fixture
def script() -> Script:
    User.objects.create_user("bo", password="secret-bo", is_staff=True)
    return Script("bo")


@pytest.fixture
def a_long_merge(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lock is had two minutes later."""

    def late() -> datetime:
        return real() + 2 * SOON if waited else real()

    waited: list[int] = []
    real = timezone.now
    monkeypatch.setattr(change, "hold_back_merges", waited.append)
    monkeypatch.setattr(timezone, "now", late)
    yield
    assert waited


def test_a_script_is_told_that_its_end_has_passed(script: Script, candela: Project, a_long_merge: None) -> None:
    answer = script.post(
        project_id=candela.pk, description="incident 12", resolved_at=(timezone.now() + SOON).isoformat()
    )

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["resolved_at"])
    assert "over at once" in answer.content.decode()
    assert not DeployBlock.objects.exists()


def test_a_script_that_moves_an_end_is_told_as_well(script: Script, candela: Project, a_long_merge: None) -> None:
    stored = DeployBlock.objects.create(
        organization=candela.organization, description="incident 12", begins_at=timezone.now() - SOON,
        created_at=timezone.now() - SOON, updated_at=timezone.now() - SOON,
    )  # fmt: skip

    answer = script.patch(stored, resolved_at=(timezone.now() + SOON).isoformat())

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["resolved_at"])


def test_the_form_keeps_what_was_typed(staff: Client, candela: Project, a_long_merge: None) -> None:
    wall = timezone.now() + SOON + timedelta(seconds=30)
    answer = staff.post(
        "/blocks/new/",
        {"description": "incident 12", "scope": "projects", "projects": [candela.pk], "begins": "now",
         "until": "custom", "resolved_at": f"{wall:%Y-%m-%dT%H:%M}", "zone": "UTC"},
    )  # fmt: skip

    assert answer.status_code == 422
    assert answer.context["form"].errors["resolved_at"]
    assert "incident 12" in answer.content.decode()


def test_a_script_is_told_that_the_project_has_gone(
    script: Script, candela: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is moved to another organization before the lock is had."""
    other = organization("other")
    monkeypatch.setattr(change, "hold_back_merges", lambda _: Project.objects.update(organization=other))

    answer = script.post(project_id=candela.pk, description="incident 12")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["project_id"])
    assert not DeployBlock.objects.exists()
