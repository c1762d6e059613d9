"""What the tests of GitHub's reader share: a profile for the test server, questions, and a look at everything that was
said, so that no token is in it."""

from datetime import datetime
from typing import Any

import pytest
from django.conf import settings

from projects.github import GitHubReader
from projects.models import Profile
from projects.reading import Head, Question, StageUnreadable, Trouble, Where
from projects.secrets import Secret
from tests.servers.github import GitHubServer
from tests.servers.github.repository import Repository

TOKEN = "ghp_canary4711token"


def allow_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "INSECURE_HOSTS", frozenset({"127.0.0.1", "localhost"}))


def profile_for(github: GitHubServer, *, token: str = TOKEN, **changed: Any) -> Profile:
    """Not stored; its token is a person's with all rights unless the test adds another."""
    values: dict[str, Any] = {
        "name": "github",
        "kind": Profile.Kind.GITHUB_TOKEN,
        "api_url": github.api_url,
        "secret": Secret.of(token),
    }
    return Profile(**values | changed)


def reader_for(github: GitHubServer, **changed: Any) -> GitHubReader:
    github.add_token(TOKEN, login="horizon", scopes=("repo",))
    return GitHubReader(profile_for(github, **changed))


def branch(github: GitHubServer, path: str, name: str = "main") -> Question:
    return Question(github.remote(path), Where.BRANCH, name)


def tags(github: GitHubServer, path: str, pattern: str) -> Question:
    return Question(github.remote(path), Where.TAG_PATTERN, pattern)


def add_repositories(github: GitHubServer, number: int) -> list[Repository]:
    names = [f"artsy/project{each}" for each in range(number)]
    return [github.add_repository(name, branches=("main", "staging", "release")) for name in names]


def head_of(answer: Head | StageUnreadable) -> Head:
    assert isinstance(answer, Head), answer
    return answer


def trouble_of(answer: Head | StageUnreadable) -> StageUnreadable:
    assert isinstance(answer, StageUnreadable), answer
    assert_no_secret(answer)
    return answer


def is_trouble(answer: Head | StageUnreadable, trouble: Trouble, *words: str) -> bool:
    found = trouble_of(answer)
    assert found.trouble is trouble, (found.trouble, found.message)
    for word in words:
        assert word in found.message, found.message
    assert found.message.endswith("."), found.message
    return True


def assert_no_secret(error: BaseException, secret: str = TOKEN) -> None:
    """Neither in its words nor in anything that a report of the exception would show."""
    seen: BaseException | None = error
    while seen is not None:
        assert secret not in f"{seen} {seen!r} {vars(seen)}"
        seen = seen.__cause__ or seen.__context__


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
