"""Repositories, branches and credentials that are not as they should be: one sentence that helps, nothing lost."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from projects import budgets, leases
from projects.models import Comparison, Profile, Project, ProjectPoll, Repository, StageMove
from projects.poll import lanes
from projects.reading import StageUnreadable, Trouble
from projects.secrets import Secret
from tests import worlds
from tests.bad_input.looking import A_MINUTE, compared, current, look, polled
from tests.servers.githost import PASSWORD, USER, GitHost
from tests.servers.github import GitHubServer
from tests.worlds import NOW, TOKEN

pytestmark = pytest.mark.django_db
State = Comparison.State


# --- repositories -----------------------------------------------------------------------------------------------------


class TestOnGitHub:
    def test_an_empty_one_says_so(self, github: GitHubServer, profile: Profile, reader: Client) -> None:
        github.add_repository("artsy/empty", initial=False)
        project = worlds.project("empty", profile=profile, remote=github.remote("artsy/empty"))

        polled(project)

        assert compared(project).state == State.EMPTY
        seen = look(reader, project)
        assert "artsy/empty is empty: it has no commit yet. Push one" in seen.page
        assert not seen.api["released"]

    def test_one_that_is_not_there_says_what_to_check(
        self, github: GitHubServer, profile: Profile, reader: Client
    ) -> None:
        project = worlds.project("lost", profile=profile, remote=github.remote("artsy/lost"))

        polled(project)

        seen = look(reader, project)
        assert "artsy/lost" in seen.api["error"]
        assert "may read this repository" in seen.page
        assert not seen.api["released"]

    def test_one_that_was_deleted_keeps_what_was_known(
        self, github: GitHubServer, waiting: Project, reader: Client
    ) -> None:
        github.repository("artsy/candela").delete()

        polled(waiting, at=NOW + A_MINUTE)

        assert [each["message"] for each in look(reader, waiting).commits] == ["Add maps"]
        assert current(waiting).read_at == NOW

    def test_an_archived_one_is_read_and_said(self, github: GitHubServer, waiting: Project, reader: Client) -> None:
        github.repository("artsy/candela").archive()

        polled(waiting, at=NOW + A_MINUTE)

        seen = look(reader, waiting)
        assert "The repository artsy/candela is archived: nobody can push to it or release it." in seen.page
        assert len(seen.commits) == 1

    def test_a_renamed_one_is_followed_and_said(self, github: GitHubServer, waiting: Project, reader: Client) -> None:
        repository = github.repository("artsy/candela")
        repository.rename("artsy/candle")
        repository.commit("main", "After the rename", author="ana")

        polled(waiting, at=NOW + A_MINUTE)

        seen = look(reader, waiting)
        assert "The repository artsy/candela is now artsy/candle and is read there. Change the git remote" in seen.page
        assert [each["message"] for each in seen.commits] == ["After the rename", "Add maps"]

    def test_another_one_of_the_same_name_is_never_taken_for_it(
        self, github: GitHubServer, waiting: Project, reader: Client
    ) -> None:
        known = Repository.objects.get()
        github.repository("artsy/candela").delete()
        github.add_repository("artsy/candela", branches=("main", "staging", "release"))

        polled(waiting, at=NOW + A_MINUTE)

        seen = look(reader, waiting)
        assert [each["message"] for each in seen.commits] == ["Add maps"]
        assert "artsy/candela" in seen.api["error"]
        assert Repository.objects.get().host_id == known.host_id

    def test_without_the_branch_names_it_and_the_default_one(
        self, github: GitHubServer, waiting: Project, reader: Client
    ) -> None:
        github.repository("artsy/candela").delete_branch("staging")

        polled(waiting, at=NOW + A_MINUTE)

        seen = look(reader, waiting)
        assert "has no branch &quot;staging&quot; (its default branch is main)" in seen.page
        assert not seen.api["released"]
        assert StageMove.objects.get(stage_name="staging", to_sha="").from_sha

        github.repository("artsy/candela").branch("staging", at="main")
        polled(waiting, at=NOW + 2 * A_MINUTE)
        assert look(reader, waiting).api["error"] is None


class TestOnAGitHost:
    def test_an_empty_one_says_so(self, host: GitHost, on_git: Project, reader: Client) -> None:
        host.repository("artsy/empty")
        project = worlds.project("empty", remote=host.remote("artsy/empty"))

        polled(project)

        assert compared(project).state == State.EMPTY
        assert "has no commit yet: push the branch main to it" in look(reader, project).page

    def test_one_that_is_not_there_says_what_to_check(self, host: GitHost, on_git: Project, reader: Client) -> None:
        project = worlds.project("lost", remote=host.remote("artsy/lost"))

        polled(project)

        assert "main, staging, production: " in look(reader, project).api["error"]
        assert not current(project).released

    def test_one_that_vanishes_keeps_what_was_known(self, host: GitHost, on_git: Project, reader: Client) -> None:
        repository = host.repository()
        repository.commit("Add maps")
        polled(on_git)
        repository.folder.rename(repository.folder.with_name("away.git"))

        polled(on_git, at=NOW + A_MINUTE)

        assert [each["message"] for each in look(reader, on_git).commits] == ["Add maps"]
        assert current(on_git).read_at == NOW
        repository.folder.with_name("away.git").rename(repository.folder)
        polled(on_git, at=NOW + 2 * A_MINUTE)
        assert look(reader, on_git).api["error"] is None

    def test_a_new_history_under_the_same_name_is_never_up_to_date(
        self, host: GitHost, on_git: Project, reader: Client
    ) -> None:
        polled(on_git)
        host.repository().commit("Another beginning", parents=(), at="1700000000")

        polled(on_git, at=NOW + A_MINUTE)

        assert compared(on_git).state == State.UNRELATED
        assert "share no history" in look(reader, on_git).page
        assert StageMove.objects.filter(stage_name="main", forced=True).exists()


# --- branches ---------------------------------------------------------------------------------------------------------

ODD_BRANCHES = [
    "feature/x",
    "fix#12",
    "100%",
    "100%25",
    "größe-\N{PARTY POPPER}",
    "<b>bold</b>",
    "a&b='c'",
    "-".join("abc"),
]


@pytest.mark.parametrize("branch", ODD_BRANCHES)
def test_an_odd_name_of_a_branch_is_read_and_shown_as_it_is(
    github: GitHubServer, on_github: Project, host: GitHost, on_git: Project, reader: Client, branch: str
) -> None:
    github.repository("artsy/candela").branch(branch, at="main")
    github.repository("artsy/candela").commit(branch, "On the branch", author="ana")
    host.repository().commit("On the branch", on=branch, parents=(host.repository().git("rev-parse", "main"),))
    for project in (on_github, on_git):
        project.stages.filter(name="main").update(branch=branch)

    polled(on_github)
    polled(on_git)

    for project in (on_github, on_git):
        seen = look(reader, project)
        assert seen.api["error"] is None
        assert [each["message"] for each in seen.commits] == ["On the branch"]
        assert "<b>bold" not in seen.page + seen.home


@pytest.mark.parametrize("branch", ["--upload-pack=x", "-x", "a..b", "a b", "refs/heads/../x", "x.lock", "@{-1}"])
def test_a_branch_that_is_an_option_or_an_expression_runs_nothing(
    host: GitHost, on_git: Project, reader: Client, branch: str
) -> None:
    """Forms and files refuse it; one that is in the database all the same reaches no git."""
    on_git.stages.filter(name="main").update(branch=branch)

    polled(on_git)

    assert look(reader, on_git).api["error"].startswith("main: ")
    assert compared(on_git).state == State.UNREADABLE


@pytest.mark.parametrize(
    "remote",
    [
        "ext::sh -c 'touch /tmp/owned'",
        "file:///etc/passwd",
        "-oProxyCommand=touch",
        "https://me:hushhushhush@127.0.0.1/artsy/candela.git",
        "https://127.0.0.1/artsy/can dela.git",
        "https://127.0.0.1/artsy/candela.git" + " " * 1_900,
        "https://127.0.0.1:99999/a/b.git",
        "https://127.0.0.1/a/<script>alert(1)</script>.git",
    ],
)
def test_a_remote_that_is_unsafe_is_refused_whoever_stored_it(
    on_git: Project, reader: Client, remote: str, profile: Profile
) -> None:
    on_git.stages.update(git_remote=remote)
    through_github = worlds.project("api", profile=profile, remote=remote)

    polled(on_git)
    polled(through_github)

    for project in (on_git, through_github):
        seen = look(reader, project)
        assert seen.api["error"]
        assert "hushhushhush" not in seen.page + seen.home + str(seen.api)
        assert "<script>alert" not in seen.page + seen.home
        assert remote not in seen.page


# --- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "has no token: enter one"),
        ("ghp_wronghushhush", "wrong, expired or revoked. Enter new ones in the profile"),
        ("two words", "token"),
        ("ghp_\N{SNOWMAN}hushhush", "token"),
        ("ghp_hushhush\nX-Evil: 1", "token"),
    ],
)
def test_a_token_that_is_none_or_wrong_says_what_to_do_and_loses_nothing(
    waiting: Project, profile: Profile, reader: Client, token: str, words: str
) -> None:
    profile.secret = Secret.of(token)
    profile.save()

    polled(waiting, at=NOW + A_MINUTE)

    seen = look(reader, waiting)
    assert words in seen.api["error"], seen.api["error"]
    assert "hushhush" not in seen.page + seen.home
    assert [each["message"] for each in seen.commits] == ["Add maps"]

    profile.secret = Secret.of(TOKEN)
    profile.save()
    polled(waiting, at=NOW + 2 * A_MINUTE)
    assert look(reader, waiting).api["error"] is None


def test_an_expired_token_says_so_and_loses_nothing(
    github: GitHubServer, waiting: Project, profile: Profile, reader: Client
) -> None:
    github.add_token("ghp_expired", login="ana", scopes=("repo",), expires=github.now() - timedelta(days=1))
    profile.secret = Secret.of("ghp_expired")
    profile.save()

    polled(waiting, at=NOW + A_MINUTE)

    seen = look(reader, waiting)
    assert "expired" in seen.api["error"]
    assert "ghp_expired" not in seen.page
    assert len(seen.commits) == 1


def test_a_token_without_rights_says_which_repository_it_may_not_read(
    github: GitHubServer, waiting: Project, profile: Profile, reader: Client
) -> None:
    github.repository("artsy/candela").private = True
    github.add_user("stranger", member=False)
    github.add_token("ghp_stranger", login="stranger", scopes=("public_repo",))
    profile.secret = Secret.of("ghp_stranger")
    profile.save()

    polled(waiting, at=NOW + A_MINUTE)

    seen = look(reader, waiting)
    assert "artsy/candela" in seen.api["error"]
    assert "may read this repository" in seen.api["error"]
    assert len(seen.commits) == 1


@pytest.mark.parametrize(
    "key", ["no key at all hushhush", "-----BEGIN RSA PRIVATE KEY-----\nhushhush\n-----END RSA PRIVATE KEY-----"]
)
def test_an_app_key_that_is_no_key_says_so(waiting: Project, profile: Profile, reader: Client, key: str) -> None:
    profile.kind, profile.app_id, profile.installation_id = Profile.Kind.GITHUB_APP, "17", "1"
    profile.secret = Secret.of(key)
    profile.save()

    polled(waiting, at=NOW + A_MINUTE)

    seen = look(reader, waiting)
    assert "key" in seen.api["error"]
    assert "hushhush" not in seen.page + str(seen.api["error"])
    assert len(seen.commits) == 1


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_wrong_is_named(
    github: GitHubServer, waiting: Project, profile: Profile, reader: Client, hours: int
) -> None:
    app = github.add_app(17)
    installation = github.add_installation(17, "artsy")
    profile.kind, profile.app_id, profile.installation_id = Profile.Kind.GITHUB_APP, "17", str(installation.id)
    profile.secret = Secret.of(app.private_key)
    profile.save()
    github.clock_offset = timedelta(hours=hours)

    polled(waiting, at=NOW + A_MINUTE)

    assert "clock" in look(reader, waiting).api["error"]
    github.clock_offset = timedelta()
    polled(waiting, at=NOW + 2 * A_MINUTE)
    assert look(reader, waiting).api["error"] is None


@pytest.mark.parametrize("days", [4000, -4000])
def test_a_clock_of_ours_that_was_wrong_for_a_poll_holds_nothing_up_afterwards(
    github: GitHubServer, waiting: Project, profile: Profile, reader: Client, days: int
) -> None:
    wrong = NOW + timedelta(days=days)
    github.repository("artsy/candela").commit("main", "In between", author="ana")
    ProjectPoll.objects.update(refreshed_at=None)
    leases.claim([waiting.pk], uuid4(), wrong)  # a worker that was ended before its clock was set right
    limit = StageUnreadable(Trouble.LIMITED, "GitHub limits us.", retry_at=wrong + A_MINUTE)
    budgets.pause(profile, limit, wrong)
    ProjectPoll.objects.update(refreshed_at=wrong)
    look(reader, waiting)

    assert lanes(NOW + A_MINUTE) == [[waiting.pk]]
    polled(waiting, at=NOW + A_MINUTE)

    assert [each["message"] for each in look(reader, waiting).commits] == ["In between", "Add maps"]
    assert look(reader, waiting).api["error"] is None


def test_a_password_that_is_wrong_is_said_without_it(host: GitHost, on_git: Project, reader: Client) -> None:
    host.repository("private/candela").commit()
    wrong = worlds.github_profile(
        name="git", kind=Profile.Kind.BASIC, api_url="", host=host.address.removeprefix("https://"), user=USER,
        secret=Secret.of("wronghushhush"),
    )  # fmt: skip
    project = worlds.project("private", profile=wrong, remote=host.remote("private/candela"))

    polled(project)

    seen = look(reader, project)
    assert "hushhush" not in seen.page + seen.home + str(seen.api)
    assert seen.api["error"]

    wrong.secret = Secret.of(PASSWORD)
    wrong.save()
    polled(project, at=NOW + A_MINUTE)
    assert "main: " not in (look(reader, project).api["error"] or "")
