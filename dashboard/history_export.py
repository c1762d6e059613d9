"""The filtered history as CSV or JSON Lines: read by key in pieces and sent as it is read, whatever its length."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_safe

from audit.models import AuditEvent
from dashboard.history_filters import Wanted
from dashboard.sentences import told

PIECE = 1000  # events
COLUMNS = (
    "id", "at", "kind", "actor", "actor_kind", "organization", "project_id", "project", "tags", "what", "note", "url",
    "data",
)  # fmt: skip
# A spreadsheet takes what begins with these for a formula, and runs it; some, the wide ones of East Asia, too.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@require_safe
@login_required
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """`form` is csv or jsonl."""
    writer = WRITERS.get(form)
    if writer is None:
        raise Http404("History is there as csv and jsonl.")
    pieces = writer(_pieces(Wanted.asked(request)))
    # Django reads an iterator that is not asynchronous to its end before it sends the first byte under ASGI.
    content: Any = _awaited(pieces) if isinstance(request, ASGIRequest) else pieces
    kind = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}[form]
    disposition = f'attachment; filename="history.{form}"'
    return StreamingHttpResponse(content, content_type=kind, headers={"Content-Disposition": disposition})


def _pieces(wanted: Wanted) -> Iterator[list[AuditEvent]]:
    """Newest first, by key: neither an open cursor nor a growing offset."""
    events = wanted.events()
    piece = list(events.order_by("-id")[:PIECE])
    while piece:
        yield piece
        piece = list(events.filter(id__lt=piece[-1].pk).order_by("-id")[:PIECE])


async def _awaited(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The same, each piece read in the thread that has the request's connection to the database."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        yield piece


def _next(pieces: Iterator[str]) -> str | None:
    return next(pieces, None)


def _csv(pieces: Iterable[list[AuditEvent]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for piece in pieces:
        writer.writerows([_cell(value) for value in row(event).values()] for event in piece)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _jsonl(pieces: Iterable[list[AuditEvent]]) -> Iterator[str]:
    for piece in pieces:
        yield "".join(f"{json.dumps(row(event), ensure_ascii=False)}\n" for event in piece)


WRITERS: dict[str, Callable[[Iterable[list[AuditEvent]]], Iterator[str]]] = {"csv": _csv, "jsonl": _jsonl}


def row(event: AuditEvent) -> dict[str, Any]:
    line = told(event)
    values = (
        event.pk,
        event.at.astimezone(UTC).isoformat(timespec="seconds"),
        event.kind,
        event.actor,
        event.actor_kind,
        event.organization_name,
        event.project_id,
        event.project_name,
        event.tags,
        line.what,
        line.note,
        line.url,
        event.data,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _cell(value: Any) -> str:
    if isinstance(value, list):
        text = "; ".join(map(str, value))
    elif isinstance(value, dict):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text
