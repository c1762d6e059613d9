"""Try Slack because a person asks: a message to every target of a strategy, or a bot's token."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings

from audit.record import Actor, record
from projects.models import Profile
from projects.reading import StageUnreadable, Trouble
from releases import slack
from releases.models import DeployStrategy
from releases.slack import Posted, SlackTrouble, Target
from releases.slack_posts import Answer, Unsent, at_once
from releases.slack_targets import targets_of
from releases.slack_texts import plain


@dataclass(frozen=True, slots=True)
class Tried:
    """What a target answered, in words for people."""

    words: str
    good: bool


def send_test_message(strategy: DeployStrategy, actor: Actor, now: datetime) -> list[Tried]:
    """Post to all targets; what each of them said. No release is touched."""
    text = (
        f"This is a test message of Horizon, sent by {plain(actor.name)}. Here it announces releases of "
        f"*{plain(strategy.stage.project.name)}* to {plain(strategy.stage.name)} "
        f"({plain(strategy.head)} → {plain(strategy.base)}). {settings.PUBLIC_URL}"
    )
    targets = targets_of(strategy)
    answers = at_once([(target, partial(slack.post, target, text)) for target in targets])
    return [_tried(strategy, *each, actor, now) for each in zip(targets, answers, strict=True)]


def _tried(strategy: DeployStrategy, target: Target, answer: Answer, actor: Actor, now: datetime) -> Tried:
    if isinstance(answer, Posted):
        data = {"stage": strategy.stage.name, "target": target.label}
        record("notice.tested", actor=actor, at=now, project=strategy.stage.project, data=data)
        return Tried(f"{target.label}: Slack took the message.", good=True)
    if isinstance(answer, Unsent):
        return Tried(f"{target.label}: Slack is slow today, so it was not sent. Try it again later.", good=False)
    maybe = " It may have been delivered all the same." if answer.unknown else ""
    return Tried(f"{target.label}: {answer.message}{maybe}", good=False)


def ask_bot(profile: Profile) -> str:
    """What Slack says to the bot's token now. Raises StageUnreadable."""
    try:
        who = slack.whoami(profile.secret)
    except SlackTrouble as trouble:
        kind = Trouble.UNREACHABLE if trouble.unknown else Trouble.REFUSED
        raise StageUnreadable(kind, f"Slack: {trouble.message}") from None
    return (
        f"Slack knows this token: {who}. Whether it may write to a channel shows when the strategy that names the "
        "channel sends a test message."
    )
