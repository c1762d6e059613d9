"""Where a strategy's repository is: as acts name it, and as git does."""

from django.conf import settings

from projects.remotes import parse_remote
from releases import facts
from releases.models import DeployStrategy
from releases.readings import stored_reading


def repository(strategy: DeployStrategy) -> tuple[str, str]:
    """Owner and name as GitHub calls the repository now: a renamed one is followed by questions, not by acts.

    Raises StageUnreadable(MISCONFIGURED).
    """
    reading = stored_reading(strategy)
    if reading is None:
        return facts.repository_of_strategy(strategy)
    owner, _, name = reading.repository.partition("/")
    return owner, name


def remote_of(strategy: DeployStrategy) -> str:
    """The git remote of the strategy's repository, which need not be the stage's; empty where it is not known."""
    if not strategy.repository or not strategy.stage.git_remote:
        return strategy.stage.git_remote
    remote = parse_remote(strategy.stage.git_remote, insecure_hosts=settings.INSECURE_HOSTS)
    return f"{remote.scheme}://{remote.address}/{'/'.join(facts.repository_of_strategy(strategy))}.git"
