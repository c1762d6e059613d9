"""Merged is not live: what production runs is read, and said."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from projects.models import StageHead
from releases import production
from releases.live import Seen, sight
from releases.models import Release
from tests.releases.pushing import Watched
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(github: GitHubServer) -> Watched:
    """Production is the base branch itself."""
    return Watched(github)


@pytest.fixture
def there(github: GitHubServer) -> Watched:
    """Production is read from another remote."""
    return Watched(github, elsewhere=True)


def seen(world: Watched) -> Seen:
    release = Release.objects.select_related("strategy__stage__project").get(pk=world.release.pk)
    stages = production.stages_of([release.strategy])
    place = production.places_of([release.strategy], stages).get(release.strategy_id)
    return sight(release, place, world.now).seen


def told(world: Watched, kind: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(project_id=world.project.pk, kind=kind))


class TestProductionThatIsTheBase:
    def test_is_live_as_soon_as_the_branch_holds_the_merge(self, here: Watched) -> None:
        here.merged()

        assert here.release.live_at is not None
        told_of_it = [kind for kind in here.events if kind.startswith("release.")]
        assert told_of_it == ["release.merged", "release.live"]
        (event,) = told(here, "release.live")
        assert event.data["seconds"] <= 60
        assert event.data["pull_request"]["number"] == 1

    def test_never_alarms(self, here: Watched) -> None:
        here.merged()
        Release.objects.update(live_at=None)
        StageHead.objects.filter(stage__name="production").update(sha="0" * 40)

        here.wait(hours=2)
        here.follow()

        assert told(here, "release.not-live") == []


class TestProductionElsewhere:
    def test_is_waited_for_and_seen_with_the_time_that_it_took(self, there: Watched) -> None:
        sha = there.merged()
        assert (there.release.live_at, seen(there)) == (None, Seen.WAITING)

        there.wait(minutes=10)
        there.deploy(sha)
        there.look()
        there.look()

        assert seen(there) is Seen.LIVE
        (event,) = told(there, "release.live")
        assert event.data["stage"] == "production"
        assert 600 <= event.data["seconds"] <= 660

    def test_of_the_merge_commit_counts(self, there: Watched) -> None:
        there.merged()

        there.deploy(there.release.merge_sha)
        there.look()

        assert seen(there) is Seen.LIVE

    def test_of_a_later_commit_counts_after_one_question(self, there: Watched) -> None:
        there.merged()
        later = there.commit("More")

        there.wait(minutes=1)
        there.deploy(later)
        there.poll()
        there.github.reset_requests()
        there.follow()

        assert seen(there) is Seen.LIVE
        assert there.github.count("GET .*/compare/") >= 1

    def test_that_lacks_it_alarms_once_and_is_asked_once(self, there: Watched) -> None:
        there.merged()
        other = there.repo.commit("main", "Something else", author="ana")
        there.deploy(other)

        for _ in range(3):
            there.wait(minutes=20)
            there.look()
        there.github.reset_requests()
        there.follow()

        assert seen(there) is Seen.NOT_LIVE
        assert there.release.live_alarm_at is not None
        assert len(told(there, "release.not-live")) == 1
        assert there.github.count("GET .*/compare/") == 0

    def test_that_did_not_move_alarms_and_may_still_come(self, there: Watched) -> None:
        sha = there.merged()
        there.wait(minutes=31)
        there.look()
        assert len(told(there, "release.not-live")) == 1

        there.deploy(sha)
        there.wait(minutes=1)
        there.look()

        assert seen(there) is Seen.LIVE
        assert len(told(there, "release.live")) == 1

    def test_that_cannot_be_read_is_unknown_and_no_alarm(self, there: Watched) -> None:
        there.merged()
        assert there.mirror is not None
        there.mirror.delete_branch("release")

        there.wait(minutes=31)
        there.look()

        assert seen(there) is Seen.UNKNOWN
        assert told(there, "release.not-live") == []

    def test_that_is_not_polled_is_unknown(self, there: Watched) -> None:
        there.merged()

        there.wait(minutes=31)
        there.follow()

        assert seen(there) is Seen.UNKNOWN
        assert told(there, "release.not-live") == []

    def test_costs_no_request_while_nothing_moves(self, there: Watched) -> None:
        there.merged()
        there.github.reset_requests()

        for _ in range(3):
            there.follow()

        assert there.github.requests == []

    def test_of_a_later_release_makes_the_earlier_ones_live(self, there: Watched) -> None:
        there.merged()
        sha = there.merged("More")

        there.deploy(sha)
        there.wait(minutes=1)
        there.look()

        assert Release.objects.filter(live_at=None).count() == 0
        assert len(told(there, "release.live")) == 2

    def test_is_given_up_after_a_week(self, there: Watched) -> None:
        there.merged()
        Release.objects.update(merged_at=there.now - timedelta(days=8))

        there.look()

        assert seen(there) is Seen.UNKNOWN
