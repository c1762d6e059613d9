"""Running git against hosts that are not trusted: nothing interactive, nothing of this machine's configuration, only
the allowed transports, and limits of time, bytes and memory for every process."""

import os
import selectors
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from projects.cleaning import without_secrets
from projects.git_trouble import trouble_of, trouble_of_machine
from projects.reading import StageUnreadable, Trouble
from projects.remotes import Remote

ASKPASS = Path(__file__).with_name("askpass.sh")
KEPT_ERROR_BYTES = 64 * 1024
LOCAL_SECONDS = 60
NO_USER = (
    "token"  # hosts that look at the password only (Heroku, GitHub) take any user, but git sends nothing without one
)
# Enough for git itself; a host that sends without end meets it before the machine runs out of memory.
QUESTION_MEMORY_BYTES = 512 << 20
FETCH_MEMORY_BYTES = 4 << 30

# What a git process may see of our own environment: how to reach the network, and whom to trust.
PASSED_ON = (
    *("PATH", "TMPDIR", "SSH_AUTH_SOCK", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)
CONFIGURATION = {
    "protocol.allow": "never",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "credential.helper": "",
    "color.ui": "false",
    "fetch.unpackLimit": "1",  # one pack a fetch, so that the limit of file size is the limit of a fetch
    "fetch.recurseSubmodules": "false",
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",  # bytes per second ...
    "http.lowSpeedTime": "20",  # ... for so many seconds end a transfer
    "log.showSignature": "false",
    "safe.directory": "*",  # a data folder that was moved between users is still ours
}
# dash counts blocks of 512 bytes. A limit that this system does not know is passed over.
LIMITED = 'ulimit -v "$1" 2>/dev/null; ulimit -f "$2" 2>/dev/null; shift 2; exec "$@"'


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password (or token) for one host, and for no other."""

    host: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much: seconds, bytes, and remotes asked at once."""

    question_seconds: float = 20
    fetch_seconds: float = 180  # less than the time limit of a background task
    answer_bytes: int = 32 << 20
    mirror_bytes: int = 2 << 30
    at_once: int = 16


class GitFailed(Exception):
    """git ended with an error; its words are for the log and for `trouble_of`, not for people."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"git ended with status {status}: {words[-500:]}")
        self.status = status
        self.words = words


class _TookTooLong(Exception):
    pass


class _SaidTooMuch(Exception):
    pass


class Git:
    """Starts git processes for one set of credentials; may be used by several threads."""

    def __init__(self, data_dir: Path, limits: Limits, credentials: Credentials | None) -> None:
        self.data_dir = data_dir.resolve()
        self.limits = limits
        self._credentials = credentials
        self._home = self.data_dir / "git-home"

    def local(self, arguments: Sequence[str], folder: Path, answers: bytes = b"") -> bytes:
        """Run git in a mirror, without network; raise `GitFailed`."""
        command = ["git", "--git-dir=.", *_options({}), *arguments]
        try:
            return self._run(command, self._environment(None), LOCAL_SECONDS, folder=folder, answers=answers)
        except _TookTooLong:
            raise StageUnreadable(
                Trouble.TOO_LARGE, f"Comparing took longer than {LOCAL_SECONDS} seconds: the history is too large."
            ) from None
        except _SaidTooMuch:
            raise StageUnreadable(Trouble.TOO_LARGE, "git's answer is too large to be read.") from None

    def ask(self, arguments: Sequence[str], remote: Remote) -> bytes:
        """Ask a host a short question (`ls-remote`); raise `StageUnreadable`."""
        limits = _limited(QUESTION_MEMORY_BYTES, self.limits.answer_bytes)
        command = [*limits, "git", *_options({f"protocol.{remote.scheme}.allow": "always"}), *arguments]
        try:
            return self._run(command, self._environment(remote), self.limits.question_seconds)
        except GitFailed as failed:
            raise trouble_of(failed.words, remote, with_credentials=self._credentials is not None) from None
        except _TookTooLong:
            raise StageUnreadable(
                Trouble.UNREACHABLE,
                f"{remote.host} did not answer within {self.limits.question_seconds:g} seconds: it is asked again.",
            ) from None
        except _SaidTooMuch:
            raise StageUnreadable(Trouble.TOO_LARGE, f"{remote.host} sent more than a list of branches.") from None

    def fetch(self, arguments: Sequence[str], remote: Remote, folder: Path, answers: bytes) -> None:
        """Run `git fetch` in a mirror; raise `GitFailed`, or `StageUnreadable` at a limit."""
        limits = _limited(FETCH_MEMORY_BYTES, self.limits.mirror_bytes)
        options = {f"protocol.{remote.scheme}.allow": "always", "remote.origin.url": remote.url}
        command = [*limits, "git", "--git-dir=.", *_options(options), *arguments]
        try:
            self._run(command, self._environment(remote), self.limits.fetch_seconds, folder=folder, answers=answers)
        except (_TookTooLong, _SaidTooMuch):
            raise StageUnreadable(
                Trouble.TOO_LARGE,
                f"Fetching the history from {remote.host} took longer than {self.limits.fetch_seconds:g} seconds: the "
                "host is slow or the history very large. It will be tried again.",
            ) from None

    def _run(
        self,
        command: Sequence[str],
        environment: dict[str, str],
        seconds: float,
        *,
        folder: Path | None = None,
        answers: bytes = b"",
    ) -> bytes:
        deadline = time.monotonic() + seconds
        try:
            process = self._start(command, environment, folder or self._home, answers)
        except OSError as error:
            raise trouble_of_machine(error) from None
        try:
            output, errors = _read(process, deadline, self.limits.answer_bytes)
        finally:
            _end(process)
        if process.returncode != 0:
            raise GitFailed(process.returncode, self._without_secrets(errors))
        return output

    def _start(
        self, command: Sequence[str], environment: dict[str, str], folder: Path, answers: bytes
    ) -> subprocess.Popen[bytes]:
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile() as stdin:  # a file takes any number of answers without anybody feeding it
            stdin.write(answers)
            stdin.seek(0)
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=folder,
                process_group=0,
            )

    def _environment(self, remote: Remote | None) -> dict[str, str]:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {
            "LC_ALL": "C",
            "HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self._home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_CEILING_DIRECTORIES": str(self.data_dir),  # the folder above may be a repository
            "GIT_ASKPASS": "",  # none, not even one that git would find by itself
        }
        if remote is not None and remote.scheme == "ssh":
            environment |= {"GIT_SSH_COMMAND": _ssh_command(self._home / "known_hosts"), "GIT_SSH_VARIANT": "ssh"}
        elif remote is not None and self._credentials is not None:
            environment |= {
                "GIT_ASKPASS": str(ASKPASS),
                "HORIZON_GIT_HOST": remote.address,
                "HORIZON_GIT_USERNAME": self._credentials.username or NO_USER,
                "HORIZON_GIT_PASSWORD": self._credentials.password,
            }
        return environment

    def _without_secrets(self, errors: bytes) -> str:
        words = errors.decode(errors="replace")
        return without_secrets(words, [self._credentials.password] if self._credentials else [])


def _options(more: dict[str, str]) -> list[str]:
    return [word for name, value in (CONFIGURATION | more).items() for word in ("-c", f"{name}={value}")]


def _limited(memory_bytes: int, file_bytes: int) -> list[str]:
    return ["/bin/sh", "-c", LIMITED, "sh", str(memory_bytes // 1024), str(file_bytes // 512)]


def _ssh_command(known_hosts: Path) -> str:
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "accept-new",
        "UserKnownHostsFile": f'"{known_hosts}"',
        "ConnectTimeout": "10",
        "ServerAliveInterval": "10",
        "ServerAliveCountMax": "2",
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
    }
    words = ["ssh", "-F", "/dev/null", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    return shlex.join(words)


def _read(process: subprocess.Popen[bytes], deadline: float, most_bytes: int) -> tuple[bytes, bytes]:
    """Both outputs until their ends; of the errors, the last part."""
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, into in ((process.stdout, output), (process.stderr, errors)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, into)
        while selector.get_map():
            ready = selector.select(_left(deadline))
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            if len(output) > most_bytes:
                raise _SaidTooMuch
            del errors[:-KEPT_ERROR_BYTES]
    try:
        process.wait(_left(deadline))
    except subprocess.TimeoutExpired:
        raise _TookTooLong from None
    return bytes(output), bytes(errors)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise _TookTooLong
    return left


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and its helpers, whatever state they are in."""
    with suppress(ProcessLookupError):  # all of them have ended by themselves
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
