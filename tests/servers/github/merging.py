"""Merging pull requests: whether it can be done, doing it, and merge queues.

`mergeable` is lazy as on GitHub (docs, "Checking mergeability of pull requests"): the first `mergeable_after` readings
of a head and base answer unknown, and start the background job whose result the next ones see.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tests.servers.github.model import AsyncMerge, QueueEntry, QueueMove, Refused
from tests.servers.github.protection import GREEN, has_merge_queue, objections, reported, rules_for
from tests.servers.github.pull_request import HEADS, PullRequest
from tests.servers.github.store import Conflict

if TYPE_CHECKING:
    from tests.servers.github.repository import Repository

HEAD_MOVED = "Head branch was modified. Review and try the merge again."
NOT_MERGEABLE = "Pull Request is not mergeable"
QUEUE = "github-merge-queue[bot]"
NOBODY = ""  # may go round no rule


class Merging:
    """The merging of one repository's pull requests. The caller holds the server's lock."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.all: dict[int, PullRequest] = {}
        self.asynchronous: dict[str, AsyncMerge] = {}

    def get(self, number: int) -> PullRequest:
        if number not in self.all:
            raise KeyError(f"{self.repository.full_name} has no pull request {number}")
        return self.all[number]

    def listed(self, states: set[str]) -> list[PullRequest]:
        """Newest first."""
        return [pull for pull in reversed(self.all.values()) if pull.state in states]

    # mergeability

    def mergeable(self, pull: PullRequest) -> bool | None:
        """None while the background job has not run for this head and base; asking starts it."""
        if pull.state == "closed":
            return None
        head, base, count = pull.readings
        pair = (pull.head_sha, pull.base_tip() or "")
        count = count + 1 if (head, base) == pair else 1
        pull.readings = (*pair, count)
        return None if count <= self.repository.mergeable_after else self.merges_cleanly(pull)

    def merges_cleanly(self, pull: PullRequest) -> bool:
        base = pull.base_tip()
        if not base:
            return False
        store = self.repository.store
        try:
            store.merged_tree(store.merge_base(base, pull.head_sha), base, pull.head_sha)
        except Conflict:
            return False
        return True

    def merge_state(self, pull: PullRequest, mergeable: bool | None) -> str:
        """REST's mergeable_state, whose values octokit.net #1763 collects; in capitals GraphQL's mergeStateStatus.

        The same for everybody: `gh pr merge` tells an administrator of a blocked one to "add the --admin flag"
        (kurone-kito/idd-skill #1737: BLOCKED, by an account that may go round the rules).
        """
        if mergeable is None:
            return "unknown"
        if not mergeable:
            return "dirty"
        if pull.draft:
            return "draft"
        against = objections(pull, NOBODY, queue=False)
        if any("out of date" in text for text in against) and len(against) == 1:
            return "behind"
        if against:
            return "blocked"
        states = {check.state for check in reported(self.repository, pull.head_sha)}
        return "unstable" if states - GREEN else "clean"

    # merging

    def merge(
        self,
        pull: PullRequest,
        *,
        by: str,
        method: str = "merge",
        sha: str | None = None,
        title: str | None = None,
        message: str | None = None,
        rules: bool = True,
        bypass: bool = True,
    ) -> str:
        """The new commit of base; 405 and 409 with GitHub's texts otherwise. `bypass`: who may goes round the rules."""
        if pull.state == "closed" or not pull.base_tip():
            raise Refused(405, NOT_MERGEABLE)
        if sha is not None and sha != pull.head_sha:
            raise Refused(409, HEAD_MOVED)
        if rules:
            self._check_rules(pull, by if bypass else NOBODY, method)
        try:
            made = self._merged(pull, by, method, title, message)
        except Conflict as conflict:
            raise Refused(405, NOT_MERGEABLE) from conflict
        self._finish(pull, made, by)
        return made

    def _check_rules(self, pull: PullRequest, by: str, method: str) -> None:
        self._check_method(pull, method)
        if pull.draft:
            raise Refused(405, "Pull Request is still a draft")
        against = objections(pull, by)
        if against:
            raise Refused(405, " ".join(against))

    def _check_method(self, pull: PullRequest, method: str) -> None:
        allowed = {
            "merge": self.repository.settings.allow_merge_commit,
            "squash": self.repository.settings.allow_squash_merge,
            "rebase": self.repository.settings.allow_rebase_merge,
        }
        for rule in rules_for(self.repository, pull.base_ref):
            if rule.methods is not None:
                allowed = {name: value and name in rule.methods for name, value in allowed.items()}
        if not allowed[method]:
            name = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}[method]
            raise Refused(405, f"{name} are not allowed on this repository.")

    def _merged(self, pull: PullRequest, by: str, method: str, title: str | None, message: str | None) -> str:
        repository = self.repository
        base = pull.base_tip()
        assert base
        who = repository.signature(by, None)
        host = repository.signature(("GitHub", "noreply@github.com"), None)
        if method == "rebase":
            return repository.rebase_commits(base, pull.head_sha, who)
        if method == "squash":
            text = f"{title or f'{pull.title} (#{pull.number})'}\n\n{message or pull.body or ''}".rstrip()
            return repository.squash_commit(base, pull.head_sha, text, repository.signature(pull.author, None), host)
        subject = title or f"Merge pull request #{pull.number} from {pull.head_owner}/{pull.head_ref}"
        return repository.merge_commit(base, pull.head_sha, f"{subject}\n\n{message or pull.title}", who, host)

    def _finish(self, pull: PullRequest, made: str, by: str) -> None:
        self.mark_merged(pull, made, by)
        self.repository.move(HEADS + pull.base_ref, made, by=by)
        heads = pull.head_repository
        if not self.repository.settings.delete_branch_on_merge or heads is not self.repository:
            return
        if pull.head_ref != heads.default_branch and not rules_for(heads, pull.head_ref):
            heads.move(HEADS + pull.head_ref, None, by=by)

    # merge queue and merge-async

    def enqueue(self, pull: PullRequest, by: str, method: str = "merge") -> None:
        """405 while the pull request itself may not enter: draft, conflicts, failing checks or missing reviews."""
        if not has_merge_queue(self.repository, pull.base_ref):
            raise Refused(405, "The merge queue is not enabled for this branch.")
        against = "\n".join(objections(pull, by, queue=False))
        if pull.draft or against or not self.merges_cleanly(pull):
            raise Refused(405, against or NOT_MERGEABLE)
        now = self.repository.github.now()
        pull.queue_entry = QueueEntry(pull.number, by, now, pull.head_sha, method)
        pull.queue_moves.append(QueueMove(self.repository.github.ids.next(), True, by, now))
        self.repository.github.changed(pull, "enqueued", by)

    def dequeue(self, pull: PullRequest, by: str, reason: str | None = "manual", before: str | None = None) -> None:
        self.leave_queue(pull, by, reason, before)
        self.repository.github.changed(pull, "dequeued", by)

    def leave_queue(self, pull: PullRequest, by: str, reason: str | None, before: str | None = None) -> None:
        """Out of the queue, if it was there: the timeline says so of merges as well."""
        if pull.queue_entry is not None:
            github = self.repository.github
            pull.queue_moves.append(QueueMove(github.ids.next(), False, by, github.now(), reason, before))
        pull.queue_entry = None

    def fail_in_queue(self, pull: PullRequest, reason: str, checks: dict[str, str]) -> None:
        """The queue put it on top of its base, these checks ended so on that commit, and it was taken out."""
        repository, base = self.repository, pull.base_tip()
        assert base
        who = repository.signature(QUEUE, None)
        group = repository.merge_commit(base, pull.head_sha, f"Merge pull request #{pull.number}", who, who)
        for name, conclusion in checks.items():
            repository.check_run(name, at=group, conclusion=conclusion)
        self.dequeue(pull, QUEUE, reason, group)

    def queued(self, branch: str) -> list[PullRequest]:
        """In the order in which they will be merged."""
        waiting = [pull for pull in self.listed({"open"}) if pull.queue_entry and pull.base_ref == branch]
        return sorted(waiting, key=lambda pull: (pull.queue_entry.enqueued_at, pull.number) if pull.queue_entry else ())

    def process_queue(self, branch: str) -> list[int]:
        merged = []
        for pull in self.queued(branch):
            entry = pull.queue_entry
            assert entry
            try:
                self.merge(pull, by=entry.enqueued_by, method=entry.method, sha=entry.head_sha, rules=False)
                merged.append(pull.number)
            except Refused:
                self.dequeue(pull, QUEUE, "merge_conflict")
        return merged

    def pending_of(self, pull: PullRequest) -> AsyncMerge | None:
        """The request for this pull request that has not run yet."""
        wishes = (wish for wish in self.asynchronous.values() if wish.number == pull.number)
        return next((wish for wish in wishes if wish.state == "pending"), None)

    def merge_asynchronously(
        self, pull: PullRequest, *, by: str, sha: str | None, method: str | None, action: str, bypass: bool
    ) -> AsyncMerge:
        """Notes the wish; rules are looked at when it runs (gh-stack's "Merge API" reference). 409 while one is
        pending.
        """
        if self.pending_of(pull):
            raise Refused(409, "A merge request for this pull request is already pending.")
        if sha is not None and sha != pull.head_sha:
            raise Refused(409, HEAD_MOVED)
        wish = AsyncMerge(
            str(uuid.uuid4()),
            pull.number,
            "pending",
            self.repository.github.now(),
            pull.head_sha,
            method or "default",
            by,
        )
        wish.action, wish.bypass = action, bypass
        self.asynchronous[wish.uuid] = wish
        return wish

    def run_asynchronous(self, wish: AsyncMerge) -> None:
        """One step of the background job: the wish ends as merged, enqueued or failed."""
        pull = self.get(wish.number)
        queue = wish.action == "merge_queue" or (
            wish.action == "default" and has_merge_queue(self.repository, pull.base_ref)
        )
        method = "merge" if wish.method == "default" else wish.method
        try:
            if pull.head_sha != wish.sha:
                raise Refused(409, HEAD_MOVED)
            if queue:
                self.enqueue(pull, wish.actor, method)
                wish.state, wish.message = "enqueued", "Pull request was added to the merge queue."
            else:
                wish.merge_sha = self.merge(pull, by=wish.actor, method=method, sha=wish.sha, bypass=wish.bypass)
                wish.state, wish.message = "merged", "Pull request was merged."
        except Refused as refusal:
            wish.state, wish.message = "failed", refusal.message

    def mark_merged(self, pull: PullRequest, sha: str, by: str) -> None:
        pull.state, pull.merged, pull.merged_by, pull.merge_commit_sha = "closed", True, by, sha
        pull.merged_at = pull.closed_at = pull.updated_at = self.repository.github.now()
        self.leave_queue(pull, by, "merged", sha)
        self.repository.github.changed(pull, "closed", by)
