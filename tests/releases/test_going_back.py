"""The way back: a revert that Horizon opens once, the block that comes with it, and its end."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.models import AuditEvent
from blocks.models import DeployBlock
from projects.models import ProfileBudget
from releases.models import GoingBack, Release, Repair
from tests.releases.pushing import Watched
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(github: GitHubServer) -> Watched:
    """A release with one bad commit was merged."""
    watched = Watched(github)
    watched.merged("Bad idea")
    return watched


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("mary", is_staff=True))
    return client


def ask(client: Client, world: Watched, **changed: Any) -> Any:
    values = {"release": Release.objects.earliest("id").pk, "reason": "it loses orders"} | changed
    return client.post(f"/projects/{world.project.pk}/back/", values)


def page(client: Client, world: Watched, query: str = "") -> str:
    answer = client.get(f"/projects/{world.project.pk}/back/{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def opened(world: Watched) -> int:
    return sum(event.kind == "repair.opened" for event in AuditEvent.objects.all())


def bad(world: Watched) -> str:
    return Release.objects.earliest("id").head_sha


class TestARevert:
    def test_is_opened_once_with_its_reason_and_a_block(self, world: Watched, staff: Client) -> None:
        assert ask(staff, world).status_code == 302

        world.go_back()
        world.go_back()

        pull = world.repo.pull(2)
        assert (pull.base_ref, pull.head_ref, pull.state) == ("release", "revert-1-staging", "open")
        assert "Merging again does not bring reverted commits back" in (pull.body or "")
        assert (opened(world), Repair.objects.get().state) == (1, "open")
        block = DeployBlock.objects.get()
        assert (block.created_by, block.bad_commits) == ("mary", [bad(world)])
        assert "it loses orders" in block.description
        assert "Merge <a" in page(staff, world)

    def test_whose_answer_was_lost_is_found_again(self, world: Watched, staff: Client) -> None:
        ask(staff, world)
        world.github.fail("GRAPHQL Revert", drop="after")

        world.go_back()
        assert (opened(world), Repair.objects.get().state) == (0, "asked")
        world.wait(seconds=61)
        world.go_back()

        assert (opened(world), Repair.objects.get().number) == (1, 2)
        assert len(world.repo.pulls.all) == 2

    def test_that_github_refuses_says_so_in_its_words(self, world: Watched, staff: Client) -> None:
        world.repo.commit("release", "Again", files={"file1.txt": "other"})
        path = next(iter(world.repo.store.difference(None, world.repo.store.commit(bad(world)).tree)))
        world.repo.commit("release", "Other", files={path: "other"})
        world.github.refuse("GRAPHQL Revert", 403, "Resource not accessible by integration")
        ask(staff, world)

        world.go_back()

        html = page(staff, world)
        assert "Resource not accessible" in html or "403" in html
        assert opened(world) == 0

    def test_that_was_merged_is_a_rollback_of_who_merged_it(self, world: Watched, staff: Client) -> None:
        ask(staff, world)
        world.go_back()
        world.wait(minutes=1)
        world.repo.merge_pull_request(2, by="bo")

        world.look()
        world.wait(minutes=1)
        world.look()

        rollback = Release.objects.get(kind="rollback")
        assert (rollback.number, rollback.merged_by) == (2, "bo")
        assert Repair.objects.get().state == "done"
        assert DeployBlock.objects.count() == 1

    def test_that_was_closed_without_a_merge_may_be_asked_for_again(self, world: Watched, staff: Client) -> None:
        ask(staff, world)
        world.go_back()
        world.repo.close_pull_request(2, by="bo")
        world.wait(minutes=5)
        world.go_back()

        assert Repair.objects.get().state == "refused"
        assert "was closed without a merge" in page(staff, world)
        assert "could not be opened" not in page(staff, world)
        assert ask(staff, world).status_code == 302
        world.go_back()
        assert (opened(world), Repair.objects.latest("id").state) == (2, "open")

    def test_is_looked_at_every_five_minutes_while_it_is_open(self, world: Watched, staff: Client) -> None:
        ask(staff, world)
        world.go_back()
        world.go_back()
        world.github.reset_requests()
        for _ in range(3):
            world.wait(minutes=1)
            world.go_back()

        assert world.github.count("GRAPHQL") == 0
        assert Repair.objects.get().state == "open"

    def test_keeps_its_reason_without_marks_that_turn_the_writing(self, world: Watched, staff: Client) -> None:
        ask(staff, world, reason="it \u202eloses\x1b[31m orders\0")

        assert DeployBlock.objects.get().description == "Going back behind #1: it loses orders"

    @pytest.mark.parametrize("reason", [" ", "\u202e \x07"])
    def test_needs_a_reason(self, world: Watched, staff: Client, reason: str) -> None:
        answer = ask(staff, world, reason=reason)

        assert answer.status_code == 400
        assert "Give a reason" in answer.content.decode()
        assert not Repair.objects.exists()

    def test_is_for_staff(self, world: Watched) -> None:
        reader = Client()
        reader.force_login(User.objects.create_user("bo"))

        assert ask(reader, world).status_code == 403
        assert "Only staff" in page(reader, world, f"?revert={Release.objects.get().pk}")

    def test_is_asked_for_once(self, world: Watched, staff: Client) -> None:
        ask(staff, world)

        answer = ask(staff, world)

        assert answer.status_code == 400
        assert "already" in answer.content.decode()
        assert DeployBlock.objects.count() == 1

    def test_of_a_release_of_another_project_is_not_known(self, world: Watched, staff: Client) -> None:
        assert ask(staff, world, release=99999).status_code == 400


class TestItsBlock:
    @pytest.fixture(autouse=True)
    def _asked(self, world: Watched, staff: Client) -> None:
        ask(staff, world)
        world.go_back()

    def revert(self, world: Watched, sha: str, branch: str = "staging") -> str:
        return world.repo.commit(branch, f'Revert "Bad idea"\n\nThis reverts commit {sha}.', author="ana")

    def look(self, world: Watched) -> DeployBlock:
        world.wait(minutes=1)
        world.look()
        world.go_back()
        return DeployBlock.objects.get()

    def test_stays_while_head_holds_the_bad_commit(self, world: Watched) -> None:
        world.commit("Something else")

        assert self.look(world).resolved_at is None
        assert GoingBack.objects.get().missing == 1

    def test_lifts_when_head_reverts_it(self, world: Watched) -> None:
        self.revert(world, bad(world))

        block = self.look(world)

        assert (block.resolved_by, block.resolved_at is not None) == ("Horizon", True)
        (event,) = AuditEvent.objects.filter(kind="block.resolved")
        assert (event.actor_kind, "every one of its commits is reverted" in event.data["note"]) == ("horizon", True)

    def test_stays_when_the_revert_is_reverted(self, world: Watched) -> None:
        self.revert(world, self.revert(world, bad(world)))

        assert self.look(world).resolved_at is None

    def test_stays_when_only_the_base_took_it_back(self, world: Watched) -> None:
        world.repo.merge_pull_request(2, by="ana")

        assert self.look(world).resolved_at is None

    def test_lifts_when_the_base_with_its_revert_came_back_into_head(self, world: Watched) -> None:
        world.repo.merge_pull_request(2, by="ana")
        world.repo.merge("staging", "release", author="ana")

        assert self.look(world).resolved_at is not None

    def test_stays_when_that_cannot_be_read(self, world: Watched) -> None:
        self.revert(world, bad(world))
        world.wait(minutes=1)
        world.look()
        world.github.fail("GET .*/compare/.*", status=500, times=9)

        world.go_back()
        assert DeployBlock.objects.get().resolved_at is None

        world.github.clear_faults()
        world.wait(minutes=1)
        world.go_back()
        assert DeployBlock.objects.get().resolved_at is not None

    def test_asks_no_host_again_at_once_that_could_not_tell(self, world: Watched) -> None:
        """Passes come every three seconds."""
        self.revert(world, bad(world))
        world.wait(minutes=1)
        world.look()
        world.github.fail("GET .*/compare/.*", status=404, times=999)
        asked = len(world.github.sent("GET .*/compare/.*"))

        for _ in range(10 * 60 // 15):
            world.wait(seconds=15)
            world.go_back()

        assert len(world.github.sent("GET .*/compare/.*")) - asked == 4  # after 1, 2 and 4 minutes

    def test_asks_nothing_while_a_limit_lasts(self, world: Watched) -> None:
        self.revert(world, bad(world))
        world.wait(minutes=1)
        world.look()
        world.github.fail("GET .*/compare/.*", status=429, times=1, headers={"retry-after": "600"})
        asked = len(world.github.sent("GET .*/compare/.*"))
        world.go_back()

        GoingBack.objects.update(retry_at=None)
        world.wait(minutes=5)
        world.go_back()
        assert len(world.github.sent("GET .*/compare/.*")) - asked == 1
        assert ProfileBudget.objects.get().pauses(world.now)

    def test_asks_about_each_head_once(self, world: Watched) -> None:
        self.look(world)
        world.github.reset_requests()

        world.go_back()

        assert world.github.requests == []

    def test_is_told_on_the_page(self, world: Watched, staff: Client) -> None:
        self.look(world)

        assert "lacks the revert of 1 of 1 commit" in page(staff, world)


class TestThePage:
    def test_shows_what_runs_and_what_ran_before(self, world: Watched, staff: Client) -> None:
        html = page(staff, world)

        assert f'<span class="sha">{world.repo.sha("release")[:7]}</span>' in html
        assert f'<span class="sha">{world.repo.sha("main")[:7]}</span>' in html
        assert "last before this one" in html

    def test_gives_the_commands_of_an_image(self, world: Watched, staff: Client) -> None:
        stage = world.project.stages.get(name="production")
        stage.hokusai, stage.branch, stage.git_remote = "production", "", ""
        stage.save()

        html = page(staff, world)

        old = world.repo.sha("main")
        assert f"hokusai production deploy {old}</pre>" in html
        assert f"hokusai production deploy {old} --update-config</pre>" in html

    def test_asks_to_confirm_with_the_commits_and_the_warning(self, world: Watched, staff: Client) -> None:
        html = page(staff, world, f"?revert={Release.objects.get().pk}")

        assert "Bad idea" in html
        assert "Merging again does not bring reverted commits back" in html
        assert f"git revert --no-edit -m 1 {world.repo.sha('release')}" in html

    def test_costs_few_queries(self, world: Watched, staff: Client, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(12):
            page(staff, world)

    def test_calls_no_host(self, world: Watched, staff: Client) -> None:
        world.github.reset_requests()

        page(staff, world)
        staff.get(f"/projects/{world.project.pk}/")

        assert world.github.requests == []

    def test_is_not_for_strangers(self, world: Watched) -> None:
        assert Client().get(f"/projects/{world.project.pk}/back/").status_code == 302
