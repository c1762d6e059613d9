"""What became of pull requests that repair: merged, or closed without, so that another one may be asked for."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Q

from projects.live import announce
from releases.acts_common import look
from releases.models import Repair

Clock = Callable[[], datetime]
EVERY = timedelta(minutes=5)  # between two looks at one of them: a request each
MOST = 20  # of a pass
CLOSED = "It was closed without a merge."


def follow(clock: Clock) -> None:
    """Ask GitHub about the open ones. What cannot be read is asked again."""
    now = clock()
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    rows = Repair.objects.filter(due, state=Repair.State.OPEN, strategy__stage__project__archived_at=None)
    rows = rows.select_related(
        "strategy__stage__project__organization", "strategy__stage__profile", "strategy__profile", "strategy__reading"
    )
    for repair in rows.order_by("retry_at", "pk")[:MOST]:
        mine = Repair.objects.filter(due, pk=repair.pk, state=Repair.State.OPEN)
        if mine.update(retry_at=now + EVERY) == 1:
            _look(repair)


def _look(repair: Repair) -> None:
    pull = look(repair.strategy, repair.number or 0)
    if pull is None or (pull.is_open and not pull.merged):
        return
    state, words = (Repair.State.DONE, "") if pull.merged else (Repair.State.REFUSED, CLOSED)
    Repair.objects.filter(pk=repair.pk, state=Repair.State.OPEN).update(state=state, error=words, retry_at=None)
    announce([repair.strategy.stage.project_id])
