"""Plain git as a source of stages: any host, over https or ssh.

`ls-remote` answers where branches and tags are, many remotes at a time; only what has to be compared or dated is
fetched, into one bare mirror per remote.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from projects.git_files import CommitFiles
from projects.git_history import History, Tags
from projects.git_lock import prune
from projects.git_output import Refs, TagRef, is_sha, parse_refs
from projects.git_process import Credentials, Git, Limits
from projects.reading import Difference, Head, Question, StageUnreadable, Trouble, Where
from projects.remotes import Remote, UnsafeRemote, check_branch, check_tag_pattern, parse_remote, same_host
from projects.tag_globs import tag_matcher

__all__ = ["Credentials", "GitReader", "Limits", "prune_mirrors"]

Answer = Head | StageUnreadable


class GitReader:
    """Reads stages with one set of credentials, which go to their own host only. May be used by several threads."""

    def __init__(
        self,
        credentials: Credentials | None,
        *,
        data_dir: Path,
        insecure_hosts: Collection[str] = frozenset(),
        limits: Limits | None = None,
    ) -> None:
        self._credentials = credentials
        self._with_credentials = credentials is not None
        self._insecure_hosts = insecure_hosts
        self._limits = limits or Limits()
        self._git = Git(data_dir, self._limits, credentials)

    def heads(self, questions: Iterable[Question]) -> dict[Question, Answer]:
        """Where these stages are now; each remote is asked once, and one's trouble is no other's."""
        by_remote: dict[Remote, list[Question]] = defaultdict(list)
        answers: dict[Question, Answer] = {}
        for question in dict.fromkeys(questions):
            try:
                by_remote[self._remote_of(question)].append(question)
            except StageUnreadable as trouble:
                answers[question] = trouble
        if by_remote:
            with ThreadPoolExecutor(min(self._limits.at_once, len(by_remote)), "git") as pool:
                for found in pool.map(self._heads_of, by_remote, by_remote.values()):
                    answers |= found
        return answers

    def difference(self, remote: str, base_sha: str, head_sha: str) -> Difference:
        """The commits that `head_sha` has and `base_sha` has not; raises `StageUnreadable`."""
        parsed = self._parse(remote)
        if not is_sha(base_sha) or not is_sha(head_sha):
            raise StageUnreadable(Trouble.BROKEN_ANSWER, "A commit must be named by its 40 hex digits.")
        if base_sha == head_sha:
            return Difference((), 0, 0)
        return History(self._git, parsed, with_credentials=self._with_credentials).difference(base_sha, head_sha)

    def squashed_head(self, remote: str, sha: str) -> str | None:
        """Plain git knows no pull requests."""
        return None

    def files(self, remote: str, sha: str, paths: Collection[str]) -> dict[str, str | None]:
        """The text of these paths at a commit, as `CommitFiles.read` gives it; raises `StageUnreadable`."""
        return CommitFiles(self._git.data_dir, self._parse(remote), self._credentials).read(sha, paths)

    def _remote_of(self, question: Question) -> Remote:
        if question.where is Where.HOKUSAI:
            raise StageUnreadable(
                Trouble.MISCONFIGURED, "A hokusai environment is read from a registry: choose an AWS profile."
            )
        try:
            (check_branch if question.where is Where.BRANCH else check_tag_pattern)(question.name)
        except UnsafeRemote as refusal:
            raise StageUnreadable(Trouble.UNSAFE, str(refusal)) from None
        return self._parse(question.remote)

    def _parse(self, text: str) -> Remote:
        try:
            remote = parse_remote(text, insecure_hosts=self._insecure_hosts)
        except UnsafeRemote as refusal:
            raise StageUnreadable(Trouble.UNSAFE, str(refusal)) from None
        if self._credentials is not None and not same_host(remote, self._credentials.host):
            raise StageUnreadable(
                Trouble.UNSAFE,
                f"The profile is for {self._credentials.host} and the git remote is on {remote.host}: its credentials "
                "are not sent there. Choose another profile, or correct the remote.",
            )
        return remote

    def _heads_of(self, remote: Remote, questions: Collection[Question]) -> dict[Question, Answer]:
        kinds = ["--heads", *(["--tags"] if any(q.where is Where.TAG_PATTERN for q in questions) else [])]
        try:
            refs = parse_refs(self._git.ask(["ls-remote", *kinds, "--", remote.url], remote))
        except StageUnreadable as trouble:
            return dict.fromkeys(questions, trouble)
        return {question: self._answer(remote, refs, question) for question in questions}

    def _answer(self, remote: Remote, refs: Refs, question: Question) -> Answer:
        try:
            if question.where is Where.BRANCH:
                return _branch_head(remote, refs, question.name)
            return self._tag_head(remote, refs, question.name)
        except StageUnreadable as trouble:
            return trouble

    def _tag_head(self, remote: Remote, refs: Refs, pattern: str) -> Head:
        matches = tag_matcher(pattern)
        tags = [tag for tag in refs.tags.values() if matches(tag.name)]
        newest = self._newest(remote, tags) if len(tags) > 1 else next(iter(tags), None)
        if newest is None:
            raise StageUnreadable(
                Trouble.GONE, f"No tag of the repository on {remote.host} matches the pattern {pattern}: check it."
            )
        return Head(newest.target, label=newest.name)

    def _newest(self, remote: Remote, tags: Collection[TagRef]) -> TagRef | None:
        return Tags(self._git, remote, with_credentials=self._with_credentials).newest(tags)


def _branch_head(remote: Remote, refs: Refs, branch: str) -> Head:
    if branch in refs.branches:
        return Head(refs.branches[branch])
    if not refs.branches:
        raise StageUnreadable(
            Trouble.EMPTY, f"The repository on {remote.host} has no commit yet: push the branch {branch} to it."
        )
    raise StageUnreadable(
        Trouble.GONE,
        f"The repository on {remote.host} has no branch {branch}: it was deleted or renamed, or is misspelled.",
    )


def prune_mirrors(kept_remotes: Iterable[str], *, data_dir: Path, insecure_hosts: Collection[str] = frozenset()) -> int:
    """Delete the mirrors of all remotes but these (as the stages name them); tell how many were deleted."""
    kept = []
    for text in kept_remotes:
        try:
            kept.append(parse_remote(text, insecure_hosts=insecure_hosts))
        except UnsafeRemote:
            continue  # such a remote was never read, so it has no mirror
    return prune(data_dir.resolve(), kept)
