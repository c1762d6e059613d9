"""History in sentences: what each kind of event says to people. A kind that is not known here still reads well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.models import AuditEvent
from dashboard.words import counted

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An event as people read it: `Ana merged pull request #12 into release`, and where it links to."""

    event: AuditEvent
    actor: str
    what: str
    note: str
    url: str


def told(event: AuditEvent) -> Told:
    data: Data = event.data if isinstance(event.data, dict) else {}
    say = SENTENCES.get(event.kind, _plainly)
    url = str(_pull_request(data).get("url") or "")
    return Told(
        event, event.actor, say(data) or _plainly({}, event.kind), _note(event.kind, data), url if _is_web(url) else ""
    )


def _is_web(url: str) -> bool:
    """Only web addresses become links: the data of an event may come from a host."""
    return url.startswith(("https://", "http://"))


def _pull_request(data: Data) -> Data:
    found = data.get("pull_request")
    return found if isinstance(found, dict) else {}


def _number(data: Data) -> str:
    number = _pull_request(data).get("number")
    return f"pull request #{number}" if number else "the pull request"


def _release(verb: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        return f"{verb} {_number(data)}{_way(data)}"

    return say


def _way(data: Data) -> str:
    return f" from {data['head']} to {data['base']}" if data.get("head") and data.get("base") else ""


def _by_hand(data: Data) -> str:
    return f"merged {_number(data)} by hand{_way(data)}"


def _assigned(data: Data) -> str:
    return f"assigned {data.get('assignee') or 'somebody'} to {_number(data)}"


def _live(data: Data) -> str:
    return f"saw the release live on {data.get('stage') or 'its stage'}"


def _block(verb: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        return f"{verb} a block on {_scope(data)}"

    return say


def _scope(data: Data) -> str:
    names = data.get("projects")
    if data.get("scope") == "tag":
        return f"all projects tagged {data.get('tag')}"
    if isinstance(names, list) and names:
        return ", ".join(map(str, names)) if len(names) <= 4 else counted(len(names), "project")
    return "the whole organization" if data.get("scope") == "organization" else "releases"


def _configured(data: Data) -> str:
    thing = f"{data.get('object') or 'configuration'} {data.get('name') or ''}".rstrip()
    return f"{data.get('action') or 'changed'} the {thing}"


def _plainly(data: Data, kind: str = "") -> str:
    return kind.replace(".", " ").replace("-", " ")


SENTENCES: dict[str, Callable[[Data], str]] = {
    "pull-request.opened": _release("opened"),
    "pull-request.adopted": _release("took over"),
    "pull-request.assigned": _assigned,
    "pull-request.closed": _release("closed"),
    "notice.sent": lambda data: f"announced {_number(data)} in Slack",
    "notice.failed": lambda data: f"could not announce {_number(data)} in Slack",
    "release.merged": _release("merged"),
    "release.by-hand": _by_hand,
    "release.rollback": _release("rolled back with"),
    "release.live": _live,
    "block.created": _block("put"),
    "block.changed": _block("changed"),
    "block.resolved": _block("resolved"),
    "config.changed": _configured,
}


def _note(kind: str, data: Data) -> str:
    """The words behind the sentence: a reason, what exactly changed."""
    if kind == "config.changed":
        return _changes(data)
    if kind == "block.resolved" and data.get("note"):
        return str(data["note"])
    return str(data.get("reason") or data.get("why") or "")


def _changes(data: Data) -> str:
    before, after = data.get("before"), data.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    names = list(dict.fromkeys([*before, *after]))
    return ", ".join(_change(name, before.get(name), after.get(name)) for name in names)


def _change(name: str, old: object, new: object) -> str:
    if old in (None, "", []):
        return f"{name}: {_value(new)}"
    return f"{name}: {_value(old)} → {_value(new)}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)[:200]
