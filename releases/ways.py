"""What the page of the way back shows: what runs now, what ran before, and how to go back to it.

From rows alone; only `images` asks a registry, when a person wants it.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from projects.models import Project, Stage, StageHead
from projects.registry import Image
from projects.sources import images_of
from releases import at_time, facts, production
from releases.at_time import Earlier
from releases.models import DeployStrategy, GoingBack, Release, Repair
from releases.production import Place

SHOWN = 8
KEPT = 100  # releases among which what ran before is looked up


@dataclass(frozen=True, slots=True)
class Command:
    """What to type, and what it does."""

    title: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Step:
    """One earlier state, and the commands that lead there."""

    earlier: Earlier
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class OldImage:
    """An image that ran before, the tag of its last promotion, and the commands that run it again."""

    image: Image
    label: str
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class WayBack:
    """Everything that the page shows of a project. `stage` is None where it has none."""

    stage: Stage | None
    head: StageHead | None
    running: Release | None
    steps: list[Step]
    releases: list[Release]
    repairs: list[Repair]
    blocks: list[GoingBack]


def way_back(project: Project, now: datetime) -> WayBack:
    """Eight queries, whatever happened."""
    strategies = facts.strategies_of([project])
    place, stages = _place(project, strategies)
    stage = place.stage if place else (stages[-1] if stages else None)
    head: StageHead | None = getattr(stage, "head", None) if stage else None
    sha = head.sha if head else ""
    merged = _merged(strategies)
    earlier = at_time.earlier_of(stage, sha, merged, SHOWN) if stage else []
    return WayBack(
        stage=stage,
        head=head,
        running=at_time.by_sha(merged).get(sha),
        steps=[Step(each, _commands(stage, each.sha)) for each in earlier] if stage else [],
        # What went back is not gone back behind by a revert.
        releases=[release for release in merged if release.kind != Release.Kind.ROLLBACK][:SHOWN],
        repairs=_repairs(strategies),
        blocks=_blocks(strategies, now),
    )


def _place(project: Project, strategies: Sequence[DeployStrategy]) -> tuple[Place | None, list[Stage]]:
    if not strategies:
        return None, list(Stage.objects.filter(project=project).select_related("head").order_by("position"))
    stages = production.stages_of(strategies)[project.pk]
    served = {strategy.stage_id for strategy in strategies}
    return production.place_of(strategies[-1], stages, served), stages


def registry_stage(project: Project) -> Stage | None:
    """The stage that shows what runs, where a container registry tells it: two queries."""
    place, stages = _place(project, facts.strategies_of([project]))
    stage = place.stage if place else (stages[-1] if stages else None)
    return stage if stage is not None and stage.hokusai else None


def images(stage: Stage) -> list[OldImage]:
    """What the registry has that ran before, the last first: it is asked now. Raises StageUnreadable."""
    return [
        OldImage(
            image,
            image.promotion(stage.hokusai) or "",
            _commands(stage, image.sha or image.promotion(stage.hokusai) or image.tags[0]),
        )
        for image in images_of(stage, SHOWN + 1)
        if stage.hokusai not in image.tags
    ][:SHOWN]


def _commands(stage: Stage, tag: str) -> tuple[Command, ...]:
    if not stage.hokusai:
        return ()
    deploy = f"hokusai {shlex.quote(stage.hokusai)} deploy {shlex.quote(tag)}"
    return (
        Command("Run this image again", (deploy,)),
        Command("The same, with the configuration of that time (Ingress and the like)", (f"{deploy} --update-config",)),
    )


def by_hand(release: Release) -> Command:
    """A revert that anybody can make with git, also of what no pull request brought."""
    base, branch = release.strategy.base, f"revert-{release.number or release.head_sha[:7]}"
    merge = release.merge_sha or release.head_sha
    if release.number and not release.squashed:
        revert = f"git revert --no-edit -m 1 {merge}"
    elif release.base_sha:
        revert = f"git revert --no-edit {release.base_sha}..{merge}"
    else:
        revert = f"git revert --no-edit {merge}"
    lines = (
        "git fetch origin",
        f"git switch -c {shlex.quote(branch)} {shlex.quote(f'origin/{base}')}",
        revert,
        f"git push -u origin {shlex.quote(branch)}",
    )
    return Command(f"Revert it by hand, then open a pull request to {base}", lines)


def _merged(strategies: Sequence[DeployStrategy]) -> list[Release]:
    """The newest releases, newest first."""
    rows = Release.objects.filter(strategy__in=strategies, state=Release.State.MERGED).defer("commits")
    return list(rows.order_by("-merged_at", "-pk")[:KEPT])


def _repairs(strategies: Sequence[DeployStrategy]) -> list[Repair]:
    rows = Repair.objects.filter(strategy__in=strategies, kind=Repair.Kind.REVERT)
    return list(rows.select_related("release").order_by("-asked_at")[:3])


def _blocks(strategies: Sequence[DeployStrategy], now: datetime) -> list[GoingBack]:
    rows = GoingBack.objects.filter(Q(block__resolved_at=None) | Q(block__resolved_at__gt=now), strategy__in=strategies)
    return list(rows.select_related("block", "strategy", "release").order_by("-block__created_at"))
