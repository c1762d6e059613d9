"""A plain git host on 127.0.0.1 over https (git's own http-backend behind a small server), which misbehaves on demand.

The first part of a path chooses the behaviour, so that one host serves all of a test's needs:

    /NAME/..., /private/... (basic auth), /old/... (git's first protocol, no partial clones), /never/... (no answer),
    /endless/... (data without end), /moved/... (redirect to another host), /status/CODE/..., /page/... (HTML, no git)
"""

import base64
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import trustme

USER, PASSWORD = "horizon", "s3cret-pass word"


@dataclass
class BareRepository:
    """A repository on the host; commits are written as raw objects, so that they can hold anything."""

    folder: Path

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        ran = subprocess.run(
            ["git", "--git-dir", str(self.folder), *arguments], input=stdin, capture_output=True, check=True
        )
        return ran.stdout.decode().strip()

    def commit(
        self,
        subject: bytes | str = "Change something",
        *,
        on: str | None = "main",
        parents: tuple[str, ...] | None = None,
        author: bytes = b"Ana Lee <ana@example.com>",
        at: str = "1760000000",
        tree: str | None = None,
    ) -> str:
        """A commit on top of a branch, or of `parents`; it becomes the branch's head. `on` None: no branch moves."""
        text = subject if isinstance(subject, bytes) else subject.encode()
        above = parents if parents is not None else self._heads(on)
        lines = [f"tree {tree or self.tree(b'')}".encode(), *(f"parent {parent}".encode() for parent in above)]
        lines += [b"author " + author + f" {at} +0000".encode(), b"committer " + author + f" {at} +0000".encode()]
        raw = b"\n".join(lines) + b"\n\n" + text + b"\n"
        sha = self.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw)
        if on:
            self.git("update-ref", f"refs/heads/{on}", sha)
        return sha

    def _heads(self, branch: str | None) -> tuple[str, ...]:
        found = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return (found,) if found else ()

    def tree(self, content: bytes) -> str:
        """A tree with one file of this content."""
        blob = self.git("hash-object", "-w", "--stdin", stdin=content)
        return self.git("mktree", stdin=f"100644 blob {blob}\tfile.txt\n".encode())

    def tag(self, name: str, sha: str, *, annotated_at: int | None = None) -> str:
        """A tag; annotated when it has a time. Answers the sha of the object that the tag names."""
        if annotated_at is not None:
            raw = (
                f"object {sha}\ntype commit\ntag {name}\ntagger Ana <ana@example.com> {annotated_at} +0000\n\n{name}\n"
            )
            sha = self.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=raw.encode())
        self.git("update-ref", f"refs/tags/{name}", sha)
        return sha


@dataclass
class GitHost:
    """The host: `remote("a/b")` is what a stage would name, `seen` are the (path, Authorization) of its requests."""

    folder: Path
    server: ThreadingHTTPServer
    scheme: str
    stopping: threading.Event = field(default_factory=threading.Event)
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    elsewhere: str = "https://127.0.0.1:1"

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}"

    def remote(self, path: str) -> str:
        return f"{self.address}/{path}.git"

    def repository(self, path: str = "artsy/candela") -> BareRepository:
        folder = self.folder / f"{path}.git"
        if not folder.exists():
            subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(folder)], check=True)
            subprocess.run(["git", "--git-dir", str(folder), "config", "uploadpack.allowFilter", "true"], check=True)
        return BareRepository(folder)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: GitHost

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(b"".join(self._body()))

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body: bytes) -> None:
        self.host.seen.append((self.path, self.headers.get("Authorization")))
        behaviour = self.path.split("/")[1]
        special = {"never": self._never, "endless": self._endless, "moved": self._moved, "page": self._page}
        if behaviour in special:
            special[behaviour]()
        elif behaviour == "status":
            self._send(int(self.path.split("/")[2]), {}, b"no")
        elif behaviour == "private" and not self._is_allowed():
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"who are you?")
        else:
            self._run_git(body, new=behaviour != "old")

    def _is_allowed(self) -> bool:
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _never(self) -> None:
        self.host.stopping.wait()
        self.close_connection = True

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.end_headers()
        line = b"003fa6f4f5c4c3c2c1c0a6f4f5c4c3c2c1c0a6f4f5c4 refs/heads/endless\n"
        self.close_connection = True
        try:
            self.wfile.write(b"001e# service=git-upload-pack\n0000")
            while not self.host.stopping.is_set():
                self.wfile.write(line * 1000)
        except OSError:
            return  # the reader has had enough, which is the point

    def _moved(self) -> None:
        self._send(301, {"Location": self.host.elsewhere + self.path.replace("/moved/", "/")}, b"")

    def _page(self) -> None:
        self._send(200, {"Content-Type": "text/html"}, b"<!doctype html>\n<html>\n<p>Welcome</p>\n</html>\n")

    def _run_git(self, body: bytes, *, new: bool) -> None:
        parts = urlsplit(self.path)
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GIT_PROJECT_ROOT": str(self.host.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(parts.path),
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "uploadpack.allowFilter",
            "GIT_CONFIG_VALUE_0": "true" if new else "false",
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
        }
        if new:
            environment["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        ran = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._send(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off is none of our business."""


@contextmanager
def git_host(folder: Path, authority: trustme.CA | None, certificate_for: str = "127.0.0.1") -> Iterator[GitHost]:
    """Serve the repositories below a folder; without an authority over plain http."""

    class Handler(_Handler):
        pass

    server = _Server(("127.0.0.1", 0), Handler)
    host = GitHost(folder, server, "https" if authority else "http")
    Handler.host = host
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(certificate_for).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
