"""People, checks, time and faults in any order: whatever happens, the design's invariants hold after every step."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from blocks.models import DeployBlock
from tests.invariants import model
from tests.releases.wire import Died, When, Wire, killed_at_line, tapped
from tests.releases.world import DAY, World
from tests.servers.github import GitHubServer

ACTS = st.sampled_from([r"POST .*/pulls$", r"PUT .*/merge$", "POST .*/graphql$"])
WHEN: st.SearchStrategy[When] = st.sampled_from(["before", "after"])
Fault = tuple[Literal["dies", "drops"], When] | None
FAULTS: st.SearchStrategy[Fault] = st.none() | st.tuples(st.sampled_from(["dies", "drops"]), WHEN)
CHECKS = st.sampled_from(["ci", "lint"])
names = count(1)


class Releases(RuleBasedStateMachine):
    """One project; `pass_of_the_engine` is checked against how things stood when it began."""

    github: ClassVar[GitHubServer]
    wire: ClassVar[Wire]
    figures: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.github.clear_faults()
        self.wire.clear()
        self.world = World(self.github, f"project{next(names)}")
        self.checks: dict[str, dict[str, str]] = {}
        self.required: frozenset[str] = frozenset()

    # --- people -------------------------------------------------------------------------------------------------

    @rule()
    def push(self) -> None:
        self.world.commit()

    @rule()
    def push_to_release(self) -> None:
        self.world.repo.commit("release", "Hotfix", author="ana")

    @rule()
    def merge_release_back(self) -> None:
        self.world.repo.merge("staging", "release", author="ana")

    @precondition(lambda self: not self.open_pulls() and self.waiting())
    @rule(draft=st.booleans())
    def open_by_hand(self, draft: bool) -> None:
        self.world.repo.open_pull_request("staging", "release", author="ana", draft=draft)

    @precondition(lambda self: self.open_pulls())
    @rule()
    def close(self) -> None:
        self.world.repo.close_pull_request(self.open_pulls()[0], by="ana")

    @precondition(lambda self: self.closed_pulls() and not self.open_pulls() and self.waiting())
    @rule()
    def reopen(self) -> None:
        self.world.repo.reopen_pull_request(self.closed_pulls()[-1])

    @precondition(lambda self: self.open_pulls())
    @rule()
    def merge_by_hand(self) -> None:
        self.world.repo.merge_pull_request(self.open_pulls()[0], by="ana")

    @precondition(lambda self: self.open_pulls())
    @rule(draft=st.booleans())
    def turn_into_draft_or_back(self, draft: bool) -> None:
        self.world.repo.edit_pull_request(self.open_pulls()[0], draft=draft)

    @rule(after=st.sampled_from([0, 3600, DAY, DAY, None]), automatic=st.sampled_from([True, True, True, False]))
    def edit_the_strategy(self, after: int | None, automatic: bool) -> None:
        self.world.set(merge_after=after, automatic=automatic)

    # --- blocks -------------------------------------------------------------------------------------------------

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

    # --- checks -------------------------------------------------------------------------------------------------

    @rule(name=CHECKS, state=st.sampled_from(["success", "success", "failure", "skipped", "running"]))
    def report(self, name: str, state: str) -> None:
        head = self.world.repo.sha("staging")
        if state == "running":
            self.world.repo.check_run(name, at="staging", status="in_progress", conclusion=None)
        else:
            self.world.repo.check_run(name, at="staging", conclusion=state)
        self.checks.setdefault(head, {})[name] = state

    @rule(name=CHECKS)
    def require(self, name: str) -> None:
        self.world.repo.protect("release", checks=(name,))
        self.required |= {name}

    @rule()
    def require_nothing(self) -> None:
        self.world.repo.unprotect("release")
        self.required = frozenset()

    @rule(reads=st.integers(0, 2))
    def let_github_be_slow_about_mergeability(self, reads: int) -> None:
        self.world.repo.mergeable_after = reads

    # --- time and faults ----------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([20, 61, 3600, DAY, DAY]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds=seconds)

    @rule(request=st.sampled_from(["POST .*/pulls", "PUT .*/merge"]), when=WHEN)
    def lose_an_answer(self, request: str, when: When) -> None:
        self.github.fail(request, drop=when)

    @rule(request=st.sampled_from(["POST .*/pulls", "PUT .*/merge", "GRAPHQL .*"]), status=st.sampled_from([403, 502]))
    def refuse(self, request: str, status: int) -> None:
        self.github.fail(request, status=status)

    @rule(request=ACTS, when=WHEN)
    def die(self, request: str, when: When) -> None:
        self.wire.dies(request, when)

    @rule(request=ACTS, what=st.sampled_from(["push", "close", "merge", "draft"]))
    def interfere(self, request: str, what: str) -> None:
        """A person acts between two of Horizon's requests."""
        self.wire.at(request, "before", lambda: self.act_as_a_person(what))

    def act_as_a_person(self, what: str) -> None:
        pulls = self.open_pulls()
        if what == "push":
            self.world.commit("Meanwhile")
        elif pulls and what == "close":
            self.world.repo.close_pull_request(pulls[0], by="ana")
        elif pulls and what == "merge":
            self.world.repo.merge_pull_request(pulls[0], by="ana")
        elif pulls and what == "draft":
            self.world.repo.edit_pull_request(pulls[0], draft=True)

    @rule(opening=FAULTS, merging=FAULTS, meanwhile=st.sampled_from([None, "close", "merge", "push"]))
    def a_release_with_faults(self, opening: Fault, merging: Fault, meanwhile: str | None) -> None:
        """A release from its commit to its merge, where both acts may fail or the process may die at them."""
        self.world.commit()
        self.fail("POST .*/pulls", opening)
        self.pass_of_the_engine()
        if meanwhile:
            self.act_as_a_person(meanwhile)
        self.wait(DAY)
        self.fail("PUT .*/merge", merging)
        self.pass_of_the_engine()
        self.pass_of_the_engine()

    def fail(self, request: str, fault: Fault) -> None:
        match fault:
            case ("dies", when):
                self.wire.dies(request, when)
            case ("drops", when):
                self.github.fail(request, drop=when)

    @rule()
    def all_is_well_again(self) -> None:
        self.figures["faults"] += sum(fault.happened for fault in self.github.faults)
        self.figures["faults"] += sum(moment.done for moment in self.wire.moments)
        self.github.clear_faults()
        self.wire.clear()

    # --- Horizon ------------------------------------------------------------------------------------------------

    @rule()
    def pass_of_the_engine(self) -> None:
        before = self.before()
        self.pass_once()
        self.check_merges_since(before)

    def check_merges_since(self, before: model.Before) -> None:
        for merge in model.merges(self.world)[before.merges :]:
            note(f"merged {merge}")
            model.check_merge(self.world, merge, before)

    # Much of what happens above matters only to the engine, so that it runs often.
    another_pass = rule()(lambda self: self.pass_of_the_engine())

    @precondition(lambda self: self.waiting())
    @rule()
    def a_quiet_day(self) -> None:
        """Nothing happens but that the release comes of age."""
        self.pass_of_the_engine()
        self.wait(DAY)
        self.pass_of_the_engine()

    @rule(line=st.integers(1, 1500))
    def a_pass_that_is_killed(self, line: int) -> None:
        """Between any two lines of the release loop: of an act, of what leads to it, or of what is written after it."""
        before = self.before()
        with killed_at_line(line) as died:
            self.pass_once()
        self.figures["killed"] += died()
        self.check_merges_since(before)

    def pass_once(self) -> None:
        try:
            self.world.advance()
        except Died:
            note("the process died")

    def before(self) -> model.Before:
        plan = model.plan_of(self.world)
        pulls = self.world.repo.pulls.all.values()
        return model.Before(
            at=self.world.now,
            blocked=model.is_blocked(self.world, self.world.now),
            automatic=plan.automatic,
            merge_after=plan.merge_after,
            merges=len(model.merges(self.world)),
            checks={sha: dict(states) for sha, states in self.checks.items()},
            required=self.required,
            drafts=frozenset(pull.number for pull in pulls if pull.draft),
        )

    @invariant()
    def history_and_rows_are_true(self) -> None:
        model.check_history(self.world, settled=False)
        model.check_rows(self.world)

    @invariant()
    def pages_show_a_reason(self) -> None:
        self.figures["steps"] += 1
        assert self.world.decide().reason

    def teardown(self) -> None:
        """When the faults are over, everything is settled: each act has its event."""
        self.all_is_well_again()
        for _ in range(4):
            self.world.wait(seconds=61)
            self.pass_of_the_engine()
        self.history_and_rows_are_true()
        if model.plan_of(self.world).automatic:
            model.check_history(self.world, settled=True)
        self.figures["releases"] += len(model.merges(self.world))
        self.world.project.delete()
        DeployBlock.objects.all().delete()

    # --- what the rules ask -------------------------------------------------------------------------------------

    def open_pulls(self) -> list[int]:
        return self.pulls("open")

    def closed_pulls(self) -> list[int]:
        return [number for number in self.pulls("closed") if not self.world.repo.pull(number).merged]

    def pulls(self, state: str) -> list[int]:
        pulls = self.world.repo.pulls.all.values()
        return [pull.number for pull in pulls if pull.state == state and pull.base_ref == "release"]

    def waiting(self) -> bool:
        return bool(self.world.repo.log("release..staging"))

    def blocks(self) -> list[DeployBlock]:
        return [block for block in DeployBlock.objects.order_by("id") if not block.has_ended(self.world.now)]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tapped() as wire:
        yield wire


@pytest.mark.slow
@pytest.mark.django_db
def test_the_invariants_of_releases_hold_whatever_happens(github: GitHubServer, wire: Wire) -> None:
    """INVARIANTS_SEED repeats a run, _EXAMPLES makes it longer, _SHRINK looks for the shortest way to a failure."""
    chosen = int(os.environ.get("INVARIANTS_SEED") or random.SystemRandom().randrange(2**32))
    print(f"INVARIANTS_SEED={chosen}")
    Releases.github, Releases.wire = github, wire
    Releases.figures.clear()
    run_state_machine_as_test(
        seed(chosen)(Releases),
        settings=settings(
            max_examples=int(os.environ.get("INVARIANTS_EXAMPLES") or 30),
            stateful_step_count=30,
            deadline=None,
            database=None,
            print_blob=False,
            phases=[Phase.generate, *([Phase.shrink] if os.environ.get("INVARIANTS_SHRINK") else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print("FIGURES", *(f"{name}={count}" for name, count in Releases.figures.items()))
