"""Where the messages of a strategy go: its webhooks, and the channels that a bot posts to."""

from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256

from projects.models import Profile
from projects.secrets import Secret, SecretUnreadable
from releases.models import DeployStrategy
from releases.slack import Target
from releases.webhook_urls import masked, urls_of

Bots = Mapping[int, Profile]  # by organization


def targets_of(strategy: DeployStrategy, bots: Bots | None = None) -> list[Target]:
    """All of them, webhooks first; without queries where `bots_of` is given."""
    return [*_webhooks(strategy), *_channels(strategy, bots)]


def bots_of(strategies: Collection[DeployStrategy]) -> Bots:
    """The bot of each organization that posts to the channels of those that name none: the first one by name."""
    wanted = {each.stage.project.organization_id for each in strategies if each.slack_channels}
    if not wanted:
        return {}
    found = Profile.objects.filter(organization__in=wanted, kind=Profile.Kind.SLACK_BOT).order_by("-name")
    return {profile.organization_id: profile for profile in found}


def _webhooks(strategy: DeployStrategy) -> Iterable[Target]:
    labels = masked(strategy.slack_webhook_urls) if strategy.slack_webhook_urls else []
    try:
        urls = urls_of(strategy.slack_webhook_urls)
    except SecretUnreadable:
        trouble = "The addresses of the webhooks can no longer be decrypted: give them to the strategy again."
        return [Target(_digest("webhooks"), "webhooks", webhook=Secret(""), trouble=trouble)]
    return [
        Target(_digest(f"webhook {url}"), label, webhook=Secret.of(url))
        for url, label in dict(zip(urls, labels, strict=True)).items()
    ]


def _channels(strategy: DeployStrategy, bots: Bots | None) -> Iterable[Target]:
    if not strategy.slack_channels:
        return []
    organization = strategy.stage.project.organization_id
    bot = strategy.slack_profile or (bots_of([strategy]) if bots is None else bots).get(organization)
    trouble = "" if bot else "There is no Slack bot that could post there: make a profile of the kind slack-bot."
    return [
        Target(
            _digest(f"channel {channel}"),
            channel,
            channel=channel,
            token=bot.secret if bot else Secret(""),
            trouble=trouble,
        )
        for channel in dict.fromkeys(strategy.slack_channels)
    ]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
