"""Installation tokens of GitHub Apps: made from the App's private key, kept per process, renewed before they end."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from github import Auth
from jwt import PyJWTError

from projects.github_answers import Answer, message_of, parse, server_time
from projects.github_transport import Wire
from projects.github_troubles import Whom, refused
from projects.reading import StageUnreadable, Trouble

RENEWED_BEFORE_END = timedelta(minutes=5)
MOST_CLOCK_SKEW = timedelta(seconds=60)
_SHORTEST_LIFE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Installation:
    """Which installation of which App. `key` is the private key, encrypted: it tells old entries from new ones."""

    api_url: str
    app_id: str
    installation_id: str
    key: str


@dataclass(frozen=True, slots=True)
class InstallationToken:
    token: str
    renew_at: datetime
    rights: Mapping[str, str]

    def __repr__(self) -> str:
        return f"InstallationToken(renew_at={self.renew_at})"


_tokens: dict[Installation, InstallationToken] = {}
_lock = threading.Lock()
_MOST_TOKENS = 1000


def cached(installation: Installation, now: datetime) -> InstallationToken | None:
    found = _tokens.get(installation)
    return found if found is not None and found.renew_at > now else None


def forget(installation: Installation) -> None:
    _tokens.pop(installation, None)


def obtain(installation: Installation, private_key: str, whom: Whom, now: datetime) -> InstallationToken:
    """The token in use, or a new one. Raises StageUnreadable, NoAnswer."""
    with _lock:
        if found := cached(installation, now):
            return found
        token = _request(installation, private_key, whom, now)
        if len(_tokens) >= _MOST_TOKENS:
            _tokens.clear()
        _tokens[installation] = token
        return token


def _request(installation: Installation, private_key: str, whom: Whom, now: datetime) -> InstallationToken:
    if not (installation.installation_id.isascii() and installation.installation_id.isdigit()):
        raise _misconfigured(
            f'The installation ID of the profile "{whom.profile}" must be a number: look at the address '
            "of the App's installation page."
        )
    wire = Wire(installation.api_url, signed(installation.app_id, private_key, whom), as_app=True)
    answer = wire.send("POST", f"/app/installations/{installation.installation_id}/access_tokens")
    if answer.status == 201 and (token := _token_of(answer, now)):
        return token
    raise _refusal(answer, whom, now)


def signed(app_id: str, private_key: str, whom: Whom) -> str:
    """The App's own token (JWT), good for 5 minutes. Raises StageUnreadable where the key is none."""
    # PyJWT and cryptography refuse in many ways, some of which quote the key: nothing of it is kept.
    with suppress(PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, AttributeError):
        return Auth.AppAuth(app_id, private_key.strip() + "\n").create_jwt()
    raise _misconfigured(
        f'The secret of the profile "{whom.profile}" is no private key of a GitHub App: paste the whole .pem file, '
        "from -----BEGIN RSA PRIVATE KEY----- to the end."
    )


def _token_of(answer: Answer, now: datetime) -> InstallationToken | None:
    found = parse(answer.body)
    if not isinstance(found, dict) or not isinstance(found.get("token"), str):
        return None
    try:
        ends_at = datetime.fromisoformat(str(found.get("expires_at")))
    except ValueError:
        return None
    if ends_at.tzinfo is None:
        return None
    life = ends_at - (server_time(answer.headers) or now)
    rights = found.get("permissions")
    return InstallationToken(
        token=found["token"],
        renew_at=now + max(life - RENEWED_BEFORE_END, min(life / 2, _SHORTEST_LIFE)),
        rights={str(name): str(level) for name, level in rights.items()} if isinstance(rights, dict) else {},
    )


def _refusal(answer: Answer, whom: Whom, now: datetime) -> StageUnreadable:
    words = message_of(answer)
    said = f" GitHub says: {words.rstrip('.')}." if words else ""
    if answer.status == 401 and (skew := _skew(answer, words, now)):
        return _misconfigured(skew)
    if answer.status == 401:
        return StageUnreadable(
            Trouble.REFUSED,
            f'{whom.github} refuses the App of the profile "{whom.profile}": its App ID and private key do not belong '
            f"together, or the key was deleted. Enter both again.{said}",
        )
    if answer.status == 404:
        return StageUnreadable(
            Trouble.NOT_FOUND,
            f'The App of the profile "{whom.profile}" has no installation of this ID at {whom.github}: install it in '
            "the organization, and enter the ID from the address of the installation's page.",
        )
    if answer.status == 403 and "suspended" in words.lower():
        return StageUnreadable(
            Trouble.REFUSED,
            f'The installation of the App of the profile "{whom.profile}" is suspended: an owner of the organization '
            "can lift this in its settings.",
        )
    return refused(answer, whom, now) or StageUnreadable(
        Trouble.BROKEN_ANSWER, f'{whom.github} gave the App of the profile "{whom.profile}" no token.{said}'
    )


def _skew(answer: Answer, words: str, now: datetime) -> str | None:
    """GitHub refuses an App's token that was issued in its future or has ended: then this machine's clock is wrong."""
    their_time = server_time(answer.headers)
    skew = now - their_time if their_time else timedelta(0)
    if abs(skew) <= MOST_CLOCK_SKEW and not ("'exp'" in words or "'iat'" in words):
        return None
    minutes = abs(skew).total_seconds() / 60
    direction = "ahead of" if skew > timedelta(0) else "behind"
    return (
        f"The clock of this machine is {minutes:.0f} minutes {direction} GitHub's, so GitHub refuses what the App "
        "signs: set the clock right (NTP)."
    )


def _misconfigured(message: str) -> StageUnreadable:
    return StageUnreadable(Trouble.MISCONFIGURED, message)
