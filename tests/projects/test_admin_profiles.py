"""Profiles in the admin: secrets go in, are kept or asked for again, and never come out."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from django.contrib.auth.models import Permission
from django.test import Client

from audit.models import AuditEvent
from projects.models import Profile, ProfileBudget
from tests import worlds
from tests.projects.admin_site import AdminSite
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db
TOKEN = "ghp_canary0123456789"


@pytest.fixture
def site(client: Client) -> AdminSite:
    return AdminSite(client)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> str:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, lock).decode()


def last_event() -> AuditEvent:
    event = AuditEvent.objects.filter(kind="config.changed").first()
    assert event is not None
    return event


def add(site: AdminSite, **fields: str) -> str:
    form = site.form("projects/profile/add/")
    values = {"organization": str(worlds.organization().pk), "name": "github", "kind": "github-token"}
    return site.send(form, **(values | fields))


def edit(site: AdminSite, profile: Profile, **fields: str) -> str:
    return site.send(site.form(f"projects/profile/{profile.pk}/change/"), **fields)


class TestAdding:
    def test_stores_the_secret_encrypted_and_gives_the_usual_address(self, site: AdminSite) -> None:
        page = add(site, secret=TOKEN)

        profile = Profile.objects.get()
        assert (profile.secret.reveal(), profile.api_url) == (TOKEN, "https://api.github.com")
        assert TOKEN not in page

    def test_is_an_event_that_says_who_and_what_and_no_secret(self, site: AdminSite) -> None:
        add(site, secret=TOKEN)

        event = last_event()
        assert (event.actor, event.actor_kind, event.organization_name) == ("ana", "person", "artsy")
        assert (event.data["object"], event.data["name"], event.data["action"]) == (
            "profile",
            "artsy/github",
            "created",
        )
        assert event.data["after"]["secret"] == "set"
        assert TOKEN not in str(event.data)

    def test_without_a_secret_says_which_one_is_needed(self, site: AdminSite) -> None:
        assert "Give the token (secret)" in add(site)
        assert not Profile.objects.exists()

    def test_a_page_that_comes_back_says_that_the_secret_must_be_typed_again(self, site: AdminSite) -> None:
        page = add(site, secret=TOKEN, name="a/b")

        assert "must not hold a slash" in page
        assert "Type it again" in page
        assert TOKEN not in page

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"kind": "basic", "secret": "x", "user": "me"}, "A basic profile needs the host"),
            (
                {"kind": "basic", "secret": "x", "user": "me", "host": "https://git.heroku.com/x"},
                "Write the host alone",
            ),
            ({"kind": "aws", "secret": "x", "key_id": "AKIA", "region": "Frankfurt"}, "no name of an AWS region"),
            ({"kind": "github-app", "secret": "x", "app_id": "1", "installation_id": "x"}, "is a number"),
            ({"kind": "github-token", "secret": "a b"}, "copy it again"),
            ({"kind": "github-token", "secret": "x", "api_url": "https://github.com"}, "GitHub&#x27;s website"),
            ({"kind": "github-token", "secret": "x", "api_url": "http://ghe.example.com"}, "HORIZON_INSECURE_HOSTS"),
            ({"kind": "nonsense", "secret": "x"}, "nonsense is not one of the available choices"),
        ],
    )
    def test_a_mistake_is_told_at_its_field(self, site: AdminSite, fields: dict[str, str], sentence: str) -> None:
        assert sentence in add(site, **fields)
        assert not Profile.objects.exists()

    def test_what_the_kind_has_not_is_left_out(self, site: AdminSite) -> None:
        add(site, secret=TOKEN, host="left.over", region="us-east-1")

        assert (Profile.objects.get().host, Profile.objects.get().region) == ("", "")


class TestAnAppsKey:
    APP = {"kind": "github-app", "app_id": "12", "installation_id": "34"}

    def test_may_have_lost_its_line_breaks_in_the_one_line_of_the_form(self, site: AdminSite) -> None:
        key = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))

        add(site, **self.APP, secret=key.replace("\n", ""))

        assert Profile.objects.get().secret.reveal() == key

    def test_that_is_none_is_refused(self, site: AdminSite) -> None:
        assert "The secret is no private key" in add(site, **self.APP, secret=TOKEN)

    def test_of_another_kind_is_refused(self, site: AdminSite) -> None:
        assert "no RSA key" in add(site, **self.APP, secret=pem(ec.generate_private_key(ec.SECP256R1())))

    def test_with_a_passphrase_is_refused(self, site: AdminSite) -> None:
        key = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048), b"phrase")
        assert "protected by a passphrase" in add(site, **self.APP, secret=key)


class TestChanging:
    def test_shows_nothing_of_the_stored_secret(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        page = site.text(f"projects/profile/{profile.pk}/change/")
        assert worlds.TOKEN not in page
        assert profile.secret.stored not in page
        assert "Leave it empty to keep it" in page

    def test_a_blank_secret_keeps_the_stored_one(self, site: AdminSite) -> None:
        profile = worlds.github_profile()

        edit(site, profile, name="hub")

        profile.refresh_from_db()
        assert (profile.name, profile.secret.reveal()) == ("hub", worlds.TOKEN)
        assert last_event().data["before"] == {"name": "github"}
        assert last_event().data["after"] == {"name": "hub"}

    def test_a_new_secret_is_told_as_changed(self, site: AdminSite) -> None:
        profile = worlds.github_profile()

        edit(site, profile, secret=TOKEN)

        profile.refresh_from_db()
        assert profile.secret.reveal() == TOKEN
        assert last_event().data["after"] == {"secret": "changed"}

    @pytest.mark.parametrize(
        "moved", [{"api_url": "https://evil.example.com"}, {"kind": "basic", "host": "evil.example.com", "user": "me"}]
    )
    def test_another_host_or_kind_asks_for_the_secret_again(self, site: AdminSite, moved: dict[str, str]) -> None:
        profile = worlds.github_profile()

        page = edit(site, profile, **moved)

        assert "(secret) again. The stored one is for where it was given" in page
        profile.refresh_from_db()
        assert (profile.kind, profile.api_url) == ("github-token", "https://api.github.com")

    def test_another_host_with_the_secret_is_saved(self, site: AdminSite) -> None:
        profile = worlds.github_profile()

        edit(site, profile, api_url="https://ghe.example.com/api/v3", secret=TOKEN)

        profile.refresh_from_db()
        assert (profile.api_url, profile.secret.reveal()) == ("https://ghe.example.com/api/v3", TOKEN)

    def test_says_which_stages_can_no_longer_be_read(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        worlds.project("candela", profile=profile)

        page = edit(site, profile, api_url="https://ghe.example.com/api/v3", secret=TOKEN)

        assert "artsy/candela main can no longer be read" in page

    def test_without_a_change_writes_no_event(self, site: AdminSite) -> None:
        edit(site, worlds.github_profile())

        assert not AuditEvent.objects.exists()

    def test_shows_what_is_left_of_the_budget(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        ProfileBudget.objects.create(profile=profile, login="artsyit", rest_limit=5000, rest_remaining=4312)

        assert "as artsyit; REST: 4,312 of 5,000 left" in site.text(f"projects/profile/{profile.pk}/change/")

    def test_one_that_stages_use_cannot_be_deleted(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        worlds.project(profile=profile)

        site.press(f"projects/profile/{profile.pk}/delete/")

        assert Profile.objects.exists()

    def test_deleting_is_an_event(self, site: AdminSite) -> None:
        profile = worlds.github_profile()

        site.client.post(f"/admin/projects/profile/{profile.pk}/delete/", {"post": "yes"})

        assert not Profile.objects.exists()
        assert last_event().data["action"] == "deleted"
        assert last_event().data["before"]["secret"] == "set"


class TestTheButton:
    def test_asks_the_host_and_says_what_it_found(self, site: AdminSite, github: GitHubServer) -> None:
        github.add_token(TOKEN, login="artsyit")
        profile = worlds.github_profile(api_url=github.api_url)
        profile.secret = profile.secret.of(TOKEN)
        profile.save()

        page = site.press(f"projects/profile/{profile.pk}/test/")

        assert "artsy/github: Signed in as artsyit." in page

    def test_says_what_is_wrong(self, site: AdminSite, github: GitHubServer) -> None:
        profile = worlds.github_profile(api_url=github.api_url)

        page = site.press(f"projects/profile/{profile.pk}/test/")

        assert "artsy/github: " in page
        assert "Signed in" not in page
        assert worlds.TOKEN not in page

    def test_is_pressed_not_followed(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        assert site.client.get(f"/admin/projects/profile/{profile.pk}/test/").status_code == 403

    def test_needs_the_right_to_change_profiles(self, client: Client) -> None:
        profile = worlds.github_profile()
        site = AdminSite(client, permissions=[Permission.objects.get(codename="view_profile")])

        assert site.client.post(f"/admin/projects/profile/{profile.pk}/test/").status_code == 403
        assert "Test this profile" not in site.text(f"projects/profile/{profile.pk}/change/")

    def test_needs_the_token_against_forged_requests(self, site: AdminSite) -> None:
        profile = worlds.github_profile()
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(site.user)
        assert strict.post(f"/admin/projects/profile/{profile.pk}/test/").status_code == 403

    def test_leads_back_to_no_other_site(self, site: AdminSite) -> None:
        profile = worlds.github_profile(api_url="https://127.0.0.1:1")
        answer = site.client.post(f"/admin/projects/profile/{profile.pk}/test/", {"next": "https://evil.test/"})
        assert answer["Location"] == f"/admin/projects/profile/{profile.pk}/change/"
