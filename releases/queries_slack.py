"""What keeps Slack from being told, for pages."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from releases.models import DeployStrategy, SlackPost

MOST = 50


@dataclass(frozen=True, slots=True)
class SlackProblem:
    """A target that did not take the last message, and when it is tried again."""

    strategy_id: int
    label: str
    error: str
    tried_at: datetime | None
    retry_at: datetime | None


def problems(strategies: Collection[DeployStrategy]) -> list[SlackProblem]:
    """The newest trouble of each target, at most 50, in one query."""
    newest = SlackPost.objects.filter(release__strategy__in=strategies).order_by(
        "release__strategy", "target", "-tried_at", "-pk"
    )
    rows = newest.distinct("release__strategy", "target").values_list(
        "release__strategy", "label", "error", "tried_at", "retry_at"
    )
    return [SlackProblem(*row) for row in rows if row[2]][:MOST]
