"""What the files of a project's repository say of it, read weekly, and when its default branch moved."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db.models import Prefetch

from projects import budgets, live
from projects.git import GitReader
from projects.github import GitHubReader
from projects.models import Profile, Project, ProjectProperties, Repository, Stage, StageHead
from projects.reading import StageUnreadable, Trouble, Where
from projects.repositories import path_of
from projects.repository_files import PATHS, Properties, properties_of
from projects.runtimes import Files
from projects.sources import reader_of

logger = logging.getLogger(__name__)

WEEK = timedelta(days=7)
# A default branch that moves all day, and a project that cannot be read, cost one reading an hour.
AGAIN_AFTER = timedelta(hours=1)
MOST_OF_A_RUN = 200  # projects
RUNNING = "projects.properties.running"  # in the cache: one worker at a time is enough, polls need the others
LONGEST_RUN = timedelta(minutes=5)  # after which a killed worker holds up nobody
BATCH = 10  # repositories that GitHub is asked for with one query
# Trouble of the host or of the credentials: asking for the next project would end in the same way.
OF_THE_HOST = {Trouble.LIMITED, Trouble.UNREACHABLE, Trouble.REFUSED}

Clock = Callable[[], datetime]
Answer = Properties | StageUnreadable


@dataclass(frozen=True, slots=True)
class Source:
    """Where a project's files are: on a host with an API by `path` (owner/name), on any other by `remote`.

    `tip` is the commit last seen at the default branch, or at the project's first stage; `seen` is false when there was
    no successful poll yet, so there is nothing to read either.
    """

    profile: Profile | None
    path: str
    remote: str
    tip: str
    seen: bool

    @property
    def host(self) -> str:
        """What must answer for this source to be read."""
        return f"profile {self.profile.pk}" if self.profile else f"host {urlsplit(self.remote).hostname}"


@dataclass(frozen=True, slots=True)
class Due:
    """A project whose files are to be read, and where."""

    project: Project
    source: Source

    @property
    def stored(self) -> ProjectProperties | None:
        return getattr(self.project, "properties", None)


def read_due_properties(*, clock: Clock, until: datetime, held_up: Collection[str] = ()) -> list[str] | None:
    """Read the projects that are due, one after the other, until the time is up.

    None when all were read. Otherwise there are more, to be read by a next call with the answer as `held_up`: the hosts
    that had trouble and are left alone this time. None, too, while another worker is at it.
    """
    if not cache.add(RUNNING, "", timeout=LONGEST_RUN.total_seconds()):
        return None
    try:
        return _read_due(clock, until, set(held_up))
    finally:
        cache.delete(RUNNING)


def _read_due(clock: Clock, until: datetime, held_up: set[str]) -> list[str] | None:
    waiting = [each for each in due(clock()) if each.source.host not in held_up]
    for batch in _batches(waiting[:MOST_OF_A_RUN]):
        host = batch[0].source.host
        if host not in held_up and not _read_batch(batch, clock()):
            held_up.add(host)
        if clock() >= until:
            return sorted(held_up)
    return sorted(held_up) if len(waiting) > MOST_OF_A_RUN else None


def read_properties(project: Project, now: datetime) -> None:
    """Read one project now, due or not; one without a repository has no properties."""
    _read_batch(_with_sources(Project.objects.filter(pk=project.pk)), now)


def due(now: datetime) -> list[Due]:
    """The projects to be read, the longest unread first; those whose profile pauses or is short of requests wait."""
    found = [each for each in _with_sources(Project.objects.active()) if _is_due(each, now)]
    return sorted(found, key=lambda each: (_read_at(each) is not None, _read_at(each) or now, each.project.pk))


def _is_due(each: Due, now: datetime) -> bool:
    source, stored, read_at = each.source, each.stored, _read_at(each)
    if not source.seen or (source.profile and not _may_spend(source.profile, now)):
        return False
    if stored is None or read_at is None or now - read_at >= WEEK:
        return True
    return now - read_at >= AGAIN_AFTER and (stored.error != "" or stored.read_sha != source.tip)


def _read_at(each: Due) -> datetime | None:
    return each.stored.read_at if each.stored else None


def _may_spend(profile: Profile, now: datetime) -> bool:
    budget = budgets.stored(profile, now)
    paused = budget.paused_until is not None and budget.paused_until > now
    interval: timedelta = settings.POLL_INTERVAL
    return not paused and budgets.pace(budget, now, interval) <= interval


# --- where the files are ----------------------------------------------------------------------------------------


def _with_sources(projects: Iterable[Project]) -> list[Due]:
    """Each project with the source of its files, those without one left out; four queries for any number."""
    loaded = _loaded(projects)
    paths = {path for project in loaded if (path := _path(project))}
    repositories = {(each.api_url, each.path): each for each in Repository.objects.filter(path__in=paths)}
    sources = ((project, _source(project, repositories)) for project in loaded)
    return [Due(project, source) for project, source in sources if source]


def _loaded(projects: Iterable[Project]) -> list[Project]:
    ids = [project.pk for project in projects]
    stages = Stage.objects.select_related("profile__budget", "head").order_by("position")
    found = Project.objects.filter(pk__in=ids).select_related("organization", "properties")
    return list(found.prefetch_related(Prefetch("stages", stages)))


def _stage_with_remote(project: Project) -> Stage | None:
    return next((stage for stage in project.stages.all() if stage.git_remote), None)


def _path(project: Project) -> str | None:
    """owner/name in lower case: of the first git remote, else as organization and project are called."""
    stage = _stage_with_remote(project)
    return path_of(stage.git_remote) if stage else f"{project.organization.name}/{project.name}".lower()


def _source(project: Project, repositories: Mapping[tuple[str, str], Repository]) -> Source | None:
    stage, path = _stage_with_remote(project), _path(project)
    profile = _profile(project, stage)
    if profile and profile.is_github and path:
        known = repositories.get((profile.api_url, path))
        if known:
            return Source(profile, known.current_path, "", known.default_branch_sha, seen=True)
        # No poll asks for a repository that no stage names, so nothing will be known of it beforehand.
        return Source(profile, path, "", "", seen=stage is None)
    if stage is None:
        return None
    head: StageHead | None = getattr(stage, "head", None)
    tip = head.sha if head else ""
    return Source(profile, "", stage.git_remote, tip, seen=tip != "")


def _profile(project: Project, stage: Stage | None) -> Profile | None:
    if stage is None:
        profiles = (each.profile for each in project.stages.all())
        return next((profile for profile in profiles if profile and profile.is_github), None)
    # The keys of a registry open no git repository.
    return None if stage.where is Where.HOKUSAI else stage.profile


# --- reading ----------------------------------------------------------------------------------------------------


def _batches(waiting: Sequence[Due]) -> Iterable[list[Due]]:
    """Those of one profile together, as many as one query asks for; those of plain git one by one."""
    open_batches: dict[str, list[Due]] = defaultdict(list)
    for each in waiting:
        batch = open_batches[each.source.host]
        batch.append(each)
        if len(batch) == BATCH or not each.source.path:
            yield open_batches.pop(each.source.host)
    yield from open_batches.values()


def _read_batch(batch: Sequence[Due], now: datetime) -> bool:
    """Read and store these projects, all of one host; False when that host should be left alone for a while."""
    try:
        answers = _ask(batch, now)
        for each in batch:
            _store(each, answers[each.source], now)
    except Exception:
        # A fault of Horizon's own in one project must not stop the others; it is reported with its traceback.
        logger.exception("the properties of %s could not be read", ", ".join(str(each.project) for each in batch))
        return False
    return not any(isinstance(answer, StageUnreadable) and answer.trouble in OF_THE_HOST for answer in answers.values())


def _ask(batch: Sequence[Due], now: datetime) -> dict[Source, Answer]:
    sources = list(dict.fromkeys(each.source for each in batch))
    profile = sources[0].profile if sources else None
    try:
        reader = reader_of(profile)
    except StageUnreadable as trouble:
        return dict.fromkeys(sources, trouble)
    if profile and isinstance(reader, GitHubReader):
        return _ask_github(reader, profile, sources, now)
    if isinstance(reader, GitReader):
        return {source: _ask_git(reader, source) for source in sources}
    return dict.fromkeys(sources, StageUnreadable(Trouble.MISCONFIGURED, "This profile opens no git repository."))


def _ask_github(
    reader: GitHubReader, profile: Profile, sources: Sequence[Source], now: datetime
) -> dict[Source, Answer]:
    names = {source: _names(source) for source in sources}
    found = reader.files_of(dict.fromkeys(names.values(), PATHS))
    budgets.remember(profile, reader.budget, now)
    answers = {source: _answer(found[pair]) for source, pair in names.items()}
    for answer in answers.values():
        if isinstance(answer, StageUnreadable) and answer.trouble is Trouble.LIMITED:
            budgets.pause(profile, answer, now)
    return answers


def _names(source: Source) -> tuple[str, str]:
    owner, _, name = source.path.partition("/")
    return owner, name


def _ask_git(reader: GitReader, source: Source) -> Answer:
    try:
        return _answer(reader.files(source.remote, source.tip, PATHS))
    except StageUnreadable as trouble:
        return trouble


def _answer(files: Files | StageUnreadable) -> Answer:
    return files if isinstance(files, StageUnreadable) else properties_of(files)


# --- storing ----------------------------------------------------------------------------------------------------


def _store(each: Due, answer: Answer, now: datetime) -> None:
    """Write what changed, and when it was read. A limit is no property: the project is read when it ends."""
    if isinstance(answer, StageUnreadable):
        if answer.trouble is Trouble.LIMITED:
            return
        values: dict[str, object] = {"error": answer.message}
    else:
        values = {
            "error": "",
            "read_sha": each.source.tip,
            "ci_provider": answer.ci_provider,
            "renovate": answer.renovate,
            "orbs": list(answer.orbs),
            "runtimes": dict(answer.runtimes),
        }
    changed = {name: value for name, value in values.items() if getattr(each.stored, name, None) != value}
    ProjectProperties.objects.update_or_create(project=each.project, defaults=changed | {"read_at": now})
    if changed.keys() - {"read_sha"}:
        live.announce([each.project.pk])
