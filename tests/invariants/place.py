"""One project of the organization: what people did and said to it, and how things stand there."""

from copy import copy
from datetime import datetime

from projects.models import Profile
from releases.models import DeployStrategy, Release
from tests.invariants import agreement, model
from tests.releases.world import World
from tests.servers.github.model import Act


class Place:
    """What the releases of one project are held against. `moments`: how things stood during the newest pass."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.checks: dict[str, dict[str, str]] = {}
        self.required: frozenset[str] = frozenset()
        self.reviews = 0
        self.said = model.Said()
        self.forgiven = agreement.Forgiven()
        self.moments: list[model.Moment] = []
        self.told: list[model.Told] = []
        self.slack_failing: dict[int, datetime] = {}
        self.squashed: set[str] = set()  # commits of which the base has the content, and not the history
        self._merges = self._opened = 0
        self._closed: set[str] = set()

    def served_by(self, profile: Profile) -> None:
        self.world.project.stages.update(profile=profile)

    def squashes(self, number: int) -> None:
        """To be called before a person merges this pull request by squashing or rebasing it.

        Counted is what Horizon can know: it has seen the pull request, and not been told yet what became of it.
        """
        seen = Release.objects.filter(strategy=self.world.strategy, number=number, state__in=Release.UNFINISHED)
        if seen.exists():
            self.squashed |= {commit.sha for commit in self.world.repo.log("release..staging")}

    def moment(self) -> model.Moment:
        """How things stand now."""
        now = self.world.now
        plan = DeployStrategy.objects.select_related("stage__project__organization").get(pk=self.world.strategy.pk)
        return model.Moment(
            at=now,
            plan=plan,
            blocks=model.blocks_in_force(self.world, now),
            closed=model.is_closed(plan, now),
            said=copy(self.said),
            pulls=model.pulls_of(self.world),
            checks={sha: dict(states) for sha, states in self.checks.items()},
            required=self.required,
            reviews=self.reviews,
            pushed=model.pushed(self.world),
            broken=model.broken(self.world, self.squashed),
        )

    # --- a pass -------------------------------------------------------------------------------------------------------

    def before_a_pass(self) -> None:
        self.moments = [self.moment()]
        self._merges = len(model.merges(self.world))
        self._opened = len(model.acts(self.world, "pull-request.opened"))
        closed = Release.objects.filter(strategy=self.world.strategy, state=Release.State.CLOSED)
        self._closed = set(closed.values_list("head_sha", flat=True))

    def after_a_pass(self) -> list[Act]:
        """Hold what was done in the pass against how things stood; the merges."""
        merges = model.merges(self.world)[self._merges :]
        for act in merges:
            self._check_merge(act)
        for act in model.acts(self.world, "pull-request.opened")[self._opened :]:
            model.check_opened(act, self.moments, self._closed)
        return merges

    def _check_merge(self, act: Act) -> None:
        number = int(str(act.data["number"]))
        since = self.slack_failing.get(number)
        against = [model.against(moment, act, self.told, since) for moment in self._moments_with(number)]
        assert not all(against), f"{act.kind} at {act.at} in spite of {against}"

    def _moments_with(self, number: int) -> list[model.Moment]:
        """The moments of this pass; the one after it, too, where the pull request was opened in it."""
        return self.moments if number in self.moments[0].pulls else [*self.moments, self.moment()]

    def hear(self, told: model.Told) -> None:
        """A warning that people read in this pass; it is held against how things stood, too."""
        against = [model.against_telling(moment, told) for moment in self._moments_with(told.number)]
        assert not all(against), f"{told} in spite of {against}"
        self.told.append(told)
        self.slack_failing.pop(told.number, None)

    def hear_nothing(self) -> None:
        """Slack failed in this pass."""
        for number in model.open_pulls(self.world):
            self.slack_failing.setdefault(number, self.moments[0].at)
