"""The first administrator of an installation."""

import secrets

from django.conf import settings
from django.contrib.auth import get_user_model

NAME = "admin"


def ensure_administrator() -> str | None:
    """Make the user `admin` when there is no administrator yet; returns the password when it was made up here.

    Where HORIZON_ADMIN_PASSWORD is set it is the password of `admin`, also later: who lost it can set it so.
    """
    users = get_user_model().objects
    wanted = settings.ADMIN_PASSWORD
    existing = users.filter(username=NAME).first()
    if existing is not None:
        if wanted and not existing.check_password(wanted):
            existing.set_password(wanted)
            existing.save(update_fields=["password"])
        return None
    if not wanted and users.filter(is_superuser=True, is_active=True).exists():
        return None
    password = wanted or secrets.token_urlsafe(12)
    users.create_superuser(NAME, "", password)
    return None if wanted else password
