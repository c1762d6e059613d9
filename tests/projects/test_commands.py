"""`manage.py check_releases` and `refresh`: what they print and how they end."""

from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from projects import budgets, leases
from projects.models import Organization, Profile, Project, Snapshot
from projects.reading import StageUnreadable, Trouble
from tests import worlds
from tests.servers.github import GitHubServer
from tests.worlds import TOKEN

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Ended:
    out: str
    err: str
    status: int


def run(*words: str) -> Ended:
    out, err, status = StringIO(), StringIO(), 0
    try:
        call_command(*words, stdout=out, stderr=err)
    except SystemExit as end:
        status = int(end.code or 0)
    return Ended(out.getvalue(), err.getvalue(), status)


class TestCheckReleases:
    def test_reports_what_waits_and_ends_with_one(self) -> None:
        worlds.snapshot(worlds.project("candela"), [], [worlds.commit(1), worlds.commit(2)])
        worlds.snapshot(worlds.project("force"), [], [])

        ended = run("check_releases", "--all")

        assert ended.out.splitlines() == [
            "artsy/candela...",
            "  staging is up-to-date with main",
            "  production is behind staging by:",
            "    0000000 2026-11-24 Change number 1 (Ana Lee)",
            "    0000000 2026-11-24 Change number 2 (Ana Lee)",
        ]
        assert ended.err == "2 project(s) checked. 1 environment(s) out-of-date.\n"
        assert ended.status == 1

    def test_tells_of_those_up_to_date_when_it_is_to_be_verbose(self) -> None:
        worlds.snapshot(worlds.project("force"), [], [])

        ended = run("check_releases", "--all", "--verbose")

        assert ended.out.splitlines()[0] == "artsy/force..."
        assert ended.status == 0

    def test_never_takes_one_that_was_not_read_for_up_to_date(self) -> None:
        worlds.snapshot(worlds.project("broken"), [], [], error="main: GitHub is away.")
        worlds.project("new")

        ended = run("check_releases", "--all")

        assert "  could not be read: main: GitHub is away." in ended.out.splitlines()
        assert "  has not been read yet" in ended.out.splitlines()
        assert ended.status == 2

    def test_wants_a_name_that_is_clear_or_all(self) -> None:
        worlds.project("candela")
        worlds.project("candela", organization=Organization.objects.create(name="other"))

        with pytest.raises(CommandError, match="or --all"):
            run("check_releases")
        with pytest.raises(CommandError, match="ambiguous: say which of artsy/candela, other/candela"):
            run("check_releases", "candela")
        with pytest.raises(CommandError, match="There is no project 'force'"):
            run("check_releases", "force")
        assert run("check_releases", "other/candela").out.startswith("other/candela...")


class TestRefresh:
    @pytest.fixture
    def project(self, github: GitHubServer) -> Project:
        github.add_user("ana")
        github.add_token(TOKEN, login="ana", scopes=("repo",))
        github.add_repository("artsy/candela", branches=("main", "staging", "release"))
        profile = worlds.github_profile(api_url=github.api_url)
        return worlds.project("candela", profile=profile, remote=github.remote("artsy/candela"))

    def test_reads_now_and_sums_up(self, project: Project) -> None:
        assert run("refresh", "candela").out == "1 project(s): 1 changed.\n"
        assert run("refresh").out == "1 project(s): 1 unchanged.\n"
        assert Snapshot.objects.get().released

    def test_names_what_could_not_be_read(self, project: Project) -> None:
        project.stages.filter(name="main").update(branch="gone")

        ended = run("refresh", "candela")

        assert ended.err.startswith("artsy/candela: main: ")
        assert ended.out == "1 project(s): 1 changed.\n"

    def test_leaves_alone_what_a_worker_reads_and_what_a_limit_holds_up(self, project: Project) -> None:
        lease, now = uuid4(), timezone.now()
        leases.claim([project.pk], lease, now)
        assert run("refresh").out == "1 project(s): 1 being read by a worker.\n"

        leases.give_back(lease, now)
        limit = StageUnreadable(Trouble.LIMITED, "Limited.", retry_at=now + timedelta(hours=1))
        budgets.pause(Profile.objects.get(), limit, now)
        assert run("refresh").out == "1 project(s): 1 held up by a limit.\n"
