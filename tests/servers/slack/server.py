"""The server: what it knows, what goes wrong, and its HTTP."""

import html
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

LONGEST_TEXT = 40_000  # characters; Slack cuts off what is longer


@dataclass
class Message:
    """`by` is "webhook" or the bot's token; `thread` the ts of the message that it answers."""

    channel: str
    ts: str
    text: str
    by: str
    thread: str = ""
    edits: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Act:
    """Something that took effect: "posted", "replied" or "updated"."""

    kind: str
    channel: str
    ts: str
    text: str


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose path matches; `happened` counts them.

    `slow` are the seconds before the answer, `trickle` those before each byte of its body.
    """

    matching: re.Pattern[str]
    times: int = 1
    status: int = 500
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    after_effect: bool = False
    drop: Literal["before", "after"] | None = None
    slow: float = 0
    trickle: float = 0
    happened: int = 0
    hung_up: threading.Event = field(default_factory=threading.Event)  # the other side, while it trickled


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


def ok(**data: Any) -> Answer:
    return Answer(200, json.dumps({"ok": True, **data}), {"Content-Type": "application/json"})


def error(word: str) -> Answer:
    return Answer(200, json.dumps({"ok": False, "error": word}), {"Content-Type": "application/json"})


class SlackServer:
    """Starts with `with`; `port` 0 takes a free one."""

    def __init__(self, port: int = 0) -> None:
        self.lock = threading.RLock()
        self.messages: list[Message] = []
        self.acts: list[Act] = []
        self.requests: list[str] = []
        self.seen: list[str] = []  # what somebody asked for with GET
        self.faults: list[Fault] = []
        self._hooks: dict[str, str] = {}
        self._gone: dict[str, tuple[int, str]] = {}
        self._bots: dict[str, tuple[str, ...]] = {}
        self._revoked: set[str] = set()
        self._archived: set[str] = set()
        self._numbers = count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, bad: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    # --- what there is ----------------------------------------------------------------------------------------------

    def webhook(self, channel: str = "#dev") -> str:
        number = next(self._numbers)
        path = f"/services/T{number:08}/B{number:08}/{number:024}"
        self._hooks[path] = channel
        return f"{self.url}{path}"

    def remove_webhook(self, url: str, *, status: int = 404, body: str = "no_service") -> None:
        self._gone[urlsplit(url).path] = (status, body)

    def add_bot(self, token: str, *, channels: tuple[str, ...] = ("#dev",)) -> None:
        self._bots[token] = channels

    def revoke(self, token: str) -> None:
        self._revoked.add(token)

    def archive(self, channel: str) -> None:
        self._archived.add(channel)

    def texts(self, channel: str) -> list[str]:
        return [message.text for message in self.messages if message.channel == channel and not message.thread]

    def replies(self, channel: str) -> list[str]:
        return [message.text for message in self.messages if message.channel == channel and message.thread]

    # --- what goes wrong --------------------------------------------------------------------------------------------

    def fail(self, matching: str, **what: Any) -> Fault:
        fault = Fault(re.compile(matching), **what)
        with self.lock:
            self.faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        with self.lock:
            self.faults.clear()

    def fault_of(self, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.matching.search(path):
                    fault.times -= 1
                    fault.happened += 1
                    return fault
        return None

    # --- what it does -----------------------------------------------------------------------------------------------

    def answer(self, path: str, headers: Mapping[str, str], body: str) -> Answer:
        if path.startswith("/services/"):
            return self._incoming(path, body)
        method = path.removeprefix("/api/")
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self._bots:
            return error("invalid_auth" if token else "not_authed")
        if token in self._revoked:
            return error("token_revoked")
        what = _what(headers, body)
        match method:
            case "auth.test":
                return ok(url=self.url, team="Artsy", user="horizon", team_id="T1", user_id="U1", bot_id="B1")
            case "chat.postMessage":
                return self._post_message(token, what)
            case "chat.update":
                return self._update(token, what)
        return error("unknown_method")

    def _incoming(self, path: str, body: str) -> Answer:
        if path in self._gone:
            return Answer(*self._gone[path])
        channel = self._hooks.get(path)
        if channel is None:
            return Answer(404, "no_service")
        if channel in self._archived:
            return Answer(410, "channel_is_archived")
        try:
            text = json.loads(body)["text"]
        except (ValueError, KeyError, TypeError):
            return Answer(400, "invalid_payload")
        if not text:
            return Answer(400, "no_text")
        self._put(channel, text, "webhook")
        return Answer(200, "ok")

    def _post_message(self, token: str, what: Mapping[str, Any]) -> Answer:
        channel, text = what.get("channel"), what.get("text")
        if (trouble := self._trouble(token, channel)) is not None:
            return error(trouble)
        if not text:
            return error("no_text")
        message = self._put(str(channel), str(text), token, str(what.get("thread_ts") or ""))
        return ok(channel=_id(message.channel), ts=message.ts, message={"text": message.text, "ts": message.ts})

    def _update(self, token: str, what: Mapping[str, Any]) -> Answer:
        with self.lock:
            for message in self.messages:
                if message.ts == what.get("ts") and what.get("channel") == _id(message.channel):
                    if message.by != token:
                        return error("cant_update_message")
                    message.edits.append(message.text)
                    message.text = str(what.get("text") or "")[:LONGEST_TEXT]
                    self.acts.append(Act("updated", message.channel, message.ts, message.text))
                    return ok(channel=_id(message.channel), ts=message.ts, text=message.text)
        return error("message_not_found")

    def _trouble(self, token: str, channel: object) -> str | None:
        known = {name for channels in self._bots.values() for name in channels}
        name = next((name for name in known if channel in (name, _id(name))), None)
        if name is None or (name not in self._bots[token]):
            return "channel_not_found" if name is None else "not_in_channel"
        return "is_archived" if name in self._archived else None

    def _put(self, channel: str, text: str, by: str, thread: str = "") -> Message:
        with self.lock:
            known = {name for channels in self._bots.values() for name in channels} | {channel}
            name = next(name for name in known if channel in (name, _id(name)))
            message = Message(name, f"1700000000.{next(self._numbers):06}", text[:LONGEST_TEXT], by, thread)
            self.messages.append(message)
            self.acts.append(Act("replied" if thread else "posted", name, message.ts, message.text))
        return message

    def page(self) -> str:
        """What was written, newest first, for people who try the demo."""
        with self.lock:
            shown = list(reversed(self.messages))
        rows = "".join(_article(each) for each in shown)
        style = "body{font:16px system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}"
        head = f"<title>Slack</title><meta name=viewport content='width=device-width'><style>{style}</style>"
        return f"<!doctype html><html lang=en>{head}<h1>Messages in Slack</h1>{rows or '<p>None yet.</p>'}"


def _article(message: Message) -> str:
    what = f"{' (thread)' if message.thread else ''}{f' · edited {len(message.edits)} times' if message.edits else ''}"
    return f"<article><h2>{html.escape(message.channel)}{what}</h2><pre>{html.escape(message.text)}</pre></article>"


def _id(channel: str) -> str:
    """Channels have ids, which the answers name: C and the letters of the name."""
    return "C" + "".join(letter for letter in channel.upper() if letter.isalnum())


def _what(headers: Mapping[str, str], body: str) -> dict[str, Any]:
    if headers.get("Content-Type", "").startswith("application/json"):
        try:
            found = json.loads(body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    return {name: values[0] for name, values in parse_qs(body).items()}


def _handler(slack: SlackServer) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"slack": slack})


class _Handler(BaseHTTPRequestHandler):
    slack: SlackServer

    def do_GET(self) -> None:
        self.slack.seen.append(self.path)
        page = self.slack.page() if urlsplit(self.path).path == "/" else ""
        self._send(Answer(200 if page else 404, page, {"Content-Type": "text/html; charset=utf-8"}))

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        self.slack.requests.append(path)
        fault = self.slack.fault_of(path)
        if fault is None:
            self._send(self.slack.answer(path, dict(self.headers), body))
        else:
            self._fail(fault, path, body)

    def _fail(self, fault: Fault, path: str, body: str) -> None:
        threading.Event().wait(fault.slow)
        has_effect = fault.after_effect or fault.drop == "after" or fault.slow
        answer = self.slack.answer(path, dict(self.headers), body) if has_effect else None
        if fault.drop:
            self.close_connection = True
            self.connection.close()
        elif fault.slow and answer:
            self._send(answer)
        elif fault.trickle:
            self._trickle(fault)
        else:
            self._send(Answer(fault.status, fault.body, fault.headers))

    def _trickle(self, fault: Fault) -> None:
        try:
            self.send_response(fault.status)
            self.send_header("Content-Length", str(len(fault.body)))
            self.end_headers()
            for letter in fault.body.encode():
                threading.Event().wait(fault.trickle)
                self.wfile.write(bytes([letter]))
        except OSError:
            self.close_connection = True  # whoever asked has hung up
            fault.hung_up.set()

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked has hung up

    def log_message(self, format: str, *args: Any) -> None:
        """The list of requests is the log."""
