"""What keeps Slack from being told, for pages: read with the strategies, without a query of its own."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef

from releases.models import DeployStrategy, Release, SlackPost
from releases.queries_rows import rows_of, several

MOST = 20  # of a strategy
RELEASES = 5  # the last ones; what an older one could not tell is of no use to anybody
NAME = "slack_troubles"


def with_slack_troubles() -> dict[str, Any]:
    """The annotation of strategies: their targets that did not take the last message, and when it is tried again."""
    last = Release.objects.filter(strategy=OuterRef(OuterRef("pk"))).order_by("-id").values("pk")[:RELEASES]
    newer = SlackPost.objects.filter(
        release__strategy=OuterRef("release__strategy"),
        target=OuterRef("target"),
        release__gt=OuterRef("release"),
        tried_at__isnull=False,
    )
    failed = SlackPost.objects.filter(~Exists(newer), release__in=last).exclude(error="")
    return {NAME: several(failed.order_by("label", "pk"), "label error tried_at retry_at delivered_at", MOST)}


def slack_troubles(strategy: DeployStrategy) -> list[Mapping[str, Any]]:
    """By target. The strategy was asked for `with_slack_troubles`."""
    return rows_of(strategy, NAME)
