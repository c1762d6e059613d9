"""After a freeze: the oldest release of an organization first, whoever serves it, and nobody is starved."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from audit.record import Actor
from projects.models import Profile, ProfileBudget
from projects.secrets import Secret
from releases import engine, facts, interventions
from releases.decision import Decision
from releases.models import Attempt, Release, StrategyReading
from tests import worlds
from tests.releases.test_races import together
from tests.releases.wire import tapped
from tests.releases.world import BOT, DAY, TOKEN, World
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db


def of_profile(name: str, world: World) -> Profile:
    """Another profile of the same organization; its releases are advanced by a task of their own."""
    profile = worlds.github_profile(name=name, api_url=world.github.api_url, secret=Secret.of(TOKEN))
    ProfileBudget.objects.create(profile=profile, login=BOT)
    return profile


class Two:
    """An older release, and a younger one of the same organization, that another profile serves; both are due."""

    def __init__(self, world: World) -> None:
        self.younger, self.older = world, World(world.github, "force")
        self.older.set(profile=of_profile("other", world))
        self.older.opened()
        world.wait(hours=1)
        world.opened()
        world.wait(seconds=DAY)
        facts.read([self.older.strategy], world.now)

    @property
    def merged(self) -> list[str]:
        merges = AuditEvent.objects.filter(kind="release.merged").order_by("id")
        return list(merges.values_list("project_name", flat=True))


@pytest.fixture
def two(world: World) -> Two:
    return Two(world)


def task_of(world: World) -> Decision:
    """What the task of this release's profile does; what it decided last of this release."""
    profile = facts.profile_of(engine.releasable().get(pk=world.strategy.pk))
    assert profile is not None
    outcomes = engine.advance(engine.served_by(profile.pk, world.now), world.clock)
    return next(outcome.decision for outcome in outcomes if outcome.strategy.pk == world.strategy.pk)


class TestOfTwoProfiles:
    def test_the_younger_release_gives_way_to_the_older_one_and_says_so(self, two: Two) -> None:
        decision = task_of(two.younger)

        assert (decision.action, decision.code) == ("wait", "others-first")
        assert decision.reason == "An older release of the organization is ready as well, and is merged first."
        assert two.younger.decide() == decision
        assert two.merged == []

    def test_they_are_merged_in_order(self, two: Two) -> None:
        for world in (two.younger, two.older, two.younger):
            task_of(world)

        assert two.merged == ["force", "candela"]

    def test_the_next_one_is_asked_for_at_once_by_whoever_gives_way_or_merges(self, two: Two) -> None:
        two.older.wait(seconds=1)
        task_of(two.younger)
        assert [strategy.pk for strategy in engine.changed(two.older.now)] == [two.older.strategy.pk]

        two.older.wait(seconds=1)
        task_of(two.older)
        assert [strategy.pk for strategy in engine.changed(two.older.now)] == [two.younger.strategy.pk]
        engine.advance(engine.changed(two.older.now), two.older.clock)

        assert two.merged == ["force", "candela"]
        assert not engine.changed(two.older.now).exists()

    def test_those_of_one_task_are_merged_in_one_pass(self, two: Two) -> None:
        engine.advance(engine.followed(two.older.now), two.older.clock)

        assert two.merged == ["force", "candela"]

    def test_another_organization_waits_for_nobody(self, two: Two) -> None:
        two.older.project.organization = worlds.organization("elsewhere")
        two.older.project.save()

        task_of(two.younger)

        assert two.merged == ["candela"]

    def test_what_is_released_now_goes_before_older_ones(self, two: Two) -> None:
        sha = two.younger.release.head_sha
        actor = Actor.person("ana")
        interventions.release_now(two.younger.strategy, sha, reason="Incident", actor=actor, clock=two.younger.clock)

        task_of(two.younger)

        assert two.merged == ["candela"]


STUCK: dict[str, Callable[[World], object]] = {
    "is blocked": lambda older: older.block(),
    "has a red check": lambda older: older.repo.check_run("ci", at="staging", conclusion="failure"),
    "was skipped": lambda older: interventions.skip(
        older.strategy, older.release.head_sha, reason="no", actor=Actor.person("ana"), clock=older.clock
    ),
    "has people to tell first": lambda older: older.set(slack_channels=["#dev"]),
    "is left to people now": lambda older: older.set(automatic=False),
    "belongs to an archived project": lambda older: type(older.project).objects.update_or_create(
        pk=older.project.pk, defaults={"archived_at": older.now}
    ),
}


