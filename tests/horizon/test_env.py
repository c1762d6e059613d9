"""Reading the environment."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from horizon import embedded, env


@pytest.fixture(autouse=True)
def _known_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests read is no setting of Horizon's."""
    monkeypatch.setattr(env, "known", set(env.known))


@pytest.mark.parametrize(
    ("value", "meant"), [("yes", True), (" TRUE ", True), ("1", True), ("", False), ("off", False)]
)
def test_yes_and_no_have_several_words(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("HORIZON_X", value)
    assert env.boolean("HORIZON_X", default=not meant) is meant


@pytest.mark.parametrize("value", ["0", "65536", "-1", "1.5", "\N{ARABIC-INDIC DIGIT ONE}", "8000x"])
def test_a_number_out_of_bounds_or_none_at_all_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HORIZON_X", value)
    with pytest.raises(ImproperlyConfigured, match=r"HORIZON_X=.* is not a whole number from 1 to 65535"):
        env.number("HORIZON_X", 8000, least=1, most=65535)


def test_a_list_has_no_empty_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORIZON_X", " a.example , ,b.example,")
    assert env.words("HORIZON_X") == ["a.example", "b.example"]


def test_a_folder_is_absolute_and_may_begin_with_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("HORIZON_X", "~/data")
    assert env.folder("HORIZON_X", Path("/other")) == Path("/home/ana/data")


@pytest.mark.parametrize("value", ["https://h.example/path", "ftp://h.example", "h.example", "https://u:p@h.example"])
def test_a_public_address_is_a_scheme_and_a_host(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HORIZON_X", value)
    with pytest.raises(ImproperlyConfigured, match="is no address such as"):
        env.web_address("HORIZON_X", "")


def test_a_required_value_that_is_missing_is_named() -> None:
    with pytest.raises(ImproperlyConfigured, match="HORIZON_MISSING is not set"):
        env.text("HORIZON_MISSING")


# --- embedded services ------------------------------------------------------------------------------------------


def test_sockets_are_in_the_data_folder_where_its_name_is_short_enough() -> None:
    places = embedded.addresses(Path("/srv/horizon"))
    assert places.database_url == "postgresql://horizon@/horizon?host=/srv/horizon/run/pg"
    assert places.redis_url == "unix:///srv/horizon/run/valkey.sock?db=0"


@pytest.mark.parametrize("length", [80, 107, 120, 300])
def test_no_socket_has_a_name_that_is_too_long(length: int) -> None:
    data = Path("/" + "ü" * (length // 2))
    places = embedded.addresses(data)
    for path in (places.postgres_run / embedded.POSTGRES_SOCKET, places.valkey_socket):
        assert len(str(path).encode()) <= 107
    assert places == embedded.addresses(data)
    assert places.run != embedded.addresses(data / "other").run


def test_a_folder_that_somebody_else_laid_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trap").symlink_to(tmp_path)
    with pytest.raises(ImproperlyConfigured, match="is not a folder of this user's"):
        embedded.private_folder(tmp_path / "trap")


def test_an_address_of_a_database_is_taken_apart() -> None:
    found = embedded.database_settings("postgres://ana:p%40ss@db.example:6543/my%20db?sslmode=require")
    assert found["USER"] == "ana"
    assert found["PASSWORD"] == "p@ss"
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", "6543", "my db")
    assert found["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://cache:6379/2", "redis://cache:6379/2"),
        ("rediss://:pw@cache/0", "rediss://:pw@cache/0"),
        ("unix:///a%20b/valkey.sock?db=3", "redis+socket:///a%20b/valkey.sock?virtual_host=3"),
    ],
)
def test_the_broker_is_the_same_redis(url: str, broker: str) -> None:
    assert embedded.broker_url(url) == broker


def test_keys_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    first = embedded.secret("HORIZON_A_KEY", tmp_path / "data", required=False)
    assert len(first) > 50
    assert embedded.secret("HORIZON_A_KEY", tmp_path / "data", required=False) == first
    assert (tmp_path / "data" / "keys" / "a-key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o044 == 0


def test_no_refusal_repeats_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HORIZON_X", "half-a-secret")
    with pytest.raises(ImproperlyConfigured) as refusal:
        embedded.encryption_keys("HORIZON_X", tmp_path, required=True)
    assert "half-a-secret" not in str(refusal.value)
