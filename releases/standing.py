"""What a project's page shows of its releases beside their decisions: read with its strategies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable

from releases.decision import Decision, Facts, Item
from releases.messages import zone_of
from releases.models import Attempt, DeployStrategy, Intervention, Note, Notice, Release, Repair
from releases.queries import StrategyDecision
from releases.queries_rows import rows_of, several
from releases.queries_slack import slack_troubles, with_slack_troubles
from releases.situation import STATUS_CONTEXT
from releases.upkeep_attempts import UPKEEP

Row = Mapping[str, Any]
MOST = 5  # of each kind


@dataclass(frozen=True, slots=True)
class Standing:
    """One strategy: its decision, what people said to it, what Slack was told, and what could not be done.

    `commit` is the newest of head as far as it is known. Rows are as they are stored, with moments.
    """

    of: StrategyDecision
    interventions: list[Row]
    notice: Row | None
    slack_troubles: list[Row]
    troubles: list[Row]
    notes: list[Row]
    repairs: list[Row]
    restored_at: datetime | None

    @property
    def strategy(self) -> DeployStrategy:
        return self.of.strategy

    @property
    def decision(self) -> Decision:
        return self.of.decision

    @property
    def facts(self) -> Facts:
        return self.of.facts

    @property
    def stage(self) -> str:
        return self.of.stage

    @property
    def number(self) -> int | None:
        return self.of.number

    @property
    def url(self) -> str | None:
        return self.of.url

    @property
    def head(self) -> str:
        """The commit of head, as GitHub told it last; empty where it is not known."""
        return (self.facts.reading.head_sha if self.facts.reading else None) or ""

    @property
    def announced_at(self) -> datetime | None:
        """The moment of the merge that people are told; None where there is none, or it has come."""
        at = self.facts.announced_at if self.facts.reading is not None else None
        return at if at is not None and at > self.facts.now and at.year < 9000 else None

    @property
    def zone(self) -> ZoneInfo:
        """That of the strategy's closed minutes."""
        return zone_of(self.strategy.time_zone)[0]

    @property
    def can_be_said(self) -> bool:
        """Whether there is a release to say something to."""
        return self.decision.code not in ("nothing-waits", "archived", "branch-gone")

    @property
    def can_be_healed(self) -> bool:
        """Whether the history is broken, and no pull request that heals it is asked for or open."""
        under_way = {Repair.State.ASKED.value, Repair.State.OPEN.value}
        asked = any(row["kind"] == Repair.Kind.HEAL and row["state"] in under_way for row in self.repairs)
        return self.facts.squashed is not None and not asked

    @property
    def is_unguarded(self) -> bool:
        """The status is set, and GitHub does not require it: a person's merge button stays free."""
        reading = self.facts.reading
        if not self.strategy.commit_status or reading is None or reading.required_checks is None:
            return False
        return STATUS_CONTEXT not in reading.required_checks

    def checklist(self) -> list[Item]:
        return self.of.checklist()


def with_standing() -> dict[str, Combinable]:
    """Annotations of strategies: there are too many other queries on the page already."""
    newest = Release.objects.filter(strategy=OuterRef("pk")).order_by("-id")
    of_current = Q(release__strategy=OuterRef("pk"), release__state__in=Release.UNFINISHED)
    newer = Attempt.objects.filter(release=OuterRef("release"), act=OuterRef("act"), pk__gt=OuterRef("pk"))
    failed = Attempt.objects.filter(~Exists(newer), of_current, act__in=UPKEEP, outcome=Attempt.Outcome.REFUSED)
    return {
        "shown_said": _several(
            Intervention.objects.filter(strategy=OuterRef("pk"), ended_at=None),
            "pk kind head_sha until reason spite_blocks spite_closed created_by created_at",
        ),
        "shown_notices": _several(
            Notice.objects.filter(of_current).order_by("-id"),
            "merge_at begun_at delivered_at waived_at retry_at error head_sha",
        ),
        "shown_failed": _several(failed.order_by("-id"), "act message finished_at"),
        "shown_unsaid": _several(
            Note.objects.filter(of_current, posted_at=None).exclude(error=""), "text error retry_at given_up_at"
        ),
        "shown_asked": _several(
            # One that was closed without a merge is no trouble any more: whoever closed it knows.
            Repair.objects.filter(strategy=OuterRef("pk"))
            .exclude(Q(state=Repair.State.DONE) | Q(state=Repair.State.REFUSED, number__isnull=False))
            .order_by("-id"),
            "kind state number url error asked_by asked_at retry_at",
        ),
        "shown_restored": _several(newest.filter(branch_restored_at__isnull=False), "branch_restored_at"),
        **with_slack_troubles(),
    }


def standings(decided: Collection[StrategyDecision]) -> list[Standing]:
    """In the order of the decisions, whose strategies were asked for `with_standing`."""
    return [_standing(each) for each in decided]


def _standing(each: StrategyDecision) -> Standing:
    def found(name: str) -> list[Row]:
        return rows_of(each.strategy, name)

    notices, restored = found("shown_notices"), found("shown_restored")
    return Standing(
        of=each,
        interventions=found("shown_said"),
        notice=notices[0] if notices else None,
        slack_troubles=slack_troubles(each.strategy),
        troubles=found("shown_failed"),
        notes=found("shown_unsaid"),
        repairs=found("shown_asked"),
        restored_at=restored[0]["branch_restored_at"] if restored else None,
    )


def _several(rows: QuerySet[Any], names: str) -> ArraySubquery:
    return several(rows, names, MOST)
