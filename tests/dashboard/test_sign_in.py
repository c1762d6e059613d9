"""Signing in and out, and the look that is remembered."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.dashboard.world import basic

pytestmark = pytest.mark.django_db

PASSWORD = "a long pass phrase"


@pytest.fixture
def ana() -> User:
    return User.objects.create_user("ana", password=PASSWORD)


def sign_in(client: Client, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in/", {"username": "ana", "password": password, **more})


def test_leads_to_where_the_person_was_going(client: Client, ana: User) -> None:
    assert sign_in(client, next="/?tag=x")["Location"] == "/?tag=x"


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_never_leads_to_another_site(client: Client, ana: User, address: str) -> None:
    assert sign_in(client, next=address)["Location"] == "/"


def test_a_wrong_password_is_told_without_saying_which_part_is_wrong(client: Client, ana: User) -> None:
    wrong = sign_in(client, "wrong").content.decode()
    unknown = client.post("/sign-in/", {"username": "nobody", "password": "x"}).content.decode()

    assert "User name or password is wrong" in wrong
    assert "User name or password is wrong" in unknown


def test_who_guesses_has_to_wait_even_with_the_right_password(client: Client, ana: User) -> None:
    for _ in range(8):
        sign_in(client, "wrong")

    assert "Wait a quarter of an hour" in sign_in(client).content.decode()


def test_who_guesses_at_the_door_of_the_admin_has_to_wait_as_well(client: Client, ana: User) -> None:
    ana.is_staff = True
    ana.save()
    for _ in range(8):
        client.post("/admin/login/", {"username": "ana", "password": "wrong"})

    page = client.post("/admin/login/", {"username": "ana", "password": PASSWORD})

    assert "Wait a quarter of an hour" in page.content.decode()
    assert "Wait a quarter of an hour" in sign_in(client).content.decode()


def test_the_admin_lets_staff_in_and_nobody_else(client: Client, ana: User) -> None:
    who = {"username": "ana", "password": PASSWORD, "next": "/admin/"}
    assert client.post("/admin/login/", who).status_code == 200

    ana.is_staff = True
    ana.save()

    assert client.post("/admin/login/", who)["Location"] == "/admin/"


def test_who_guesses_from_many_addresses_of_one_network_has_to_wait(client: Client, ana: User) -> None:
    for number in range(8):
        client.post("/sign-in/", {"username": "ana", "password": "wrong"}, REMOTE_ADDR=f"2001:db8::{number:x}")

    right = {"username": "ana", "password": PASSWORD}
    assert client.post("/sign-in/", right, REMOTE_ADDR="2001:db8::ffff").status_code == 200
    assert client.post("/sign-in/", right, REMOTE_ADDR="2001:db8:0:1::1").status_code == 302


def test_others_are_not_held_up_by_a_guesser(client: Client, ana: User) -> None:
    User.objects.create_user("bo", password=PASSWORD)
    for _ in range(8):
        sign_in(client, "wrong")

    assert client.post("/sign-in/", {"username": "bo", "password": PASSWORD}).status_code == 302


def test_guessing_by_basic_is_held_up_as_well(client: Client, ana: User) -> None:
    for _ in range(8):
        assert client.get("/api/projects/", headers=basic("ana", "wrong")).status_code == 401

    assert client.get("/api/projects/", headers=basic("ana", PASSWORD)).status_code == 429


def test_a_remembered_password_is_forgotten_when_it_changes(client: Client, ana: User) -> None:
    assert client.get("/api/projects/", headers=basic("ana", PASSWORD)).status_code == 200
    ana.set_password("another pass phrase")
    ana.save()

    assert client.get("/api/projects/", headers=basic("ana", PASSWORD)).status_code == 401


def test_a_remembered_password_is_worthless_when_the_user_is_deactivated(client: Client, ana: User) -> None:
    assert client.get("/api/projects/", headers=basic("ana", PASSWORD)).status_code == 200
    User.objects.update(is_active=False)

    assert client.get("/api/projects/", headers=basic("ana", PASSWORD)).status_code == 401


def test_a_second_request_does_not_hash_the_password_again(
    client: Client, ana: User, django_assert_num_queries: Any
) -> None:
    client.get("/api/audit/", headers=basic("ana", PASSWORD))

    with django_assert_num_queries(2):  # the user, the events
        client.get("/api/audit/", headers=basic("ana", PASSWORD))


def test_signing_out_ends_the_session(client: Client, ana: User) -> None:
    sign_in(client)

    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").status_code == 302


class TestTheme:
    def test_is_remembered_and_rendered(self, client: Client) -> None:
        answer = client.post("/theme/", {"theme": "dark", "next": "/sign-in/"})

        assert answer["Location"] == "/sign-in/"
        assert 'data-theme="dark"' in client.get("/sign-in/").content.decode()

    def test_a_cookie_with_anything_else_is_passed_over(self, client: Client) -> None:
        client.cookies["theme"] = '"><script>'

        assert "data-theme" not in client.get("/sign-in/").content.decode()

    def test_does_not_lead_to_another_site(self, client: Client) -> None:
        for address in ("https://evil.example/", "//evil.example", "/\\evil.example", ""):
            assert client.post("/theme/", {"theme": "dark", "next": address})["Location"] == "/"


def test_a_form_without_its_token_is_refused_in_words() -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post("/theme/", {"theme": "dark"})

    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()


def test_people_sign_in_while_valkey_is_away(client: Client, ana: User, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}

    assert "User name or password is wrong" in sign_in(client, "wrong").content.decode()
    assert sign_in(client).status_code == 302


def test_a_host_that_is_not_ours_gets_a_page_in_words(client: Client) -> None:
    answer = client.get("/sign-in/", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert "makes no sense" in answer.content.decode()
