"""Where the messages of a strategy go: its webhooks, and the channels that a bot posts to."""

from collections.abc import Iterable
from hashlib import sha256

from projects.models import Profile
from projects.secrets import Secret, SecretUnreadable
from releases.models import DeployStrategy
from releases.slack import Target
from releases.webhook_urls import masked, urls_of


def targets_of(strategy: DeployStrategy) -> list[Target]:
    """All of them, webhooks first; one query at most."""
    return [*_webhooks(strategy), *_channels(strategy)]


def bot_of(strategy: DeployStrategy) -> Profile | None:
    """The bot that posts to the channels: the strategy's own, else the organization's first one by name."""
    if strategy.slack_profile is not None:
        return strategy.slack_profile
    bots = Profile.objects.filter(organization=strategy.stage.project.organization_id, kind=Profile.Kind.SLACK_BOT)
    return bots.order_by("name").first()


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


def _channels(strategy: DeployStrategy) -> Iterable[Target]:
    if not strategy.slack_channels:
        return []
    bot = bot_of(strategy)
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
