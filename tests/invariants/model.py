"""What must hold of a release at every moment, computed from the server's own log and not from Horizon's rows."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from blocks.models import DeployBlock
from releases.models import Attempt, DeployStrategy, Release
from tests.releases.world import BOT, World


@dataclass(frozen=True)
class Merge:
    """A merge that took effect on the server through the API."""

    number: int
    head: str
    at: datetime


@dataclass
class Before:
    """How things stood when a pass of the engine began."""

    at: datetime
    blocked: bool
    automatic: bool
    merge_after: int | None
    merges: int
    checks: dict[str, dict[str, str]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    drafts: frozenset[int] = frozenset()


def acted(world: World, kind: str) -> list[int]:
    """The numbers of pull requests on which the server saw Horizon act so."""
    name = world.repo.full_name.lower()
    acts = [act for act in world.github.acts if act.repository.lower() == name and act.kind == kind]
    assert {act.actor for act in acts} <= {BOT}
    return [int(str(act.data["number"])) for act in acts]


def merges(world: World) -> list[Merge]:
    name = world.repo.full_name.lower()
    return [
        Merge(int(str(act.data["number"])), str(act.data["head"]), act.at)
        for act in world.github.acts
        if act.repository.lower() == name and act.kind == "pull-request.merged"
    ]


def recorded(world: World, kind: str) -> list[int]:
    """The numbers of pull requests of which history tells so."""
    from audit.models import AuditEvent

    events = AuditEvent.objects.filter(project_id=world.project.pk, kind=kind).order_by("id")
    return [event.data["pull_request"]["number"] for event in events]


def check_history(world: World, *, settled: bool) -> None:
    """Each act has exactly one event and each event its act; until it is settled, the last act may lack its event."""
    for act, event, attempt in (
        ("pull-request.opened", "pull-request.opened", Attempt.Act.OPEN),
        ("pull-request.merged", "release.merged", Attempt.Act.MERGE),
    ):
        done, told = acted(world, act), recorded(world, event)
        under_way = Attempt.objects.filter(release__strategy=world.strategy, act=attempt, finished_at=None).count()
        assert len(set(told)) == len(told), f"{event} was told twice: {told}"
        assert set(told) <= set(done), f"{event} was told of {told}, done was {done}"
        missing = len(done) - len(told)
        assert missing <= (0 if settled else under_way), f"{act}: done {done}, told {told}, under way {under_way}"


def check_rows(world: World) -> None:
    """At most one unfinished release; a merge that is asked for has its attempt."""
    unfinished = Release.objects.filter(strategy=world.strategy, state__in=Release.UNFINISHED)
    assert unfinished.count() <= 1
    for release in unfinished.filter(state=Release.State.MERGING):
        assert release.attempts.filter(act=Attempt.Act.MERGE, finished_at=None).count() == 1
    open_pulls = [
        pull
        for pull in world.repo.pulls.all.values()
        if pull.state == "open" and (pull.head_ref, pull.base_ref) == ("staging", "release")
    ]
    assert len(open_pulls) <= 1


def check_merge(world: World, merge: Merge, before: Before) -> None:
    """A merge that happened in a pass: allowed by everything that was true when the pass began."""
    pull = world.repo.pull(merge.number)
    assert not before.blocked, "merged although somebody had said no"
    assert before.automatic
    assert before.merge_after is not None
    assert merge.at >= pull.created_at + timedelta(seconds=before.merge_after), "merged before its age"
    assert merge.number not in before.drafts
    states = before.checks.get(merge.head, {})
    counting = {name: state for name, state in states.items() if not before.required or name in before.required}
    assert before.required <= set(counting), "merged without a required check"
    assert set(counting.values()) <= {"success", "neutral", "skipped"}, f"merged with {counting}"


def is_blocked(world: World, at: datetime) -> bool:
    return DeployBlock.objects.unresolved(at).covering(world.project).exists()


def plan_of(world: World) -> DeployStrategy:
    return DeployStrategy.objects.get(pk=world.strategy.pk)
