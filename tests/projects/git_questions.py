"""Short ways to ask a reader in tests."""

from projects.git import GitReader
from projects.reading import Head, Question, StageUnreadable, Where
from tests.servers.githost import GitHost


def branch(host: GitHost, name: str = "main", path: str = "artsy/candela") -> Question:
    return Question(host.remote(path), Where.BRANCH, name)


def tags(host: GitHost, pattern: str, path: str = "artsy/candela") -> Question:
    return Question(host.remote(path), Where.TAG_PATTERN, pattern)


def head(reader: GitReader, question: Question) -> Head:
    answer = reader.heads([question])[question]
    assert isinstance(answer, Head), answer
    return answer


def trouble(reader: GitReader, question: Question) -> StageUnreadable:
    answer = reader.heads([question])[question]
    assert isinstance(answer, StageUnreadable), answer
    return answer
