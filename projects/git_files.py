"""A few files of one commit on a plain git host.

Mirrors hold commits only, so the files come into a repository of their own that is gone afterwards: one commit without
history, its trees, and then exactly the files that were asked for.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from projects.git_process import Credentials, Git, GitFailed, Limits
from projects.git_trouble import trouble_of
from projects.remotes import Remote

FETCH_SECONDS = 60
FETCH_BYTES = 64 << 20  # for a host that cannot leave files out, and sends all of them
LARGEST_FILE = 1 << 20  # bytes; a larger file is there, and empty

_NOT_OFFERED = re.compile(r"not our ref|unadvertised object|(no such|couldn't find) remote ref")
_SYMBOLIC_LINK = "120000"


class CommitFiles:
    """Reads the files of one commit of a remote. Raises `StageUnreadable` only."""

    def __init__(self, data_dir: Path, remote: Remote, credentials: Credentials | None) -> None:
        limits = Limits(fetch_seconds=FETCH_SECONDS, mirror_bytes=FETCH_BYTES)
        self._git = Git(data_dir, limits, credentials)
        self._remote = remote
        self._with_credentials = credentials is not None

    def read(self, sha: str, paths: Collection[str]) -> dict[str, str | None]:
        """The text of each path at this commit, or at the default branch where the host does not hand the commit out.

        A path that ends in a slash is a folder; its text is the names of its entries, one a line. None: not there.
        """
        with TemporaryDirectory(prefix="horizon-files-") as folder:
            try:
                return self._read(Path(folder), sha, paths)
            except GitFailed as failed:
                self._give_up(failed)

    def _read(self, folder: Path, sha: str, paths: Collection[str]) -> dict[str, str | None]:
        self._git.local(["init", "--quiet", "--bare", "--template="], folder)
        commit = self._fetch_commit(folder, sha)
        listed = _parse_tree(self._git.local(["ls-tree", "-z", commit, "--", *paths], folder))
        files = {path: blob for path, blob in listed.items() if path in paths}
        texts = self._texts(folder, set(files.values()) - {""})
        found: dict[str, str | None] = dict.fromkeys(paths)
        found |= {path: texts.get(blob, "") for path, blob in files.items()}
        found |= {path: _entries(path, listed) for path in paths if path.endswith("/")}
        return found

    def _fetch_commit(self, folder: Path, sha: str) -> str:
        try:
            self._fetch(folder, [sha], "--depth=1")
        except GitFailed as failed:
            if not _NOT_OFFERED.search(failed.words):
                raise
            self._fetch(folder, ["+HEAD:refs/horizon/head"], "--depth=1")
            return self._git.local(["rev-parse", "refs/horizon/head"], folder).decode().strip()
        return sha

    def _texts(self, folder: Path, blobs: Collection[str]) -> dict[str, str]:
        """The texts of these files by the names of their blobs; too large ones are left out."""
        if not blobs:
            return {}
        self._fetch(folder, sorted(blobs))
        sizes = self._git.local(["cat-file", "--batch-check"], folder, _lines(sorted(blobs)))
        small = [sha for sha, size in _parse_sizes(sizes) if size <= LARGEST_FILE]
        return dict(_parse_contents(self._git.local(["cat-file", "--batch"], folder, _lines(small))))

    def _fetch(self, folder: Path, wanted: Iterable[str], *more: str) -> None:
        options = ["--quiet", "--stdin", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", *more]
        # Without negotiation: a host that hears of the commit takes it that its files are here, too.
        self._git.fetch(
            ["-c", "fetch.negotiationAlgorithm=noop", "fetch", *options, "origin"], self._remote, folder, _lines(wanted)
        )

    def _give_up(self, failed: GitFailed) -> NoReturn:
        raise trouble_of(failed.words, self._remote, with_credentials=self._with_credentials) from None


def _lines(words: Iterable[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()


def _parse_tree(output: bytes) -> dict[str, str]:
    """Read `git ls-tree -z`: the blob of each path, empty where it is no plain file."""
    found: dict[str, str] = {}
    for entry in output.decode(errors="replace").split("\0"):
        description, _, path = entry.partition("\t")
        if path:
            mode, kind, sha = description.split()
            found[path] = sha if kind == "blob" and mode != _SYMBOLIC_LINK else ""
    return found


def _entries(folder: str, listed: Mapping[str, str]) -> str | None:
    names = [path.removeprefix(folder) for path in listed if path.startswith(folder)]
    return "\n".join(names) if names else None


def _parse_sizes(output: bytes) -> Iterator[tuple[str, int]]:
    """Read `git cat-file --batch-check`; objects that are missing have no size."""
    for line in output.decode().splitlines():
        words = line.split()
        if len(words) == 3:
            yield words[0], int(words[2])


def _parse_contents(output: bytes) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        sha, _, size = output[position:end].split()
        position = end + 1 + int(size) + 1
        yield sha.decode(), output[end + 1 : position - 1].decode(errors="replace")
