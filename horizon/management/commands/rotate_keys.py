"""`manage.py rotate_keys`: stored secrets get the newest encryption key (docs/operation.md, "Keys")."""

import base64
import os
import secrets
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from horizon.embedded import keys_file, write_private
from projects.secrets import Secret, SecretField, SecretUnreadable, rotate

VARIABLE = "HORIZON_ENCRYPTION_KEYS"


class Command(BaseCommand):
    help = "Encrypt all stored secrets with the first of the encryption keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--add", action="store_true", help="first step: put a new key in front (restart afterwards)"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if options["add"]:
            self.add_key()
        else:
            self.encrypt_anew()

    def add_key(self) -> None:
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        if os.environ.get(VARIABLE):
            self.stdout.write(f"Put this key in front of the others in {VARIABLE}, separated by a comma, and restart:")
            self.stdout.write(key)
            return
        self._write([key, *settings.ENCRYPTION_KEYS])
        self.stdout.write("Added a key. Restart Horizon, then run rotate_keys once more without --add.")

    def encrypt_anew(self) -> None:
        try:
            with transaction.atomic():
                count = sum(_rotate_field(field) for field in _secret_fields())
        except SecretUnreadable as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Encrypted {count} secrets with the first key.")
        if os.environ.get(VARIABLE):
            self.stdout.write(f"The other keys can be taken out of {VARIABLE}; old backups still need them.")
            return
        self._write(settings.ENCRYPTION_KEYS[:1])
        self.stdout.write("Removed the older keys; old backups still need theirs.")

    def _write(self, keys: list[str]) -> None:
        write_private(keys_file(VARIABLE, settings.DATA_DIR), "\n".join(keys), replace=True)


def _secret_fields() -> "list[models.Field[Any, Any]]":
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    return [field for field in fields if isinstance(field, SecretField)]


def _rotate_field(field: "models.Field[Any, Any]") -> int:
    """Rows that somebody changes meanwhile keep the new secret: it has the new key already."""
    rows = field.model._default_manager.exclude(**{field.name: Secret("")})
    count = 0
    for key, secret in rows.values_list("pk", field.name).iterator():
        unchanged = rows.filter(pk=key, **{field.name: secret})
        count += unchanged.update(**{field.name: Secret(rotate(secret.stored))})
    return count
