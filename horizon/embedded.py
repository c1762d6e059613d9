"""Where the private PostgreSQL and Valkey of an installation on one machine listen, and the keys that it makes.

Importing this module and calling `addresses` changes nothing on disk; `secret` and `encryption_keys` make their file
when it is missing. What starts the servers is in `horizon.postgres` and `horizon.valkey`.
"""

import base64
import binascii
import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from horizon import env

LONGEST_SOCKET_NAME = 107  # bytes: sun_path of unix(7) has 108 with the closing NUL
POSTGRES_SOCKET = ".s.PGSQL.5432"
CONNECT_TIMEOUT = 5  # seconds


@dataclass(frozen=True, slots=True)
class Addresses:
    """The fixed places of one data folder. `run` is where its sockets are: elsewhere when the name of the data folder
    is too long for a socket."""

    data: Path
    run: Path

    @property
    def postgres_run(self) -> Path:
        return self.run / "pg"

    @property
    def valkey_socket(self) -> Path:
        return self.run / "valkey.sock"

    @property
    def database_url(self) -> str:
        return f"postgresql://horizon@/horizon?host={quote(str(self.postgres_run), safe='/')}"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.valkey_socket), safe='/')}?db=0"


def addresses(data: Path) -> Addresses:
    """The same answer in every shell that names the same data folder, whoever asks."""
    inside = Addresses(data, data / "run")
    longest = max(os.fsencode(inside.postgres_run / POSTGRES_SOCKET), os.fsencode(inside.valkey_socket), key=len)
    if len(longest) <= LONGEST_SOCKET_NAME:
        return inside
    try:
        owner = data.stat().st_uid
    except OSError:  # not there yet
        owner = os.geteuid()
    mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    # Not XDG_RUNTIME_DIR or TMPDIR: they differ between shells. `private_folder` checks whose it is.
    return Addresses(data, Path(f"/tmp/horizon-{owner}-{mark}"))  # noqa: S108


def data_folder(path: Path) -> Path:
    """Make the data folder closed to others; one that exists stays as it is. Root's may be walked through (not listed),
    since PostgreSQL runs as a user of its own there; all that is inside is closed."""
    path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    return path


def run_folder(path: Path) -> Path:
    """The folder of the sockets. Root's may be walked through, for PostgreSQL's own user; each socket is closed."""
    return private_folder(path, mode=0o711 if os.geteuid() == 0 else 0o700)


def private_folder(path: Path, *, mode: int = 0o700) -> Path:
    """Make a folder that only this user can enter, or refuse one that somebody else could have laid there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.geteuid():
        raise ImproperlyConfigured(f"{path} is not a folder of this user's. Remove it or choose another data folder.")
    path.chmod(mode)
    return path


# --- connections ------------------------------------------------------------------------------------------------


def database_settings(url: str) -> dict[str, Any]:
    """Django's settings for a `postgresql://user:password@host:port/name?sslmode=...` address; `host` may be a query
    parameter that names the folder of a unix socket.

    Connections end with their request: Django's ASGI handler gives each request a thread of its own, which would strand
    persistent ones.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            "DATABASE_URL is no address of a PostgreSQL database. Use postgresql://user:password@host:5432/name."
        )
    try:
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL has a port that is no number from 1 to 65535.") from None
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"connect_timeout": CONNECT_TIMEOUT, "application_name": "horizon", **options},
    }


def broker_url(redis_url: str) -> str:
    """The same Redis in the words of kombu, which names unix sockets differently."""
    parts = urlsplit(redis_url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured("REDIS_URL is no address of a Redis or Valkey. Use redis://host:6379/0.")
    if parts.scheme != "unix":
        return redis_url
    number = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.path}?virtual_host={number}"


# --- keys -------------------------------------------------------------------------------------------------------


def secret(name: str, data: Path, *, required: bool) -> str:
    """The secret of this name: from the environment, else from the data folder's own file, made when missing."""
    value = (env.given(name) or "").strip()
    if value:
        return value
    if required:
        raise ImproperlyConfigured(f"{name} is not set. Set it to 50 or more random characters and keep them.")
    return _kept(data / "keys" / _file_name(name), secrets.token_urlsafe(50))


def encryption_keys(name: str, data: Path, *, required: bool) -> list[str]:
    """The Fernet keys that secrets are encrypted with, newest first: from the environment, separated by commas, else
    from the data folder's own file, one a line, made when missing."""
    value = (env.given(name) or "").strip()
    if not value and required:
        raise ImproperlyConfigured(
            f"{name} is not set. Make a key with: head -c 32 /dev/urandom | base64 | tr '+/' '-_' and keep it."
        )
    if not value:
        value = _kept(keys_file(name, data), base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    keys = [key for key in value.replace(",", " ").split() if key]
    if not keys or not all(_is_fernet_key(key) for key in keys):
        raise ImproperlyConfigured(
            f"{name} holds something that is no key. Each is 32 random bytes in URL-safe base64 (44 characters)."
        )
    return keys


def keys_file(name: str, data: Path) -> Path:
    return data / "keys" / _file_name(name)


def _file_name(name: str) -> str:
    return name.removeprefix("HORIZON_").lower().replace("_", "-")


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key.encode())) == 32
    except (binascii.Error, ValueError):
        return False


def _kept(path: Path, fresh: str) -> str:
    """What the file holds; `fresh` is put there first when it is missing. Two processes at once agree on one value."""
    try:
        if not path.exists():
            data_folder(path.parent.parent)
            private_folder(path.parent)
            write_private(path, fresh, replace=False)
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be read or made ({error.strerror}). Choose a folder of yours with HORIZON_DATA_DIR."
        ) from None


def write_private(path: Path, content: str, *, replace: bool) -> None:
    """Write a file (0600) in one step: nobody ever reads half of it. Without `replace`, an existing one stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(content + "\n")
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.rename(path)
        else:
            with suppress(FileExistsError):
                os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
