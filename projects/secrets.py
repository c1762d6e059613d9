"""Secrets at rest: encrypted in the database, never shown, never logged."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class SecretUnreadable(Exception):
    """A stored secret was encrypted with a key that is no longer configured."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(clear: str) -> str:
    """Encrypt with the first of the configured keys; the empty text stays empty."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(clear.encode()).decode() if clear else ""


def decrypt(stored: str) -> str:
    """Decrypt with whichever configured key fits.

    Raises SecretUnreadable when none does.
    """
    if not stored:
        return ""
    try:
        return _fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(stored.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable(
            "A stored secret cannot be decrypted: its key is not in HORIZON_ENCRYPTION_KEYS. "
            "Add the old key, or enter the secret again."
        ) from None


def rotate(stored: str) -> str:
    """The same secret, encrypted with the first of the configured keys. Raises SecretUnreadable."""
    return encrypt(decrypt(stored))


class Secret:
    """A secret that can be stored, replaced and used, but not printed by accident."""

    __slots__ = ("_stored",)

    def __init__(self, stored: str) -> None:
        self._stored = stored

    @classmethod
    def of(cls, clear: str) -> "Secret":
        return cls(encrypt(clear))

    def reveal(self) -> str:
        """The clear text, for the one call that needs it. Raises SecretUnreadable."""
        return decrypt(self._stored)

    @property
    def stored(self) -> str:
        return self._stored

    def __bool__(self) -> bool:
        return bool(self._stored)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._stored == other._stored

    def __hash__(self) -> int:
        return hash(self._stored)

    def __repr__(self) -> str:
        return "Secret(set)" if self._stored else "Secret(not set)"

    __str__ = __repr__


if TYPE_CHECKING:  # the stubs make it generic, Django 5.2 does not
    _TextField = models.TextField[Secret, Secret]
else:
    _TextField = models.TextField


class SecretField(_TextField):
    """A column that holds an encrypted secret and reads as `Secret`. Assign `Secret.of(text)`."""

    def from_db_value(self, value: str | None, *_: Any) -> Secret:
        return Secret(value or "")

    def to_python(self, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        return Secret.of(value or "")

    def get_prep_value(self, value: Any) -> str:
        return self.to_python(value).stored

    def value_to_string(self, obj: models.Model) -> str:
        """Serialized data (dumpdata) must not hold secrets, not even encrypted ones."""
        return ""

    def get_default(self) -> Secret:
        return Secret("")
