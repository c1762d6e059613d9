"""Slack's answers, one by one: what Horizon makes of each, and that it follows none to another address."""

from typing import Any

import pytest
from django.test import override_settings

from projects.secrets import Secret
from releases import slack as client
from releases.slack import SlackTrouble, Target
from tests.servers.slack import SlackServer
from tests.servers.slack.fixtures import slack

__all__ = ["slack"]
TOKEN = "xoxb-canary7f3a"

WEBHOOK_ANSWERS: list[tuple[dict[str, Any], str, bool]] = [
    ({"status": 404, "body": "no_service"}, "the webhook is gone: make a new one in Slack. (no_service)", False),
    ({"status": 410, "body": "channel_is_archived"}, "the channel is archived: choose another one.", False),
    ({"status": 403, "body": "action_prohibited"}, "an administrator of Slack forbids it there.", False),
    ({"status": 400, "body": "invalid_payload"}, "Slack answered: invalid_payload.", False),
    ({"status": 400, "body": "<h1>Bad request</h1>"}, "Slack answered with the status 400.", False),
    ({"status": 500, "body": "rollup_error"}, "Slack answered: rollup_error.", True),
    ({"status": 503, "body": "<html>"}, "Slack answered with the status 503.", True),
    ({"status": 200, "body": "<html>Sign in to the wifi</html>"}, "does not say that it took the message", True),
    ({"status": 200, "body": '{"ok": false, "error": "x"}'}, "does not say that it took the message", True),
    ({"status": 302, "headers": {"Location": "/elsewhere"}}, "leads to another one, which is not followed", False),
    ({"drop": "before"}, "Slack did not answer.", True),
    ({"drop": "after"}, "Slack did not answer.", True),
]

BOT_ANSWERS: list[tuple[dict[str, Any], str, bool]] = [
    (
        {"status": 200, "body": '{"ok": false, "error": "channel_not_found"}'},
        "invite the bot. (channel_not_found)",
        False,
    ),
    ({"status": 200, "body": '{"ok": false, "error": "token_revoked"}'}, "was revoked: give its profile a new", False),
    ({"status": 200, "body": '{"ok": false, "error": "brand_new_error"}'}, "Slack answered: brand_new_error.", False),
    ({"status": 200, "body": '{"ok": false, "error": "<!channel> hi"}'}, "Slack's answer makes no sense.", True),
    ({"status": 200, "body": '{"ok": false, "error": "internal_error"}'}, "Slack answered: internal_error.", True),
    ({"status": 200, "body": '{"ok": false}'}, "Slack's answer makes no sense.", True),
    ({"status": 200, "body": '{"ok": true}'}, "does not tell which message", True),
    ({"status": 200, "body": '["ok"]'}, "Slack did not answer.", True),
    ({"status": 200, "body": "<html>Sign in to the wifi</html>"}, "Slack's answer makes no sense.", True),
    ({"status": 502, "body": "<html>"}, "Slack answered with the status 502.", True),
    ({"status": 302, "headers": {"Location": "/elsewhere"}}, "leads to another one, which is not followed", False),
    ({"status": 308, "headers": {"Location": "/elsewhere"}}, "leads to another one, which is not followed", False),
    ({"drop": "after"}, "Slack did not answer.", True),
]


def hook(url: str) -> Target:
    return Target("d", "webhook", webhook=Secret.of(url))


def bot(channel: str = "#dev") -> Target:
    return Target("d", channel, channel=channel, token=Secret.of(TOKEN))


def trouble(target: Target) -> SlackTrouble:
    with pytest.raises(SlackTrouble) as raised:
        client.post(target, "Hello")
    assert "canary7f3a" not in repr(raised.value) + raised.value.message
    assert raised.value.__cause__ is None
    return raised.value


