"""One project, its servers and its clock; each pass of the engine is held against how things stood."""

from collections import Counter
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from blocks.models import DeployBlock
from projects.models import Profile, ProfileBudget
from projects.secrets import Secret
from releases.models import DeployStrategy, Release
from releases.models_closed import ClosedHours
from releases.webhook_urls import as_secret
from tests.invariants import agreement, model
from tests.releases.wire import Died, Wire, killed_at_line
from tests.releases.world import START, World
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
        self.world = World(self.github, f"project{next(names)}")
        ProfileBudget.objects.update(paused_until=None)
        self.checks: dict[str, dict[str, str]] = {}
        self.required: frozenset[str] = frozenset()
        self.reviews = 0
        self.said = model.Said()
        self.forgiven = agreement.Forgiven()
        self.moments: list[model.Moment] = []
        self.told: list[model.Told] = []
        self.heard = len(self.slack.messages)
        self.slack_acts = len(self.slack.acts)
        self.slack_failing: dict[int, datetime] = {}
        self.unsure = 0  # messages that Slack may have, though Horizon was not told so

    @initialize(
        begin=st.sampled_from([START, SPRING, AUTUMN]),
        slack=st.sampled_from(["", "webhook", "bot", "both"]),
        warning=st.sampled_from([3600, 3600, 600]),
    )
    def begin(self, begin: datetime, slack: str, warning: int) -> None:
        self.world.wait(seconds=(begin - START).total_seconds())
        changed: dict[str, Any] = {"merge_prior_warning": warning, "time_zone": "America/New_York"}
        if slack in ("webhook", "both"):
            changed["slack_webhook_urls"] = as_secret([self.slack.webhook("#dev")])
        if slack in ("bot", "both"):
            self.slack.add_bot("xoxb-horizon", channels=("#ops",))
            changed["slack_channels"], changed["slack_profile"] = ["#ops"], _bot(self.world)
        self.world.set(**changed)

    # --- a pass -------------------------------------------------------------------------------------------------------

    def pass_of_the_engine(self, *, killed_at: int | None = None) -> None:
        """At most MERGES_AT_ONCE, nothing that was not allowed; every act has its event, or an attempt that owes it."""
        merges, opened = len(model.merges(self.world)), len(model.acts(self.world, "pull-request.opened"))
        closed = set(
            Release.objects.filter(strategy=self.world.strategy, state=Release.State.CLOSED).values_list(
                "head_sha", flat=True
            )
        )
        self.moments = [self.moment()]
        failed = self.slack_troubles()
        if killed_at is None:
            self.pass_once()
        else:
            with killed_at_line(killed_at) as died:
                self.pass_once()
            self.figures["killed"] += died()
            self.unsure += died()
        self.listen(failed)
        for act in model.merges(self.world)[merges:]:
            self.check_merge(act)
        for act in model.acts(self.world, "pull-request.opened")[opened:]:
            model.check_opened(self.world, act, self.moments, closed)

    def pass_once(self) -> None:
        try:
            self.world.advance()
        except Died:
            note("the process died")
            self.unsure += 1

    def check_merge(self, act: Any) -> None:
        note(f"{act.kind} {act.data}")
        self.figures["merges"] += act.kind == "pull-request.merged"
        self.figures["enqueued"] += act.kind == "pull-request.enqueued"
        number = int(str(act.data["number"]))
        since = self.slack_failing.get(number)
        against = [model.against(moment, act, self.told, since) for moment in self.moments_with(number)]
        assert not all(against), f"{act.kind} at {act.at} in spite of {against}"

    def moments_with(self, number: int) -> list[model.Moment]:
        """The moments of this pass; the one after it, too, where the pull request was opened in it."""
        return self.moments if number in self.moments[0].pulls else [*self.moments, self.moment()]

    def slack_troubles(self) -> int:
        return sum(fault.happened for fault in self.slack.faults)

    def listen(self, failed_before: int) -> None:
        """What people read in Slack since; a warning is held against how things stood, too."""
        at = self.moments[0].at
        texts = [each.text for each in self.slack.messages[self.heard :] if not each.thread]
        self.heard = len(self.slack.messages)
        for told in model.warnings(texts, at):
            note(f"{told}")
            self.figures["notices"] += 1
            against = [model.against_telling(moment, told) for moment in self.moments_with(told.number)]
            assert not all(against), f"{told} in spite of {against}"
            self.told.append(told)
            self.slack_failing.pop(told.number, None)
        if failed := self.slack_troubles() - failed_before:
            self.unsure += failed
            for number in self.open_pulls():
                self.slack_failing.setdefault(number, at)

    def moment(self) -> model.Moment:
        """How things stand now."""
        now = self.world.now
        plan = DeployStrategy.objects.select_related("stage__project__organization").get(pk=self.world.strategy.pk)
        return model.Moment(
            at=now,
            plan=plan,
            blocks=model.blocks_in_force(self.world, now),
            closed=model.is_closed(plan, now),
            said=copy(self.said),
            pulls=model.pulls_of(self.world),
            checks={sha: dict(states) for sha, states in self.checks.items()},
            required=self.required,
            reviews=self.reviews,
            pushed=model.pushed(self.world),
        )

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def history_and_rows_are_true(self) -> None:
        agreement.check_history(self.world, self.forgiven, settled=False)
        agreement.check_rows(self.world)
        agreement.check_slack(self.world, self.slack.acts[self.slack_acts :], self.unsure)

    @invariant()
    def pages_show_a_reason(self) -> None:
        self.figures["steps"] += 1
        decision = self.world.decide()
        assert decision.reason
        if decision.code == "closed-hours":
            assert model.is_closed(self.moment().plan, self.world.now), "said to be closed in an open minute"

    def teardown(self) -> None:
        """When the faults are over, everything is settled: each act has its event."""
        self.all_is_well()
        self.world.set(automatic=True)
        for seconds in (61, 61, 2 * 3600, 61, 61):
            self.world.wait(seconds=seconds)
            self.pass_of_the_engine()
        self.history_and_rows_are_true()
        agreement.check_history(self.world, self.forgiven, settled=True)
        blocked = model.blocks_in_force(self.world, self.world.now) and not self.said.now
        queued = [pull.number for pull in self.world.repo.pulls.all.values() if pull.queue_entry]
        assert not (blocked and queued), f"{queued} in the merge queue in spite of a block"
        self.figures["releases"] += Release.objects.filter(strategy=self.world.strategy, state="merged").count()
        self.world.project.delete()
        DeployBlock.objects.all().delete()
        ClosedHours.objects.all().delete()

    def all_is_well(self) -> None:
        """Nothing goes wrong any more."""
        self.figures["faults"] += sum(fault.happened for fault in self.github.faults) + self.slack_troubles()
        self.figures["faults"] += sum(moment.done for moment in self.wire.moments)
        self.github.clear_faults()
        self.slack.clear_faults()
        self.wire.clear()
        if not self.world.repo.find("refs/heads/staging"):
            self.world.repo.branch("staging", at="release")

    # --- what the rules ask -------------------------------------------------------------------------------------------

    def open_pulls(self) -> list[int]:
        return list(self._pulls("open"))

    def closed_pulls(self) -> list[int]:
        return [number for number in self._pulls("closed") if not self.world.repo.pull(number).merged]

    def _pulls(self, state: str) -> Iterator[int]:
        for pull in self.world.repo.pulls.all.values():
            if pull.state == state and (pull.head_ref, pull.base_ref) == ("staging", "release"):
                yield pull.number

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
