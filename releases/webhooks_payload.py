"""What a delivery of GitHub's says, as far as Horizon wants to know: where to look. Nothing else in it is believed.

docs.github.com, "Webhook events and payloads".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
LARGEST_ID = 2**63 - 1
LONGEST_NAME = 50  # characters of the name of an event or an action
LONGEST_ID = 100
LONGEST_REF = 300
PATH = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")

# Something may have moved: the stages of the projects are read again.
MOVES = frozenset({"push", "create", "delete", "repository", "public", "installation", "installation_repositories"})
# What a release waits for may have changed: the host is asked for the pull request and its checks.
RELEASES = MOVES | {
    "pull_request",
    "pull_request_review",
    "merge_group",
    "check_suite",
    "check_run",
    "status",
    "branch_protection_rule",
    "repository_ruleset",
}
INSTALLATIONS = frozenset({"installation", "installation_repositories"})
# The only ones that say what moved. Those of checks do not: GitHub names the branch that a commit came on first.
WITH_REF = frozenset({"push", "create", "delete"})


class Malformed(Exception):
    """This is no delivery of GitHub's; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `ref` is that of git (refs/heads/main), empty where the event tells none; `path` owner/name in lower
    case; `installation` GitHub's id of an App's installation, for events about that."""

    name: str
    action: str = ""
    host_id: int | None = None
    path: str = ""
    ref: str = ""
    installation: str = ""

    @property
    def heeded(self) -> bool:
        return self.name in RELEASES


def event_of(name: str, content_type: str, body: bytes) -> Event:
    """The event in a body. Raises Malformed."""
    said = _said(content_type, body)
    if name not in RELEASES:
        return Event(name)
    host_id, path = _repository(_object(said, "repository"))
    return Event(
        name=name,
        action=_text(said, "action")[:LONGEST_NAME],
        host_id=host_id,
        path=path,
        ref=_ref(said) if name in WITH_REF else "",
        installation=_number(_object(said, "installation"), "id", "installation.id") if name in INSTALLATIONS else "",
    )


def _said(content_type: str, body: bytes) -> Mapping[str, Any]:
    text = _decoded(body)
    if content_type == FORM:
        text = _payload_of_form(text)
    try:
        said = json.loads(text)
    except RecursionError:
        raise Malformed("The JSON is nested too deeply.") from None
    except ValueError:
        raise Malformed("The body is no JSON.") from None
    if not isinstance(said, dict):
        raise Malformed("The JSON is no object.")
    return said


def _payload_of_form(text: str) -> str:
    try:
        return parse_qs(text, max_num_fields=10)["payload"][0]
    except (ValueError, KeyError):
        raise Malformed("The form has no field payload.") from None


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None


def _repository(told: Mapping[str, Any]) -> tuple[int | None, str]:
    number = _number(told, "id", "repository.id")
    path = _text(told, "full_name", "repository.full_name")
    if path and not PATH.fullmatch(path):
        raise Malformed("repository.full_name is not owner/name.")
    return int(number) if number else None, path.lower()


def _ref(said: Mapping[str, Any]) -> str:
    """Events about pushes name refs in full, those about branches and tags their names only."""
    ref, kind = _text(said, "ref"), _text(said, "ref_type")
    folder = {"branch": "refs/heads/", "tag": "refs/tags/"}.get(kind, "")
    # One that is too long to keep is as good as none: everything in the repository is looked at.
    return f"{folder}{ref}" if len(folder + ref) <= LONGEST_REF else ""


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name) or {}
    if not isinstance(value, dict):
        raise Malformed(f"{name} is no object.")
    return value


def _text(said: Mapping[str, Any], name: str, full_name: str = "") -> str:
    value = said.get(name)
    if value is None:
        return ""
    # Neither a NUL nor half a surrogate pair can be stored, and no name of GitHub's has them.
    if not isinstance(value, str) or not value.isprintable():
        raise Malformed(f"{full_name or name} is no text.")
    return value


def _number(said: Mapping[str, Any], name: str, full_name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_ID:
        raise Malformed(f"{full_name} is no number.")
    return str(value)
