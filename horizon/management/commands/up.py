"""`manage.py up`: all of Horizon on this machine, in one process tree. `make up` calls it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from horizon import env, postgres, processes, valkey
from horizon.administrator import NAME, ensure_administrator
from horizon.embedded import data_folder, private_folder, run_folder
from horizon.instance import AlreadyRunning, Instance
from horizon.postgres import PostgresUnusable
from horizon.statics import collect_when_changed
from horizon.supervisor import Child, Supervisor

SERVERS, PROGRAMS = 1, 2  # layers
HOST = "127.0.0.1"
SERVER_LIMIT = 60.0  # seconds for PostgreSQL (after a crash: recovery) and Valkey to answer
HEAD_START = 10.0  # seconds that web has the processors for itself: people wait for pages, not for workers
READY_LIMIT = 60.0  # seconds for the first page
BIGGEST_LOG = 10 * 1024 * 1024  # bytes that a server's log may have at a start
WEB_LIMITS = "-c statement_timeout=15s -c idle_in_transaction_session_timeout=60s"


class Command(BaseCommand):
    help = "Start everything on this machine: PostgreSQL, Valkey, web, workers and beat. Ctrl-C ends it."
    requires_system_checks = ()

    def handle(self, *_: Any, **_options: Any) -> None:
        self.supervisor = Supervisor(self.say)
        self.supervisor.obey_signals()
        for warning in env.unknown():
            self.say(f"warning: {warning}")
        data_folder(settings.DATA_DIR)
        try:
            instance = Instance(settings.DATA_DIR)
        except AlreadyRunning as error:
            raise CommandError(str(error)) from None
        self.supervisor.changed = instance.record
        try:
            if orphans := instance.end_orphans():
                self.say(f"ended {orphans} processes that an earlier start left behind")
            _check_port()
            self.run_everything()
        except PostgresUnusable as error:
            raise CommandError(str(error)) from None
        finally:
            self.supervisor.stop()
            instance.close()
            _remove_run_folder()
        self.say("stopped")

    def run_everything(self) -> None:
        """Servers, then the database, then the programs; returns when the end was asked for."""
        self.say(f"starting in {settings.DATA_DIR}; the first time takes about half a minute")
        self.start_servers()
        collect_when_changed()
        self.wait_for_servers()
        if self.supervisor.stopping:
            return
        call_command("migrate", verbosity=0, interactive=False)
        password = ensure_administrator()
        connection.close()
        self.start_web()
        ready = self.supervisor.wait(_page_can_be_served, limit=HEAD_START)
        self.start_background()
        if ready or self.supervisor.wait(_page_can_be_served, limit=READY_LIMIT):
            self.welcome(password)
        elif not self.supervisor.stopping:
            self.say(f"no page could be served within {READY_LIMIT:.0f} s; still trying")
        self.supervisor.watch()

    def start_servers(self) -> None:
        run_folder(settings.ADDRESSES.run)
        if settings.EMBEDDED_POSTGRES:
            self.supervisor.start(Child("PostgreSQL", _launch_postgres, postgres.STOP, 3, SERVERS))
        if settings.EMBEDDED_VALKEY:
            self.supervisor.start(Child("Valkey", _launch_valkey, signal.SIGTERM, 3, SERVERS))

    def wait_for_servers(self) -> None:
        checks: list[tuple[str, Callable[[], bool]]] = [("The database", _database_answers)]
        if settings.EMBEDDED_POSTGRES:
            checks = [("PostgreSQL", lambda: postgres.answers(settings.ADDRESSES))]
        if settings.EMBEDDED_VALKEY:
            checks.append(("Valkey", lambda: valkey.answers(settings.ADDRESSES)))
        for name, answers in checks:
            if not self.supervisor.wait(answers, limit=SERVER_LIMIT) and not self.supervisor.stopping:
                where = "DATABASE_URL" if name == "The database" else settings.DATA_DIR / "logs"
                raise CommandError(f"{name} does not answer. Look at {where}.")

    def start_web(self) -> None:
        limits = {"PGOPTIONS": os.environ.get("PGOPTIONS", WEB_LIMITS)}
        self.program("web", ["web"], signal.SIGTERM, environment=limits)

    def start_background(self) -> None:
        if self.supervisor.stopping:
            return
        for queue in settings.QUEUES:
            self.program(f"worker ({queue})", ["worker", queue], signal.SIGQUIT)
        self.program("beat", ["beat"], signal.SIGTERM)

    def program(
        self, name: str, words: list[str], orphaned: signal.Signals, environment: Mapping[str, str] | None = None
    ) -> None:
        """Keep a command of manage.py running. `orphaned` ends it when this process is killed."""

        def launch() -> subprocess.Popen[bytes]:
            command: list[str | Path] = [sys.executable, settings.BASE_DIR / "manage.py", *words]
            variables = {**os.environ, "SUPERVISOR": str(os.getpid()), **(environment or {})}
            return processes.start(command, ends_with=orphaned, environment=variables)

        self.supervisor.start(Child(name, launch, signal.SIGTERM, 4, PROGRAMS))

    def welcome(self, password: str | None) -> None:
        address = f"http://{HOST}:{settings.PORT}"
        self.say(f"ready at {address} (Ctrl-C ends it)")
        if password is not None:
            self.say(f"sign in as {NAME} with the password {password} (shown only now; change it at {address}/admin/)")
        elif settings.ADMIN_PASSWORD:
            self.say(f"sign in as {NAME} with the password that HORIZON_ADMIN_PASSWORD holds")

    def say(self, text: str) -> None:
        with suppress(OSError):  # the terminal is gone; ending in order matters more
            self.stdout.write(f"horizon: {text}")
            self.stdout.flush()


def _launch_postgres() -> subprocess.Popen[bytes]:
    account = postgres.prepare(settings.ADDRESSES)
    with _log("postgres").open("ab") as log:
        return processes.start(
            postgres.command(settings.ADDRESSES),
            ends_with=postgres.STOP,
            account=account,
            folder=settings.DATA_DIR / postgres.FOLDER,
            output=log,
        )


def _launch_valkey() -> subprocess.Popen[bytes]:
    with _log("valkey").open("ab") as log:
        return processes.start(valkey.command(settings.ADDRESSES), ends_with=signal.SIGTERM, output=log)


def _log(name: str) -> Path:
    """The log of a server; the one before is kept when it has grown large."""
    path = private_folder(settings.DATA_DIR / "logs") / f"{name}.log"
    if path.exists() and path.stat().st_size > BIGGEST_LOG:
        path.replace(path.with_suffix(".old.log"))
    return path


def _check_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, settings.PORT))
        except OSError as error:
            raise CommandError(
                f"Port {settings.PORT} cannot be used ({os.strerror(error.errno or 0)}). "
                f"Choose another one: HORIZON_PORT={max(settings.PORT % 65535 + 1, 8000)} make up"
            ) from None


def _page_can_be_served() -> bool:
    page = HTTPConnection(HOST, settings.PORT, timeout=5)
    try:
        page.request("GET", "/healthz")
        return page.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        page.close()


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    return True


def _remove_run_folder() -> None:
    """The sockets are gone with their servers; so should be their folder, above all when it is in /tmp."""
    for folder in (settings.ADDRESSES.postgres_run, settings.ADDRESSES.run):
        with suppress(OSError):  # not there, or a server still uses it
            folder.rmdir()
