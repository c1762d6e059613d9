"""One project as its hosts were seen to be, beside what is stored of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from projects import compare
from projects.cleaning import clean_line
from projects.models import Comparison, Project, Snapshot, Stage, StageHead
from projects.reading import Difference, Head, StageUnreadable

GOOD_STATES = (Comparison.State.COMPARED, Comparison.State.SQUASHED)

LABEL_LENGTH = 300

Answer = Head | StageUnreadable


class Ask(Protocol):
    """One repository, asked about its commits. Both raise StageUnreadable."""

    def difference(self, base: str, head: str) -> Difference:
        """The commits of head that base has not."""
        ...

    def squashed_head(self, sha: str) -> str | None:
        """The last of the commits that were squashed or rebased into this one, where the host tells it."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """Two neighbouring stages, what their hosts said of them, and how they compared before."""

    position: int
    ahead: Stage
    behind: Stage
    ahead_answer: Answer
    behind_answer: Answer
    known: Comparison | None

    @property
    def heads(self) -> tuple[Head, Head] | None:
        """The commits of the stage ahead and the stage behind, when both were found."""
        if isinstance(self.ahead_answer, Head) and isinstance(self.behind_answer, Head):
            return self.ahead_answer, self.behind_answer
        return None

    def both(self) -> tuple[Head, Head]:
        """The same, for callers that know that both were found. Raises ValueError otherwise."""
        if self.heads is None:
            raise ValueError(f"{self.ahead.name} and {self.behind.name} were not both found")
        return self.heads

    @property
    def still_true(self) -> bool:
        """Whether the known comparison is of these very commits."""
        return bool(
            self.heads
            and self.known
            and self.known.state in GOOD_STATES
            and (self.known.ahead_sha, self.known.behind_sha) == (self.heads[0].sha, self.heads[1].sha)
        )

    @property
    def needs_host(self) -> bool:
        return bool(self.heads and self.heads[0].sha != self.heads[1].sha and not self.still_true)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A project with its stages in order, what was said of each (by stage id), and the current snapshot."""

    project: Project
    stages: tuple[Stage, ...]
    answers: Mapping[int, Answer]
    current: Snapshot | None

    @property
    def pairs(self) -> list[Pair]:
        known = {(c.ahead, c.behind): c for c in self.current.comparisons.all()} if self.current else {}
        return [
            Pair(
                position, ahead, behind, self.answers[ahead.pk], self.answers[behind.pk],
                known.get((ahead.name, behind.name)),
            )
            for position, (ahead, behind) in enumerate(pairwise(self.stages), start=1)
        ]  # fmt: skip

    @property
    def changed(self) -> bool:
        """Whether any stage is elsewhere, or in other trouble, than when it was last stored."""
        return any(differs_from_stored(stage, self.answers[stage.pk]) for stage in self.stages)


def differs_from_stored(stage: Stage, answer: Answer) -> bool:
    head: StageHead | None = getattr(stage, "head", None)
    if head is None:
        return True
    if isinstance(answer, StageUnreadable):
        return head.error != answer.message
    return bool(head.error) or (head.sha, head.label) != (answer.sha, label_of(answer))


def label_of(head: Head) -> str:
    """As it is stored and shown: git allows bytes in the names of tags that are no text."""
    return clean_line(head.label or "", LABEL_LENGTH)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the hosts said beyond heads: comparisons by position of the pair, and the ids of force-pushed stages."""

    compared: Mapping[int, compare.Compared | StageUnreadable] = field(default_factory=dict)
    forced: frozenset[int] = frozenset()


def fingerprint(stages: Sequence[Stage]) -> str:
    """Changes when the stages of a project are configured otherwise."""
    told = [
        (s.pk, s.name, s.git_remote, s.branch, s.tag_pattern, s.hokusai, s.registry_repository, s.profile_id)
        for s in stages
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