@pytest.mark.parametrize(("answer", "words", "unknown"), WEBHOOK_ANSWERS)
def test_an_answer_to_a_webhook_is_told_in_words(
    slack: SlackServer, answer: dict[str, Any], words: str, unknown: bool
) -> None:
    url = slack.webhook()
    slack.fail("/services/", **answer)
    found = trouble(hook(url))
    assert words in found.message
    assert (found.unknown, found.pause) == (unknown, None)


@pytest.mark.parametrize(("answer", "words", "unknown"), BOT_ANSWERS)
def test_an_answer_to_a_bot_is_told_in_words(
    slack: SlackServer, answer: dict[str, Any], words: str, unknown: bool
) -> None:
    slack.add_bot(TOKEN)
    slack.fail("chat.postMessage", **answer)
    found = trouble(bot())
    assert words in found.message
    assert (found.unknown, found.pause) == (unknown, None)


@pytest.mark.parametrize(
    ("asked", "minutes"),
    [("30", 5), ("1800", 30), ("999999999999", 24 * 60), ("soon", 5), ("", 5), ("-1", 5), ("²", 5)],
)
@pytest.mark.parametrize("kind", ["webhook", "bot"])
def test_a_limit_may_have_delivered_and_its_pause_is_honoured(
    slack: SlackServer, kind: str, asked: str, minutes: int
) -> None:
    slack.add_bot(TOKEN)
    target = hook(slack.webhook()) if kind == "webhook" else bot()
    slack.fail("", status=429, headers={"Retry-After": asked.encode().decode("latin-1")})
    found = trouble(target)
    assert found.message == "Slack wants fewer messages."
    assert found.unknown
    assert found.pause is not None
    assert found.pause.total_seconds() == minutes * 60


@pytest.mark.parametrize("kind", ["webhook", "bot"])
def test_an_answer_that_trickles_is_not_waited_for(
    slack: SlackServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then would satisfy any time-out, while blocks wait for the look before the notice to end."""
    monkeypatch.setattr(client, "LONGEST_READING", 0.2)
    slack.add_bot(TOKEN)
    target = hook(slack.webhook()) if kind == "webhook" else bot()
    fault = slack.fail("", status=200, body="ok" * 100, trickle=0.05)
    found = trouble(target)
    assert (found.message, found.unknown) == ("Slack did not answer.", True)
    assert fault.hung_up.wait(5)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_carries_the_token_or_the_message_to_another_host(slack: SlackServer, status: int) -> None:
    slack.add_bot(TOKEN)
    with SlackServer() as elsewhere:
        elsewhere.add_bot(TOKEN)
        slack.fail("", times=2, status=status, headers={"Location": f"{elsewhere.webhook()}"})
        trouble(hook(slack.webhook()))
        trouble(bot())
        assert elsewhere.requests == []
        assert elsewhere.seen == []


def test_a_webhook_whose_host_is_allowed_no_more_is_not_asked(slack: SlackServer) -> None:
    url = slack.webhook()
    with override_settings(SLACK_WEBHOOK_HOSTS=frozenset({"hooks.slack.com"})):
        assert "127.0.0.1, is not allowed (any more)" in trouble(hook(url)).message
    with override_settings(INSECURE_HOSTS=frozenset()):
        assert "must begin with https://" in trouble(hook(url)).message
    assert "must begin with https://" in trouble(hook("ftp://127.0.0.1/services/canary7f3a")).message
    assert slack.requests == []


def test_nothing_is_sent_with_an_empty_token(slack: SlackServer) -> None:
    assert "has no token" in trouble(Target("d", "#dev", channel="#dev")).message
    assert slack.requests == []


def test_an_edit_and_a_thread_go_to_the_message_that_was_posted(slack: SlackServer) -> None:
    slack.add_bot(TOKEN)
    posted = client.post(bot(), "Hello")
    client.update(bot(), posted, "Goodbye")
    client.post(bot(), "Why", thread=posted.ts)
    assert (slack.texts("#dev"), slack.replies("#dev")) == (["Goodbye"], ["Why"])
    assert client.whoami(Secret.of(TOKEN)) == "horizon of Artsy"
