"""Stages on GitHub, read through its API with the credentials of one profile."""

from collections.abc import Iterable, Mapping, Sequence

from projects import github_files
from projects.github_budget import Budget, pace
from projects.github_client import GitHubClient
from projects.github_compare import difference
from projects.github_heads import HeadReader
from projects.github_profile import ProfileReport, check_profile
from projects.github_squash import squashed_head
from projects.models import Profile
from projects.reading import Difference, Head, Question, StageUnreadable

__all__ = ["Budget", "GitHubReader", "ProfileReport", "check_profile", "pace"]


class GitHubReader:
    """Reads stages, for one thread. What it learns of renamed repositories, and a limit's pause, last as long as it."""

    def __init__(self, profile: Profile) -> None:
        self._client = GitHubClient(profile)

    @property
    def budget(self) -> Budget:
        """As the latest answer told it."""
        return self._client.budget

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._client.requests

    def heads(
        self, questions: Iterable[Question], known: Mapping[str, int] | None = None
    ) -> dict[Question, Head | StageUnreadable]:
        """Where these stages are now; never raises for expected trouble.

        `known` maps owner/name (lower case, as the remotes write it) to the host's id of the repository: one that now
        bears another name is followed by its id, and never answered with the heads of another repository.
        `Head.repository` has its present name.
        """
        return HeadReader(self._client, known or {}).read(questions)

    def difference(self, remote: str, base_sha: str, head_sha: str) -> Difference:
        """What `head_sha` has and `base_sha` has not. Raises StageUnreadable."""
        return difference(self._client, remote, base_sha, head_sha)

    def squashed_head(self, remote: str, sha: str) -> str | None:
        """The head of the pull request that made this commit by squashing or rebasing. Raises StageUnreadable."""
        return squashed_head(self._client, remote, sha)

    def files(self, owner: str, name: str, paths: Sequence[str]) -> dict[str, str | None]:
        """Texts at the default branch; None where absent, binary or larger than 512 KB. Raises StageUnreadable."""
        found = self.files_of({(owner, name): paths})[owner, name]
        if isinstance(found, StageUnreadable):
            raise found
        return found

    def files_of(
        self, wanted: Mapping[tuple[str, str], Sequence[str]]
    ) -> dict[tuple[str, str], dict[str, str | None] | StageUnreadable]:
        """The same for many repositories (owner, name), ten with one request."""
        return github_files.files(self._client, wanted)
