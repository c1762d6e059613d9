"""Pull requests: opening, merging, and what follows when a branch moves.

`mergeable` is lazy as on GitHub (docs, "Checking mergeability of pull requests"): the first `mergeable_after` readings
of a head and base answer unknown, and start the background job whose result the next ones see.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from tests.servers.github.model import AsyncMerge, Comment, QueueEntry, Refused, Review, node_id
from tests.servers.github.protection import GREEN, has_merge_queue, objections, reported, rules_for
from tests.servers.github.store import Conflict

if TYPE_CHECKING:
    from tests.servers.github.repository import Repository

HEADS = "refs/heads/"
BASE_MOVED = "Base branch was modified. Review and try the merge again."
HEAD_MOVED = "Head branch was modified. Review and try the merge again."
NOT_MERGEABLE = "Pull Request is not mergeable"
LONGEST_BODY = 65536


@dataclass(slots=True, eq=False)
class PullRequest:
    repository: Repository
    head_repository: Repository | None
    id: int
    number: int
    head_ref: str
    head_sha: str
    head_owner: str
    base_ref: str
    base_sha: str
    title: str
    body: str | None
    author: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    locked: bool = False
    state: str = "open"
    merged: bool = False
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    assignees: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    queue_entry: QueueEntry | None = None
    readings: tuple[str, str, int] = ("", "", 0)  # head, base and how often that pair was read

    @property
    def node_id(self) -> str:
        return node_id("PR", self.repository.id, self.number)

    @property
    def cross_repository(self) -> bool:
        return self.head_repository is not self.repository

    def base_tip(self) -> str | None:
        return self.repository.store.refs.get(HEADS + self.base_ref)

    def latest_reviews(self) -> list[Review]:
        """The last opinion of each reviewer."""
        return list({review.author: review for review in self.reviews if review.state != "COMMENTED"}.values())


class Pulls:
    """The pull requests of one repository. The caller holds the server's lock."""

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

    # opening and editing

    def open(
        self,
        head_repository: Repository,
        head: str,
        base: str,
        *,
        title: str,
        body: str | None,
        author: str,
        draft: bool,
    ) -> PullRequest:
        """422 with GitHub's texts for what cannot be opened."""
        store, github = self.repository.store, self.repository.github
        head_sha, base_sha = head_repository.store.refs.get(HEADS + head), store.refs.get(HEADS + base)
        if head_sha:
            store.copy_from(head_repository.store, head_sha)
        self._check_opening(head_repository, head, base, head_sha, base_sha, body)
        assert head_sha
        assert base_sha
        if head_sha in store.ancestors(base_sha):
            self._invalid(message=f"No commits between {self._label(base, head_repository)} and {head}")
        number, now = github.next_number(self.repository), github.now()
        pull = PullRequest(
            self.repository,
            head_repository,
            github.ids.next(),
            number,
            head,
            head_sha,
            head_repository.owner,
            base,
            base_sha,
            title,
            body,
            author,
            now,
            now,
            draft,
        )
        self.all[number] = pull
        store.refs[f"refs/pull/{number}/head"] = head_sha
        github.changed(pull, "opened", author)
        return pull

    def _label(self, base: str, head_repository: Repository) -> str:
        return base if head_repository is self.repository else f"{self.repository.owner}:{base}"

    def _check_opening(
        self, heads: Repository, head: str, base: str, head_sha: str | None, base_sha: str | None, body: str | None
    ) -> None:
        if not base_sha:
            self._invalid(field="base")
        if not head_sha:
            self._invalid(field="head")
        self._check_body(body)
        for pull in self.listed({"open"}):
            if (pull.head_repository, pull.head_ref, pull.base_ref) == (heads, head, base):
                self._invalid(message=f"A pull request already exists for {heads.owner}:{head}.")
        if self.repository.store.merge_base(base_sha or "", head_sha or "") is None:
            self._invalid(message=f"The {head} branch has no history in common with {base}")

    def _check_body(self, body: str | None) -> None:
        if body and len(body) > LONGEST_BODY:
            text = f"body is too long (maximum is {LONGEST_BODY} characters)"
            raise Refused(
                422, "Validation Failed", [{"resource": "Issue", "code": "custom", "field": "body", "message": text}]
            )

    def _invalid(self, *, field: str | None = None, message: str | None = None) -> None:
        error = {"resource": "PullRequest", "code": "custom" if message else "invalid"}
        error |= {"field": field} if field else {}
        error |= {"message": message} if message else {}
        raise Refused(422, "Validation Failed", [error])

    def edit(
        self, pull: PullRequest, *, title: str | None = None, body: str | None = None, base: str | None = None
    ) -> None:
        self._check_body(body)
        if base is not None and base != pull.base_ref:
            tip = self.repository.store.refs.get(HEADS + base)
            if not tip:
                self._invalid(field="base")
            assert tip
            pull.base_ref, pull.base_sha = base, tip
        pull.title = pull.title if title is None else title
        pull.body = pull.body if body is None else body
        pull.updated_at = self.repository.github.now()
        self.repository.github.changed(pull, "edited", pull.author)

    def close(self, pull: PullRequest, by: str) -> None:
        if pull.state == "closed":
            return
        pull.state, pull.closed_by = "closed", by
        pull.closed_at = pull.updated_at = self.repository.github.now()
        pull.queue_entry = None
        self.repository.github.changed(pull, "closed", by)

    def reopen(self, pull: PullRequest) -> None:
        if pull.merged or pull.state == "open":
            self._invalid(field="state")
        heads = pull.head_repository.store.refs if pull.head_repository else {}
        if HEADS + pull.head_ref not in heads:
            self._invalid(message=f"state cannot be changed. The {pull.head_ref} branch has been deleted.")
        pull.state, pull.closed_at, pull.closed_by = "open", None, None
        pull.head_sha = heads[HEADS + pull.head_ref]
        self.repository.github.changed(pull, "reopened", pull.author)

    def review(self, pull: PullRequest, by: str, state: str) -> None:
        github = self.repository.github
        pull.reviews.append(Review(github.ids.next(), by, state, pull.head_sha, github.now()))

    # what follows when branches move

    def branch_moved(self, branch: str, before: str | None, after: str | None, by: str) -> None:
        for repository in self.repository.github.network(self.repository):
            for pull in repository.pulls.listed({"open"}):
                if pull.head_repository is self.repository and pull.head_ref == branch:
                    repository.pulls.head_moved(pull, after, by)
        for pull in self.listed({"open"}):
            if pull.base_ref == branch:
                self._base_moved(pull, after, by)

    def head_moved(self, pull: PullRequest, after: str | None, by: str) -> None:
        if after is None:
            self.close(pull, by)
            return
        assert pull.head_repository
        self.repository.store.copy_from(pull.head_repository.store, after)
        pull.head_sha = self.repository.store.refs[f"refs/pull/{pull.number}/head"] = after
        pull.base_sha = pull.base_tip() or pull.base_sha
        pull.updated_at = self.repository.github.now()
        pull.queue_entry = None
        self.repository.github.changed(pull, "synchronize", by)

    def _base_moved(self, pull: PullRequest, after: str | None, by: str) -> None:
        if after is None:
            self.close(pull, by)
        elif pull.head_sha in self.repository.store.ancestors(after):
            self._mark_merged(pull, after, by)

    def _mark_merged(self, pull: PullRequest, sha: str, by: str) -> None:
        pull.state, pull.merged, pull.merged_by, pull.merge_commit_sha = "closed", True, by, sha
        pull.merged_at = pull.closed_at = pull.updated_at = self.repository.github.now()
        pull.queue_entry = None
        self.repository.github.changed(pull, "closed", by)

    def checks_changed(self, sha: str) -> None:
        for pull in self.listed({"open"}):
            if pull.head_sha == sha:
                pull.updated_at = self.repository.github.now()

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

    def merge_state(self, pull: PullRequest, mergeable: bool | None, actor: str) -> str:
        """REST's mergeable_state, whose values octokit.net #1763 collects; in capitals GraphQL's mergeStateStatus."""
        if mergeable is None:
            return "unknown"
        if not mergeable:
            return "dirty"
        if pull.draft:
            return "draft"
        against = objections(pull, actor, queue=False)
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
    ) -> str:
        """The new commit of base; 405 and 409 with GitHub's texts otherwise."""
        if pull.state == "closed" or not pull.base_tip():
            raise Refused(405, NOT_MERGEABLE)
        if sha is not None and sha != pull.head_sha:
            raise Refused(409, HEAD_MOVED)
        if rules:
            self._check_rules(pull, by, method)
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
            return repository.squash_commit(base, pull.head_sha, text, who, host)
        subject = title or f"Merge pull request #{pull.number} from {pull.head_owner}/{pull.head_ref}"
        return repository.merge_commit(base, pull.head_sha, f"{subject}\n\n{message or pull.title}", who, host)

    def _finish(self, pull: PullRequest, made: str, by: str) -> None:
        self._mark_merged(pull, made, by)
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
        self.repository.github.changed(pull, "enqueued", by)

    def dequeue(self, pull: PullRequest, by: str) -> None:
        pull.queue_entry = None
        self.repository.github.changed(pull, "dequeued", by)

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
                self.dequeue(pull, "github-merge-queue[bot]")
        return merged

    def merge_asynchronously(
        self, pull: PullRequest, *, by: str, sha: str | None, method: str | None, action: str, bypass: bool
    ) -> AsyncMerge:
        """Notes the wish; rules are looked at when it runs (gh-stack's "Merge API" reference). 409 while one is
        pending.
        """
        if any(wish.number == pull.number and wish.state == "pending" for wish in self.asynchronous.values()):
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
                wish.merge_sha = self.merge(pull, by=wish.actor, method=method, sha=wish.sha)
                wish.state, wish.message = "merged", "Pull request was merged."
        except Refused as refusal:
            wish.state, wish.message = "failed", refusal.message
