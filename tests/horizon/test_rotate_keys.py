"""`manage.py rotate_keys`."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from projects.models import Profile
from projects.secrets import Secret
from tests import worlds

pytestmark = pytest.mark.django_db
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def profile(settings: Settings) -> Profile:
    settings.ENCRYPTION_KEYS = [OLD]
    return worlds.github_profile(secret=Secret.of("a-token"))


def _stored(profile: Profile) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM projects_profile WHERE id = %s", [profile.pk])
        return str(cursor.fetchone()[0])


def test_secrets_are_encrypted_with_the_first_key_and_stay_what_they_are(profile: Profile, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    call_command("rotate_keys")
    assert Fernet(NEW).decrypt(_stored(profile)) == b"a-token"
    settings.ENCRYPTION_KEYS = [NEW]
    profile.refresh_from_db()
    assert profile.secret.reveal() == "a-token"


def test_a_missing_key_changes_nothing_and_is_said(profile: Profile, settings: Settings) -> None:
    before = _stored(profile)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match="Add the old key"):
        call_command("rotate_keys")
    assert _stored(profile) == before


def test_the_keys_that_horizon_keeps_itself_are_rotated_in_their_file(
    profile: Profile, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HORIZON_ENCRYPTION_KEYS")
    settings.DATA_DIR = tmp_path
    (tmp_path / "keys").mkdir()
    file = tmp_path / "keys" / "encryption-keys"

    call_command("rotate_keys", "--add")
    keys = file.read_text().split()
    assert keys[1:] == [OLD]
    assert file.stat().st_mode & 0o777 == 0o600

    settings.ENCRYPTION_KEYS = keys
    call_command("rotate_keys")
    assert file.read_text().split() == keys[:1]
    assert Fernet(keys[0]).decrypt(_stored(profile)) == b"a-token"
