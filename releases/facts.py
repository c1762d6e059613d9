"""The facts of releases: asked of GitHub in batches and kept; and made of the rows that were kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, QuerySet, prefetch_related_objects

from blocks.models import DeployBlock
from blocks.queries import unresolved_blocks
from projects import budgets
from projects.github_pulls import GitHub, ReleaseQuestion, ReleaseState
from projects.models import Profile, ProfileBudget, Project, Repository
from projects.reading import StageUnreadable, Trouble
from projects.remotes import UnsafeRemote, parse_remote, repository_of
from releases.models import DeployStrategy, Release, StrategyReading
from releases.readings import reading_of, stored_reading, to_json
from releases.situation import Action, Block, Facts, Plan, Refusal

Answer = ReleaseState | StageUnreadable

LEAST_STALE = timedelta(seconds=30)
MOST_STALE = timedelta(minutes=10)


def strategies_with_all() -> QuerySet[DeployStrategy]:
    """Strategies of active projects with everything that their facts need of other tables."""
    return DeployStrategy.objects.filter(stage__project__archived_at=None).select_related(
        "stage__project__organization", "stage__profile__budget", "profile__budget", "reading"
    )


def strategies_of(projects: Iterable[Project]) -> list[DeployStrategy]:
    """The same of these projects, in order of promotion: two queries, and one object for each project and profile.

    A page of 1,000 projects would spend most of its time on copies of them.
    """
    by_id = {project.pk: project for project in projects}
    prefetch_related_objects(list(by_id.values()), "organization")  # where they came without it
    rows = DeployStrategy.objects.filter(stage__project__in=list(by_id), stage__project__archived_at=None)
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


def read(strategies: Iterable[DeployStrategy], now: datetime) -> None:
    """Ask GitHub how these releases stand, one batch for each profile, and keep what it says.

    `now` is a moment before the first question, so that facts are never taken for younger than they are.
    """
    by_profile: dict[Profile, dict[ReleaseQuestion, list[DeployStrategy]]] = {}
    troubled: list[tuple[DeployStrategy, Answer]] = []
    for strategy in strategies:
        if not strategy.automatic or _paused(strategy, now):
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
            row.error, row.retry_at, row.read_at, row.facts = "", None, now, to_json(reading_of(answer))
            good.append(row)
        strategy.reading = row
    _store(troubled, ["tried_at", "error", "retry_at"])
    _store(good, ["tried_at", "error", "retry_at", "read_at", "facts"])


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

    The strategies come from `strategies_with_all` or `strategies_of`.
    """
    strategies = list(strategies)
    projects = {strategy.stage.project.pk: strategy.stage.project for strategy in strategies}
    blocks = unresolved_blocks(projects.values(), now) if known_blocks is None else known_blocks
    unfinished: dict[int, Release] = {}
    finished: dict[int, Release] = {}
    for release in _unfinished_releases(strategies).union(_newest_finished_releases(strategies), all=True):
        (unfinished if release.state in Release.UNFINISHED else finished)[release.strategy_id] = release
    merging = _merges_unconfirmed({project.organization_id for project in projects.values()})
    return {
        strategy.pk: _facts(
            strategy,
            now,
            unfinished=unfinished.get(strategy.pk),
            finished=finished.get(strategy.pk),
            blocks=blocks[strategy.stage.project_id],
            merging=merging.get(strategy.stage.project.organization_id, 0),
        )
        for strategy in strategies
    }


def _unfinished_releases(strategies: Sequence[DeployStrategy]) -> QuerySet[Release]:
    return Release.objects.filter(strategy__in=strategies, state__in=Release.UNFINISHED)


def _newest_finished_releases(strategies: Sequence[DeployStrategy]) -> QuerySet[Release]:
    finished = Release.objects.filter(strategy__in=strategies).exclude(state__in=Release.UNFINISHED)
    return finished.order_by("strategy_id", "-id").distinct("strategy_id")


def _merges_unconfirmed(organization_ids: set[int]) -> dict[int, int]:
    merging = Release.objects.filter(
        state=Release.State.MERGING, strategy__stage__project__organization__in=organization_ids
    )
    counts = merging.order_by().values_list("strategy__stage__project__organization").annotate(Count("pk"))
    return dict(counts)


def _facts(
    strategy: DeployStrategy,
    now: datetime,
    *,
    unfinished: Release | None,
    finished: Release | None,
    blocks: list[DeployBlock],
    merging: int,
) -> Facts:
    row: StrategyReading | None = getattr(strategy, "reading", None)
    error, retry_at = _trouble(strategy, row, now)
    is_merging = unfinished is not None and unfinished.state == Release.State.MERGING
    return Facts(
        now=now,
        plan=plan_of(strategy),
        reading=stored_reading(strategy),
        read_at=row.read_at if row is not None else None,
        stale_after=stale_after(settings.POLL_INTERVAL),
        error=error,
        retry_at=retry_at,
        blocks=tuple(_block(block, strategy.stage.project) for block in blocks),
        opened_at=unfinished.opened_at if unfinished else None,
        asked_at=unfinished.asked_at if unfinished and is_merging else None,
        closed=_closed(finished),
        refusal=_refusal(unfinished),
        merges_unconfirmed=merging - is_merging,
        merges_at_once=settings.MERGES_AT_ONCE,
    )


def stale_after(poll: timedelta) -> timedelta:
    """The age from which facts are not acted on: two polls, at least 30 seconds, at most 10 minutes."""
    return min(max(2 * poll, LEAST_STALE), MOST_STALE)


def plan_of(strategy: DeployStrategy) -> Plan:
    return Plan(
        automatic=strategy.automatic,
        base=strategy.base,
        head=strategy.head,
        merge_after=strategy.merge_after,
        merge_prior_warning=strategy.merge_prior_warning,
        merge_method=strategy.merge_method,
        required_checks=tuple(strategy.required_checks),
        slack_targets=bool(strategy.slack_webhook_urls) + len(strategy.slack_channels),
        zone=strategy.time_zone,
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
    return Block(block.created_by, block.description, block.resolved_at, covers.get(block.scope, ""))


def _closed(release: Release | None) -> tuple[int, str] | None:
    if release is None or release.state != Release.State.CLOSED or release.number is None:
        return None
    return release.number, release.head_sha


def _refusal(release: Release | None) -> Refusal | None:
    if release is None or not release.refused_act or release.retry_at is None:
        return None
    return Refusal(Action(release.refused_act), release.refused_sha, release.refused_words, release.retry_at)
