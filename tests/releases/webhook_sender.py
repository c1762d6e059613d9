"""A GitHub that sends what a test makes up, signed or not."""

import hashlib
import hmac
import json
from itertools import count
from typing import Any
from urllib.parse import urlencode

from django.test import Client

SECRET = "a-secret-of-tests"
_numbers = count(1)


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def said(**fields: Any) -> dict[str, Any]:
    """The payload of a push to main of artsy/candela, with other fields where a test wants."""
    return {"ref": "refs/heads/main", "repository": {"id": 17, "full_name": "artsy/candela"}} | fields


def deliver(
    body: bytes | dict[str, Any] | None = None,
    event: str = "push",
    *,
    delivery: str | None = None,
    content_type: str = "application/json",
    secret: str | None = SECRET,
    **headers: str,
) -> Any:
    """Post a delivery as GitHub does and return the answer; headers as `x_github_hook_id=...`."""
    raw = body if isinstance(body, bytes) else json.dumps(said() if body is None else body).encode()
    if content_type == "application/x-www-form-urlencoded" and not isinstance(body, bytes):
        raw = urlencode({"payload": raw.decode()}).encode()
    given = {
        "x-github-event": event,
        "x-github-delivery": delivery or f"delivery-{next(_numbers)}",
        "x-github-hook-installation-target-type": "integration",
        "x-github-hook-installation-target-id": "17",
        "x-github-hook-id": "1",
        **({"x-hub-signature-256": signature(raw, secret)} if secret is not None else {}),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    client = Client(enforce_csrf_checks=True)
    return client.post("/webhooks/github", raw, content_type=content_type, headers=given)
