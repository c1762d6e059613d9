"""`manage.py ensure_administrator`: the first administrator, where `manage.py up` is not what starts Horizon."""

from typing import Any

from django.core.management.base import BaseCommand

from horizon.administrator import NAME, ensure_administrator


class Command(BaseCommand):
    help = "Make the user admin when there is no administrator; HORIZON_ADMIN_PASSWORD sets its password."

    def handle(self, *_: Any, **_options: Any) -> None:
        password = ensure_administrator()
        if password is not None:
            self.stdout.write(f"Made the user {NAME} with the password {password} (shown only now).")
