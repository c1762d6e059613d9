"""An organization, its servers and its clock; each pass of the engine is held against how things stood."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from blocks.models import DeployBlock
from projects.models import Profile, ProfileBudget
from projects.secrets import Secret
from releases import engine
from releases.models import Release
from releases.models_closed import ClosedHours
from releases.webhook_urls import as_secret
from tests import worlds
from tests.invariants import agreement, model
from tests.invariants.place import Place
from tests.invariants.queueing import Pull, Queueing, check_order
from tests.releases.wire import Died, Wire, killed_at_line
from tests.releases.world import BOT, START, World
from tests.servers.github import GitHubServer
from tests.servers.slack import SlackServer

# A day before clocks in New York move: forward on 14 March 2027, back on 7 November 2027, at 02:00.
SPRING = datetime(2027, 3, 13, 4, tzinfo=UTC)
AUTUMN = datetime(2027, 11, 6, 3, tzinfo=UTC)
names = count(1)


class Machine(RuleBasedStateMachine):
    """What its rules share."""

    github: ClassVar[GitHubServer]
    slack: ClassVar[SlackServer]
    wire: ClassVar[Wire]
    figures: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.github.clear_faults()
        self.slack.clear_faults()
        self.wire.clear()
        self.places = [self.new_place()]
        self.here = self.places[0]  # the project in which people act
        ProfileBudget.objects.update(paused_until=None)
        self.queueing = Queueing()
        self.heard = len(self.slack.messages)
        self.slack_acts = len(self.slack.acts)
        self.unsure = 0  # messages that Slack may have, though Horizon was not told so

    def new_place(self) -> Place:
        return Place(World(self.github, f"project{next(names)}"))

    @property
    def world(self) -> World:
        return self.here.world

    @initialize(
        begin=st.sampled_from([START, SPRING, AUTUMN]),
        slack=st.sampled_from(["", "webhook", "bot", "both"]),
        warning=st.sampled_from([3600, 3600, 600]),
        projects=st.sampled_from([1, 1, 1, 2, 3]),
    )
    def begin(self, begin: datetime, slack: str, warning: int, projects: int) -> None:
        """Of several projects the last one is served by another profile."""
        self.places += [self.new_place() for _ in range(projects - 1)]
        if projects > 1:
            self.places[-1].served_by(_second_profile(self.world))
        self.world.wait(seconds=(begin - START).total_seconds())
        changed: dict[str, Any] = {"merge_prior_warning": warning, "time_zone": "America/New_York"}
        if slack in ("webhook", "both"):
            changed["slack_webhook_urls"] = as_secret([self.slack.webhook("#dev")])
        if slack in ("bot", "both"):
            self.slack.add_bot("xoxb-horizon", channels=("#ops",))
            changed["slack_channels"], changed["slack_profile"] = ["#ops"], _bot(self.world)
        for place in self.places:
            place.world.set(**changed)

    # --- a pass -------------------------------------------------------------------------------------------------------

    def pass_of_the_engine(self, *, killed_at: int | None = None) -> None:
        """At most MERGES_AT_ONCE, the oldest first, nothing that was not allowed; every act has its event, or an
        attempt that owes it."""
        for place in self.places:
            place.before_a_pass()
        since, failed, unsure = self.waiting_since(), self.slack_troubles(), self.unsure
        self.github.reset_requests()
        if killed_at is None:
            self.pass_once()
        else:
            with killed_at_line(killed_at) as died:
                self.pass_once()
            self.figures["killed"] += died()
            self.unsure += died()
        self.listen(failed)
        for place in self.places:
            for act in place.after_a_pass():
                note(f"{act.kind} {act.data}")
                self.figures["merges"] += act.kind == "pull-request.merged"
                self.figures["enqueued"] += act.kind == "pull-request.enqueued"
        check_order(self.queueing.read(self.github.requests), since)
        if self.unsure > unsure:
            self.queueing.died(
                self.github.requests, {place.world.repo.name: place.world.project.pk for place in self.places}
            )

    def pass_once(self) -> None:
        """As the schedule does it: a task for each profile."""
        with self.a_process():
            for profile in engine.profiles(self.world.now):
                with self.a_process():
                    engine.advance(engine.served_by(profile, self.world.now), self.world.clock)

    @contextmanager
    def a_process(self) -> Iterator[None]:
        """What may die within; others go on."""
        try:
            yield
        except Died:
            note("the process died")
            self.unsure += 1

    def waiting_since(self) -> dict[Pull, datetime]:
        """Since when the open releases wait, without those that are released now: these go first."""
        found: dict[Pull, datetime] = {}
        for place in self.places:
            open_now = Release.objects.filter(strategy=place.world.strategy, state=Release.State.OPEN)
            for number, opened_at in open_now.values_list("number", "opened_at"):
                if place.said.now is None and number is not None and opened_at is not None:
                    found[place.world.repo.name, number] = opened_at
        return found

    def slack_troubles(self) -> int:
        return sum(fault.happened for fault in self.slack.faults)

    def listen(self, failed_before: int) -> None:
        """What people read in Slack since."""
        texts = [each.text for each in self.slack.messages[self.heard :] if not each.thread]
        self.heard = len(self.slack.messages)
        places = {place.world.repo.name: place for place in self.places}
        for told in model.warnings(texts, self.here.moments[0].at):
            note(f"{told}")
            self.figures["notices"] += 1
            places[told.repository].hear(told)
        if failed := self.slack_troubles() - failed_before:
            self.unsure += failed
            for place in self.places:
                place.hear_nothing()

    def moment_passes(self) -> None:
        """Something happened in the middle of a pass: what Horizon does next is held against how things stand now."""
        for place in self.places:
            place.moments.append(place.moment())

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def history_and_rows_are_true(self) -> None:
        for place in self.places:
            agreement.check_history(place.world, place.forgiven, settled=False)
            agreement.check_rows(place.world)
        worlds = [place.world for place in self.places]
        agreement.check_slack(worlds, self.slack.acts[self.slack_acts :], self.unsure)

    @invariant()
    def pages_show_a_reason(self) -> None:
        self.figures["steps"] += 1
        decision = self.world.decide()
        assert decision.reason
        if decision.code == "closed-hours":
            assert model.is_closed(self.here.moment().plan, self.world.now), "said to be closed in an open minute"

    def teardown(self) -> None:
        """When the faults are over, everything is settled: each act has its event."""
        self.all_is_well()
        for place in self.places:
            place.world.set(automatic=True)
        for seconds in (61, 2 * 3600, 61, 61):
            self.world.wait(seconds=seconds)
            self.pass_of_the_engine()
        self.history_and_rows_are_true()
        for place in self.places:
            self.check_the_end(place)
        self.figures["projects"] += len(self.places)
        DeployBlock.objects.all().delete()
        ClosedHours.objects.all().delete()

    def check_the_end(self, place: Place) -> None:
        world = place.world
        agreement.check_history(world, place.forgiven, settled=True)
        blocked = model.blocks_in_force(world, world.now) and not place.said.now
        queued = [pull.number for pull in world.repo.pulls.all.values() if pull.queue_entry]
        assert not (blocked and queued), f"{queued} in the merge queue in spite of a block"
        self.figures["releases"] += Release.objects.filter(strategy=world.strategy, state="merged").count()
        world.project.delete()

    def all_is_well(self) -> None:
        """Nothing goes wrong any more."""
        self.figures["faults"] += sum(fault.happened for fault in self.github.faults) + self.slack_troubles()
        self.figures["faults"] += sum(moment.done for moment in self.wire.moments)
        self.github.clear_faults()
        self.slack.clear_faults()
        self.wire.clear()
        for place in self.places:
            if not place.world.repo.find("refs/heads/staging"):
                place.world.repo.branch("staging", at="release")

    # --- what the rules ask -------------------------------------------------------------------------------------------

    def open_pulls(self) -> list[int]:
        return model.open_pulls(self.world)

    def closed_pulls(self) -> list[int]:
        return [
            pull.number
            for pull in self.world.repo.pulls.all.values()
            if pull.state == "closed" and not pull.merged and (pull.head_ref, pull.base_ref) == ("staging", "release")
        ]

    def has_staging(self) -> bool:
        return self.world.repo.find("refs/heads/staging") is not None

    def waiting(self) -> bool:
        return self.has_staging() and bool(self.world.repo.log("release..staging"))

    def blocks(self) -> list[DeployBlock]:
        return [block for block in DeployBlock.objects.order_by("id") if not block.has_ended(self.world.now)]

    def head(self) -> str:
        return self.world.repo.sha("staging")


def _bot(world: World) -> Profile:
    values = {"name": "slack", "kind": Profile.Kind.SLACK_BOT, "secret": Secret.of("xoxb-horizon")}
    found = Profile.objects.filter(organization=world.project.organization, kind=Profile.Kind.SLACK_BOT).first()
    return found or Profile.objects.create(organization=world.project.organization, **values)


def _second_profile(world: World) -> Profile:
    """Another token of the same robot."""
    organization, name = world.project.organization, "github again"
    found = Profile.objects.filter(organization=organization, name=name).first()
    if found is not None:
        return found
    world.github.add_token("ghp_again", login=BOT)
    made = worlds.github_profile(organization, name=name, api_url=world.github.api_url, secret=Secret.of("ghp_again"))
    ProfileBudget.objects.create(profile=made, login=BOT)
    return made
