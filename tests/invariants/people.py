"""What people and checks do on GitHub."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.invariants.machine import Machine
from tests.releases.world import BOT
from tests.servers.github import Refused

CHECKS = st.sampled_from(["ci", "lint"])
METHODS = st.sampled_from(["merge", "merge", "merge", "squash", "rebase"])
STATES = st.sampled_from(["success", "success", "success", "failure", "skipped", "running"])


class People(Machine):
    """They push, open, close, merge, review, edit and protect."""

    @rule()
    def push(self) -> None:
        if self.has_staging():
            self.world.commit()

    @rule()
    def push_to_release(self) -> None:
        self.world.repo.commit("release", "Hotfix", author="ana")

    @precondition(lambda self: self.has_staging())
    @rule()
    def merge_release_back(self) -> None:
        self.world.repo.merge("staging", "release", author="ana")

    @precondition(lambda self: not self.open_pulls() and self.waiting())
    @rule(draft=st.sampled_from([False, False, True]))
    def open_by_hand(self, draft: bool) -> None:
        self.world.repo.open_pull_request("staging", "release", author="ana", draft=draft)

    @precondition(lambda self: self.open_pulls())
    @rule()
    def close(self) -> None:
        self.here.forgiven.note(self.world)
        self.world.repo.close_pull_request(self.open_pulls()[0], by="ana")

    @precondition(lambda self: self.closed_pulls() and not self.open_pulls() and self.waiting())
    @rule()
    def reopen(self) -> None:
        self.world.repo.reopen_pull_request(self.closed_pulls()[-1])

    @precondition(lambda self: self.open_pulls())
    @rule(method=METHODS)
    def merge_by_hand(self, method: str) -> None:
        self.here.forgiven.note(self.world)
        number, before = self.open_pulls()[0], set(self.here.squashed)
        if method != "merge":
            self.here.squashes(number)
        try:
            self.world.repo.merge_pull_request(number, by="ana", method=method)
        except Refused:
            self.here.squashed = before

    @precondition(lambda self: self.open_pulls())
    @rule(draft=st.booleans())
    def turn_into_draft_or_back(self, draft: bool) -> None:
        self.world.repo.edit_pull_request(self.open_pulls()[0], draft=draft)

    @precondition(lambda self: self.open_pulls())
    @rule(body=st.sampled_from(["Mine alone.", "", "Before.\n{}\nAfter."]))
    def edit_the_text(self, body: str) -> None:
        self.here.forgiven.note(self.world)
        pull = self.world.repo.pull(self.open_pulls()[0])
        self.world.repo.edit_pull_request(pull.number, title="Ship it", body=body.format(pull.body or ""))

    @precondition(lambda self: self.open_pulls())
    @rule(locked=st.booleans())
    def lock_or_unlock(self, locked: bool) -> None:
        self.world.repo.edit_pull_request(self.open_pulls()[0], locked=locked)

    @precondition(lambda self: self.open_pulls())
    @rule()
    def retarget(self) -> None:
        self.here.forgiven.note(self.world)
        self.world.repo.edit_pull_request(self.open_pulls()[0], base="main")

    @precondition(lambda self: self.has_staging())
    @rule()
    def delete_the_branch(self) -> None:
        self.here.forgiven.note(self.world)
        self.world.repo.delete_branch("staging", by="ana")

    @precondition(lambda self: not self.has_staging())
    @rule(at=st.sampled_from(["release", "main"]))
    def make_the_branch_again(self, at: str) -> None:
        self.here.forgiven.note(self.world)
        self.world.repo.branch("staging", at=at)

    @rule(delete=st.booleans())
    def have_merged_branches_deleted(self, delete: bool) -> None:
        self.world.repo.set(delete_branch_on_merge=delete)

    # --- reviews and checks -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.open_pulls())
    @rule(state=st.sampled_from(["APPROVED", "APPROVED", "CHANGES_REQUESTED"]))
    def review(self, state: str) -> None:
        self.world.repo.approve(self.open_pulls()[0], by="ana", state=state)

    @precondition(lambda self: self.has_staging())
    @rule(name=CHECKS, state=STATES)
    def report(self, name: str, state: str) -> None:
        if state == "running":
            self.world.repo.check_run(name, at="staging", status="in_progress", conclusion=None)
        else:
            self.world.repo.check_run(name, at="staging", conclusion=state)
        self.here.checks.setdefault(self.head(), {})[name] = state

    @rule(checks=st.sets(CHECKS), reviews=st.sampled_from([0, 0, 1]), queue=st.sampled_from([False, False, True]))
    def protect(self, checks: set[str], reviews: int, queue: bool) -> None:
        """GitHub may also require Horizon's own status, which must not hold Horizon's own merge."""
        self.unprotect()
        own = ["horizon/release"] if self.here.moment().plan.commit_status else []
        names = [*sorted(checks), *own]
        if queue:
            self.world.repo.add_ruleset("release", checks=names, reviews=reviews, merge_queue=True)
        else:
            self.world.repo.protect("release", checks=names, reviews=reviews)
        self.here.required, self.here.reviews = frozenset(checks), reviews

    @rule()
    def unprotect(self) -> None:
        self.here.forgiven.note(self.world)
        self.world.repo.unprotect("release")
        self.here.required, self.here.reviews = frozenset(), 0

    @rule()
    def let_the_queue_work(self) -> None:
        self.here.forgiven.note(self.world)
        own = {number for number in self.open_pulls() if self._enqueued_by_horizon(number)}
        merged = self.world.repo.process_merge_queue("release")
        self.here.forgiven.by_the_queue += [number for number in merged if number in own]
        self.figures["merges"] += len(merged)

    def _enqueued_by_horizon(self, number: int) -> bool:
        entry = self.world.repo.pull(number).queue_entry
        return entry is not None and entry.enqueued_by == BOT

    @rule(reads=st.integers(0, 2))
    def let_github_be_slow_about_mergeability(self, reads: int) -> None:
        self.world.repo.mergeable_after = reads
