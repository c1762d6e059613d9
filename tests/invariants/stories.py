"""Passes of the engine, and stories of releases from commit to merge, so that much of what is tried gets that far."""

from zoneinfo import ZoneInfo

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from releases.models import Intervention
from releases.models_closed import ClosedHours
from tests.invariants.people import People
from tests.invariants.staff import Staff
from tests.invariants.trouble import FAULTS, SLACK_FAULTS, Fault, Trouble
from tests.releases.wire import When
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
        head, told = self.head(), len(self.here.told)
        for _ in range(10):
            if self.is_released(head):
                break
            self.follow_the_clock(2)
            self.let_the_queue_work()
        note(self.world.decide().reason)
        assert self.is_released(head), self.world.decide()
        if self.here.moment().told and not killed:
            assert len(self.here.told) - told <= len({each.at for each in self.here.told[told:]}) * self.targets(), (
                "told twice"
            )

    @rule(hours=st.sampled_from([0.5, 1, 2, 2.5]))
    def a_release_that_is_held_beyond_its_notice(self, hours: float) -> None:
        """Blocked when it was announced, and let go so many hours after the moment that was named."""
        head = self.begin_a_release()
        self.world.wait(seconds=DAY - 1800)
        self.pass_of_the_engine()
        block = self.world.block()
        self.world.wait(hours=1 + hours)
        self.pass_of_the_engine()
        self.world.unblock(block)
        self.see_it_released(head)

    @rule(rushed=st.booleans())
    def a_release_in_a_closed_minute(self, rushed: bool) -> None:
        """Long due, or released now by somebody who did not name closed hours."""
        head = self.begin_a_release()
        block = self.world.block()
        if not rushed:
            self.world.wait(seconds=DAY + 2 * 3600)
            self.pass_of_the_engine()
        local = self.world.now.astimezone(ZoneInfo("America/New_York"))
        self.world.set(blocked_time_buckets=[f"* {local.hour} * * *"])
        self.world.unblock(block)
        if rushed:
            self.release_now("none")
        self.pass_of_the_engine()
        assert not self.is_released(head), "released in a closed minute"
        self.see_it_released(head)

    @rule(method=st.sampled_from(["squash", "rebase"]), healed=st.booleans())
    def a_release_that_is_squashed(self, method: str, healed: bool) -> None:
        """Nothing is opened again, whatever comes, until the history is healed; then what is new is released."""
        self.begin_a_release()
        self.merge_by_hand(method)
        self.pass_of_the_engine()
        self.world.commit()
        self.follow_the_clock(3)
        assert not self.open_pulls(), "opened again"
        if healed:
            self.heal()
            self.pass_of_the_engine()
            self.merge_what_heals()
            self.see_it_released(self.head())

    @precondition(lambda self: len(self.places) > 1)
    @rule(number=st.integers(0, 2))
    def turn_to_another_project(self, number: int) -> None:
        self.here = self.places[number % len(self.places)]

    @precondition(lambda self: len(self.places) > 1)
    @rule(lost=st.sampled_from([0, 1, 3]), when=st.sampled_from(["before", "after"]))
    def a_freeze_that_ends(self, lost: int, when: When) -> None:
        """What waited is released oldest first, few at a time, also where answers of GitHub are lost."""
        for place in self.places:
            self.here = place
            self.nothing_stands_in_its_way()
        for place in reversed(self.places):
            self.here = place
            self.world.commit()
            self.pass_of_the_engine()
            self.world.wait(minutes=10)
        block = self.world.block(scope="organization", projects=[])
        self.world.wait(seconds=DAY)
        self.pass_of_the_engine()
        self.world.unblock(block)
        if lost:  # and for a while nobody can find out what became of them
            self.github.fail("PUT .*/merge$", drop=when, times=lost)
            self.github.fail("GRAPHQL Pull$", status=502, times=10**6)
            self.follow_the_clock(3)
            self.all_is_well()
        for place in self.places:
            self.here = place
            self.see_it_released(self.head())

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

    def begin_a_release(self) -> str:
        """With nothing in its way a pull request is opened; its head."""
        self.nothing_stands_in_its_way()
        self.world.commit()
        self.pass_of_the_engine()
        assert self.open_pulls(), self.world.decide()
        return self.head()

    def see_it_released(self, head: str) -> None:
        for _ in range(10):
            self.follow_the_clock(2)
            if self.is_released(head):
                return
        raise AssertionError(self.world.decide())

    def is_released(self, sha: str) -> bool:
        return self.world.repo.find(sha) in {commit.sha for commit in self.world.repo.log("release")}

    def targets(self) -> int:
        plan = self.here.moment().plan
        return len(plan.slack_channels) + (1 if plan.slack_webhook_urls else 0)

    def nothing_stands_in_its_way(self) -> None:
        """What people, hours and faults may hold it up with is taken away."""
        self.all_is_well()
        for block in self.blocks():
            self.world.unblock(block)
        ClosedHours.objects.all().delete()
        self.world.set(
            automatic=True, merge_after=DAY, merge_prior_warning=3600, min_commit_age=None, required_checks=[],
            blocked_time_buckets=[],
        )  # fmt: skip
        self.unprotect()
        for _ in range(Intervention.objects.filter(strategy=self.world.strategy, ended_at=None).count()):
            self.take_it_back()
        for pull in list(self.world.repo.pulls.all.values()):
            if pull.state == "open":
                self.world.repo.close_pull_request(pull.number, by="ana")
        # The branches have the same content and a common history again.
        self.world.repo.merge("release", "staging", author="ana")
        self.world.repo.force_push("staging", "release")
        self.world.wait(hours=2)
        self.pass_of_the_engine()
