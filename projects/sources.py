"""Which reader serves a stage, by its profile; and the tests that an administrator runs by hand."""

from collections.abc import Iterable
from typing import Protocol

from projects.models import Profile, Stage
from projects.reading import Difference, Head, Question, StageUnreadable


class Reader(Protocol):
    """What all readers can do; the registry's cannot compare."""

    def heads(self, questions: Iterable[Question]) -> dict[Question, Head | StageUnreadable]: ...

    def difference(self, remote: str, base_sha: str, head_sha: str) -> Difference: ...


def reader_of(profile: Profile | None) -> Reader:
    """The reader for stages of this profile. Raises StageUnreadable(MISCONFIGURED) for one that reads no stages."""
    raise NotImplementedError


def test_profile(profile: Profile) -> str:
    """What the host says to these credentials now, in sentences. Raises StageUnreadable."""
    raise NotImplementedError


def test_stage(stage: Stage) -> str:
    """The commit that this stage is at now, in a sentence. Raises StageUnreadable."""
    raise NotImplementedError
