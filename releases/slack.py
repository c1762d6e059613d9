"""Slack: incoming webhooks and a bot, one message at a time.

The only module that sees slack_sdk. Nothing is tried again here: callers know when that is safe. Every call ends within
TIMEOUT seconds for each step of the connection and LONGEST_READING for the body. No redirect is followed, because the
token would go with it. Addresses of webhooks and tokens are in no message and no log. The database is not touched, so
that threads may call it.
"""

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from typing import Any, Final, NoReturn
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient, WebhookResponse

from projects.cleaning import clean_line
from projects.secrets import Secret, SecretUnreadable

TIMEOUT: Final = 5  # seconds
LEAST_PAUSE: Final = timedelta(minutes=5)  # after 429: Slack may have delivered it
LONGEST_PAUSE: Final = timedelta(hours=24)  # whatever Slack asks for
TOO_MANY: Final = 429
LONGEST_ANSWER: Final = 1 << 16  # bytes
LONGEST_READING: Final = 10  # seconds for the body of an answer

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

# Errors of Slack's own, after which it may have delivered.
_ITS_OWN: Final = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable", "rollup_error"})

# slack_sdk logs what it sends when somebody turns its logger up; it never gets one that anybody hears.
_quiet = logging.getLogger("releases.slack.sdk")
_quiet.propagate = False
_quiet.setLevel(logging.CRITICAL + 1)


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **options: Any) -> None:
        """None makes it an error."""


_opener = build_opener(_NoRedirects)


def _ask(request: Request, timeout: float) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of the answer, whatever the status. Raises OSError, HTTPException."""
    try:
        answer = _opener.open(request, timeout=timeout)
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, dict(answer.headers.items()), _read(answer).decode(errors="replace")


def _read(answer: Any) -> bytes:
    """The body, as far as it is of use. Reads what is there, so that a trickle cannot outlast the clock."""
    end = time.monotonic() + LONGEST_READING
    body = b""
    while len(body) < LONGEST_ANSWER and (piece := answer.read1(LONGEST_ANSWER)):
        body += piece
        if time.monotonic() > end:
            raise TimeoutError
    return body


class _Bot(WebClient):
    """Without redirects: slack_sdk has no setting for it, and would send the token along to wherever they lead."""

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        status, headers, body = _ask(req, self.timeout)
        return {"status": status, "headers": headers, "body": body}


class _Hook(WebhookClient):
    """Without redirects."""

    def _perform_http_request_internal(self, url: str, req: Request) -> WebhookResponse:
        status, headers, body = _ask(req, self.timeout)
        return WebhookResponse(url=url, status_code=status, body=body, headers=headers)


class SlackTrouble(Exception):
    """Slack did not take it, in words for people.

    `unknown`: it may have been delivered after all. `pause` is how long Slack wants to be left alone (429 only).
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
    _allow(url)
    client = _Hook(url, timeout=TIMEOUT, retry_handlers=[], logger=_quiet)
    try:
        answer = client.send(text=text, unfurl_links=False, unfurl_media=False)
    except (OSError, HTTPException, SlackClientError, ValueError):
        _lost()
    if answer.status_code != 200:
        raise _refused(answer.status_code, answer.headers, answer.body)
    # A page that some proxy shows is no delivery.
    if answer.body.strip() != "ok":
        raise SlackTrouble("Slack's answer does not say that it took the message.", unknown=True)


def _allow(url: str) -> None:
    """Once more when it is sent: the row may be older than the settings."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in settings.SLACK_WEBHOOK_HOSTS:
        raise SlackTrouble(
            f"The webhook's host, {clean_line(host, 100)}, is not allowed (any more): make a webhook at "
            "hooks.slack.com, or have the host named in HORIZON_SLACK_WEBHOOK_HOSTS."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and host in settings.INSECURE_HOSTS):
        raise SlackTrouble("The webhook's address must begin with https://: give the strategy another one.")


def _call(target: Target, method: str, **what: Any) -> dict[str, Any]:
    token = _revealed(target.token)
    if not token:
        raise SlackTrouble(_WORDS["not_authed"])
    client = _Bot(token, base_url=settings.SLACK_API_URL, timeout=TIMEOUT, retry_handlers=[], logger=_quiet)
    try:
        answer = client.api_call(method, json=what)
    except SlackApiError as error:
        # Without a traceback: the request, token included, is in its frames.
        raise _refusal_of(error) from None
    except (OSError, HTTPException, SlackClientError, ValueError, AttributeError):  # the last: JSON, but no object
        _lost()
    data = answer.data
    if not isinstance(data, dict):
        raise SlackTrouble("Slack's answer makes no sense.", unknown=True)
    return data


def _refusal_of(error: SlackApiError) -> SlackTrouble:
    response: Any = error.response
    data = response.data
    word = data.get("error") if isinstance(data, dict) else None
    return _refused(response.status_code, response.headers, word if isinstance(word, str) else "")


def _refused(status: int, headers: Mapping[str, Any], word: str) -> SlackTrouble:
    """`word` is Slack's name for the error, if it said one. An error of its servers may come after it has delivered."""
    if status == TOO_MANY:
        return SlackTrouble("Slack wants fewer messages.", unknown=True, pause=_pause(headers))
    if 300 <= status < 400:
        return SlackTrouble("Slack's address leads to another one, which is not followed: look at HORIZON_SLACK_HOST.")
    word = word.strip()
    if known := _WORDS.get(word):
        return SlackTrouble(f"{known} ({word})")
    if re.fullmatch("[a-z0-9_]{1,60}", word):
        return SlackTrouble(f"Slack answered: {word}.", unknown=status >= 500 or word in _ITS_OWN)
    if status == 200:
        return SlackTrouble("Slack's answer makes no sense.", unknown=True)
    return SlackTrouble(f"Slack answered with the status {status}.", unknown=status >= 500)


def _lost() -> NoReturn:
    raise SlackTrouble("Slack did not answer.", unknown=True) from None


def _pause(headers: Mapping[str, Any]) -> timedelta:
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    seconds = str(found)
    asked = timedelta(seconds=int(seconds[:9])) if seconds.isascii() and seconds.isdigit() else LEAST_PAUSE
    return min(max(asked, LEAST_PAUSE), LONGEST_PAUSE)


def _revealed(secret: Secret) -> str:
    try:
        return secret.reveal()
    except SecretUnreadable as error:
        raise SlackTrouble(str(error)) from None
