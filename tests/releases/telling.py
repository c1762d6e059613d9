"""A release world that tells Slack an hour before."""

from projects.models import Profile
from projects.secrets import Secret
from releases.models import DeployStrategy, SlackPost
from releases.webhook_urls import as_secret
from tests.releases.world import DAY, World
from tests.servers.slack import SlackServer

HOUR = 3600
MINUTE = 60
TOKEN = "xoxb-secret"


def tell_webhooks(world: World, *urls: str) -> None:
    world.set(slack_webhook_urls=as_secret(list(urls)), merge_prior_warning=HOUR)


def tell_channels(world: World, slack: SlackServer, *channels: str) -> None:
    """A bot writes to them."""
    slack.add_bot(TOKEN, channels=channels)
    Profile.objects.get_or_create(
        organization=world.project.organization,
        name="slack",
        kind=Profile.Kind.SLACK_BOT,
        defaults={"secret": Secret.of(TOKEN)},
    )
    world.set(slack_channels=list(channels), merge_prior_warning=HOUR)


def until_the_notice(world: World) -> None:
    """A release is open, and the next pass tells of it."""
    world.opened()
    world.wait(seconds=DAY - HOUR)


def noticed(world: World) -> None:
    until_the_notice(world)
    world.advance()


def passes(world: World, minutes: int, every: int = 1) -> None:
    """Let time go by with its passes of the engine."""
    for _ in range(minutes // every):
        world.wait(minutes=every)
        world.advance()


def slack_events(world: World) -> list[str]:
    return [kind for kind in world.events if kind.startswith("notice.")]


def post_at(world: World, label: str) -> SlackPost:
    return SlackPost.objects.get(release=world.release, label__contains=label)


def strategy_of(world: World) -> DeployStrategy:
    return DeployStrategy.objects.get(pk=world.strategy.pk)
