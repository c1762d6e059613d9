"""The facts of releases: asked of GitHub in batches and kept; and made of the rows that were kept."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet, prefetch_related_objects
from django.db.models.expressions import Combinable

from blocks.models import DeployBlock
from blocks.queries import unresolved_blocks
from projects import budgets
from projects.github_pulls import GitHub, ReleaseQuestion, ReleaseState
from projects.models import Profile, ProfileBudget, Project, Repository
from projects.reading import StageUnreadable, Trouble
from projects.remotes import UnsafeRemote, parse_remote, repository_of
from releases import facts_rows, order
from releases.calendar import Rules
from releases.closed_rules import of_strategy
from releases.facts_rows import ReleaseRow, Releases
from releases.models import DeployStrategy, Release, StrategyReading
from releases.readings import reading_of, stored_reading, to_json
from releases.situation import Block, Facts, Plan, Reading

Answer = ReleaseState | StageUnreadable

LEAST_STALE = timedelta(seconds=30)
MOST_STALE = timedelta(minutes=10)


def strategies_with_all() -> QuerySet[DeployStrategy]:
    """Strategies of active projects with everything that their facts need of other tables."""
    active = DeployStrategy.objects.filter(stage__project__archived_at=None)
    return facts_rows.with_what_is_followed(active).select_related(
        "stage__project__organization", "stage__profile__budget", "profile__budget", "reading"
    )


def strategies_of(projects: Iterable[Project], **more: Combinable) -> list[DeployStrategy]:
    """The same of these projects, in order of promotion: two queries, and one object for each project and profile.

    A page of 1,000 projects would spend most of its time on copies of them. `more` are annotations that it wants.
    """
    by_id = {project.pk: project for project in projects}
    prefetch_related_objects(list(by_id.values()), "organization")  # where they came without it
    rows = DeployStrategy.objects.filter(stage__project__in=list(by_id), stage__project__archived_at=None)
    rows = facts_rows.with_interventions(rows).annotate(**more)
    strategies = list(rows.select_related("stage", "reading").order_by("stage__position", "pk"))
    wanted = {pk for each in strategies for pk in (each.profile_id, each.stage.profile_id) if pk is not None}
    profiles = Profile.objects.select_related("budget").in_bulk(wanted) if wanted else {}
    for strategy in strategies:
        strategy.stage.project = by_id[strategy.stage.project_id]
        strategy.stage.profile = profiles[strategy.stage.profile_id] if strategy.stage.profile_id else None
        strategy.profile = profiles[strategy.profile_id] if strategy.profile_id else None
    return strategies


def profile_of(strategy: DeployStrategy) -> Profile | None:
    """The strategy's profile, else its stage's."""
    return strategy.profile or strategy.stage.profile


def repository_of_strategy(strategy: DeployStrategy) -> tuple[str, str]:
    """Owner and name: the strategy's own, else those of its stage's remote.

    Raises StageUnreadable(MISCONFIGURED).
    """
    if strategy.repository:
        owner, slash, name = strategy.repository.strip("/").removesuffix(".git").partition("/")
        return (owner, name) if slash else (strategy.stage.project.organization.name, owner)
    if not strategy.stage.git_remote:
        raise _misconfigured("Give the strategy its repository (owner/name): its stage has no git remote.")
    try:
        return repository_of(parse_remote(strategy.stage.git_remote, insecure_hosts=settings.INSECURE_HOSTS))
    except UnsafeRemote as error:
        raise _misconfigured(str(error)) from None


def github_profile(strategy: DeployStrategy) -> Profile:
    """The GitHub profile of a strategy. Raises StageUnreadable(MISCONFIGURED) where there is none."""
    profile = profile_of(strategy)
    if profile is None or not profile.is_github:
        raise _misconfigured("Releasing needs a GitHub token or App: choose such a profile for the strategy.")
    return profile


def _misconfigured(message: str) -> StageUnreadable:
    return StageUnreadable(Trouble.MISCONFIGURED, message)


# --- asking GitHub ------------------------------------------------------------------------------------------------


def read(strategies: Iterable[DeployStrategy], now: datetime, *, asked: bool = False) -> None:
    """Ask GitHub how these releases stand, one batch for each profile, and keep what it says.

    `now` is a moment before the first question, so that facts are never taken for younger than they are. `asked`: a
    person wants to see them, so that those are read as well that people release.
    """
    by_profile: dict[Profile, dict[ReleaseQuestion, list[DeployStrategy]]] = {}
    troubled: list[tuple[DeployStrategy, Answer]] = []
    for strategy in strategies:
        if not (asked or facts_rows.is_followed(strategy)) or _paused(strategy, now):
            continue
        try:
            profile = github_profile(strategy)
            owner, name = repository_of_strategy(strategy)
        except StageUnreadable as error:
            troubled.append((strategy, error))
            continue
        question = ReleaseQuestion(owner, name, strategy.base, strategy.head)
        by_profile.setdefault(profile, {}).setdefault(question, []).append(strategy)
    _keep(troubled, now)
    for profile, questions in by_profile.items():
        answers = _ask(profile, list(questions), now)
        _keep([(strategy, answers[question]) for question, asked in questions.items() for strategy in asked], now)


def _ask(profile: Profile, questions: list[ReleaseQuestion], now: datetime) -> dict[ReleaseQuestion, Answer]:
    """Answers of one profile's host; a limit pauses the profile, for polls as well."""
    # The host's ids of repositories that were seen before: they lead to one that was renamed.
    paths = {f"{question.owner}/{question.name}".lower() for question in questions}
    seen = Repository.objects.filter(api_url=profile.api_url, path__in=paths)
    try:
        answers = GitHub(profile).release_states(questions, dict(seen.values_list("path", "host_id")))
    except StageUnreadable as error:
        answers = dict.fromkeys(questions, error)
    for answer in answers.values():
        if isinstance(answer, StageUnreadable) and answer.trouble is Trouble.LIMITED:
            budgets.pause(profile, answer, now)
            break
    return answers


