"""What staff and administrators say in Horizon: blocks, closed hours, the plan, one release."""

from datetime import time, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from audit.record import Actor
from releases import interventions, upkeep_repairs
from releases.interventions import NotPossible
from releases.models import DeployStrategy, Intervention
from releases.models_closed import ClosedHours
from tests.invariants import model
from tests.invariants.machine import Machine
from tests.releases.world import DAY

MARY = Actor.person("mary")
SPANS = [(time(1), time(3)), (time(22), time(6)), (time(0), time(0)), (time(2, 30), time(3, 30))]


class Staff(Machine):
    """They say no, not now, now, and in spite of it."""

    @rule(hours=st.sampled_from([None, 1, 30]), begins=st.sampled_from([0, 0, 12]), whole=st.booleans())
    def block(self, hours: int | None, begins: int, whole: bool) -> None:
        begin = self.world.now + timedelta(hours=begins)
        scope: dict[str, Any] = {"scope": "organization", "projects": []} if whole else {}
        end = begin + timedelta(hours=hours) if hours else None
        self.world.block(begins_at=begin, resolved_at=end, **scope)

    @precondition(lambda self: self.blocks())
    @rule()
    def unblock(self) -> None:
        self.world.unblock(self.blocks()[0])

    @rule(
        buckets=st.lists(st.sampled_from(["* 1-2 * * *", "30-59 * * * *", "* * * * 0", "0 0-11 * * 1-5"]), max_size=2)
    )
    def close_minutes(self, buckets: list[str]) -> None:
        self.world.set(blocked_time_buckets=buckets)

    @rule(
        span=st.sampled_from(SPANS),
        days=st.sets(st.integers(0, 6), min_size=1),
        zone=st.sampled_from(["America/New_York", "Europe/Berlin"]),
    )
    def close_hours(self, span: tuple[time, time], days: set[int], zone: str) -> None:
        organization = self.world.project.organization
        values: dict[str, Any] = {"begins_at": span[0], "ends_at": span[1], "weekdays": sorted(days)}
        ClosedHours.objects.create(
            organization=organization, name="quiet", time_zone=zone, created_at=self.world.now, **values
        )

    @rule()
    def open_all_hours(self) -> None:
        ClosedHours.objects.all().delete()
        self.world.set(blocked_time_buckets=[])

    @rule(
        after=st.sampled_from([0, 3600, DAY, DAY, DAY, None]),
        automatic=st.sampled_from([True, True, True, True, False]),
        soak=st.sampled_from([None, None, 7200]),
        longest=st.sampled_from([None, 2 * DAY]),
    )
    def edit_the_strategy(self, after: int | None, automatic: bool, soak: int | None, longest: int | None) -> None:
        warning = 0 if not after else min(after, 3600)
        self.world.set(
            merge_after=after,
            automatic=automatic,
            merge_prior_warning=warning,
            min_commit_age=soak,
            max_wait=longest if after is not None else None,
        )

    @rule(status=st.booleans(), checks=st.sampled_from([[], [], ["ci"]]))
    def edit_what_is_checked(self, status: bool, checks: list[str]) -> None:
        own = any("horizon/release" in rule.checks for rule in self.world.repo.rules)
        self.world.set(commit_status=status or own, required_checks=checks)

    # --- one release --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.has_staging())
    @rule(named=st.sampled_from(["none", "blocks", "first", "all"]))
    def release_now(self, named: str) -> None:
        """In spite of no block, of those in force, of one of them only, or of closed hours, too."""
        blocks = sorted(model.blocks_in_force(self.world, self.world.now))
        spite = {"none": [], "first": blocks[:1]}.get(named, blocks)
        try:
            interventions.release_now(
                self.strategy(), self.head(), reason="Urgent", actor=MARY, clock=self.world.clock,
                spite_blocks=spite, spite_closed=named == "all",
            )  # fmt: skip
        except NotPossible:
            return
        self.here.said = model.Said(now=model.Wish(self.head(), frozenset(spite), named == "all"))

    @precondition(lambda self: self.has_staging())
    @rule(hours=st.sampled_from([1, 30]))
    def postpone(self, hours: int) -> None:
        until = self.world.now + timedelta(hours=hours)
        try:
            interventions.postpone(
                self.strategy(), self.head(), until, reason="QA", actor=MARY, clock=self.world.clock
            )  # fmt: skip
        except NotPossible:
            return
        self.here.said.now, self.here.said.postponed = None, until

    @precondition(lambda self: self.has_staging())
    @rule()
    def skip(self) -> None:
        sha = self.head()
        try:
            interventions.skip(self.strategy(), sha, reason="Broken", actor=MARY, clock=self.world.clock)
        except NotPossible:
            return
        self.here.said.now, self.here.said.skipped = None, sha

    @rule()
    def take_it_back(self) -> None:
        held = Intervention.objects.filter(strategy=self.world.strategy, ended_at=None).first()
        if held is None:
            return
        try:
            interventions.withdraw(held, actor=MARY, clock=self.world.clock)
        except NotPossible:
            return
        match held.kind:
            case Intervention.Kind.RELEASE_NOW:
                self.here.said.now = None
            case Intervention.Kind.POSTPONE:
                self.here.said.postponed = None
            case Intervention.Kind.SKIP:
                self.here.said.skipped = ""

    @rule()
    def heal(self) -> None:
        try:
            upkeep_repairs.ask_to_heal(self.strategy(), actor=MARY, clock=self.world.clock)
        except NotPossible:
            return

    @rule()
    def merge_what_heals(self) -> None:
        """Where GitHub deletes the branches that it merges, somebody presses "Restore branch"."""
        released = self.world.repo.sha("release")
        for pull in list(self.world.repo.pulls.all.values()):
            if pull.state == "open" and pull.base_ref == "staging" and self.has_staging():
                self.world.repo.merge_pull_request(pull.number, by="ana")
        if not self.world.repo.find("refs/heads/release"):
            self.world.repo.branch("release", at=released)

    def strategy(self) -> DeployStrategy:
        return DeployStrategy.objects.get(pk=self.world.strategy.pk)
