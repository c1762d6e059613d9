"""git itself as the client: cloning, listing, pushing; and histories that git reads as its own."""

import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.servers.github import GitHubServer, Repository
from tests.servers.github.store import GIT_ENVIRONMENT

TOKEN = "git-token"


@pytest.fixture
def repo(github: GitHubServer) -> Repository:
    github.add_user("ana", name="Ana Lee", email="ana@example.com")
    github.add_token(TOKEN, "ana")
    repo = github.add_repository("artsy/candela", private=True, branches=("staging",))
    repo.commit("main", "Add maps", author="ana", files={"maps/tiles.txt": "tiles\n", "maps/deep/er.txt": "x\n"})
    repo.tag("v1", at="staging")
    repo.tag("v2", at="main", annotated=True)
    return repo


def git(*arguments: str, cwd: Path | None = None, fails: bool = False) -> str:
    environment = {**GIT_ENVIRONMENT, "GIT_TERMINAL_PROMPT": "0"}
    who = ["-c", "user.name=Bo", "-c", "user.email=bo@example.com"]
    done = subprocess.run(["git", *who, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stderr if fails else done.stdout


def authorized(repo: Repository, token: str = TOKEN) -> str:
    return repo.remote.replace("//", f"//x-access-token:{token}@")


class TestReading:
    def test_a_clone_has_all_of_it(self, repo: Repository, tmp_path: Path) -> None:
        git("clone", "-q", authorized(repo), str(tmp_path / "clone"))
        assert git("rev-parse", "HEAD", "v2^{commit}", cwd=tmp_path / "clone").split() == [repo.sha("main")] * 2
        assert (tmp_path / "clone/maps/tiles.txt").read_text() == "tiles\n"
        assert git("fsck", "--strict", cwd=repo.path) == ""

    @pytest.mark.parametrize("version", ["0", "2"])
    def test_refs_are_listed_alike_in_both_protocols(self, repo: Repository, version: str) -> None:
        listed = git("-c", f"protocol.version={version}", "ls-remote", "--symref", authorized(repo)).splitlines()
        main, tag = repo.sha("main"), repo.store.refs["refs/tags/v2"]
        assert listed == [
            "ref: refs/heads/main\tHEAD",
            f"{main}\tHEAD",
            f"{main}\trefs/heads/main",
            f"{repo.sha('staging')}\trefs/heads/staging",
            f"{repo.sha('v1')}\trefs/tags/v1",
            f"{tag}\trefs/tags/v2",
            f"{main}\trefs/tags/v2^{{}}",
        ]

    def test_only_what_was_asked_for_is_listed(self, repo: Repository) -> None:
        assert git("ls-remote", authorized(repo), "refs/heads/main") == f"{repo.sha('main')}\trefs/heads/main\n"

    def test_an_empty_repository_can_be_cloned(self, repo: Repository, tmp_path: Path) -> None:
        empty = repo.github.add_repository("artsy/empty", initial=False)
        git("clone", "-q", authorized(empty), str(tmp_path / "clone"))
        assert git("ls-remote", authorized(empty)) == ""

    def test_a_mirror_follows_what_moves(self, repo: Repository, tmp_path: Path) -> None:
        git("clone", "-q", "--mirror", authorized(repo), str(tmp_path))
        repo.commits("main", 20, author="ana")
        repo.force_push("staging", "main~5")
        repo.delete_tag("v1")
        git("fetch", "-q", "--prune", cwd=tmp_path)
        assert git("rev-parse", "main", "staging", cwd=tmp_path).split() == [repo.sha("main"), repo.sha("staging")]
        assert git("tag", cwd=tmp_path) == "v2\n"

    def test_a_renamed_repository_redirects(self, repo: Repository) -> None:
        old = authorized(repo)
        repo.rename("artsy/lantern")
        assert git("ls-remote", old, "refs/heads/main") == f"{repo.sha('main')}\trefs/heads/main\n"
        assert any(one.status == 301 for one in repo.github.requests)


class TestRights:
    def test_a_private_repository_wants_a_token_that_may(self, repo: Repository) -> None:
        github = repo.github
        github.add_user("stranger", member=False)
        github.add_token("strange", "stranger")
        assert "could not read Username" in git("ls-remote", repo.remote, fails=True)
        assert "Invalid username or token" in git("ls-remote", authorized(repo, "wrong"), fails=True)
        assert "not found" in git("ls-remote", authorized(repo, "strange"), fails=True)

    def test_a_public_one_is_read_by_anybody_and_written_by_members(self, repo: Repository, tmp_path: Path) -> None:
        repo.private = False
        repo.github.add_token("reads", "ana", permissions={"contents": "read"})
        git("clone", "-q", repo.remote, str(tmp_path))
        assert "could not read Username" in git("push", repo.remote, "HEAD:new", cwd=tmp_path, fails=True)
        assert "403" in git("push", authorized(repo, "reads"), "HEAD:new", cwd=tmp_path, fails=True)


class TestPushing:
    def test_moves_branches_and_pull_requests(self, repo: Repository, tmp_path: Path) -> None:
        pull = repo.open_pull_request("main", "staging", author="ana")
        heard: list[dict[str, object]] = []
        repo.github.listeners.append(lambda event: heard.append(event.data) if event.name == "push" else None)
        git("clone", "-q", authorized(repo), str(tmp_path))
        before = repo.sha("main")
        git("commit", "-q", "--allow-empty", "-m", "Pushed by git", cwd=tmp_path)
        git("push", "-q", "origin", "HEAD:main", "HEAD:refs/heads/new", cwd=tmp_path)
        assert [commit.message for commit in repo.log(f"{before}..main")] == ["Pushed by git"]
        assert pull.head_sha == repo.sha("main") == repo.sha("new") != before
        assert {"ref": "refs/heads/main", "before": before, "after": repo.sha("main")} in heard
        repo.commit("main", "And one from here")
        git("push", "-q", "--force", "origin", "HEAD~1:main", ":new", cwd=tmp_path)
        assert (repo.sha("main"), "new" in repo.branches()) == (before, False)

    def test_a_large_push_arrives(self, repo: Repository, tmp_path: Path) -> None:
        git("clone", "-q", authorized(repo), str(tmp_path))
        (tmp_path / "large.bin").write_bytes(bytes(range(256)) * 20_000)
        git("add", ".", cwd=tmp_path)
        git("commit", "-q", "-m", "Large", cwd=tmp_path)
        git("-c", "http.postBuffer=4096", "-c", "core.compression=0", "push", "-q", "origin", "HEAD:main", cwd=tmp_path)
        assert repo.log("main")[0].message == "Large"


class TestHistories:
    @pytest.mark.parametrize(
        "message",
        [
            "<script>alert(1)</script>",
            "Colours \x1b[31mred\x1b[0m",
            "x" * 1_000_000,
            b"Broken \xff\xfe UTF-8",
            "שלום 🚀 日本語",
        ],
        ids=["html", "ansi", "1 MB", "broken UTF-8", "unicode"],
    )
    def test_strange_subjects_survive(self, repo: Repository, tmp_path: Path, message: str | bytes) -> None:
        sha = repo.commit("main", message, author=("A <b> c", "a@x"))
        git("clone", "-q", authorized(repo), str(tmp_path))
        assert git("rev-parse", "HEAD", cwd=tmp_path).strip() == sha
        text = message.decode(errors="replace") if isinstance(message, bytes) else message
        assert repo.log("main")[0].message == text

    @pytest.mark.parametrize("year", [1970, 2106])
    def test_strange_dates_survive(self, repo: Repository, year: int) -> None:
        date = datetime(year, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-5, minutes=-30)))
        sha = repo.commit("main", "Then", date=date)
        assert git("show", "-s", "--format=%aI", sha, cwd=repo.path).strip() == date.isoformat()
        assert repo.log("main")[0].author.date == date

    def test_many_commits_are_in_the_order_of_git(self, repo: Repository) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(6):
            repo.commit("main", f"On main {number}", date=start + timedelta(days=number))
            repo.commit("staging", f"On staging {number}", date=start + timedelta(days=number, hours=12))
            if number % 3 == 2:
                repo.merge("main", "staging", date=start + timedelta(days=number, hours=18))
        ours = [commit.sha for commit in repo.log("staging..main")]
        assert ours == git("rev-list", "--date-order", "staging..main", cwd=repo.path).split()
        base = git("merge-base", "main", "staging", cwd=repo.path).strip()
        assert repo.store.merge_base(repo.sha("main"), repo.sha("staging")) == base

    @pytest.mark.parametrize("name", ["feature/maps", "a#b", "50%25", "日本", "--upload-pack=x"])
    def test_strange_branch_names_are_answered(self, repo: Repository, name: str) -> None:
        sha = repo.branch(name, at="main")
        assert f"{sha}\trefs/heads/{name}" in git("-c", "core.quotePath=false", "ls-remote", authorized(repo))
