"""The servers' logs and Horizon's rows and history agree: every act has exactly one event, and every event its act."""

from collections import Counter
from dataclasses import dataclass, field

from audit.models import AuditEvent
from releases.models import Attempt, Note, Release, Repair
from tests.invariants.model import acts
from tests.releases.world import World
from tests.servers.github.model import Act
from tests.servers.slack import Act as SlackAct


def check_rows(world: World) -> None:
    """At most one unfinished release, and one open pull request; a merge that is asked for has its attempt."""
    unfinished = Release.objects.filter(strategy=world.strategy, state__in=Release.UNFINISHED)
    assert unfinished.count() <= 1
    for release in unfinished.filter(state=Release.State.MERGING):
        assert release.attempts.filter(act=Attempt.Act.MERGE, finished_at=None).count() == 1
    pulls = [pull for pull in world.repo.pulls.all.values() if pull.state == "open"]
    assert len([pull for pull in pulls if (pull.head_ref, pull.base_ref) == ("staging", "release")]) <= 1


# The event that tells of each kind of act, and the attempts that may still owe it.
TOLD: dict[str, tuple[tuple[str, ...], tuple[Attempt.Act, ...]]] = {
    "pull-request.opened": (("pull-request.opened", "repair.opened"), (Attempt.Act.OPEN,)),
    "pull-request.merged": (("release.merged",), (Attempt.Act.MERGE,)),
    "pull-request.enqueued": (("pull-request.enqueued",), (Attempt.Act.MERGE,)),
    "pull-request.dequeued": (("pull-request.dequeued",), (Attempt.Act.DEQUEUE,)),
    "pull-request.assigned": (("pull-request.assigned",), (Attempt.Act.ASSIGN,)),
    "pull-request.edited": (("pull-request.edited",), (Attempt.Act.EDIT,)),
    "pull-request.commented": (("pull-request.commented",), ()),
    "status.created": (("status.set",), (Attempt.Act.STATUS,)),
    "branch.created": (("branch.restored",), (Attempt.Act.RESTORE,)),
}


@dataclass
class Forgiven:
    """Acts whose answer was lost, and of which people wiped out every trace before Horizon could look: by kind."""

    acts: Counter[str] = field(default_factory=Counter)
    by_the_queue: list[int] = field(default_factory=list)  # what GitHub merged because Horizon had enqueued it

    def note(self, world: World) -> None:
        """To be called before somebody wipes out traces."""
        told = told_of(world)
        for kind in ("pull-request.enqueued", "pull-request.dequeued", "pull-request.edited", "branch.created"):
            missing = done_of(world, kind, self) - told[kind]
            self.acts[kind] = max(self.acts[kind], missing.total())


def done_of(world: World, kind: str, forgiven: Forgiven) -> Counter[object]:
    """How often Horizon did that, by the number of the pull request, or by what it was done to."""
    done = Counter(_subject(act) for act in acts(world, kind))
    return done + Counter(forgiven.by_the_queue) if kind == "pull-request.merged" else done


def _subject(act: Act) -> object:
    if act.kind == "status.created":
        return act.data["sha"]
    return "staging" if act.kind == "branch.created" else int(str(act.data["number"]))


def told_of(world: World) -> dict[str, Counter[object]]:
    """How often history tells so, by the kind of act."""
    told: dict[str, Counter[object]] = {kind: Counter() for kind in TOLD}
    acts_by_event = {event: kind for kind, (events, _) in TOLD.items() for event in events}
    events = AuditEvent.objects.filter(project_id=world.project.pk, kind__in=acts_by_event)
    for event, data in events.values_list("kind", "data"):
        kind = acts_by_event[event]
        told[kind][
            data["sha"] if kind == "status.created" else data.get("branch") or data["pull_request"]["number"]
        ] += 1
    return told


def owed(world: World, kind: str) -> int:
    """How many acts of this kind are under way: sent perhaps, and not told yet."""
    under_way = Attempt.objects.filter(
        release__strategy=world.strategy, act__in=TOLD[kind][1], finished_at=None
    ).count()
    match kind:
        case "pull-request.opened":
            repairs = Repair.objects.filter(strategy=world.strategy, state=Repair.State.ASKED, retry_at__isnull=False)
            return under_way + repairs.count()
        case "pull-request.merged":
            return under_way + Release.objects.filter(strategy=world.strategy, state=Release.State.QUEUED).count()
        case "pull-request.commented":
            notes = Note.objects.filter(release__strategy=world.strategy, posted_at=None, tried_at__isnull=False)
            return notes.count()
    return under_way


def check_history(world: World, forgiven: Forgiven, *, settled: bool) -> None:
    """Each act has exactly one event and each event its act; until it is settled, the last act may lack its event."""
    assert {act.kind for act in acts(world)} <= set(TOLD), "an act that has no event"
    told_by_kind = told_of(world)
    for kind, told in told_by_kind.items():
        done = done_of(world, kind, forgiven)
        assert told <= done, f"{kind}: history tells {told}, done was {done}"
        missing = (done - told).total() - forgiven.acts[kind]
        allowed = owed(world, kind) if missing > 0 and not settled else 0
        assert missing <= allowed, f"{kind}: done {done}, told {told}, {allowed + forgiven.acts[kind]} may be missing"


def check_slack(worlds: list[World], done: list[SlackAct], unsure: int) -> None:
    """Each message of Slack has its event, and each event its message; one may be lost, or come twice, where the answer
    was lost or the process died."""
    projects = [world.project.pk for world in worlds]
    for kind, event in (("posted", "notice.sent"), ("updated", "notice.updated"), ("replied", "notice.replied")):
        acted = sum(act.kind == kind for act in done)
        told = AuditEvent.objects.filter(project_id__in=projects, kind=event).count()
        assert told <= acted <= told + unsure, f"Slack {kind} {acted}, {event} {told}, {unsure} unsure"