class TestNobodyIsStarved:
    @pytest.mark.parametrize("what", STUCK)
    def test_by_an_older_one_that(self, two: Two, what: str) -> None:
        STUCK[what](two.older)
        facts.read([two.older.strategy], two.older.now)

        task_of(two.younger)

        assert two.merged == ["candela"]

    def test_by_an_older_one_that_nobody_looks_at_any_more(self, two: Two) -> None:
        two.older.wait(minutes=11)

        task_of(two.younger)

        assert two.merged == ["candela"]

    def test_by_an_older_one_that_github_refuses_to_merge(self, two: Two) -> None:
        two.older.github.refuse("PUT .*/force/.*/merge$", 405, "Required status check is expected.", times=99)
        task_of(two.older)

        task_of(two.younger)

        assert two.merged == ["candela"]

    def test_by_an_older_one_whose_merge_failed_and_is_tried_again(self, two: Two) -> None:
        two.older.github.refuse("PUT .*/force/.*/merge$", 405, "Required status check is expected.", times=99)
        task_of(two.older)
        two.older.wait(minutes=1)
        facts.read([two.older.strategy], two.older.now)

        task_of(two.younger)

        assert two.merged == ["candela"]

    def test_by_an_older_one_whose_answers_are_lost_again_and_again(
        self, two: Two, settings: pytest.FixtureRequest
    ) -> None:
        settings.MERGES_AT_ONCE = 1  # type: ignore[attr-defined]
        two.older.github.fail("PUT .*/force/.*/merge$", drop="before", times=99)
        task_of(two.older)
        assert task_of(two.younger).reason == "1 other merge of the organization must be confirmed first."
        two.older.wait(seconds=61)

        # It is found not to be merged, and would be asked for again.
        assert task_of(two.older).code == "others-first"
        task_of(two.younger)
        task_of(two.older)

        assert two.merged == ["candela"]
        assert two.older.release.state == "merging"

    def test_by_an_older_one_at_which_horizon_itself_fails(self, two: Two) -> None:
        Release.objects.filter(strategy=two.older.strategy).update(base_sha="", head_sha="0" * 40)
        with tapped() as wire:
            wire.at("GET .*/force/", "before", _break)
            with pytest.raises(ExceptionGroup):
                task_of(two.older)

        assert two.older.decide().code == "unreadable"
        assert "Horizon failed at this release by a fault of its own" in two.older.decide().reason
        task_of(two.younger)
        assert two.merged == ["candela"]
        task_of(two.older)
        assert two.merged == ["candela", "force"]


def _break() -> None:
    raise ZeroDivisionError


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestEnginesOfTwoProfiles:
    @pytest.mark.parametrize("attempt", range(3))
    def test_that_run_at_the_same_time_ask_for_merges_in_order(self, github: GitHubServer, attempt: int) -> None:
        first = World(github)
        projects = [first, *(World(github, f"project{number}") for number in range(7))]
        other = of_profile("other", first)
        for number, each in enumerate(projects):
            if number % 2:
                each.set(profile=other)
            each.opened()
            first.wait(minutes=1)
        first.wait(seconds=DAY)
        for each in projects:
            facts.read([each.strategy], first.now)
        profiles = [pk for pk in engine.profiles(first.now) if pk is not None]
        assert len(profiles) == 2

        def task(pk: int) -> Callable[[], object]:
            return lambda: engine.advance(engine.served_by(pk, first.now), first.clock)

        for _ in range(2 * len(projects)):
            if not Release.objects.filter(state=Release.State.OPEN).exists():
                break
            together(*[task(pk) for pk in profiles])

        attempts = Attempt.objects.filter(act=Attempt.Act.MERGE).order_by("id")
        assert list(attempts.values_list("release__strategy__stage__project__name", flat=True)) == [
            each.project.name for each in projects
        ]
        assert AuditEvent.objects.filter(kind="release.merged").count() == len(projects)


class TestPages:
    @pytest.mark.parametrize(
        ("page", "most"),
        [("/projects/{}/", 3), ("/?q=candela", 3), ("/?organization=artsy", 0), ("/api/projects/{}/", 3)],
    )
    def test_show_whose_turn_it_is_for_few_queries_more(self, two: Two, client: Client, page: str, most: int) -> None:
        client.force_login(User.objects.create_user("ana", is_staff=True))
        url, now = page.format(two.younger.project.pk), timezone.now()  # pages have the clock of the machine
        StrategyReading.objects.update(read_at=now, tried_at=now)
        words = "An older release of the organization is ready as well"

        def shown(age: timedelta) -> tuple[bool, int]:
            Release.objects.filter(strategy=two.younger.strategy).update(opened_at=now - age)
            Release.objects.filter(strategy=two.older.strategy).update(opened_at=now - timedelta(days=3))
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                text = client.get(url).content.decode()
            return words in text, len(queries)

        young, asked = shown(timedelta(hours=1))
        assert (young, shown(timedelta(days=2))) == (False, (True, asked + most))
