"""HTTP Basic for the API. Checking a password takes 0.2 s, so one that was right is remembered for five minutes.

What is remembered is an HMAC of name, password and the stored hash, with a key of this process: it holds nothing that
could be read, and a changed password or a deactivated user makes it worthless at once.
"""

import hmac
import secrets
import threading
import time

from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractUser, User
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from projects.guessing import Guesser

REMEMBERED = 300.0  # seconds
KEPT = 1000

_key = secrets.token_bytes(32)
_verified: dict[bytes, float] = {}
_lock = threading.Lock()


class BasicAuthentication(authentication.BasicAuthentication):
    """Basic, with a memory and a limit against guessing."""

    www_authenticate_realm = "Horizon"

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[AbstractUser, None]:
        """The user. Raises AuthenticationFailed (401), or Throttled (429) after too many failures."""
        user = None if "\0" in userid else User.objects.filter(username=userid).first()
        if user is not None and user.is_active and _is_remembered(user, password):
            return user, None
        guesser = Guesser(userid, request.META.get("REMOTE_ADDR", "") if request else "")
        if guesser.held_up():
            raise exceptions.Throttled(wait=None, detail="Too many wrong passwords. Try again in 15 minutes.")
        found = None if "\0" in userid else authenticate(request=request, username=userid, password=password)
        if found is None or not found.is_active:
            guesser.failed()
            raise exceptions.AuthenticationFailed("User name or password is wrong.")
        _remember(found, password)
        guesser.succeeded()
        return found, None


def _digest(user: AbstractUser, password: str) -> bytes:
    parts = (str(user.pk), user.username, user.password, password)
    return hmac.digest(_key, b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts), "sha256")


def _is_remembered(user: AbstractUser, password: str) -> bool:
    with _lock:
        return _verified.get(_digest(user, password), 0.0) > time.monotonic()


def _remember(user: AbstractUser, password: str) -> None:
    now = time.monotonic()
    with _lock:
        if len(_verified) >= KEPT:
            _verified.clear()
        _verified[_digest(user, password)] = now + REMEMBERED
