"""What the readers of stages are asked and what they answer, whatever the host: plain frozen values.

Pure: the standard library and projects.cleaning only.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from projects.cleaning import clean_line

LONGEST_MESSAGE = 2000


class Trouble(StrEnum):
    """Why a stage could not be read or compared; the sentence for people travels with it."""

    REFUSED = "refused"  # credentials are wrong, expired or lack rights
    NOT_FOUND = "not-found"  # no such repository, or these credentials may not see it
    GONE = "gone"  # the branch, tag or image is not there
    EMPTY = "empty"  # the repository has no commit yet
    UNRELATED = "unrelated"  # both commits exist and share no history
    LIMITED = "limited"  # a rate limit of the host; `retry_at` says when it ends
    UNREACHABLE = "unreachable"  # network, time-out, TLS, 5xx
    UNSAFE = "unsafe"  # the remote is refused by Horizon itself
    TOO_LARGE = "too-large"  # a limit of size or time was reached
    MISCONFIGURED = "misconfigured"  # profile or stage cannot work as it is set
    BROKEN_ANSWER = "broken-answer"  # the host answered something that makes no sense


class StageUnreadable(Exception):
    """A stage or pair of stages could not be read.

    `message` is a sentence fit for people: it says what is wrong and what to do, and holds no secret.
    """

    def __init__(self, trouble: Trouble, message: str, *, retry_at: datetime | None = None) -> None:
        self.message = clean_line(message, LONGEST_MESSAGE)  # hosts' own words may be in it
        super().__init__(self.message)
        self.trouble = trouble
        self.retry_at = retry_at


class Where(StrEnum):
    """How the current commit of a stage is found."""

    BRANCH = "branch"
    TAG_PATTERN = "tag_pattern"
    HOKUSAI = "hokusai"


@dataclass(frozen=True, slots=True)
class Question:
    """Where is this stage now? Equal questions have equal answers and are asked once.

    `remote` is the stage's git remote; for `Where.HOKUSAI` it is the name of the repository in the registry.
    `name` is the branch, the tag pattern (git's glob, without refs/tags/) or the environment's tag.
    """

    remote: str
    where: Where
    name: str


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What a host with an API tells about a repository on the way; `None` from plain git."""

    host_id: int
    owner: str
    name: str
    default_branch: str | None = None
    default_branch_sha: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The answer: the commit (40 hex digits) that the stage is at, and its tree where the host tells it.

    `label` is what names it beside the commit, e.g. the tag found for a pattern, or an image's promotion tag.
    `seen_at` of an image is when it was pushed.
    """

    sha: str
    tree: str | None = None
    label: str | None = None
    repository: RepositoryFacts | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit as a host tells it. `subject` is the first line, cleaned of control characters, at most 500
    characters; `date` is the author date, aware; `parents` are full shas; more than one parent means a merge, which has
    what its first paragraph says in `body`: GitHub puts the title of the merged pull request there."""

    sha: str
    date: datetime
    subject: str
    author: str
    email: str
    parents: tuple[str, ...]
    tree: str | None = None
    login: str | None = None
    url: str | None = None
    body: str = ""

    @property
    def is_merge(self) -> bool:
        return len(self.parents) > 1


@dataclass(frozen=True, slots=True)
class Difference:
    """The commits of `head` that `base` has not: newest first, merges included, the newest 250 at the most.

    `total` counts all of them, merges included. `behind` counts the commits of `base` that `head` has not, where the
    host tells it for free (`None`: not told). `url` shows the comparison on the host.
    """

    commits: tuple[Commit, ...]
    total: int
    behind: int | None = None
    url: str | None = None


KEPT_COMMITS = 250
