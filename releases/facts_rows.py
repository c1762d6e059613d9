"""What decisions need of the rows beside the reading: releases, notices, what people said, closed hours.

Notices and interventions come as annotations of queries that are made anyway, so that a page of a thousand projects
costs no query more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    DateField,
    Exists,
    F,
    JSONField,
    OuterRef,
    PositiveSmallIntegerField,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import JSONObject

from releases.calendar import ClosedRule, Rules
from releases.closed_rules import days, weekly
from releases.models import ClosedHours, DeployStrategy, Holiday, Intervention, Notice, Release
from releases.situation import Action, Postponed, Reading, Refusal, ReleaseNow, Skipped, Squashed
from releases.situation import Notice as NoticeFact

Kind = Intervention.Kind

# Holidays further away close nothing that anybody asks for: decisions look at most 400 days ahead.
FAR: Final = timedelta(days=800)
_NOTICE: Final = ("merge_at", "begun_at", "delivered_at", "waived_at", "retry_at", "error")
_MERGED: Final = ("pk", "number", "head_sha", "head_looked_sha")
_SAID: Final = ("kind", "created_by", "created_at", "reason", "head_sha", "until", "seen_blocks", "seen_hours")


# --- what people said ---------------------------------------------------------------------------------------------


def with_interventions(strategies: QuerySet[DeployStrategy]) -> QuerySet[DeployStrategy]:
    """The strategies with what still holds of what people said to them, as `said`."""
    active = Intervention.objects.filter(strategy=OuterRef("pk"), ended_at=None).order_by("created_at", "id")
    return strategies.annotate(said=ArraySubquery(active.values(json=JSONObject(**{name: name for name in _SAID}))))


def with_what_is_followed(strategies: QuerySet[DeployStrategy]) -> QuerySet[DeployStrategy]:
    """The same, and whether they have an unfinished release, as `has_release`; and what was merged last, as
    `last_merged`."""
    unfinished = Release.objects.filter(strategy=OuterRef("pk"), state__in=Release.UNFINISHED)
    merged = Release.objects.filter(strategy=OuterRef("pk"), state=Release.State.MERGED).order_by("-id")
    last = merged.values(json=JSONObject(**{name: name for name in _MERGED}))[:1]
    return with_interventions(strategies).annotate(has_release=Exists(unfinished), last_merged=Subquery(last))


def is_followed(strategy: DeployStrategy) -> bool:
    """Whether GitHub is asked about it: Horizon releases it, somebody wants that now, or a release is to be finished.

    For strategies of `with_what_is_followed`.
    """
    if strategy.automatic or getattr(strategy, "has_release", False):
        return True
    return said_to(strategy).release_now is not None


@dataclass(frozen=True, slots=True)
class Said:
    """The interventions that hold; the newest of each kind."""

    release_now: ReleaseNow | None = None
    postponed: Postponed | None = None
    skipped: Skipped | None = None


def said_to(strategy: DeployStrategy) -> Said:
    """What was annotated by `with_interventions`."""
    by_kind: dict[str, Mapping[str, Any]] = {row["kind"]: row for row in getattr(strategy, "said", ())}
    now, later, skip = (by_kind.get(kind) for kind in (Kind.RELEASE_NOW, Kind.POSTPONE, Kind.SKIP))
    return Said(
        release_now=ReleaseNow(
            by=now["created_by"],
            reason=now["reason"],
            sha=now["head_sha"],
            blocks=frozenset(now["seen_blocks"]),
            closed=frozenset(now["seen_hours"]),
            said_at=_moment(now["created_at"]),
        )
        if now
        else None,
        postponed=Postponed(later["created_by"], later["reason"], _moment(later["until"])) if later else None,
        skipped=Skipped(skip["created_by"], skip["reason"], skip["head_sha"]) if skip else None,
    )


# --- releases -----------------------------------------------------------------------------------------------------


class ReleaseRow(NamedTuple):
    """What decisions need of a release: a page of a thousand projects would spend most of its time on whole ones."""

    strategy_id: int
    pk: int
    state: str
    number: int | None
    head_sha: str
    assigned_sha: str
    opened_at: datetime | None
    asked_at: datetime | None
    queued_at: datetime | None
    retry_at: datetime | None
    refused_act: str
    refused_sha: str
    refused_words: str
    squashed: bool
    rebased: bool
    rewritten: bool
    closing: str
    last_notice: Mapping[str, Any] | None


@dataclass(slots=True)
class Releases:
    """The releases of one strategy that decisions look at: the unfinished one, the newest merged and closed ones."""

    unfinished: ReleaseRow | None = None
    merged: ReleaseRow | None = None
    closed: ReleaseRow | None = None

    @property
    def closed_since(self) -> ReleaseRow | None:
        """The newest finished one, if it was closed."""
        if self.closed is None or (self.merged is not None and self.merged.pk > self.closed.pk):
            return None
        return self.closed


def releases_of(strategies: Sequence[DeployStrategy]) -> dict[int, Releases]:
    """By strategy: one query. What people did to the base past pull requests from its head is left out: it neither
    heals what was squashed, nor is it a new commit after a pull request that somebody closed."""
    all_of = Release.objects.filter(strategy__in=strategies)
    past = Q(state=Release.State.MERGED, kind__in=[Release.Kind.MANUAL, Release.Kind.ROLLBACK], opened_at=None)
    finished = all_of.exclude(state__in=Release.UNFINISHED).exclude(past).order_by("strategy_id", "state", "-id")
    newest = Notice.objects.filter(release=OuterRef("pk")).order_by("-begun_at", "-id")
    notice = Subquery(newest.values(json=JSONObject(**{name: name for name in _NOTICE}))[:1])
    rows = _rows(all_of.filter(state__in=Release.UNFINISHED).order_by(), notice).union(
        _rows(finished.distinct("strategy_id", "state"), Value(None, output_field=JSONField())), all=True
    )
    found: dict[int, Releases] = {strategy.pk: Releases() for strategy in strategies}
    for release in map(ReleaseRow._make, rows):
        mine = found[release.strategy_id]
        if release.state in Release.UNFINISHED:
            mine.unfinished = release
        elif release.state == Release.State.MERGED:
            mine.merged = release
        else:
            mine.closed = release
    return found


def _rows(releases: QuerySet[Release], notice: Combinable) -> QuerySet[Release, tuple[Any, ...]]:
    return releases.annotate(last_notice=notice).values_list(*ReleaseRow._fields)


def notice_of(release: ReleaseRow | None) -> NoticeFact | None:
    """The newest notice of an unfinished release."""
    if release is None or (found := release.last_notice) is None:
        return None
    return NoticeFact(
        merge_at=_moment(found["merge_at"]),
        begun_at=_moment(found["begun_at"]),
        delivered_at=_moment_or_none(found["delivered_at"]),
        waived_at=_moment_or_none(found["waived_at"]),
        retry_at=_moment_or_none(found["retry_at"]),
        error=found["error"],
    )


def closed_of(release: ReleaseRow | None) -> tuple[int, str] | None:
    """What a person said no to; one that its strategy left behind is no such answer."""
    if release is None or release.number is None or release.closing == Release.Closing.LEFT:
        return None
    return release.number, release.head_sha


def refusal_of(release: ReleaseRow | None) -> Refusal | None:
    if release is None or not release.refused_act or release.retry_at is None:
        return None
    return Refusal(Action(release.refused_act), release.refused_sha, release.refused_words, release.retry_at)


def squashed_of(strategy: DeployStrategy, merged: ReleaseRow | None, reading: Reading | None) -> Squashed | None:
    """Whether the last release broke the common history of the branches, and nobody has healed it since.

    Healed is what has all that the base has. Where the strategy itself squashes or rebases, each release breaks it:
    that holds up only while there is nothing new.
    """
    if merged is None or reading is None:
        return None
    if merged.rewritten and reading.behind != 0:
        return Squashed(merged.number, "rewritten")
    if not merged.squashed:
        return None
    same = reading.head_tree is not None and reading.head_tree == reading.base_tree and (reading.ahead or 0) > 0
    intended = strategy.merge_method != DeployStrategy.MergeMethod.MERGE
    if not same and (intended or reading.behind == 0):
        return None
    return Squashed(merged.number, "rebased" if merged.rebased else "squashed")


# --- closed hours -------------------------------------------------------------------------------------------------


def calendars_of(organization_ids: Collection[int], now: datetime) -> dict[int, Rules]:
    """The closed hours and holidays of each organization: one query for both."""
    hours = ClosedHours.objects.filter(organization__in=organization_ids).order_by()
    holidays = Holiday.objects.filter(
        organization__in=organization_ids,
        last_day__gte=(now - timedelta(days=2)).date(),
        first_day__lte=(now + FAR).date(),
    ).order_by()
    nothing = Value(None, output_field=DateField())
    rows = hours.values_list(
        "organization_id", "name", "time_zone", "begins_at", "ends_at", "weekdays", nothing, nothing
    ).union(
        holidays.values_list(
            "organization_id",
            "name",
            "time_zone",
            "begins_at",
            "ends_at",
            Value(None, output_field=ArrayField(PositiveSmallIntegerField())),
            F("first_day"),
            F("last_day"),
        ),
        all=True,
    )
    found: dict[int, list[ClosedRule]] = {pk: [] for pk in organization_ids}
    for pk, name, zone, begins_at, ends_at, weekdays, first_day, last_day in rows:
        if weekdays is not None:
            found[pk].append(weekly(name, zone, begins_at, ends_at, tuple(weekdays)))
        else:
            found[pk].append(days(name, zone, first_day, last_day, begins_at, ends_at))
    return {pk: Rules(rules) for pk, rules in found.items()}


# --- times in JSON ------------------------------------------------------------------------------------------------


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment_or_none(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
