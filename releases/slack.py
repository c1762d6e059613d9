"""Slack: incoming webhooks and a bot, one message at a time.

The only module that sees slack_sdk. Nothing is tried again here: callers know when that is safe. Every call ends within
TIMEOUT seconds for each step of the connection. Addresses of webhooks and tokens are in no message and no log.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from typing import Any, Final, NoReturn

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from projects.cleaning import clean_line
from projects.secrets import Secret, SecretUnreadable

TIMEOUT: Final = 8  # seconds
LEAST_PAUSE: Final = timedelta(seconds=30)  # after 429: Slack may have delivered it
TOO_MANY: Final = 429

# https://docs.slack.dev/reference/methods/chat.postMessage#errors and
# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
_WORDS: Final = {
    "channel_not_found": "Slack knows no such channel, or the bot may not see it: check the name, and invite the bot.",
    "not_in_channel": "the bot is not in the channel: invite it there.",
    "is_archived": "the channel is archived: choose another one.",
    "channel_is_archived": "the channel is archived: choose another one.",
    "token_revoked": "the bot's token was revoked: give its profile a new one.",
    "token_expired": "the bot's token has expired: give its profile a new one.",
    "invalid_auth": "Slack does not accept the bot's token: give its profile a new one.",
    "not_authed": "the bot's profile has no token: give it one.",
    "account_inactive": "the bot was removed from Slack: install it again, and give its profile the new token.",
    "missing_scope": "the bot lacks the right chat:write: add it, and install the bot again.",
    "no_service": "the webhook is gone: make a new one in Slack.",
    "no_team": "the webhook's workspace is gone: make a new one in Slack.",
    "no_active_hooks": "the webhook was switched off: make a new one in Slack.",
    "invalid_token": "the webhook is gone: make a new one in Slack.",
    "action_prohibited": "an administrator of Slack forbids it there.",
    "restricted_action": "an administrator of Slack forbids it there.",
    "posting_to_general_channel_denied": "an administrator of Slack forbids it there.",
    "team_disabled": "the workspace is disabled.",
    "user_not_found": "the webhook's maker has left: make a new one in Slack.",
}

# slack_sdk logs what it sends when somebody turns its logger up; it never gets one that anybody hears.
_quiet = logging.getLogger("releases.slack.sdk")
_quiet.propagate = False
_quiet.setLevel(logging.CRITICAL + 1)


class SlackTrouble(Exception):
    """Slack did not take it, in words for people.

    `unknown`: it may have been delivered after all. `pause` is how long Slack wants to be left alone.
    """

    def __init__(self, message: str, *, unknown: bool = False, pause: timedelta | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.unknown = unknown
        self.pause = pause


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go: a webhook, or a channel that a bot posts to.

    `digest` tells it again without its secret, `label` is for people. `trouble` says why nothing can be sent there.
    """

    digest: str
    label: str
    webhook: Secret | None = None
    channel: str = ""
    token: Secret = field(default_factory=lambda: Secret(""))
    trouble: str = ""

    @property
    def can_edit(self) -> bool:
        return self.webhook is None


@dataclass(frozen=True, slots=True)
class Posted:
    """A bot's message; both are empty for a webhook, which tells nothing."""

    channel: str = ""
    ts: str = ""


def post(target: Target, text: str, thread: str = "") -> Posted:
    """Post a message, with a bot also into a thread. Raises SlackTrouble."""
    if target.trouble:
        raise SlackTrouble(target.trouble)
    if target.webhook is not None:
        _post_to_webhook(_revealed(target.webhook), text)
        return Posted()
    more = {"thread_ts": thread} if thread else {}
    answer = _call(
        target, "chat.postMessage", channel=target.channel, text=text, unfurl_links=False, unfurl_media=False, **more
    )
    ts, channel = answer.get("ts"), answer.get("channel")
    if not isinstance(ts, str) or not isinstance(channel, str):
        raise SlackTrouble("Slack's answer does not tell which message it posted.", unknown=True)
    return Posted(channel[:100], ts[:50])


def update(target: Target, posted: Posted, text: str) -> None:
    """Give a bot's message another text. Raises SlackTrouble."""
    _call(target, "chat.update", channel=posted.channel, ts=posted.ts, text=text)


def whoami(token: Secret) -> str:
    """The bot and its workspace, for people. Raises SlackTrouble."""
    answer = _call(Target("", "", token=token), "auth.test")
    return clean_line(f"{answer.get('user') or 'a bot'} of {answer.get('team') or 'a workspace'}", 200)


def _post_to_webhook(url: str, text: str) -> None:
    client = WebhookClient(url, timeout=TIMEOUT, retry_handlers=[], logger=_quiet)
    try:
        answer = client.send(text=text, unfurl_links=False, unfurl_media=False)
    except (OSError, HTTPException, SlackClientError, ValueError):
        _lost()
    if answer.status_code == TOO_MANY:
        _limited(answer.headers)
    # A page that some proxy shows, or that a redirect led to, is no delivery.
    if answer.status_code >= 300:
        raise _refused(answer.status_code, answer.body)
    if answer.body.strip() != "ok":
        raise SlackTrouble("Slack's answer does not say that it took the message.", unknown=True)


def _call(target: Target, method: str, **what: Any) -> dict[str, Any]:
    token = _revealed(target.token)
    if not token:
        raise SlackTrouble(f"{target.label}: {_WORDS['not_authed']}")
    client = WebClient(token, base_url=settings.SLACK_API_URL, timeout=TIMEOUT, retry_handlers=[], logger=_quiet)
    try:
        answer = client.api_call(method, json=what)
    except SlackApiError as error:
        # Without a traceback: the request, token included, is in its frames.
        raise _refusal_of(error) from None
    except (OSError, HTTPException, SlackClientError, ValueError):
        _lost()
    data = answer.data
    if not isinstance(data, dict):
        raise SlackTrouble("Slack's answer makes no sense.", unknown=True)
    return data


def _refusal_of(error: SlackApiError) -> SlackTrouble:
    response: Any = error.response
    status = getattr(response, "status_code", 0)
    data = getattr(response, "data", response)
    if status == TOO_MANY:
        return SlackTrouble("Slack wants fewer messages.", unknown=True, pause=_pause(response.headers))
    word = data.get("error") if isinstance(data, dict) else None
    return _refused(status, word if isinstance(word, str) else "")


def _refused(status: int, word: str) -> SlackTrouble:
    """An error of Slack's servers may come after it has delivered."""
    known = _WORDS.get(word.strip())
    if known:
        return SlackTrouble(f"{known} ({word.strip()})")
    said = clean_line(word, 100) or f"status {status}"
    return SlackTrouble(f"Slack answered: {said}.", unknown=status >= 500)


def _lost() -> NoReturn:
    raise SlackTrouble("Slack did not answer.", unknown=True) from None


def _limited(headers: dict[str, Any]) -> NoReturn:
    raise SlackTrouble("Slack wants fewer messages.", unknown=True, pause=_pause(headers))


def _pause(headers: dict[str, Any]) -> timedelta:
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    seconds = str(found[0] if isinstance(found, list) and found else found)
    asked = timedelta(seconds=min(int(seconds), 24 * 3600)) if seconds.isascii() and seconds.isdigit() else LEAST_PAUSE
    return max(asked, LEAST_PAUSE)


def _revealed(secret: Secret) -> str:
    try:
        return secret.reveal()
    except SecretUnreadable as error:
        raise SlackTrouble(str(error)) from None
