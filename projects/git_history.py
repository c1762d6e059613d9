"""What is read in mirrors: how two commits differ, and which tag is the newest."""

from collections.abc import Collection

from projects.git_lock import Content
from projects.git_mirror import Mirror
from projects.git_output import LOG_FORMAT, TagRef, parse_log
from projects.git_process import GitFailed
from projects.reading import KEPT_COMMITS, Difference, StageUnreadable, Trouble
from projects.remotes import compare_url


class History(Mirror):
    """The commits of a remote, with all that came before them."""

    content = Content.HISTORY
    all_of_it = ("+refs/heads/*:refs/horizon/heads/*",)
    kept_refs = 300

    def difference(self, base: str, head: str) -> Difference:
        """The commits of `head` that `base` has not; both are shas of 40 hex digits. Raises `StageUnreadable`."""
        return self._read(lambda: self._difference(base, head))

    def _difference(self, base: str, head: str) -> Difference:
        self._ensure([base, head])
        self._check_related(base, head)
        behind, total = self._local("rev-list", "--left-right", "--count", f"{base}...{head}", "--").split()
        log = self._local(
            *("log", "-z", "--date-order", "--encoding=UTF-8", f"--format={LOG_FORMAT}", f"--max-count={KEPT_COMMITS}"),
            *(head, f"^{base}", "--"),
        )
        return Difference(parse_log(log), int(total), int(behind), compare_url(self._remote, base, head))

    def _check_related(self, base: str, head: str) -> None:
        try:
            self._git.local(["merge-base", base, head], self._folder)
        except GitFailed as failed:
            if failed.status != 1:
                self._give_up(failed)
            raise StageUnreadable(
                Trouble.UNRELATED,
                f"The commits {base[:7]} and {head[:7]} share no history: check that both stages belong to the same "
                "repository, and whether its history was replaced.",
            ) from None


class Tags(Mirror):
    """The tags of a remote and their commits, without what came before: a short fetch even where history is long."""

    content = Content.TAGS
    fetch_options = ("--depth=1",)

    def newest(self, tags: Collection[TagRef]) -> TagRef | None:
        """The newest by the date of the tag, then of its commit; None where none leads to a commit. Raises
        `StageUnreadable`."""
        return self._read(lambda: self._newest(tags))

    def _newest(self, tags: Collection[TagRef]) -> TagRef | None:
        self._ensure([tag.object for tag in tags])
        kinds = self._kinds([tag.target for tag in tags])
        candidates = [tag for tag in tags if kinds.get(tag.target) == "commit"]
        written_at = self._written_at({sha for tag in candidates for sha in (tag.object, tag.target)})
        return max(candidates, key=lambda tag: (written_at[tag.object], written_at[tag.target], tag.name), default=None)
