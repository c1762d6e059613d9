"""What a change of closed hours would do, worked out before it is saved; and the calendar of four weeks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from projects.models import Organization, Project
from releases.calendar import Closed, ClosedRule, occurrences
from releases.closed_hours import Change, Row, never_open, rules_of
from releases.closed_rules import of_strategy
from releases.facts_rows import calendars_of
from releases.models import StrategyReading
from releases.queries import StrategyDecision, decisions

SHOWN = 12
FAR = timedelta(days=400)
WEEKS_OF_A_YEAR = 52
WEEKS = 4
MOST_OF_A_DAY = 50


@dataclass(frozen=True, slots=True)
class Wait:
    """A release whose moment would move. None: no moment is known, because no minute is open."""

    project: str
    stage: str
    before: datetime | None
    after: datetime | None

    @property
    def later(self) -> bool:
        return self.before is not None and (self.after is None or self.after > self.before)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One closed stretch, with the zone of the rule that closes it."""

    closed: Closed
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Outlook:
    """`lost` is closed time more a week, over a year; `closed` the sum of all that is closed then. `trouble`: why it
    cannot be saved."""

    stretches: list[Stretch]
    waits: list[Wait]
    lost: timedelta
    closed: timedelta
    trouble: str

    @property
    def lost_hours(self) -> float:
        return round(self.lost / timedelta(hours=1), 1)

    @property
    def gained_hours(self) -> float:
        return -self.lost_hours

    @property
    def closed_hours(self) -> float:
        return round(self.closed / timedelta(hours=1), 1)


def outlook(change: Change, now: datetime) -> Outlook:
    """The next occurrences of what would be written, the releases that it moves, and the hours that it costs."""
    before = change.before()
    after = change.after(before)
    year = now + timedelta(weeks=WEEKS_OF_A_YEAR)
    then = closed_time(rules_of(after), now, year) / WEEKS_OF_A_YEAR
    return Outlook(
        stretches=stretches(rules_of(change.put), now, now + FAR)[:SHOWN],
        waits=_waits(change.organization, after, now),
        lost=then - closed_time(rules_of(before), now, year) / WEEKS_OF_A_YEAR,
        closed=then,
        trouble=never_open(change.organization, after, now) if change.put else "",
    )


def stretches(rules: Iterable[ClosedRule], since: datetime, until: datetime) -> list[Stretch]:
    """What is closed in this time, each with its rule's zone, by its beginning."""
    found = [Stretch(closed, ZoneInfo(rule.zone)) for rule in rules for closed in occurrences([rule], since, until)]
    return sorted(found, key=lambda each: (each.closed.begins, each.closed.ends, each.closed.name))


def closed_time(rules: Iterable[ClosedRule], since: datetime, until: datetime) -> timedelta:
    """How much of this time is closed; what several rules close counts once."""
    total, reached = timedelta(0), since
    for closed in occurrences(rules, since, until):
        begins, ends = max(closed.begins, reached), min(closed.ends, until)
        if ends > begins:
            total, reached = total + (ends - begins), ends
    return total


def _waits(organization: Organization, rows: Sequence[Row], now: datetime) -> list[Wait]:
    shared = rules_of(rows)
    waits = []
    for each in _decided(organization, now):
        plan = replace(each.facts.plan, closed=of_strategy(each.strategy, shared))
        before, after = each.facts.announced_at, replace(each.facts, plan=plan).announced_at
        if before != after:
            waits.append(Wait(each.strategy.stage.project.name, each.stage, before, after))
    return waits


def _decided(organization: Organization, now: datetime) -> list[StrategyDecision]:
    """The automatic releases that are open, as GitHub told last."""
    opened = StrategyReading.objects.filter(strategy__automatic=True, facts__pull_request__number__isnull=False)
    chosen = Project.objects.active().filter(
        organization=organization, pk__in=opened.values("strategy__stage__project")
    )
    projects = list(chosen.order_by("name"))
    for project in projects:
        project.organization = organization  # one object, not one each
    found = decisions(projects, now)
    return [each for decided in found.values() for each in decided if each.strategy.automatic and each.facts.is_open]


