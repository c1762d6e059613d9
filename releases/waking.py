"""Have the engine look at releases next, whatever the interval of polls: something happened that may concern them."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from releases.models import StrategyReading


def wake(readings: QuerySet[StrategyReading], at: datetime) -> None:
    """In a transaction. A release that was never read has no reading yet: engines look at those first anyway."""
    # In the order in which engines write them: else each might wait for the other for ever.
    ids = list(readings.order_by("pk").select_for_update().values_list("pk", flat=True))
    StrategyReading.objects.filter(pk__in=ids).update(asked_at=at)


def wake_projects(project_ids: Collection[int], at: datetime) -> None:
    """Those of these projects."""
    if project_ids:
        wake(StrategyReading.objects.filter(strategy__stage__project__in=project_ids), at)
