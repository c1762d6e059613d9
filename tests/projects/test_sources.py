"""Which reader a stage gets, and the tests that an administrator runs by hand."""

import pytest

from projects import sources
from projects.git import GitReader
from projects.github import GitHubReader
from projects.models import Organization, Profile, Project, Repository, Stage
from projects.reading import StageUnreadable, Trouble
from projects.secrets import Secret
from tests.projects.github_reading import TOKEN, allow_plain_http, profile_for
from tests.servers.github import GitHubServer


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_plain_http(monkeypatch)


def basic(host: str = "127.0.0.1", secret: str = "pw-canary4711") -> Profile:
    return Profile(name="git", kind=Profile.Kind.BASIC, host=host, user="deploy", secret=Secret.of(secret))


def aws(secret: str = "aws-canary4711") -> Profile:
    values = {"region": "us-east-1", "key_id": "AKIDTEST", "secret": Secret.of(secret)}
    return Profile(name="registry", kind=Profile.Kind.AWS, **values)


def stage(github: GitHubServer, profile: Profile | None, **changed: str) -> Stage:
    project = Project(organization=Organization(name="artsy"), name="candela")
    values = {"git_remote": github.remote("artsy/candela"), "branch": "main"} | changed
    return Stage(project=project, name="main", profile=profile, **values)


def trouble(wanted: Trouble, *words: str) -> "pytest.RaisesExc[StageUnreadable]":
    def fits(error: StageUnreadable) -> bool:
        return error.trouble is wanted and all(word in error.message for word in words) and "canary" not in str(error)

    return pytest.RaisesExc(StageUnreadable, check=fits)


def test_each_kind_of_profile_has_its_reader(github: GitHubServer) -> None:
    assert isinstance(sources.reader_of(None), GitReader)
    assert isinstance(sources.reader_of(basic()), GitReader)
    assert isinstance(sources.reader_of(profile_for(github)), GitHubReader)
    assert isinstance(sources.reader_of(profile_for(github, kind=Profile.Kind.GITHUB_APP)), GitHubReader)
    assert isinstance(sources.reader_of(aws()), sources.ImageReader)


def test_a_slack_bot_reads_no_stages(github: GitHubServer) -> None:
    bot = Profile(name="bot", kind=Profile.Kind.SLACK_BOT, secret=Secret.of("xoxb-canary"))
    with trouble(Trouble.MISCONFIGURED, '"bot"', "reads no stages"):
        sources.reader_of(bot)
    with trouble(Trouble.MISCONFIGURED):
        sources.test_profile(bot)


@pytest.mark.parametrize("profile", [basic(secret=""), aws(secret="")])
def test_a_profile_without_a_secret_says_so(profile: Profile) -> None:
    with trouble(Trouble.MISCONFIGURED, "has no secret", profile.name):
        sources.reader_of(profile)


def test_a_registry_does_not_compare() -> None:
    with trouble(Trouble.MISCONFIGURED, "git remote"):
        sources.reader_of(aws()).difference("candela", "a" * 40, "b" * 40)


@pytest.mark.django_db
def test_a_repository_that_took_a_name_is_accepted_by_whoever_tests_the_stage(github: GitHubServer) -> None:
    github.add_token(TOKEN, login="horizon", scopes=("repo",))
    repository = github.add_repository("artsy/candela", branches=("main",))
    tested = stage(github, profile_for(github))
    known = {"path": "artsy/candela", "current_path": "artsy/candela", "api_url": github.api_url}
    Repository.objects.create(host_id=repository.id, **known)
    assert "another repository" not in sources.test_stage(tested)
    repository.delete()
    github.add_repository("artsy/candela", branches=("main",))
    assert "from now on this one is read" in sources.test_stage(tested)
    assert not Repository.objects.exists()


@pytest.mark.django_db
def test_a_stage_on_github_tells_the_commit_that_was_found(github: GitHubServer) -> None:
    github.add_token(TOKEN, login="horizon", scopes=("repo",))
    repository = github.add_repository("artsy/candela", branches=("main",))
    repository.tag("v1", at="main")
    sha = repository.sha("main")[:12]
    assert sources.test_stage(stage(github, profile_for(github))) == (
        f'Found the branch "main" of artsy/candela at commit {sha}.'
    )
    tagged = stage(github, profile_for(github), branch="", tag_pattern="v*")
    assert sources.test_stage(tagged) == (
        f'Found the newest tag that matches "v*" of artsy/candela (v1) at commit {sha}.'
    )


def test_a_stage_that_cannot_be_found_says_why(github: GitHubServer) -> None:
    github.add_token(TOKEN, login="horizon", scopes=("repo",))
    github.add_repository("artsy/candela", branches=("main",))
    with trouble(Trouble.GONE, 'no branch "nope"'):
        sources.test_stage(stage(github, profile_for(github), branch="nope"))


@pytest.mark.parametrize("kind", ["github", "basic"])
def test_credentials_are_for_their_profiles_host_only(github: GitHubServer, kind: str) -> None:
    profile = profile_for(github) if kind == "github" else basic(host="git.heroku.com")
    remote = "https://github.com/artsy/candela.git" if kind == "github" else github.remote("artsy/candela")
    with trouble(Trouble.UNSAFE, "credentials"):
        sources.test_stage(stage(github, profile, git_remote=remote))
    assert github.requests == []


def test_a_stage_without_a_profile_is_read_with_plain_git(github: GitHubServer) -> None:
    repository = github.add_repository("artsy/candela", branches=("main",))
    assert repository.sha("main")[:12] in sources.test_stage(stage(github, None))
    assert github.count("GRAPHQL") == 0


def test_a_github_profile_is_tested_at_its_host(github: GitHubServer) -> None:
    github.add_token(TOKEN, login="horizon", scopes=("repo",))
    words = sources.test_profile(profile_for(github))
    assert words.startswith("Signed in as horizon. Scopes: repo.")
    assert "points an hour are left" in words
    with trouble(Trouble.REFUSED, "wrong, expired or revoked"):
        sources.test_profile(profile_for(github, token="ghp_wrong"))


def test_a_git_hosts_profile_says_what_can_be_tested() -> None:
    assert "test a stage" in sources.test_profile(basic())
    with trouble(Trouble.MISCONFIGURED, "has no secret"):
        sources.test_profile(basic(secret=""))


def test_an_aws_profile_is_tested_at_aws() -> None:
    from moto import mock_aws

    with mock_aws():
        assert "arn:aws:" in sources.test_profile(aws())
