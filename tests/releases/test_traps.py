"""What bit users of comparable systems, one test for each that no other file holds."""

import pytest
from django.utils import timezone

from audit.record import Actor
from blocks.models import DeployBlock
from releases import engine, going_back, interventions, live, pushes, reminders, repairs_closed
from releases.models import DeployStrategy, GoingBack, Intervention
from releases.webhook_urls import as_secret
from tests.releases.test_declare_apply import DESIGN, run
from tests.releases.world import DAY, TOKEN, World
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack
from tests.worlds import sha

__all__ = ["slack"]
pytestmark = pytest.mark.django_db
ANA = Actor.person("ana")


def test_a_merge_by_hand_during_the_notice_is_the_persons_and_the_only_one(world: World, slack: SlackServer) -> None:
    world.set(slack_webhook_urls=as_secret([slack.webhook("#dev")]), merge_prior_warning=3600)
    world.opened()
    world.wait(seconds=DAY - 3600)
    world.advance()
    assert world.events.count("notice.sent") == 1

    world.wait(minutes=10)
    world.repo.merge_pull_request(1, by="bo")
    world.wait(hours=1)
    world.advance()
    world.advance()

    assert (world.release.state, world.release.kind, world.release.merged_by) == ("merged", "manual", "bo")
    assert "pull-request.merged" not in world.acts  # Horizon's
    assert world.events.count("release.by-hand") == 1
    assert "release.merged" not in world.events


def test_an_expired_token_drops_nothing(world: World) -> None:
    world.due()
    world.github.revoke_token(TOKEN)
    assert world.advance().code == "unreadable"
    assert world.release.state == "open"

    world.wait(hours=3)
    world.github.add_token(TOKEN, login="horizon-bot")
    world.advance()

    assert world.repo.pull(1).merged
    assert len(world.repo.pulls.all) == 1


@pytest.mark.parametrize("branch", ["release", "staging"])
def test_a_branch_that_was_renamed_is_named_and_over_when_it_is_back(world: World, branch: str) -> None:
    world.due()
    kept = world.repo.sha(branch)
    world.repo.delete_branch(branch)

    decision = world.advance()
    assert decision.code == "branch-gone"
    assert branch in decision.reason

    world.repo.branch(branch, at=kept)
    world.advance()
    assert world.advance().code not in ("branch-gone", "unreadable")


def test_another_repository_of_a_strategy_brings_no_merge_that_was_none(world: World) -> None:
    other = World(world.github, "force")
    other.commit()
    other.repo.open_pull_request("staging", "release", author="eve")
    other.repo.merge_pull_request(1, by="eve")
    world.wait(days=2)
    world.opened()

    world.set(repository="artsy/force")
    world.advance()

    assert world.release.state == "closed"
    assert "release.by-hand" not in world.events
    assert world.events.count("pull-request.closed") == 1


def test_nothing_stumbles_over_a_project_that_was_deleted_with_its_release(world: World) -> None:
    world.opened()
    world.block()
    interventions.skip(world.strategy, world.repo.sha("staging"), reason="x", actor=ANA, clock=world.clock)
    world.advance()
    world.project.delete()

    assert engine.advance(engine.followed(world.now), world.clock) == []
    pushes.find(world.clock)
    live.follow(world.clock)
    going_back.open_reverts(world.clock)
    repairs_closed.follow(world.clock)
    going_back.lift(world.clock)
    world.wait(days=8)
    reminders.remind_owners(world.clock)


def test_a_file_owns_definitions_and_neither_blocks_nor_what_people_said() -> None:
    run(DESIGN)
    strategy = DeployStrategy.objects.select_related("stage__project__organization").get()
    project, now = strategy.stage.project, timezone.now()
    block = DeployBlock.objects.create(
        organization=project.organization, description="rolled back", created_by="Horizon", created_at=now,
        updated_at=now, begins_at=now, bad_commits=[sha(1)],
    )  # fmt: skip
    block.projects.add(project)
    GoingBack.objects.create(block=block, strategy=strategy, good_sha=sha(2))
    Intervention.objects.create(
        strategy=strategy, kind="skip", head_sha=sha(1), reason="no", created_by="ana", created_at=now
    )

    run(DESIGN.replace("merge_after: 86400", "merge_after: 7200"), prune=True)

    assert DeployStrategy.objects.get().merge_after == 7200
    assert DeployBlock.objects.get().resolved_at is None
    assert GoingBack.objects.get().block_id == block.pk
    assert Intervention.objects.get().ended_at is None