# --- four weeks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """What is closed on one day: naive times of the day, None for midnight; and the same on the rule's own clock."""

    name: str
    begins: time | None
    ends: time | None
    stretch: Stretch

    own_times: str = ""

    @property
    def all_day(self) -> bool:
        return self.begins is None and self.ends is None


@dataclass(frozen=True, slots=True)
class Merge:
    """A release that merges then, as far as is known; the moment is on the reader's clock."""

    at: datetime
    project: Project
    stage: str

    @property
    def minute(self) -> str:
        return f"{self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    is_today: bool
    is_past: bool
    parts: list[Part]
    merges: list[Merge]

    @property
    def shown(self) -> list[Merge]:
        """Nobody reads a thousand in one day of a calendar."""
        return self.merges[:MOST_OF_A_DAY]

    @property
    def more(self) -> int:
        return len(self.merges) - len(self.shown)


@dataclass(frozen=True, slots=True)
class FourWeeks:
    """Weeks from Monday to Sunday, and the releases that nothing is known of when they merge."""

    weeks: list[list[Day]]
    held: list[StrategyDecision]
    later: list[Merge]


def four_weeks(organization: Organization, now: datetime, zone: ZoneInfo) -> FourWeeks:
    """This week and the next three, in days of this zone."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    days = [monday + timedelta(days=number) for number in range(7 * WEEKS)]
    since, until = _midnight(monday, zone), _midnight(days[-1] + timedelta(days=1), zone)
    calendar = calendars_of([organization.pk], since)[organization.pk]
    closed = stretches(calendar, since, until)
    decided = _decided(organization, now)
    merges = sorted(_merges(decided, zone), key=lambda merge: merge.at)
    by_day: dict[date, list[Merge]] = {}
    for merge in merges:
        by_day.setdefault(merge.at.date(), []).append(merge)
    found = [
        Day(
            day,
            is_today=day == today,
            is_past=day < today,
            parts=_parts(closed, day, zone),
            merges=by_day.get(day, []),
        )
        for day in days
    ]
    known = {merge.project.pk for merge in merges}
    return FourWeeks(
        [found[first : first + 7] for first in range(0, len(found), 7)],
        held=[each for each in decided if each.strategy.stage.project_id not in known],
        later=[merge for merge in merges if merge.at >= until],
    )


def _merges(decided: Iterable[StrategyDecision], zone: ZoneInfo) -> Iterable[Merge]:
    """Of releases that a block or a person holds without an end, nothing is known."""
    for each in decided:
        at = each.facts.announced_at
        endless = any(block.ends_at is None for block in each.facts.standing_blocks) or each.facts.skipped is not None
        if at is not None and not endless:
            yield Merge(at.astimezone(zone), each.strategy.stage.project, each.stage)


def _parts(closed: Sequence[Stretch], day: date, zone: ZoneInfo) -> list[Part]:
    begin, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    return [
        Part(
            each.closed.name,
            None if each.closed.begins <= begin else each.closed.begins.astimezone(zone).time(),
            None if each.closed.ends >= end else each.closed.ends.astimezone(zone).time(),
            each,
            _own_times(each, zone),
        )
        for each in closed
        if each.closed.begins < end and each.closed.ends > begin
    ]


def _own_times(each: Stretch, zone: ZoneInfo) -> str:
    """The stretch on its rule's clock, where that shows other times than the reader's."""
    own, read = (
        [f"{moment.astimezone(clock):%a %H:%M}" for moment in (each.closed.begins, each.closed.ends)]
        for clock in (each.zone, zone)
    )
    return "" if own == read else f"{own[0]} to {own[1]} {each.zone}"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
