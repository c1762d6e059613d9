"""A Slack of our own on 127.0.0.1: incoming webhooks and the part of the Web API that a bot needs.

In tests take the pytest fixture `slack` (tests.servers.slack.fixtures); elsewhere:

    with SlackServer() as slack:
        slack.url                               # http://127.0.0.1:PORT, for HORIZON_SLACK_HOST; its page shows messages
        slack.webhook("#dev")                   # the address of a new incoming webhook that posts to #dev
        slack.add_bot("xoxb-secret", channels=("#dev", "#ops"))
        slack.remove_webhook(url, status=404, body="no_service"); slack.revoke("xoxb-secret"); slack.archive("#dev")
        slack.messages                          # list of Message(channel, ts, text, thread, edits, by), in order
        slack.texts("#dev")                     # what people read there now, without threads
        slack.acts                              # list of Act(kind, channel, ts, text): posted, replied, updated
        slack.fail("/services/", times=1, status=500, body="", headers=None)      # without the effect
        slack.fail("chat.postMessage", status=429, headers={"Retry-After": "30"}, after_effect=True)   # delivered, too
        slack.fail("chat.update", drop="before" | "after"); slack.fail("", slow=1.5); slack.clear_faults()

Behaviour by Slack's documentation: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (plain "ok", 404
no_service, 410 channel_is_archived, 403 action_prohibited, 400 invalid_payload), /reference/methods/chat.postMessage
and /chat.update (200 with ok and error), /apis/web-api/rate-limits (429 with Retry-After).
"""

from tests.servers.slack.server import Act, Message, SlackServer

__all__ = ["Act", "Message", "SlackServer"]
