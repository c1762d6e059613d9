"""What a profile proves itself with at its GitHub: a token, or the token of an App's installation."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.conf import settings

from projects import github_app
from projects.github_answers import NoAnswer
from projects.github_troubles import Whom, lost
from projects.models import Profile
from projects.reading import StageUnreadable, Trouble
from projects.remotes import UnsafeRemote, check_api_url
from projects.secrets import Secret, SecretUnreadable

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class Credentials:
    """The credentials of one profile; they go to `api_url` and nowhere else."""

    def __init__(self, profile: Profile, whom: Whom) -> None:
        self._profile = profile
        self._whom = whom

    @property
    def api_url(self) -> str:
        """Raises StageUnreadable for an address that is refused, such as plain http to a host that is not allowed."""
        try:
            return check_api_url(self._profile.api_url, settings.INSECURE_HOSTS)
        except UnsafeRemote as error:
            words = str(error)
        raise StageUnreadable(Trouble.UNSAFE, words)

    @property
    def is_app(self) -> bool:
        return self._profile.kind == Profile.Kind.GITHUB_APP

    def token(self, now: datetime) -> str:
        """What goes into the header. Raises StageUnreadable."""
        return self._installation_token(now) if self.is_app else self._plain_token()

    def renew(self) -> bool:
        """The token was refused: whether another one can be had."""
        if self.is_app:
            github_app.forget(self._installation())
        return self.is_app

    def rights(self, now: datetime) -> Mapping[str, str]:
        """The rights of the App's installation, as told with its token; empty for a plain token."""
        found = github_app.cached(self._installation(), now) if self.is_app else None
        return found.rights if found else {}

    def _secret(self) -> str:
        secret: Secret = self._profile.secret
        try:
            return secret.reveal().strip()
        except SecretUnreadable as error:
            words = str(error)
        raise StageUnreadable(Trouble.MISCONFIGURED, words)

    def _plain_token(self) -> str:
        token = self._secret()
        if _TOKEN.fullmatch(token):
            return token
        what = "has a token with characters that no token has: enter it again" if token else "has no token: enter one"
        raise StageUnreadable(Trouble.MISCONFIGURED, f'The profile "{self._profile.name}" {what}.')

    def _installation(self) -> github_app.Installation:
        profile = self._profile
        secret: Secret = profile.secret
        return github_app.Installation(
            self.api_url, profile.app_id.strip(), profile.installation_id.strip(), secret.stored
        )

    def _installation_token(self, now: datetime) -> str:
        installation = self._installation()
        found = github_app.cached(installation, now)
        if found is None:
            found = self._new_installation_token(installation, now)
        return found.token

    def _new_installation_token(
        self, installation: github_app.Installation, now: datetime
    ) -> github_app.InstallationToken:
        try:
            return github_app.obtain(installation, self._secret(), self._whom, now)
        except NoAnswer as error:
            loss = error.loss
        raise lost(loss, self._whom)
