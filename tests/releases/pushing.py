"""A release world whose stages are polled, and whose production may be read elsewhere than its base."""

from datetime import timedelta

from django.utils import timezone

from projects import poll
from projects.models import ProjectPoll
from releases import going_back, live, pushes, repairs_closed
from releases.models import Release
from tests.releases.world import World
from tests.servers.github import GitHubServer, Repository


class Watched(World):
    """`look` is what the schedule does: poll, advance, follow. `mirror` is the other remote that production runs."""

    def __init__(self, github: GitHubServer, *, elsewhere: bool = False) -> None:
        super().__init__(github)
        self.mirror: Repository | None = None
        if elsewhere:
            self.repo.commit("release", "Begin", author="ana")
            self.mirror = self.repo.fork("heroku")
            self.project.stages.filter(name="production").update(name="release")
            self.project.stages.create(
                name="production", position=4, git_remote=self.mirror.remote, branch="release", profile=self.profile
            )
        self.look()

    def poll(self) -> None:
        """Read the project's stages now, whatever the interval."""
        ProjectPoll.objects.filter(project=self.project).update(asked_at=self.now, refreshed_at=None)
        poll.poll([self.project.pk], clock=self.clock, until=timezone.now() + timedelta(days=999))

    def follow(self) -> None:
        pushes.find(self.clock)
        live.follow(self.clock)

    def look(self) -> None:
        self.poll()
        self.advance()
        self.follow()

    def go_back(self) -> None:
        going_back.open_reverts(self.clock)
        repairs_closed.follow(self.clock)
        going_back.lift(self.clock)

    def deploy(self, sha: str) -> None:
        """What the build of a release does: production runs this commit."""
        assert self.mirror is not None
        self.mirror.store.copy_from(self.repo.store, sha)
        self.mirror.force_push("release", sha)

    def merged(self, subject: str = "Change it") -> str:
        """A release that Horizon opened and merged; the commit of its head."""
        sha = self.commit(subject)
        self.look()
        Release.objects.filter(pk=self.release.pk).update(assigned_sha=sha)  # nobody is to be assigned here
        self.wait(days=1)
        self.look()
        self.wait(seconds=30)
        self.look()
        assert self.release.state == "merged"
        return sha
