"""Stages on GitHub, read through its API with the credentials of one profile."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from projects.github_budget import Budget, pace
from projects.models import Profile
from projects.reading import Difference, Head, Question, StageUnreadable

__all__ = ["Budget", "GitHubReader", "ProfileReport", "check_profile", "pace"]


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """What "test this profile" found, in words for people. `problems` is empty when all is well."""

    login: str
    budget: str
    rights: str
    problems: tuple[str, ...] = ()


class GitHubReader:
    """Reads stages. `known` maps owner/name (lower case, as remotes write it) to the host's id of the repository."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    @property
    def budget(self) -> Budget:
        raise NotImplementedError

    def heads(
        self, questions: Iterable[Question], known: Mapping[str, int] | None = None
    ) -> dict[Question, Head | StageUnreadable]:
        """Where these stages are now, in batches of up to 50 repositories; never raises for expected trouble."""
        raise NotImplementedError

    def difference(self, remote: str, base_sha: str, head_sha: str) -> Difference:
        """What `head_sha` has and `base_sha` has not. Raises StageUnreadable."""
        raise NotImplementedError

    def files(self, owner: str, name: str, paths: Sequence[str]) -> dict[str, str | None]:
        """The text of these files at the default branch; None where absent, binary or too large. Raises StageUnreadable."""
        raise NotImplementedError


def check_profile(profile: Profile) -> ProfileReport:
    """Ask the host who these credentials belong to and what they may do. Raises StageUnreadable."""
    raise NotImplementedError
