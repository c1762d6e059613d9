"""Old snapshots: the newest few and one a day stay, the rest goes."""

from datetime import datetime, timedelta

from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber, TruncDate

from projects.models import Snapshot

NEWEST = 5
DAYS = 90
BATCH = 1000


def prune_snapshots(now: datetime) -> int:
    """Delete what is neither current, nor among a project's newest 5, nor the last of its day within 90 days."""
    newest_first = F("created_at").desc(), F("id").desc()
    ranked = Snapshot.objects.annotate(
        place=Window(RowNumber(), partition_by=[F("project")], order_by=newest_first),
        place_of_day=Window(RowNumber(), partition_by=[F("project"), TruncDate("created_at")], order_by=newest_first),
    )
    # No condition on `is_current` here: Django would apply it before it ranks. The current one is the newest.
    superfluous = ranked.filter(Q(place_of_day__gt=1) | Q(created_at__lt=now - timedelta(days=DAYS)), place__gt=NEWEST)
    ids = [snapshot.pk for snapshot in superfluous.only("pk")]
    for start in range(0, len(ids), BATCH):
        Snapshot.objects.filter(pk__in=ids[start : start + BATCH], is_current=False).delete()
    return len(ids)