def _paused(strategy: DeployStrategy, at: datetime) -> bool:
    budget = _budget(strategy)
    return budget is not None and budget.pauses(at)


def _budget(strategy: DeployStrategy) -> ProfileBudget | None:
    return getattr(profile_of(strategy), "budget", None)


def _keep(answers: Sequence[tuple[DeployStrategy, Answer]], now: datetime) -> None:
    """Store answers, all at once; a trouble leaves the last good reading where it was."""
    good, troubled = [], []
    for strategy, answer in answers:
        row: StrategyReading = getattr(strategy, "reading", None) or StrategyReading(strategy=strategy)
        row.tried_at = now
        if isinstance(answer, StageUnreadable):
            row.error, row.retry_at = answer.message, answer.retry_at
            troubled.append(row)
        else:
            row.head_since = _head_since(strategy, row, answer, now)
            row.error, row.retry_at, row.read_at, row.facts = "", None, now, to_json(reading_of(answer))
            good.append(row)
        strategy.reading = row
    _store(troubled, ["tried_at", "error", "retry_at"])
    _store(good, ["tried_at", "error", "retry_at", "read_at", "head_since", "facts"])


def _head_since(strategy: DeployStrategy, row: StrategyReading, state: ReleaseState, now: datetime) -> datetime | None:
    """When head was first seen at its commit; at the first look, when that commit was made, if that can be true."""
    before = row.facts.get("head_sha") if row.facts else None
    if state.head_sha is None or (state.head_sha == before and row.head_since is not None):
        return row.head_since
    if row.head_since is None and state.head_date is not None:
        return min(state.head_date, now)
    return now


def _store(rows: list[StrategyReading], fields: list[str]) -> None:
    rows.sort(key=lambda row: row.strategy_id)  # two engines that locked them in different orders would wait for ever
    StrategyReading.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["strategy"], update_fields=fields, batch_size=500
    )


# --- rows to facts ------------------------------------------------------------------------------------------------


def facts_of(
    strategies: Iterable[DeployStrategy], now: datetime, known_blocks: dict[int, list[DeployBlock]] | None = None
) -> dict[int, Facts]:
    """The facts of each strategy, by its id, in three queries; two where the caller knows the blocks of now.

    The strategies come from `strategies_with_all` or `strategies_of`. Where one is ready to be merged, it takes three
    more where releases of the organization are older that are not among them.
    """
    strategies = list(strategies)
    calendars = facts_rows.calendars_of({each.stage.project.organization_id for each in strategies}, now)
    alone = _alone(strategies, now, calendars, known_blocks)
    organization_of = {each.pk: each.stage.project.organization_id for each in strategies}
    return order.with_order(alone, organization_of, lambda ids: facts_alone(ids, now, calendars))


