"""Pull requests: opening, editing, closing, and what follows when a branch moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.github.merging import Merging
from tests.servers.github.model import Refused, Review
from tests.servers.github.pull_request import HEADS, PullRequest

if TYPE_CHECKING:
    from tests.servers.github.repository import Repository

LONGEST_BODY = 65536


class Pulls(Merging):
    """The pull requests of one repository. The caller holds the server's lock."""

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

    def revert(
        self, pull: PullRequest, *, by: str, title: str | None, body: str | None, draft: bool | None
    ) -> PullRequest:
        """Undoes a merged pull request on a branch of its own. The texts are those of GitHub's own button."""
        merged = pull.merge_commit_sha
        if not pull.merged or merged is None:
            raise Refused(422, "Pull request is not merged and cannot be reverted.")
        repository, branch = self.repository, f"revert-{pull.number}-{pull.head_ref}"
        store, tip = repository.store, pull.base_tip()
        if HEADS + branch in store.refs:
            branch = f"{branch}-{repository.github.next_number(repository)}"
        before = store.commit(merged).parents[0]
        mine = store.difference(store.commit(merged).tree, store.commit(tip).tree) if tip else {}
        undone = store.difference(store.commit(merged).tree, store.commit(before).tree)
        if tip is None or any(mine[path] != undone[path] for path in mine.keys() & undone.keys()):
            raise Refused(422, "Sorry, this pull request couldn\u2019t be reverted automatically.")
        changes = f", reversing\nchanges made to {before}." if len(store.commit(merged).parents) > 1 else "."
        text = f'Revert "{pull.title}"\n\nThis reverts commit {merged}{changes}'
        who = repository.signature(by, None)
        made = store.write_commit(store.graft(store.commit(tip).tree, undone), (tip,), who, who, text)
        repository.move(HEADS + branch, made, by=by)
        return self.open(
            repository,
            branch,
            pull.base_ref,
            title=title or f'Revert "{pull.title}"',
            body=body if body is not None else f"Reverts {repository.full_name}#{pull.number}",
            author=by,
            draft=bool(draft),
        )

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
        self.leave_queue(pull, by, None)
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
                mine = pull.head_repository is self.repository and pull.head_ref == branch
                if mine and (repository.digesting or after is None):
                    repository.pulls.head_moved(pull, after, by)
        for pull in self.listed({"open"}):
            if pull.base_ref == branch:
                self._base_moved(pull, after, by)

    def digest(self) -> None:
        """Catches up with branches that moved unseen: on GitHub a push reaches its pull request a little later."""
        for pull in self.listed({"open"}):
            heads = pull.head_repository
            tip = heads.store.refs.get(HEADS + pull.head_ref) if heads else None
            if tip and tip != pull.head_sha:
                self.head_moved(pull, tip, pull.author)

    def head_moved(self, pull: PullRequest, after: str | None, by: str) -> None:
        if after is None:
            self.close(pull, by)
            return
        assert pull.head_repository
        self.repository.store.copy_from(pull.head_repository.store, after)
        before = pull.head_sha
        pull.head_sha = self.repository.store.refs[f"refs/pull/{pull.number}/head"] = after
        pull.base_sha = pull.base_tip() or pull.base_sha
        pull.updated_at = self.repository.github.now()
        self.leave_queue(pull, by, None)
        self.repository.github.changed(pull, "synchronize", by, before=before, after=after)

    def _base_moved(self, pull: PullRequest, after: str | None, by: str) -> None:
        if after is None:
            self.close(pull, by)
        elif pull.head_sha in self.repository.store.ancestors(after):
            self.mark_merged(pull, after, by)

    def checks_changed(self, sha: str) -> None:
        for pull in self.listed({"open"}):
            if pull.head_sha == sha:
                pull.updated_at = self.repository.github.now()
