"""Where a strategy's releases go: which stage is its base, and which one shows that production runs a release."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from projects.models import Profile, Stage
from projects.reading import StageUnreadable, Where
from projects.remotes import git_host_of_api
from projects.repositories import path_of
from releases.facts import github_profile, repository_of_strategy
from releases.models import DeployStrategy, Release


@dataclass(frozen=True, slots=True)
class Place:
    """The stage that shows whether a release is live. `elsewhere`: it is read from a registry, a tag, another branch or
    another remote than the base, so that merged is not yet live; else the base itself is what runs."""

    stage: Stage
    elsewhere: bool


def stages_of(strategies: Iterable[DeployStrategy]) -> dict[int, list[Stage]]:
    """The stages of these strategies' projects in order, with their heads and polls, by project: one query."""
    projects = {strategy.stage.project_id for strategy in strategies}
    found: dict[int, list[Stage]] = {project: [] for project in projects}
    rows = Stage.objects.filter(project__in=projects).select_related("head", "project__poll")
    for stage in rows.order_by("project_id", "position"):
        found[stage.project_id].append(stage)
    return found


def base_stage(strategy: DeployStrategy, stages: Sequence[Stage]) -> Stage | None:
    """The stage that is the strategy's base branch; its own where it is."""
    return next((stage for stage in [strategy.stage, *stages] if is_base(strategy, stage)), None)


def is_base(strategy: DeployStrategy, stage: Stage) -> bool:
    if stage.where is not Where.BRANCH or stage.branch != strategy.base:
        return False
    try:
        return path_of(stage.git_remote) == "/".join(repository_of_strategy(strategy)).lower()
    except StageUnreadable:
        return False


def place_of(strategy: DeployStrategy, stages: Sequence[Stage], served: Collection[int]) -> Place | None:
    """Where this strategy's releases are seen live; `served` are the stages that have strategies.

    Its own stage, where that is not the base. Where it is, a later stage of a registry or another remote that has no
    strategy of its own, the last such; else the base.
    """
    own = next((stage for stage in stages if stage.pk == strategy.stage_id), None)
    if own is None:
        return None
    if not is_base(strategy, own):
        return Place(own, elsewhere=True)
    found = Place(own, elsewhere=False)
    for stage in stages:
        if stage.position <= own.position:
            continue
        if stage.pk in served:
            break
        if stage.hokusai or path_of(stage.git_remote) != path_of(own.git_remote):
            found = Place(stage, elsewhere=True)
    return found


def places_of(strategies: Iterable[DeployStrategy], stages: dict[int, list[Stage]]) -> dict[int, Place]:
    """The place of each strategy, by its id: one query."""
    strategies = list(strategies)
    served = set(
        DeployStrategy.objects.filter(stage__project__in=list(stages)).order_by().values_list("stage", flat=True)
    )
    places = {strategy.pk: place_of(strategy, stages[strategy.stage.project_id], served) for strategy in strategies}
    return {pk: place for pk, place in places.items() if place is not None}


def remote_of(strategy: DeployStrategy) -> tuple[Profile, str]:
    """The GitHub profile of a strategy, and its repository's address there. Raises StageUnreadable."""
    profile = github_profile(strategy)
    return profile, f"https://{git_host_of_api(profile.api_url)}/{'/'.join(repository_of_strategy(strategy))}.git"


def names_of(release: Release, merged: Iterable[Release]) -> set[str]:
    """The commits that say that a stage runs exactly this release. One that went back to an earlier release bears the
    names of that one, too: the base stands at its merge, and the image was built from its head."""
    names = {release.head_sha, release.merge_sha} - {""}
    if release.kind == Release.Kind.ROLLBACK:
        for earlier in merged:
            own = {earlier.head_sha, earlier.merge_sha} - {""}
            if earlier.kind != Release.Kind.ROLLBACK and own & names:
                return names | own
    return names
