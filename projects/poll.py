"""Read all projects, again and again: cut into lanes by the hosts that they need, so that a slow or limited host delays
only its own projects."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F, Prefetch, Q

from projects import budgets, leases, refresh, repositories
from projects.github import GitHubReader
from projects.models import Profile, Project, Snapshot, Stage
from projects.reading import Difference, Question, StageUnreadable, Trouble, Where
from projects.sighting import Answer, Ask, Reading, Sighting, fingerprint
from projects.sources import Reader, reader_of

logger = logging.getLogger(__name__)

CHUNK = 50  # projects: GitHub is asked for the refs of up to 50 repositories in one query
PAUSE = timedelta(seconds=0.5)  # between two readings of one project that is asked for again and again
READERS = 4  # changed projects read at the same time; GitHub wants no more than 100 requests at once per account

Clock = Callable[[], datetime]
Limit = tuple[Profile, StageUnreadable]


@dataclass(slots=True)
class Tally:
    """What a poll did, by project id."""

    changed: set[int] = field(default_factory=set)
    unchanged: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)  # a limit holds them up
    failed: set[int] = field(default_factory=set)  # an error of Horizon's own, see the log

    @property
    def done(self) -> int:
        return len(self.changed) + len(self.unchanged) + len(self.waiting) + len(self.failed)


def lanes(now: datetime, *, only_asked: bool = False) -> list[list[int]]:
    """The projects that are due, those with the same hosts together, the longest unread first.

    `only_asked`: those that were asked for since they were last read, whatever the interval; what was asked for last
    comes first: a push need not wait for the thousand projects that a file declared a minute ago.
    """
    leases.ensure_polls(Project.objects.active().filter(poll=None))
    again = Q(poll__asked_at__gt=F("poll__refreshed_at"))
    just_read = Q(poll__refreshed_at__gt=now - PAUSE, poll__refreshed_at__lte=now)
    asked = Q(poll__refreshed_at=None) | again & ~just_read
    unread, news = F("poll__refreshed_at").asc(nulls_first=True), F("poll__asked_at").desc(nulls_last=True)
    order = (news, unread) if only_asked else (unread,)
    stages = Prefetch("stages", Stage.objects.select_related("profile__budget"))
    projects = (
        Project.objects.active()
        .filter(leases.free(now, "poll__leased_until"), asked if only_asked else Q())
        .select_related("poll")
        .prefetch_related(stages)
        .order_by(*order, "pk")
    )
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for project in projects:
        if _is_due(project, now):
            found[_hosts(project)].append(project.pk)
    return list(found.values())


def queue_of(lane: Sequence[int], *, asked: bool = False) -> str:
    """Where a lane waits for its turn: "hosts" where another host than GitHub's API must answer; else "polls" in a
    sweep of all that is due, and "events", which no sweep holds up, where it was asked for."""
    others = Stage.objects.filter(project=lane[0]).exclude(profile__kind__in=Profile.GITHUB_KINDS)
    if others.exists():
        return "hosts"
    return "events" if asked else "polls"


def _hosts(project: Project) -> tuple[str, ...]:
    """What must answer for this project to be read."""
    needed = (
        f"profile {s.profile_id}" if s.profile_id else f"host {urlsplit(s.git_remote).hostname}"
        for s in _stages(project)
    )
    return tuple(sorted(set(needed)))


def _stages(project: Project) -> list[Stage]:
    return list(project.stages.all())


def _is_due(project: Project, now: datetime) -> bool:
    read_at, asked_at = project.poll.refreshed_at, project.poll.asked_at
    found = [budgets.stored(stage.profile, now) for stage in _stages(project) if stage.profile]
    if any(budget.paused_until and budget.paused_until > now for budget in found):
        return False
    interval: timedelta = settings.POLL_INTERVAL
    # What was read in the future was read while the clock was wrong.
    if read_at is None or (asked_at and asked_at > read_at) or read_at > now + interval:
        return True
    paces = [budgets.pace(budget, now, interval) for budget in found]
    # A tick may come a moment early; half an interval tells "early" from "again".
    return now - read_at >= max([interval, *paces]) - interval / 2


def poll(
    project_ids: Sequence[int],
    *,
    clock: Clock,
    until: datetime,
    tally: Tally | None = None,
    since: datetime | None = None,
) -> list[int]:
    """Read these projects, with `since` those that nobody has read since, chunk by chunk; the ids that were not begun
    when the time was up."""
    tally = Tally() if tally is None else tally
    rest = iter(project_ids)
    while chunk := list(islice(rest, CHUNK)):
        if clock() >= until:
            return [*chunk, *rest]
        lease = uuid4()
        try:
            with leases.kept(lease, clock):
                _poll_chunk(leases.claim(chunk, lease, clock(), since), lease, clock, tally)
        finally:
            leases.give_back(lease, clock())
    return []


def _poll_chunk(project_ids: Collection[int], lease: UUID, clock: Clock, tally: Tally) -> None:
    projects = _loaded(project_ids)
    asked_at = clock()  # what happens from now on, the answers may not tell
    answers = _ask([stage for project in projects for stage in _stages(project)], asked_at)
    changed: list[Sighting] = []
    for project in projects:
        sighting = _sighting(project, answers)
        if any(_limited(answer) for answer in sighting.answers.values()):
            tally.waiting.add(project.pk)
        elif sighting.changed or project.poll.configuration != fingerprint(sighting.stages):
            changed.append(sighting)
        else:
            tally.unchanged.add(project.pk)
    leases.finish(tally.unchanged & {project.pk for project in projects}, lease, asked_at)
    _refresh(changed, lease, asked_at, tally)


def _loaded(project_ids: Collection[int]) -> list[Project]:
    stages = Prefetch("stages", Stage.objects.select_related("profile__budget", "head").order_by("position"))
    projects = Project.objects.filter(pk__in=project_ids).select_related("organization", "poll")
    return list(projects.prefetch_related(stages))


def _sighting(project: Project, answers: Mapping[int, Answer]) -> Sighting:
    stages = tuple(_stages(project))
    return Sighting(project, stages, {stage.pk: answers[stage.pk] for stage in stages}, current=None)


def _limited(answer: object) -> bool:
    return isinstance(answer, StageUnreadable) and answer.trouble is Trouble.LIMITED


def _ask(stages: Sequence[Stage], now: datetime) -> dict[int, Answer]:
    """Where these stages are, by stage id; each profile is asked once for all of its stages."""
    by_profile: dict[int | None, list[Stage]] = defaultdict(list)
    for stage in stages:
        by_profile[stage.profile_id].append(stage)
    found: dict[int, Answer] = {}
    for same in by_profile.values():
        answers = _ask_profile(same[0].profile, {stage.question for stage in same}, now)
        found |= {stage.pk: answers[stage.question] for stage in same}
    return found


def _ask_profile(profile: Profile | None, questions: set[Question], now: datetime) -> dict[Question, Answer]:
    if profile and (limit := budgets.limit_of(profile, now)):
        return dict.fromkeys(questions, limit)
    try:
        reader = reader_of(profile)
        if profile is None or not isinstance(reader, GitHubReader):
            answers = reader.heads(questions)
        else:
            answers = reader.heads(questions, repositories.known_ids(profile, questions))
            repositories.remember(profile, answers)
            budgets.remember(profile, reader.budget, now)
    except StageUnreadable as error:
        answers = dict.fromkeys(questions, error)
    limits = [
        each for each in answers.values() if isinstance(each, StageUnreadable) and each.trouble is Trouble.LIMITED
    ]
    if profile and limits:
        budgets.pause(profile, limits[0], now)
    return answers


def _refresh(changed: Sequence[Sighting], lease: UUID, asked_at: datetime, tally: Tally) -> None:
    """Read what changed, a few projects at the same time, and store each as it comes."""
    complete = _with_snapshots(changed)
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
    try:
        readings = {pool.submit(_read, sighting): sighting for sighting in complete}
        for future in as_completed(readings):
            _store(readings[future], future, lease, asked_at, tally)
    finally:
        pool.shutdown(cancel_futures=True)  # where the time is up, those that were not begun


def _with_snapshots(sightings: Sequence[Sighting]) -> list[Sighting]:
    ids = [sighting.project.pk for sighting in sightings]
    current = Snapshot.objects.filter(project__in=ids, is_current=True).prefetch_related("comparisons")
    snapshots = {snapshot.project_id: snapshot for snapshot in current}
    return [replace(sighting, current=snapshots.get(sighting.project.pk)) for sighting in sightings]


def _read(sighting: Sighting) -> tuple[Reading, list[Limit]]:
    limits: list[Limit] = []
    return refresh.read(sighting, _asks(sighting.stages, limits)), limits


@dataclass(frozen=True, slots=True)
class _Asked:
    """One repository, read with the credentials of a stage; notes the limits that it meets."""

    reader: Reader
    remote: str
    profile: Profile | None
    limits: list[Limit]

    def difference(self, base: str, head: str) -> Difference:
        with self._noting():
            return self.reader.difference(self.remote, base, head)

    def squashed_head(self, sha: str) -> str | None:
        with self._noting():
            return self.reader.squashed_head(self.remote, sha)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except StageUnreadable as error:
            if self.profile and _limited(error):
                self.limits.append((self.profile, error))
            raise


def _asks(stages: Sequence[Stage], limits: list[Limit]) -> dict[int, Ask]:
    """How to ask for differences, for each stage that has a git remote; in the thread that will ask."""
    asks: dict[int, Ask] = {}
    for stage in stages:
        if stage.git_remote:
            # The keys of a registry open no git repository: that of such a stage is read as everybody may.
            profile = None if stage.where is Where.HOKUSAI else stage.profile
            asks[stage.pk] = _Asked(reader_of(profile), stage.git_remote, profile, limits)
    return asks


def _store(
    sighting: Sighting, future: Future[tuple[Reading, list[Limit]]], lease: UUID, asked_at: datetime, tally: Tally
) -> None:
    project = sighting.project
    try:
        reading, limits = future.result()
        for profile, limit in limits:
            budgets.pause(profile, limit, asked_at)
        if any(_limited(each) for each in reading.compared.values() if isinstance(each, StageUnreadable)):
            tally.waiting.add(project.pk)
        elif refresh.store(sighting, reading, lease=lease, now=asked_at):
            tally.changed.add(project.pk)
        else:
            tally.unchanged.add(project.pk)
    except Exception:
        # A fault of Horizon's own in one project must not stop the others; it is reported with its traceback.
        logger.exception("%s could not be refreshed", project)
        tally.failed.add(project.pk)
