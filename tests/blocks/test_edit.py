"""The form of a stored block changes what was changed in it, and nothing else."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.record import Actor
from blocks.change import Wish, create_block
from blocks.models import DeployBlock
from projects.models import Project
from tests.worlds import project

pytestmark = pytest.mark.django_db


@pytest.fixture
def candela() -> Project:
    return project("candela")


@pytest.fixture
def force(candela: Project) -> Project:
    """Archived after it was blocked, or spared."""
    return project("force", archived_at=timezone.now())


def block(of: Project, **changed: Any) -> DeployBlock:
    wish = Wish(of.organization, **{"description": "needs QA", "projects": [of]} | changed)
    return create_block(wish, actor=Actor.person("mary"), owner=None, clock=timezone.now).block


def edit(client: Client, of: DeployBlock, **typed: Any) -> Any:
    """What a browser sends that shows the stored block, with what was typed over it."""
    page = client.get(f"/blocks/{of.pk}/")
    form = page.context["form"]
    names = ("description", "scope", "tag", "organization", "until", "resolved_at", "zone", "begins", "begins_at")
    values = {name: form[name].value() for name in names if name in form.fields}
    for name in ("projects", "exceptions"):
        chosen = {str(each) for each in form[name].value()}
        values[name] = [str(value) for value, _ in form.fields[name].choices if str(value) in chosen]
    sent = {name: value for name, value in (values | {"seen": form.seen} | typed).items() if value is not None}
    return client.post(f"/blocks/{of.pk}/", sent)


class TestArchivedProjects:
    def test_stay_in_a_block_whose_words_are_edited(self, staff: Client, candela: Project, force: Project) -> None:
        stored = block(candela, projects=[candela, force])

        edit(staff, stored, description="needs QA, see 12")

        stored.refresh_from_db()
        assert stored.description == "needs QA, see 12"
        assert set(stored.projects.all()) == {candela, force}
        assert "force (archived)" in staff.get(f"/blocks/{stored.pk}/").content.decode()

    def test_stay_spared(self, staff: Client, candela: Project, force: Project) -> None:
        stored = block(candela, scope="organization", projects=[], exceptions=[force])

        edit(staff, stored, description="incident 13")

        assert set(stored.exceptions.all()) == {force}

    def test_are_taken_out_by_who_takes_them_out(self, staff: Client, candela: Project, force: Project) -> None:
        stored = block(candela, projects=[candela, force])

        edit(staff, stored, projects=[str(candela.pk)])

        assert set(stored.projects.all()) == {candela}

    def test_are_put_into_no_other_block(self, staff: Client, candela: Project, force: Project) -> None:
        stored = block(candela)

        answer = edit(staff, stored, projects=[str(candela.pk), str(force.pk)])

        assert "Archived, so nothing is released there: force." in answer.content.decode()
