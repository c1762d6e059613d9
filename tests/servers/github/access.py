"""Who asks and what they may: tokens, GitHub Apps with their JWTs and installation tokens.

JWT rules and texts: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and its troubleshooting page.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.github.model import Json, Refused, Role

if TYPE_CHECKING:
    from tests.servers.github.repository import Repository

LEVELS = ("none", "read", "write", "admin")
LONGEST_JWT = 600  # seconds that `exp` may lie ahead
EXPIRED_JWT = (
    "'Expiration time' claim ('exp') must be a numeric value representing the future time "
    "at which the assertion expires"
)
EARLY_JWT = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
OPEN_TO_ALL = frozenset({"metadata", "contents", "pull_requests", "statuses", "checks", "issues"})
PERMISSION_ROLE = {"read": Role.READ, "write": Role.WRITE, "admin": Role.ADMIN}


@dataclass(slots=True, eq=False)
class Credential:
    """A token and what it may. Classic tokens have scopes; fine-grained and installation tokens have permissions."""

    secret: str = field(repr=False)
    login: str
    scopes: tuple[str, ...] | None = None
    permissions: dict[str, str] | None = None
    repositories: frozenset[int] | None = None
    expires: datetime | None = None
    installation: Installation | None = None
    revoked: bool = False


@dataclass(slots=True)
class App:
    id: int
    slug: str
    owner: str
    key: rsa.RSAPrivateKey = field(repr=False)
    created_at: datetime

    @property
    def private_key(self) -> str:
        """PEM, as GitHub offers it for download (PKCS#1)."""
        kind = serialization.PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()

    @property
    def bot(self) -> str:
        return f"{self.slug}[bot]"


@dataclass(slots=True)
class Installation:
    id: int
    app: App
    account: str
    repositories: frozenset[int] | None
    permissions: dict[str, str]
    created_at: datetime
    suspended_at: datetime | None = None


ANONYMOUS = Credential(secret="", login="")


def secret_of(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """(scheme, secret) of an Authorization header: bearer and token are the same; basic's password is the token."""
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, rest = given.partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(rest).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "basic", ""
        return "basic", password if password not in {"", "x-oauth-basic"} else user
    return scheme.lower(), rest.strip()


def is_jwt(secret: str) -> bool:
    return secret.count(".") == 2 and secret.startswith("ey")


def app_of(secret: str, apps: Mapping[int, App], now: datetime) -> App:
    """The App that signed this JWT; 401 with GitHub's texts when it did not, or its times are wrong."""
    signed, _, signature = secret.rpartition(".")
    try:
        header, claims = (json.loads(decoded(part)) for part in signed.split("."))
        if header["alg"] != "RS256":
            raise ValueError("GitHub takes RS256 only")
        issuer = int(claims["iss"])
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(401, "A JSON web token could not be decoded") from error
    if (app := apps.get(issuer)) is None:
        raise Refused(404, "Integration not found")
    try:
        app.key.public_key().verify(decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature) as error:
        raise Refused(401, "A JSON web token could not be decoded") from error
    check_times(claims, now)
    return app


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def check_times(claims: Json, now: datetime) -> None:
    """`iat` must have come, `exp` must not, and may lie at most ten minutes ahead: the errors of a wrong clock."""
    at = now.timestamp()
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int) or expires <= at:
        raise Refused(401, EXPIRED_JWT)
    if expires > at + LONGEST_JWT:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int) or issued > at:
        raise Refused(401, EARLY_JWT)


def can_see(credential: Credential, repository: Repository) -> bool:
    """Public ones anybody; private ones by scope `repo` or by selection, and with the person's own role."""
    if not repository.private:
        return True
    if credential is ANONYMOUS:
        return False
    if credential.repositories is not None and repository.id not in credential.repositories:
        return False
    if credential.installation:
        return repository.owner.lower() == credential.installation.account.lower()
    if credential.scopes is not None and "repo" not in credential.scopes:
        return False
    return repository.role_of(credential.login).admits(Role.READ)


def allows(credential: Credential, repository: Repository, permission: str, level: str) -> bool:
    """Whether this token may do it; what is public may be read by every token but a selected one."""
    if level == "read" and not repository.private and permission in OPEN_TO_ALL:
        return True
    if credential is ANONYMOUS:
        return False
    if credential.repositories is not None and repository.id not in credential.repositories:
        return False
    if credential.permissions is not None:
        given = "read" if permission == "metadata" else credential.permissions.get(permission, "none")
        if LEVELS.index(given) < LEVELS.index(level):
            return False
    elif not scoped(credential.scopes or (), repository, permission, level):
        return False
    if credential.installation:
        return repository.owner.lower() == credential.installation.account.lower()
    return repository.role_of(credential.login).admits(needed_role(permission, level))


def needed_role(permission: str, level: str) -> Role:
    """Anybody who reads may open and comment (issues, pull_requests); the rest asks for the like-named role."""
    if permission == "administration":
        return Role.ADMIN
    if permission in {"issues", "pull_requests"} and level == "write":
        return Role.READ
    return PERMISSION_ROLE[level]


def scoped(scopes: tuple[str, ...], repository: Repository, permission: str, level: str) -> bool:
    if "repo" in scopes:
        return True
    if repository.private:
        return False
    if permission == "statuses" and "repo:status" in scopes:
        return True
    return level == "read" or "public_repo" in scopes


def require(credential: Credential, repository: Repository, permission: str, level: str) -> None:
    """403 with the text for the kind of token; classic tokens get 404, as GitHub hides what they may not do."""
    if repository.archived_at and level != "read":
        raise Refused(403, "Repository was archived so is read-only.")
    if allows(credential, repository, permission, level):
        return
    if credential.installation:
        raise Refused(403, "Resource not accessible by integration")
    if credential.permissions is not None:
        raise Refused(403, "Resource not accessible by personal access token")
    if credential is ANONYMOUS:
        raise Refused(401, "Requires authentication")
    if credential.scopes and "repo" in credential.scopes and permission == "administration":
        raise Refused(403, "Must have admin rights to Repository.")
    if credential.scopes and "repo" in credential.scopes and permission == "contents":
        raise Refused(403, "Must have push access to repository")
    raise Refused(404, "Not Found")


def may_touch_workflows(credential: Credential) -> bool:
    if credential.permissions is not None:
        return credential.permissions.get("workflows") == "write"
    return "workflow" in (credential.scopes or ())


def workflow_refusal(credential: Credential, path: str) -> str:
    """As in peter-evans/create-pull-request#3558 and refined-github#7641."""
    if credential.installation:
        return f"refusing to allow a GitHub App to create or update workflow `{path}` without `workflows` permission"
    return f"refusing to allow a Personal Access Token to create or update workflow `{path}` without `workflow` scope"
