"""`manage.py up` with real processes."""

import os
import re
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.horizon.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for sockets in it, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix="horizon-up-", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def installation(folder: Path) -> Iterator[Installation]:
    made = Installation(folder / "data")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """One that several tests share; each leaves it running."""
    with tempfile.TemporaryDirectory(prefix="horizon-up-", dir="/tmp", ignore_cleanup_errors=True) as name:
        made = Installation(Path(name)).start(HORIZON_ADMIN_PASSWORD="a long pass phrase")
        yield made
        made.stop()


def test_the_first_start_prints_the_sign_in_once_and_sigterm_leaves_nothing(installation: Installation) -> None:
    (installation.data).mkdir()
    (installation.data / "of-somebody-else.txt").write_text("kept")

    installation.start().read_until("sign in as admin with the password")
    assert installation.get("/healthz")[0] == 200
    family = installation.family()
    assert len(family) >= 8
    assert installation.stop() == 0
    assert not [process for process in family if process.is_running()]
    left = {path.name for path in installation.data.iterdir()}
    assert left - {"beat"} == {"keys", "logs", "of-somebody-else.txt", "postgres", "static", "valkey"}

    installation.start()
    assert installation.stop() == 0
    assert "password" not in installation.output


def test_pages_that_are_open_make_no_noise_at_the_end(installation: Installation) -> None:
    installation.start(HORIZON_PUBLIC_DASHBOARD="yes")
    style = re.search(r"/static/[^\"]+\.css", installation.get("/")[1].decode())
    assert style
    assert installation.get(style[0])[0] == 200
    page = HTTPConnection("127.0.0.1", installation.port, timeout=10)
    page.request("GET", "/live/")
    assert page.getresponse().status == 200

    assert installation.stop() == 0

    page.close()
    assert not [line for line in installation.output.splitlines() if "ERROR" in line or "Warning" in line]


def test_keys_and_servers_are_closed_to_other_users(running: Installation) -> None:
    for key in (running.data / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    sockets = [running.data / "run" / "pg" / ".s.PGSQL.5432", running.data / "run" / "valkey.sock"]
    for path in sockets:
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    for server in ("bin/postgres", "valkey-server"):
        assert not running.child(server).net_connections(kind="inet")


def test_a_second_one_on_the_same_folder_is_refused(running: Installation) -> None:
    second = Installation(running.data).start(until=None)
    assert second.read_to_the_end() == 1
    assert f"already runs on {running.data} (process {running.running.pid})" in second.output
    assert "HORIZON_DATA_DIR" in second.output
    assert running.get("/healthz")[0] == 200


def test_a_port_in_use_is_named_with_the_way_to_choose_another(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        installation.start(until=None)
        assert installation.read_to_the_end() == 1
    assert f"Port {installation.port} cannot be used" in installation.output
    assert "HORIZON_PORT=" in installation.output
    assert not (installation.data / "postgres").exists()


def test_a_dead_child_is_started_again_and_said_so(running: Installation) -> None:
    running.child("manage.py web").kill()
    assert "web was ended by SIGKILL; starting it again in 1 s" in running.read_until("web was ended")
    dead = running.child("valkey-server")
    dead.kill()
    running.read_until("Valkey was ended")
    answer = running.manage("shell", "-v0", "-c", ASK_WORKERS)
    assert answer.stdout.split() == ["actions", "events", "hosts", "polls"], answer.stderr
    assert running.get("/healthz")[0] == 200


ASK_WORKERS = """
from horizon.celery import app
names = set()
for _ in range(50):
    try:
        names |= {name.split("@")[0] for answer in app.control.ping(timeout=1.0) for name in answer}
    except (app.connection().connection_errors):
        continue
    if len(names) == 4:
        break
print(*sorted(names))
"""


def test_another_shell_uses_the_running_database(running: Installation) -> None:
    code = (
        "from django.contrib.auth import authenticate;"
        "print(authenticate(username='admin', password='a long pass phrase'))"
    )
    answer = running.manage("shell", "-v0", "-c", code)
    assert answer.stdout == "admin\n", answer.stderr


def test_after_kill_9_of_everything_the_next_start_recovers(installation: Installation) -> None:
    installation.start()
    for process in installation.family():
        process.send_signal(signal.SIGSTOP)  # so that nobody tidies up while the others die
    installation.kill()
    assert (installation.data / "up.lock").exists()
    assert (installation.data / "postgres" / "postmaster.pid").exists()

    installation.start()
    assert installation.get("/healthz")[0] == 200
    assert installation.stop() == 0
    assert not (installation.data / "up.lock").exists()


def test_the_children_of_a_killed_supervisor_end_too(installation: Installation) -> None:
    family = installation.start().family()
    os.killpg(installation.running.pid, signal.SIGKILL)
    assert installation.read_to_the_end() == -signal.SIGKILL
    installation.start()
    assert installation.get("/healthz")[0] == 200
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert installation.stop() == 0


def test_a_folder_with_a_long_name_works_and_leaves_nothing_in_tmp(folder: Path) -> None:
    installation = Installation(folder / ("a folder with a long name, blanks and ümläuts " * 3).strip())
    before = set(Path("/tmp").glob("horizon-*"))
    try:
        installation.start()
        assert installation.get("/healthz")[0] == 200
        assert installation.stop() == 0
        assert set(Path("/tmp").glob(f"horizon-{os.geteuid()}-*")) <= before
    finally:
        installation.kill()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HORIZON_PORT", "http", "HORIZON_PORT='http' is not a whole number from 1 to 65535"),
        ("HORIZON_POLL_SECONDS", "0", "HORIZON_POLL_SECONDS='0' is not a whole number from 1 to 86400"),
        ("HORIZON_DEBUG", "maybe", "HORIZON_DEBUG='maybe' is neither yes nor no"),
        ("HORIZON_GITHUB_WEBHOOK_SECRETS", "", "HORIZON_GITHUB_WEBHOOK_SECRETS is empty"),
        ("HORIZON_ENCRYPTION_KEYS", "short", "HORIZON_ENCRYPTION_KEYS holds something that is no key"),
        ("HORIZON_PUBLIC_URL", "horizon.example.com", "HORIZON_PUBLIC_URL='horizon.example.com' is no address"),
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL is no address of a PostgreSQL database"),
        ("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x", "HORIZON_SECRET_KEY is not set"),
        ("REDIS_URL", "http://x", "REDIS_URL is no address of a Redis"),
    ],
)
def test_a_wrong_value_stops_the_start_with_one_line(
    installation: Installation, name: str, value: str, words: str
) -> None:
    installation.start(until=None, **{name: value})
    assert installation.read_to_the_end() == 1
    assert len(installation.lines) == 1
    assert words in installation.output


def test_an_unknown_variable_is_warned_about_with_the_nearest_known(installation: Installation) -> None:
    installation.start(until="is no setting", HORIZON_POLL_SECOND="5")
    assert "HORIZON_POLL_SECOND is no setting of Horizon and is ignored. Did you mean HORIZON_POLL_SECONDS?" in (
        installation.output
    )
    assert installation.stop() == 0


def test_commands_that_only_look_start_no_server(installation: Installation) -> None:
    answer = installation.manage("check")
    assert answer.returncode == 0, answer.stderr
    assert {path.name for path in installation.data.iterdir()} == {"keys"}
