"""Releases on GitHub: how they stand, and the acts that move them."""

from collections.abc import Iterable

from projects.github_values import (
    ActRefused,
    AnswerLost,
    Check,
    CheckState,
    PullRequest,
    RefusalCode,
    ReleaseQuestion,
    ReleaseState,
)
from projects.models import Profile
from projects.reading import StageUnreadable

__all__ = [
    "ActRefused",
    "AnswerLost",
    "Check",
    "CheckState",
    "GitHub",
    "PullRequest",
    "RefusalCode",
    "ReleaseQuestion",
    "ReleaseState",
]


class GitHub:
    """Reads release states and acts on pull requests with the credentials of one profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def release_states(
        self, questions: Iterable[ReleaseQuestion]
    ) -> dict[ReleaseQuestion, ReleaseState | StageUnreadable]:
        """How these releases stand now; a trouble with one of them is its own answer."""
        raise NotImplementedError

    def pull_request(self, owner: str, name: str, number: int) -> PullRequest:
        """Raises StageUnreadable."""
        raise NotImplementedError

    def create_pull_request(self, owner: str, name: str, *, base: str, head: str, title: str, body: str) -> PullRequest:
        """Raises ActRefused, AnswerLost. Never sent twice."""
        raise NotImplementedError

    def merge_pull_request(
        self,
        owner: str,
        name: str,
        number: int,
        *,
        sha: str,
        method: str = "merge",
        title: str | None = None,
        message: str | None = None,
    ) -> str:
        """Merge exactly this head; the sha of the merge. Raises ActRefused, AnswerLost. Never sent twice."""
        raise NotImplementedError
