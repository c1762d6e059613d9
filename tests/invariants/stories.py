"""Passes of the engine, and stories of releases from commit to merge, so that much of what is tried gets that far."""

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from releases.models import Intervention
from releases.models_closed import ClosedHours
from tests.invariants.people import People
from tests.invariants.staff import Staff
from tests.invariants.trouble import FAULTS, SLACK_FAULTS, Fault, Trouble
from tests.releases.world import DAY

CLOSED = ["", "", "* 0-11 * * *", "* 12-23 * * *", "0-29 * * * *", "* 1-2 * * *"]
MEANWHILE = st.sampled_from([None, None, "close", "merge", "push", "draft"])


class Stories(People, Staff, Trouble):
    """What Horizon does, step by step and from the beginning to the end."""

    @rule()
    def horizon(self) -> None:
        self.pass_of_the_engine()

    # Much of what happens above matters only to the engine, so that it runs often.
    another_pass = rule()(lambda self: self.pass_of_the_engine())

    @rule(line=st.integers(1, 3000))
    def a_pass_that_is_killed(self, line: int) -> None:
        """Between any two lines of the release loop: of an act, of what leads to it, or of what is written after it."""
        self.pass_of_the_engine(killed_at=line)

    @rule(passes=st.integers(2, 5))
    def follow_the_clock(self, passes: int) -> None:
        """Time jumps from one moment at which the decision may change to the next."""
        for _ in range(passes):
            self.pass_of_the_engine()
            until = self.world.decide().until
            jump = (until - self.world.now).total_seconds() if until is not None else 61
            self.world.wait(seconds=min(max(jump, 1), 4 * DAY))

    @precondition(lambda self: self.waiting())
    @rule()
    def a_quiet_day(self) -> None:
        """Nothing happens but that the release comes of age."""
        self.pass_of_the_engine()
        self.world.wait(seconds=DAY)
        self.follow_the_clock(3)

    @rule(
        opening=FAULTS,
        merging=FAULTS,
        telling=st.sampled_from([None, *SLACK_FAULTS]),
        meanwhile=MEANWHILE,
        closed=st.sampled_from(CLOSED),
    )
    def a_release_with_faults(
        self, opening: Fault, merging: Fault, telling: str | None, meanwhile: str | None, closed: str
    ) -> None:
        """A release from its commit to its merge, where each act may fail or the process may die at it."""
        self.nothing_stands_in_its_way()
        self.world.commit()
        self.fail("POST .*/pulls$", opening)
        self.pass_of_the_engine()
        if meanwhile:
            self.act_as_a_person(meanwhile)
        self.world.wait(seconds=DAY)
        # A minute that was just closed, or that is closed when the notice or the merge comes of age.
        self.world.set(blocked_time_buckets=[closed] if closed else [])
        self.fail("PUT .*/merge", merging)
        if telling:
            self.fail_slack(telling)
        self.follow_the_clock(5)

    @rule(killed=st.none() | st.integers(1, 3000), queue=st.sampled_from([False, False, True]))
    def a_release_that_must_come(self, killed: int | None, queue: bool) -> None:
        """With nothing in its way it is merged, once the faults are over."""
        self.nothing_stands_in_its_way()
        self.protect({"ci"}, 1, queue)
        self.world.commit()
        self.report("ci", "success")
        self.pass_of_the_engine(killed_at=killed)
        for _ in range(3):
            self.world.wait(seconds=61)
            self.pass_of_the_engine()
        for number in self.open_pulls():
            self.world.repo.approve(number, by="ana")
        self.world.wait(seconds=DAY)
        head, told = self.head(), len(self.told)
        for _ in range(10):
            if self.is_released(head):
                break
            self.follow_the_clock(2)
            self.let_the_queue_work()
        note(self.world.decide().reason)
        assert self.is_released(head), self.world.decide()
        if self.moment().told and not killed:
            assert len(self.told) - told <= len({each.at for each in self.told[told:]}) * self.targets(), "told twice"

    # Each example leaves out some of the rules; these are what most of its time is to be spent with.
    one_more_release_with_faults = rule(
        opening=FAULTS,
        merging=FAULTS,
        telling=st.sampled_from([None, *SLACK_FAULTS]),
        meanwhile=MEANWHILE,
        closed=st.sampled_from(CLOSED),
    )(lambda self, **what: self.a_release_with_faults(**what))
    one_more_that_must_come = rule(killed=st.integers(1, 3000), queue=st.booleans())(
        lambda self, **what: self.a_release_that_must_come(**what)
    )
    follow_the_clock_again = rule(passes=st.integers(2, 5))(lambda self, passes: self.follow_the_clock(passes))

    def is_released(self, sha: str) -> bool:
        return self.world.repo.find(sha) in {commit.sha for commit in self.world.repo.log("release")}

    def targets(self) -> int:
        plan = self.moment().plan
        return len(plan.slack_channels) + (1 if plan.slack_webhook_urls else 0)

    def nothing_stands_in_its_way(self) -> None:
        """What people, hours and faults may hold it up with is taken away."""
        self.all_is_well()
        for block in self.blocks():
            self.world.unblock(block)
        ClosedHours.objects.all().delete()
        self.world.set(automatic=True, merge_after=DAY, merge_prior_warning=3600, min_commit_age=None)
        self.world.set(required_checks=[], blocked_time_buckets=[])
        self.unprotect()
        for _ in range(Intervention.objects.filter(strategy=self.world.strategy, ended_at=None).count()):
            self.take_it_back()
        for pull in list(self.world.repo.pulls.all.values()):
            if pull.state == "open":
                self.world.repo.close_pull_request(pull.number, by="ana")
        self.heal_by_hand()
        self.world.wait(hours=2)
        self.pass_of_the_engine()

    def heal_by_hand(self) -> None:
        """The branches have the same content and a common history again."""
        self.world.repo.merge("release", "staging", author="ana")
        self.world.repo.force_push("staging", "release")
        self.pass_of_the_engine()