def facts_alone(
    strategy_ids: Collection[int], now: datetime, calendars: Mapping[int, Rules] | None = None
) -> dict[int, Facts]:
    """The same of active strategies by their ids, but for what other releases of the organization do."""
    strategies = list(strategies_with_all().filter(pk__in=strategy_ids))
    if calendars is None:
        calendars = facts_rows.calendars_of({each.stage.project.organization_id for each in strategies}, now)
    return _alone(strategies, now, calendars)


def _alone(
    strategies: Sequence[DeployStrategy],
    now: datetime,
    calendars: Mapping[int, Rules],
    known_blocks: dict[int, list[DeployBlock]] | None = None,
) -> dict[int, Facts]:
    projects = {strategy.stage.project.pk: strategy.stage.project for strategy in strategies}
    blocks = unresolved_blocks(projects.values(), now) if known_blocks is None else known_blocks
    releases = facts_rows.releases_of(strategies)
    return {
        strategy.pk: _facts(
            strategy,
            now,
            releases=releases[strategy.pk],
            calendar=calendars[strategy.stage.project.organization_id],
            blocks=blocks[strategy.stage.project_id],
        )
        for strategy in strategies
    }


def _facts(
    strategy: DeployStrategy,
    now: datetime,
    *,
    releases: Releases,
    calendar: Rules,
    blocks: list[DeployBlock],
) -> Facts:
    row: StrategyReading | None = getattr(strategy, "reading", None)
    error, retry_at = _trouble(strategy, row, now)
    reading, said, mine = stored_reading(strategy), facts_rows.said_to(strategy), releases.unfinished
    state = mine.state if mine is not None else None
    return Facts(
        now=now,
        plan=plan_of(strategy, calendar),
        reading=reading,
        read_at=row.read_at if row is not None else None,
        stale_after=stale_after(settings.POLL_INTERVAL),
        error=error,
        retry_at=retry_at,
        blocks=tuple(_block(block, strategy.stage.project) for block in blocks),
        opened_at=mine.opened_at if mine else None,
        asked_at=mine.asked_at if mine and state == Release.State.MERGING else None,
        closed=facts_rows.closed_of(releases.closed_since),
        retargeted=releases.closed is not None and releases.closed.closing == Release.Closing.RETARGETED,
        refusal=facts_rows.refusal_of(mine),
        queued_at=mine.queued_at if mine and state == Release.State.QUEUED else None,
        head_since=row.head_since if row is not None else None,
        assign_tried=_assign_tried(mine, reading),
        notice=facts_rows.notice_of(mine),
        release_now=said.release_now,
        postponed=said.postponed,
        skipped=said.skipped,
        squashed=facts_rows.squashed_of(strategy, releases.merged, reading),
        merges_at_once=settings.MERGES_AT_ONCE,
    )


def _assign_tried(release: ReleaseRow | None, reading: Reading | None) -> bool:
    pull = reading.pull_request if reading is not None else None
    return release is not None and pull is not None and release.assigned_sha == pull.head_sha


def stale_after(poll: timedelta) -> timedelta:
    """The age from which facts are not acted on: two polls, at least 30 seconds, at most 10 minutes."""
    return min(max(2 * poll, LEAST_STALE), MOST_STALE)


def plan_of(strategy: DeployStrategy, calendar: Rules) -> Plan:
    return Plan(
        automatic=strategy.automatic,
        base=strategy.base,
        head=strategy.head,
        merge_after=strategy.merge_after,
        merge_prior_warning=strategy.merge_prior_warning,
        merge_method=strategy.merge_method,
        required_checks=tuple(strategy.required_checks),
        slack_targets=bool(strategy.slack_webhook_urls) + len(strategy.slack_channels),
        closed=of_strategy(strategy, calendar),
        zone=strategy.time_zone,
        min_commit_age=strategy.min_commit_age,
        max_wait=strategy.max_wait,
        commit_status=strategy.commit_status,
    )


def _trouble(strategy: DeployStrategy, row: StrategyReading | None, now: datetime) -> tuple[str, datetime | None]:
    budget = _budget(strategy)
    if budget is not None and budget.pauses(now):
        return budget.pause_reason or "A limit of GitHub was reached.", budget.paused_until
    return (row.error, row.retry_at) if row is not None else ("", None)


def _block(block: DeployBlock, project: Project) -> Block:
    covers = {
        DeployBlock.Scope.ORGANIZATION.value: f"all of {project.organization.name}",
        DeployBlock.Scope.TAG.value: f"all projects with the tag {block.tag}",
    }
    return Block(
        block.created_by,
        block.description,
        block.resolved_at,
        covers.get(block.scope, ""),
        block.pk,
        block.updated_at,
    )
