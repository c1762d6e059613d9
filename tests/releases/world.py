"""A project whose staging is released to release by Horizon, on a real GitHub server, with a clock that tests move."""

from datetime import UTC, datetime, timedelta
from typing import Any

from audit.models import AuditEvent
from audit.record import Actor
from blocks.change import Saved, Wish, create_block, resolve_block
from blocks.models import DeployBlock
from projects.models import Profile, ProfileBudget, Project
from projects.secrets import Secret
from releases import engine, facts
from releases.decision import Decision, decide
from releases.models import DeployStrategy, Release
from tests import worlds
from tests.servers.github import GitHubServer

BOT = "horizon-bot"
TOKEN = "ghp_horizon"
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = 86400


# Somebody is assigned, and what is kept true around a release.
AROUND = {
    "pull-request.assigned",
    "pull-request.edited",
    "pull-request.commented",
    "status.set",
    "status.created",
    "branch.restored",
    "branch.created",
}


class World:
    """`now` is the clock of Horizon and of the server; `wait` moves both."""

    def __init__(self, github: GitHubServer, name: str = "candela") -> None:
        self.github = github
        self.ahead = timedelta(0)  # so much is the server's clock ahead of Horizon's
        github.freeze(START)
        github.add_user("ana")
        self.profile = _profile(github)
        self.repo = github.add_repository(f"artsy/{name}", branches=("main", "staging", "release"))
        self.repo.mergeable_after = 0
        remote = github.remote(f"artsy/{name}")
        self.project: Project = worlds.project(name, remote=remote, profile=self.profile)
        self.strategy = self.release_to("production", merge_after=DAY)

    def release_to(self, stage: str, **changed: Any) -> DeployStrategy:
        values: dict[str, Any] = {"automatic": True, "base": "release", "head": "staging"} | changed
        return DeployStrategy.objects.create(stage=self.project.stages.get(name=stage), **values)

    @property
    def now(self) -> datetime:
        return self.github.now() - self.ahead

    def clock(self) -> datetime:
        return self.now

    def wait(self, **span: float) -> None:
        self.github.advance(**span)

    def commit(self, subject: str = "Change it", branch: str = "staging") -> str:
        return self.repo.commit(branch, subject, author="ana")

    def advance(self, *, dry_run: bool = False) -> Decision:
        """One pass of the engine over this project; what it decided last."""
        mine = engine.releasable().filter(stage__project=self.project)
        outcomes = engine.advance(mine, self.clock, dry_run=dry_run)
        return next(outcome.decision for outcome in outcomes if outcome.strategy.pk == self.strategy.pk)

    def decide(self) -> Decision:
        """What pages show: from the rows, without asking GitHub."""
        strategy = facts.strategies_with_all().get(pk=self.strategy.pk)
        return decide(facts.facts_of([strategy], self.now)[strategy.pk])

    def set(self, **changed: Any) -> None:
        DeployStrategy.objects.filter(pk=self.strategy.pk).update(**changed)

    def block(self, reason: str = "incident 12", **changed: Any) -> DeployBlock:
        return self.save_block(reason, **changed).block

    def save_block(self, reason: str = "incident 12", **changed: Any) -> Saved:
        wish = Wish(self.project.organization, **{"description": reason, "projects": [self.project]} | changed)
        return create_block(wish, actor=Actor.person("mary"), owner=None, clock=self.clock)

    def unblock(self, block: DeployBlock) -> None:
        resolve_block(block, note="", actor=Actor.person("mary"), clock=self.clock)

    @property
    def release(self) -> Release:
        """The newest release of the project."""
        return Release.objects.filter(strategy=self.strategy).latest("id")

    @property
    def events(self) -> list[str]:
        """What history tells of the project, oldest first, without blocks."""
        events = AuditEvent.objects.filter(project_id=self.project.pk).exclude(kind__startswith="block.")
        return list(events.order_by("id").values_list("kind", flat=True))

    @property
    def acts(self) -> list[str]:
        """What the server says that Horizon did, oldest first."""
        return [act.kind for act in self.github.acts if act.repository.lower() == self.repo.full_name.lower()]

    @property
    def story(self) -> list[str]:
        """The events of the release itself, without those of what goes on around it."""
        return [kind for kind in self.events if kind not in AROUND]

    @property
    def moves(self) -> list[str]:
        """The acts that move the release, without those around it."""
        return [kind for kind in self.acts if kind not in AROUND]

    def opened(self) -> Release:
        """A commit waits, and its pull request is open."""
        self.commit()
        self.advance()
        return self.release

    def due(self) -> Release:
        """An open release that is a day old; the next pass merges it."""
        release = self.opened()
        self.wait(seconds=DAY)
        return release


def _profile(github: GitHubServer) -> Profile:
    existing = Profile.objects.filter(api_url=github.api_url).first()
    if existing is not None:
        return existing
    github.add_token(TOKEN, login=BOT)
    profile = worlds.github_profile(api_url=github.api_url, secret=Secret.of(TOKEN))
    ProfileBudget.objects.create(profile=profile, login=BOT)
    return profile
