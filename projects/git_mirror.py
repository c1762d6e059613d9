"""Bare mirrors of remotes: commits without trees and files where the host can leave them out, kept between polls.

A mirror is only a cache: one that is broken is made anew, one that is not needed any more may be deleted at any time.
"""

import re
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NoReturn, TypeVar

from projects.git_lock import Content, held, mirror_folder
from projects.git_output import parse_kinds, parse_written_at
from projects.git_process import Git, GitFailed
from projects.git_trouble import trouble_of, trouble_of_machine
from projects.reading import StageUnreadable, Trouble
from projects.remotes import Remote

WANTED = "refs/horizon/wanted"
_NOT_OFFERED = re.compile(r"not our ref|unadvertised object|(no such|couldn't find) remote ref")
# A lock that is left over (`File exists`) is one of a process that was killed.
_BROKEN = re.compile(
    r"not a git repository: |bad object|corrupt|loose object|packfile|inflate|unable to (read|parse)|bad signature"
    r"|did not send all necessary|invalid object|bad config|not a valid object|File exists|missing (commit|tag)"
)

T = TypeVar("T")


class _MirrorBroken(Exception):
    """git cannot work with this mirror; it is made anew. `trouble` is what to say if that does not help."""

    def __init__(self, trouble: StageUnreadable) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


class Mirror:
    """A mirror of one remote, read with one set of credentials: what its kinds have in common."""

    content: Content
    fetch_options: tuple[str, ...] = ()
    # What is fetched when the host does not offer a commit by its name; and how many commits asked for keep a ref.
    all_of_it: tuple[str, ...] = ()
    kept_refs: int | None = None

    def __init__(self, git: Git, remote: Remote, *, with_credentials: bool) -> None:
        self._git = git
        self._remote = remote
        self._with_credentials = with_credentials
        self._folder = mirror_folder(git.data_dir, remote, self.content)

    # --- fetching -----------------------------------------------------------------------------------------------

    def _ensure(self, shas: Collection[str]) -> None:
        """Have these objects here, fetching those that are missing under refs that keep them."""
        missing = self._missing(shas)
        if not missing:
            return
        self._make_room()
        if not self._fetch_offered(missing):
            # The host has lost some, or hands out only what its refs name: one by one, then all, and look again.
            for sha in missing:
                self._fetch_offered([sha])
            if self.all_of_it:
                self._fetch(self.all_of_it, "--prune")
        gone = self._missing(missing)
        if gone:
            raise StageUnreadable(
                Trouble.GONE,
                f"The commit {gone[0][:7]} is no longer on {self._remote.host}: a branch was force-pushed or deleted.",
            )
        self._drop_old_refs()

    def _missing(self, shas: Collection[str]) -> list[str]:
        found = self._kinds(shas)
        return [sha for sha in dict.fromkeys(shas) if sha not in found]

    def _kinds(self, shas: Iterable[str]) -> dict[str, str]:
        return parse_kinds(self._local("cat-file", "--batch-check", answers=_lines(shas)))

    def _fetch_offered(self, shas: Iterable[str]) -> bool:
        """Fetch exactly these objects; False where the host does not offer one of them."""
        try:
            self._fetch([f"+{sha}:{WANTED}/{sha}" for sha in shas])
        except GitFailed as failed:
            if _NOT_OFFERED.search(failed.words):
                return False
            self._give_up(failed)
        return True

    def _fetch(self, refspecs: Iterable[str], *more: str) -> None:
        options = [
            "--quiet",
            "--stdin",
            "--no-tags",
            "--no-write-fetch-head",
            "--filter=tree:0",
            *self.fetch_options,
            *more,
        ]
        try:
            self._git.fetch(["fetch", *options, "origin"], self._remote, self._folder, _lines(refspecs))
        except BaseException:  # a task that is ended in the middle leaves the largest ones
            for left_over in self._folder.glob("objects/pack/tmp_*"):
                left_over.unlink(missing_ok=True)
            raise

    def _drop_old_refs(self) -> None:
        """Forget all but the newest commits asked for: most of them lie in the history of newer ones anyway."""
        if self.kept_refs is None:
            return
        kept = self._local("for-each-ref", "--format=%(refname:lstrip=3)", f"{WANTED}/").decode().split()
        if len(kept) > self.kept_refs:
            # git itself refuses to sort by dates that are absurd.
            written_at = self._written_at(kept)
            old = sorted(kept, key=lambda sha: written_at[sha])[: -self.kept_refs]
            self._local("update-ref", "--stdin", answers=_lines(f"delete {WANTED}/{sha}" for sha in old))

    def _written_at(self, shas: Iterable[str]) -> dict[str, int]:
        return parse_written_at(self._local("cat-file", "--batch", answers=_lines(shas)))

    # --- keeping the mirror in order ------------------------------------------------------------------------------

    def _read(self, work: Callable[[], T]) -> T:
        try:
            with held(self._folder, self._remote, self._git.limits.fetch_seconds):
                return self._read_mending(work)
        except GitFailed as failed:
            raise self._trouble(failed) from None
        except _MirrorBroken as broken:
            raise broken.trouble from None
        except OSError as error:
            raise trouble_of_machine(error) from None

    def _read_mending(self, work: Callable[[], T]) -> T:
        was_there = self._folder.exists()
        try:
            self._prepare()
            return work()
        except _MirrorBroken:
            if not was_there:
                raise
            shutil.rmtree(self._folder)
            self._prepare()
            return work()

    def _prepare(self) -> None:
        if not (self._folder / "HEAD").exists():
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True, mode=0o700)
            self._local("init", "--quiet", "--bare", "--template=")

    def _make_room(self) -> None:
        """A mirror that has outgrown its limit begins again, with what is needed now."""
        if _size(self._folder) > self._git.limits.mirror_bytes:
            shutil.rmtree(self._folder)
            self._prepare()

    def _local(self, *arguments: str, answers: bytes = b"") -> bytes:
        try:
            return self._git.local(arguments, self._folder, answers)
        except GitFailed as failed:
            self._give_up(failed)

    def _give_up(self, failed: GitFailed) -> NoReturn:
        trouble = self._trouble(failed)
        if trouble.trouble is Trouble.BROKEN_ANSWER or _BROKEN.search(failed.words):
            raise _MirrorBroken(trouble) from failed
        raise trouble from None

    def _trouble(self, failed: GitFailed) -> StageUnreadable:
        return trouble_of(failed.words, self._remote, with_credentials=self._with_credentials)


def _lines(words: Iterable[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "objects").rglob("*") if path.is_file())
