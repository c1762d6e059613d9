"""History in sentences: what each kind of event says to people. A kind that is not known here still reads well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from audit.models import AuditEvent
from dashboard.words import counted, duration
from releases.messages import listed, span

Data = Mapping[str, Any]


# What Horizon keeps true beside a release: many lines, little news.
QUIET = ("pull-request.edited", "pull-request.commented", "notice.updated", "notice.replied", "status.set")


@dataclass(frozen=True, slots=True)
class Told:
    """An event as people read it: `Ana merged pull request #12 into release`, and where it links to."""

    event: AuditEvent
    actor: str
    what: str
    note: str
    url: str

    @property
    def is_quiet(self) -> bool:
        return self.event.kind in QUIET


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
    return f"pull request #{number}" if number else "the release"


def _release(verb: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        return f"{verb} {_number(data)}{_way(data)}"

    return say


def _way(data: Data) -> str:
    return f" from {data['head']} to {data['base']}" if data.get("head") and data.get("base") else ""


def _assigned(data: Data) -> str:
    return f"assigned {data.get('assignee') or 'somebody'} to {_number(data)}"


def _live(data: Data) -> str:
    seconds = data.get("seconds")
    after = f", {_length(seconds)} after its merge" if isinstance(seconds, int) and seconds else ""
    return f"saw {_number(data)} live on {data.get('stage') or 'its stage'}{after}"


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


def _closed_hours(data: Data) -> str:
    rows = data.get("after") or data.get("before")
    number = int(data.get("put") or data.get("removed") or 0)
    verb = "changed" if data.get("put") else "took away"
    if isinstance(rows, list) and number == 1:
        return f"{verb} the closed hours {rows[0]}"
    source = f" from {data['source']}" if data.get("source") else ""
    return f"{verb} {counted(number, 'row')} of closed hours{source}"


def _configured(data: Data) -> str:
    thing = f"{data.get('object') or 'configuration'} {data.get('name') or ''}".rstrip()
    return f"{data.get('action') or 'changed'} the {thing}"


def _plainly(data: Data, kind: str = "") -> str:
    return kind.replace(".", " ").replace("-", " ")


def _by_people(verb: str) -> Callable[[Data], str]:
    """A release that somebody made past Horizon: by a pull request, or by a push."""

    def say(data: Data) -> str:
        if _pull_request(data).get("number"):
            how = data.get("how")
            did = f"{how} by hand" if how in ("squashed", "rebased") else verb
            return f"{did} {_number(data)}{_way(data)}"
        where = str(data.get("base") or data.get("stage") or "the base")
        moved = f" from {_short(data['from_sha'])} to {_short(data['merge_sha'])}" if data.get("from_sha") else ""
        return f"{'force-pushed' if data.get('forced') else 'pushed to'} {where} by hand{moved}"

    return say


def _rolled_back(data: Data) -> str:
    if _pull_request(data).get("number"):
        return f"rolled back with {_number(data)}"
    where = str(data.get("stage") or "production")
    moved = f" from {_short(data['from_sha'])} to {_short(data['merge_sha'])}" if data.get("from_sha") else ""
    count = data.get("count")
    taken = f", taking back {counted(count, 'commit')}" if isinstance(count, int) and count else ""
    return f"rolled {where} back{moved}{taken}"


def _short(sha: object) -> str:
    return str(sha or "")[:7]


def _not_live(data: Data) -> str:
    seconds = data.get("live_within")
    within = f" within {_length(seconds)}" if isinstance(seconds, int) else ""
    return f"did not see {_number(data)} live on {data.get('stage') or 'its stage'}{within}"


def _length(seconds: int) -> str:
    return duration(timedelta(seconds=seconds)) if seconds >= 60 else counted(seconds, "second")


def _status(data: Data) -> str:
    state = data.get("state")
    return f"set the commit status{f' to {state}' if state else ''} of {_number(data)}"


def _repair(data: Data) -> str:
    asked = f" for {data['asked_by']}" if data.get("asked_by") else ""
    if data.get("kind") == "revert":
        reverted = f" to revert #{data['reverts']}" if data.get("reverts") else " to go back"
        return f"opened {_number(data)}{reverted}{asked}"
    return f"opened {_number(data)} to heal the history{asked}"


def _postponed(data: Data) -> str:
    return f"postponed {_number(data)}{f' until {when}' if (when := _when(data.get('until'))) else ''}"


def _what(data: Data) -> str:
    """The pull request, else the commit that was named before there was one."""
    return _number(data) if _pull_request(data).get("number") else _short(data.get("sha")) or "it"


def _in_spite(data: Data) -> str:
    named = data.get("in_spite_of")
    blocks = (
        [f"the block by {each.get('by')}" for each in named if isinstance(each, dict)]
        if isinstance(named, list)
        else []
    )
    closed = ["closed hours"] if data.get("in_closed_hours") else []
    return f", in spite of {listed([*blocks, *closed])}" if blocks or closed else ""


def _when(text: object) -> str:
    moment = parse_datetime(text) if isinstance(text, str) and len(text) < 40 else None
    return f"{moment.astimezone(UTC):%d %b %Y, %H:%M} UTC" if moment and moment.tzinfo else ""


SENTENCES: dict[str, Callable[[Data], str]] = {
    "pull-request.opened": _release("opened"),
    "pull-request.adopted": _release("took over"),
    "pull-request.assigned": _assigned,
    "pull-request.edited": lambda data: f"wrote the text of {_number(data)} anew",
    "pull-request.commented": lambda data: f"commented on {_number(data)}",
    "pull-request.enqueued": lambda data: f"put {_number(data)} into the merge queue",
    "pull-request.dequeued": lambda data: f"took {_number(data)} out of the merge queue",
    "pull-request.unqueued": lambda data: f"took {_number(data)} out of its merge queue",
    "pull-request.closed": _release("closed"),
    "pull-request.reopened": _release("reopened"),
    "status.set": _status,
    "branch.restored": lambda data: f"restored the branch {data.get('branch') or data.get('head') or ''}".rstrip(),
    "repair.opened": _repair,
    "notice.sent": lambda data: f"announced {_number(data)} in Slack",
    "notice.failed": lambda data: f"could not announce {_number(data)} in Slack",
    "notice.updated": lambda data: f"brought the announcement of {_number(data)} up to date in Slack",
    "notice.replied": lambda data: f"told in a thread of Slack how {_number(data)} goes on",
    "notice.tested": lambda data: f"sent a test message to {data.get('target') or 'Slack'}",
    "notice.waived": lambda data: f"went on with {_number(data)} without a notice, as Slack could not be reached",
    "release.merged": _release("merged"),
    "release.by-hand": _by_people("merged by hand"),
    "release.rollback": _rolled_back,
    "release.now": lambda data: f"asked to release {_what(data)} now{_in_spite(data)}",
    "release.postponed": _postponed,
    "release.skipped": lambda data: f"skipped {_number(data)}",
    "release.resumed": lambda data: f"let {_number(data)} go on",
    "release.live": _live,
    "release.not-live": _not_live,
    "block.created": _block("put"),
    "block.changed": _block("changed"),
    "block.resolved": _block("resolved"),
    "closed-hours.changed": _closed_hours,
    "block.reminded": lambda data: f"reminded the owner of a block on {_scope(data)}",
    "config.changed": _configured,
}

_SECONDS = frozenset({"merge_after", "merge_prior_warning", "min_commit_age", "max_wait", "live_within"})

# How the filter of the history names them, and under which headings.
_GROUPS = {
    "release": "Releases",
    "pull-request": "Pull requests",
    "notice": "Slack",
    "block": "Blocks and closed hours",
    "closed-hours": "Blocks and closed hours",
    "status": "Upkeep",
    "branch": "Upkeep",
    "repair": "Upkeep",
    "config": "Configuration",
}
_NAMES = {
    "release.by-hand": "Release by hand",
    "release.rollback": "Rollback",
    "release.live": "Seen live",
    "release.not-live": "Not seen live",
    "release.now": "Release now",
    "pull-request.adopted": "Pull request taken over",
    "pull-request.dequeued": "Taken out of the merge queue by Horizon",
    "pull-request.unqueued": "Taken out of the merge queue on GitHub",
    "repair.opened": "Revert or repair opened",
    "closed-hours.changed": "Closed hours changed",
    "config.changed": "Configuration changed",
}


def kinds_in_words() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every kind of event with its name for people, grouped."""
    found: dict[str, list[tuple[str, str]]] = {}
    for group in _GROUPS.values():
        found.setdefault(group, [])
    for kind in SENTENCES:
        found.setdefault(_GROUPS.get(kind.split(".")[0], "Other"), []).append((kind, kind_in_words(kind)))
    return list(found.items())


def kind_in_words(kind: str) -> str:
    return _NAMES.get(kind) or _plainly({}, kind).capitalize()


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
    words = name.replace("_", " ")
    if old in (None, "", []):
        return f"{words}: {_value(name, new)}"
    return f"{words}: {_value(name, old)} → {_value(name, new)}"


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    if isinstance(value, int) and name in _SECONDS:
        return span(value)
    return "nothing" if value in (None, "") else str(value)[:200]
