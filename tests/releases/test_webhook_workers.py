"""From a push or a check on GitHub to what Horizon shows and does: its webhooks, real web, worker and beat."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection

import pytest
from django.utils import timezone

from projects import poll
from projects.models import ProjectPoll, Snapshot
from releases import engine, facts
from releases.decision import decide
from releases.models import StrategyReading, WebhookDelivery
from tests.releases.programs import LIMIT, Programs, wait_until
from tests.releases.webhook_sender import SECRET, said, signature
from tests.releases.world import World
from tests.servers.github import GitHubServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
BURST = 1000


@pytest.fixture
def world(github: GitHubServer, transactional_db: None) -> World:
    """With the clock of everybody, and a release that needs no day and a check."""
    made = World(github)
    github.freeze(None)
    made.set(merge_after=0, required_checks=["ci"])
    read(made)
    engine.advance(engine.releasable(), timezone.now)
    return made


@pytest.fixture
def programs(github: GitHubServer, transactional_db: None) -> Iterator[Programs]:
    """Web and the worker of events, and no other: what happens, they did."""
    with Programs(HORIZON_GITHUB_WEBHOOK_SECRETS=f"new-secret,{SECRET}") as started:
        started.start("worker", "events")
        started.start("beat")
        started.start_web()
        github.webhooks.add(f"{started.address}/webhooks/github", secret=SECRET, app_id=17)
        yield started


def read(world: World) -> None:
    until = timezone.now() + timedelta(minutes=1)
    poll.poll([world.project.pk], clock=timezone.now, until=until)


def waiting(world: World) -> list[str]:
    """The subjects of the commits that wait for staging, as the project's page shows them."""
    snapshot = Snapshot.objects.get(project=world.project, is_current=True)
    return [commit["message"] for commit in snapshot.comparisons.get(ahead="main").commits]


def at_rest(world: World) -> bool:
    """Everything that was heard was looked at."""
    asked = ProjectPoll.objects.get(project=world.project)
    done = asked.asked_at is not None and asked.refreshed_at is not None and asked.refreshed_at >= asked.asked_at
    return done and asked.lease is None and not WebhookDelivery.objects.filter(processed_at=None).exists()


def test_a_push_shows_and_a_check_has_a_held_release_go_on(
    world: World, programs: Programs, github: GitHubServer
) -> None:
    world.repo.commit("main", "Add maps", author="ana")
    wait_until(lambda: waiting(world) == ["Add maps"])

    world.commit("Release me")
    wait_until(lambda: "pull-request.opened" in world.moves)
    number = next(iter(world.repo.pulls.all))
    world.repo.check_run("ci", at="staging", conclusion="failure")
    wait_until(lambda: _decision(world) == "hold")
    assert "pull-request.merged" not in world.moves

    world.repo.check_run("ci", at="staging", conclusion="success")
    wait_until(lambda: "pull-request.merged" in world.moves)

    assert world.repo.pull(number).merged
    github.webhooks.join()
    assert {delivery.status for delivery in github.webhooks.deliveries} == {202}


def _decision(world: World) -> str:
    strategy = facts.strategies_with_all().get(pk=world.strategy.pk)
    return str(decide(facts.facts_of([strategy], timezone.now())[strategy.pk]).action)


def test_a_burst_of_pushes_costs_few_requests(world: World, programs: Programs, github: GitHubServer) -> None:
    body = json.dumps(said(ref="refs/heads/main", repository={"id": world.repo.id, "full_name": "artsy/candela"}))
    github.webhooks.hooks.clear()
    web = HTTPConnection("127.0.0.1", programs.port, timeout=LIMIT)
    github.reset_requests()
    for number in range(BURST):
        if number == BURST - 1:
            world.repo.commit("main", "The last one", author="ana")
        web.request("POST", "/webhooks/github", body, _headers(body, f"burst-{number}"))
        answer = web.getresponse()
        answer.read()
        assert answer.status == 202
    web.close()

    wait_until(lambda: waiting(world) == ["The last one"] and at_rest(world))

    assert WebhookDelivery.objects.count() == BURST
    print(f"FIGURES pushes={BURST} requests={len(github.requests)}")
    assert len(github.requests) < BURST / 4  # two a second for as long as it takes


def _headers(body: str, delivery: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": signature(body.encode()),
    }


def test_what_was_left_by_a_worker_that_died_is_done_by_the_next(
    world: World, github: GitHubServer, transactional_db: None
) -> None:
    with Programs(HORIZON_GITHUB_WEBHOOK_SECRETS=SECRET) as started:
        started.start_web()
        github.webhooks.add(f"{started.address}/webhooks/github", secret=SECRET)
        world.repo.commit("main", "Add maps", author="ana")
        github.webhooks.join()
        assert WebhookDelivery.objects.filter(processed_at=None).count() == 1

        github.fail("GRAPHQL", times=10, slow=LIMIT)  # the engine asks, too
        worker = started.start("worker", "events")
        wait_until(lambda: ProjectPoll.objects.filter(lease__isnull=False).exists())
        started.kill(worker)
        github.clear_faults()
        ProjectPoll.objects.update(leased_until=timezone.now())  # the lease's end, which nobody waits for in a test

        started.start("worker", "events")
        started.start("beat")
        wait_until(lambda: waiting(world) == ["Add maps"])


def test_what_was_lost_on_the_way_is_made_good_by_the_poll(world: World, github: GitHubServer) -> None:
    hook = github.webhooks.add("http://127.0.0.1:9/webhooks/github", secret=SECRET)
    hook.losing = 10

    world.repo.commit("main", "Add maps", author="ana")
    world.commit("Release me")
    later = timezone.now() + timedelta(minutes=1)

    assert poll.lanes(later) == [[world.project.pk]]
    read(world)
    engine.advance(engine.releasable(), timezone.now)

    assert github.webhooks.deliveries == []
    assert waiting(world) == ["Add maps"]
    assert world.moves == ["pull-request.opened"]
    assert StrategyReading.objects.get().asked_at is None


def test_a_request_that_is_too_large_is_refused_before_it_is_read(programs: Programs) -> None:
    web = HTTPConnection("127.0.0.1", programs.port, timeout=LIMIT)
    web.putrequest("POST", "/webhooks/github")
    web.putheader("Content-Length", str(26 * 1024 * 1024))
    web.endheaders()  # and not a byte of the body

    assert web.getresponse().status == 413
    web.close()


def test_a_large_request_is_taken_by_the_webhook_and_by_nothing_else(programs: Programs) -> None:
    body = json.dumps(said(pad="x" * 20 * 1024 * 1024))
    statuses = []
    for path in ("/webhooks/github", "/sign-in/"):
        web = HTTPConnection("127.0.0.1", programs.port, timeout=LIMIT)
        web.putrequest("POST", path)
        for name, value in {**_headers(body, "large"), "Content-Length": str(len(body))}.items():
            web.putheader(name, value)
        web.endheaders(body.encode() if path == "/webhooks/github" else None)
        statuses.append(web.getresponse().status)
        web.close()

    assert statuses == [202, 413]
