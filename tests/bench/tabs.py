"""Five hundred open browser tabs on one web process, and the memory of web and worker."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import psutil
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from projects import live
from projects.models import Project, ProjectPoll
from projects.poll import lanes
from tests.bench.figures import Table, milliseconds
from tests.bench.ports import free_port, wait_for_port

TABS = 500
QUIET = 5.0  # seconds in which nothing happens


def measure(table: Table) -> None:
    user = User.objects.get(username="bench")
    client = Client()
    client.force_login(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    with web() as (process, port):
        seconds, transactions = asyncio.run(_tabs(port, cookie))
        table.add(f"{TABS} live tabs: one change to reach all of them", milliseconds([seconds]), "<= 2 s")
        table.add(f"{TABS} live tabs: database transactions in {QUIET:.0f} quiet seconds", str(transactions), "0 a tab")
        _visit(port, cookie)
        table.add("memory of web", _megabytes(process), "<= 200 MB")
    _measure_worker(table)


@contextmanager
def web() -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """The web process of an installation."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "manage.py", "web"], env=os.environ | {"HORIZON_PORT": str(port)})
    try:
        wait_for_port(port)
        yield process, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


async def _tabs(port: int, cookie: str) -> tuple[float, int]:
    tabs = [await _open(port, cookie) for _ in range(TABS)]
    before = await asyncio.to_thread(_transactions)
    await asyncio.sleep(QUIET)
    transactions = await asyncio.to_thread(_transactions) - before - 1
    project = await Project.objects.afirst()
    assert project is not None
    began = perf_counter()
    waiting = asyncio.gather(*(_told(reader, str(project.pk)) for reader, _ in tabs))
    await asyncio.to_thread(live.announce, [project.pk])
    await asyncio.wait_for(waiting, 30)
    seconds = perf_counter() - began
    for _, writer in tabs:
        writer.close()
    return seconds, transactions


async def _open(port: int, cookie: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /live/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"/live/ answered {status!r}")
    return reader, writer


async def _told(reader: asyncio.StreamReader, project: str) -> None:
    while project not in (await reader.readline()).decode():
        pass


def _transactions() -> int:
    """Committed in the database so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _visit(port: int, cookie: str) -> None:
    for _ in range(5):
        subprocess.run(
            ["curl", "-sf", "-o", os.devnull, "-H", f"Cookie: {cookie}", f"http://127.0.0.1:{port}/"], check=True
        )


def _megabytes(process: "subprocess.Popen[bytes]") -> str:
    """Of each process in the tree."""
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return ", ".join(f"{each.memory_full_info().uss / 1e6:.0f} MB" for each in tree) + " (unshared)"


def _measure_worker(table: Table) -> None:
    """A worker that polled everything once."""
    from projects.tasks import poll_lane

    worker = subprocess.Popen([sys.executable, "manage.py", "worker", "polls"])
    try:
        ProjectPoll.objects.update(refreshed_at=None)
        now = timezone.now()
        for lane in lanes(now):
            poll_lane.apply_async([lane, now.isoformat()], queue="polls")
        _wait_until_polled()
        table.add("memory of worker (main process, slots)", _megabytes(worker), "<= 200 MB")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)


def _wait_until_polled() -> None:
    pause = asyncio.run
    for _ in range(600):
        if not Project.objects.filter(poll__refreshed_at=None).exists():
            return
        pause(asyncio.sleep(0.2))
    raise RuntimeError("the worker did not finish a poll within two minutes")
