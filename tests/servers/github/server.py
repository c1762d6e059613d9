"""The HTTP server: reads requests, lets faults happen, keeps the log."""

from __future__ import annotations

import gzip
import socket
import ssl
import sys
import threading
import time
import traceback
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers.github import smart_http, web
from tests.servers.github.access import secret_of
from tests.servers.github.api import Asked, framed, rest_answer
from tests.servers.github.faults import Fault
from tests.servers.github.graphql_api import graphql_answer, graphql_operation
from tests.servers.github.messages import JSON, Answer, Incoming
from tests.servers.github.model import Request
from tests.servers.github.webhooks import Webhooks
from tests.servers.github.world import GitHub

API_ROOTS = ("/repos/", "/repositories/", "/user", "/users/", "/app", "/rate_limit", "/orgs/", "/installation/")
API_PREFIX = "/api/v3"
GRAPHQL = ("/api/graphql", "/graphql")
KEPT_REQUESTS = 40_000  # a demo that runs for days forgets what was asked long ago
ENDLESS_PIECE = b" " * 65536


class GitHubServer(GitHub):
    """A running server; `with` starts and stops it."""

    def __init__(self, folder: Path | None = None, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """`tls` makes it https, with a certificate of choice: e.g. one of trustme, or a wrong one."""
        super().__init__(folder)
        self.stopped = threading.Event()
        self.failures: list[Exception] = []
        self.webhooks = Webhooks(self)
        self._http = Listener(("127.0.0.1", port), Handler)
        self._http.github = self
        self._http.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True, name="github")

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends the server, drops open connections, removes its own folder; raises what failed in the server itself."""
        self.stopped.set()
        self.webhooks.stop()
        self._http.shutdown()
        self._http.drop_connections()
        self._http.server_close()
        self._thread.join()
        self.close()
        if self.failures:
            raise ExceptionGroup("the GitHub server itself failed", self.failures)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    github: GitHubServer
    tls: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        assert isinstance(request, socket.socket)
        if self.tls:  # the handshake comes with the first reading, in the connection's own thread
            request = self.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has gone by itself

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are part of what is tested; everything else is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError | ssl.SSLError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    @property
    def github(self) -> GitHubServer:
        return self.server.github

    def log_message(self, format: str, *args: object) -> None:
        """The log is `github.requests`."""

    def do_GET(self) -> None:
        self.serve()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def serve(self) -> None:
        incoming = self.read()
        operation = operation_of(incoming)
        github = self.github
        with github.lock:
            fault = next((one for one in github.faults if one.hits(operation, incoming.text)), None)
        pause = github.latency + (fault.slow if fault else 0.0)
        if pause:
            github.stopped.wait(pause)
        started = time.perf_counter()
        answer = None if fault and fault.drop == "before" else self.answer(incoming, operation, fault)
        seconds = time.perf_counter() - started
        if fault and fault.drop:
            answer = None
        self.note(incoming, operation, answer, seconds)
        self.send(incoming, answer, fault)

    def answer(self, incoming: Incoming, operation: str, fault: Fault | None) -> Answer:
        if fault and fault.answers:
            return instead(fault)
        try:
            answer = respond(self.github, incoming, operation)
        except Exception as failure:  # noqa: BLE001 -- kept, and raised when the server stops
            self.github.failures.append(failure)
            answer = Answer(500, traceback.format_exc().encode(), {"Content-Type": "text/plain"})
        return instead(fault) if fault and fault.after_effect else answer

    def read(self) -> Incoming:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.read_body(headers)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        incoming = Incoming(self.command, parts.path, parts.query, query, headers, body)
        if headers.get("content-type", "").startswith(("application/json", "text/")):
            incoming.text = body.decode(errors="replace")
        return incoming

    def read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(pieces)
        else:
            body = self.rfile.read(int(headers.get("content-length") or 0))
        return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body

    def note(self, incoming: Incoming, operation: str, answer: Answer | None, seconds: float) -> None:
        given = secret_of(incoming.headers)
        requests = self.github.requests
        if len(requests) >= KEPT_REQUESTS:
            del requests[: KEPT_REQUESTS // 2]
        requests.append(
            Request(
                incoming.method,
                incoming.path,
                incoming.query_string,
                operation,
                given[1] if given else None,
                answer.status if answer else 0,
                len(incoming.body),
                len(answer.body) if answer else 0,
                incoming.text,
                self.github.now(),
                seconds,
            )
        )

    def send(self, incoming: Incoming, answer: Answer | None, fault: Fault | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        body = answer.body
        if fault and fault.garbage:
            body = b"<html><body>\xff\xfe Unicorn! \x00 { not json"
        head = self.head(answer, None if fault and fault.endless else len(body))
        if fault and fault.endless:
            self.send_endlessly(head + body)
        elif fault and fault.truncate:
            self.wfile.write(head + body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(head if incoming.method == "HEAD" else head + body)

    def head(self, answer: Answer, length: int | None) -> bytes:
        """Status line and headers in one piece, so that a small answer is one packet."""
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Unknown', ''))[0]}"]
        lines += ["Server: github.com", f"Date: {format_datetime(self.github.now(), usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if length is not None and answer.status not in {204, 304}:
            lines.append(f"Content-Length: {length}")
        if length is None:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def send_endlessly(self, beginning: bytes) -> None:
        self.close_connection = True
        self.wfile.write(beginning)
        while not self.github.stopped.is_set():
            self.wfile.write(ENDLESS_PIECE)


def instead(fault: Fault) -> Answer:
    """What a fault answers in the server's place."""
    body = fault.body or ""
    headers = {"Content-Type": JSON if body.startswith(("{", "[")) else "text/html"}
    if fault.redirect:
        headers["Location"] = fault.redirect
    return Answer(fault.status or (302 if fault.redirect else 200), body.encode(), headers | (fault.headers or {}))


def operation_of(incoming: Incoming) -> str:
    """What faults match on: "GET /repos/artsy/candela/pulls", "GRAPHQL <operation's name>", "GIT
    /artsy/candela.git/...".
    """
    if incoming.path in GRAPHQL:
        return f"GRAPHQL {graphql_operation(incoming)}"
    if smart_http.is_git(incoming):
        return f"GIT {incoming.path}"
    return f"{incoming.method} {unquote(incoming.path.removeprefix(API_PREFIX)) or '/'}"


def respond(github: GitHub, incoming: Incoming, operation: str) -> Answer:
    if incoming.path in GRAPHQL:
        with github.lock:
            return framed(Asked(github, incoming, "graphql"), operation, graphql_answer)
    if smart_http.is_git(incoming):
        return smart_http.answer(github, incoming)
    if incoming.path.startswith(API_PREFIX) or incoming.path.startswith(API_ROOTS):
        incoming.path = incoming.path.removeprefix(API_PREFIX) or "/"
        with github.lock:
            return framed(Asked(github, incoming), operation, rest_answer)
    with github.lock:
        return web.answer(github, incoming)
