"""Users and groups in the admin: unfold's pages, and each change in the history."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from audit.models import AuditEvent
from tests.projects.admin_site import AdminSite

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


def told() -> list[tuple[str, str, dict[str, object], dict[str, object]]]:
    events = AuditEvent.objects.filter(kind="config.changed").order_by("id")
    return [(each.data["action"], each.data["name"], each.data["before"], each.data["after"]) for each in events]


def test_a_new_user_is_told_without_password(site: AdminSite) -> None:
    site.send(
        site.form("auth/user/add/"), username="ben", usable_password="true", password1=PASSWORD, password2=PASSWORD
    )

    assert User.objects.get(username="ben").check_password(PASSWORD)
    ((action, name, before, after),) = told()
    assert (action, name, before) == ("created", "ben", {})
    assert (after["username"], after["is_staff"]) == ("ben", False)
    assert PASSWORD not in str(told())


def test_what_a_user_may_do_is_told_before_and_after(site: AdminSite) -> None:
    ben = User.objects.create_user("ben")

    site.send(site.form(f"auth/user/{ben.pk}/change/"), is_staff="on")

    assert told() == [("changed", "ben", {"is_staff": False}, {"is_staff": True})]


def test_a_new_password_is_told_as_changed(site: AdminSite) -> None:
    ben = User.objects.create_user("ben")

    site.send(site.form(f"auth/user/{ben.pk}/password/"), password1=PASSWORD, password2=PASSWORD)

    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)
    assert told() == [("changed", "ben", {}, {"password": "changed"})]


def test_groups_are_told_when_they_come_and_go(site: AdminSite) -> None:
    site.send(site.form("auth/group/add/"), name="releasers")
    site.client.post(f"/admin/auth/group/{Group.objects.get().pk}/delete/", {"post": "yes"})

    assert [(action, name) for action, name, _, _ in told()] == [("created", "releasers"), ("deleted", "releasers")]


def test_the_first_page_says_what_to_do_next(site: AdminSite) -> None:
    page = site.text("")
    assert "Add an organization" in page
    assert "Horizon" in page


def test_the_right_to_release_in_spite_of_blocks_can_be_given_by_its_name(site: AdminSite) -> None:
    ben = User.objects.create_user("ben", is_staff=True)
    form = site.form(f"auth/user/{ben.pk}/change/")
    assert "May release in spite of deploy blocks and closed hours" in site.text(form.action)

    right = Permission.objects.get(codename="release_in_spite")
    site.send(form, user_permissions=str(right.pk))

    assert User.objects.get(username="ben").has_perm("releases.release_in_spite")
    assert "May release in spite of deploy blocks and closed hours" in str(told())
