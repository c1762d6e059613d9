"""HTTP with a GitHub host: PyGithub's requester with Horizon's own limits of time and size, and nothing done behind our
back.

PyGithub follows some redirects and drops the query string, asks again without limit on a 202, sleeps out rate limits
and repeats writes (PyGithub 2.10, `Requester.__requestRaw` and `GithubRetry`). None of this happens here: the
connections below hide redirects from it, and it is given no retry policy. Only this module and `github_app` import
PyGithub.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
import urllib3
from github import Auth, Github
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester, RequestsResponse
from requests.adapters import HTTPAdapter

from projects.github_answers import LOCATION, Answer, Loss, NoAnswer

API_VERSION: Final = "2022-11-28"
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 15  # without a byte
TOTAL_SECONDS: Final = 20  # for one answer
LARGEST_ANSWER: Final = 20 * 1024 * 1024
_CHUNK: Final = 64 * 1024

_patience: ContextVar[float] = ContextVar("seconds that a person waits", default=TOTAL_SECONDS)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Inside, an answer is waited for no longer than this, and nothing is tried twice: a person waits for the page."""
    before = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(before)


def is_impatient() -> bool:
    return _patience.get() < TOTAL_SECONDS


class Wire:
    """Sends requests to one GitHub host with one token. Not for sharing between threads."""

    def __init__(self, api_url: str, token: str, *, as_app: bool = False) -> None:
        self._requester = Github(
            auth=Auth.AppAuthToken(token) if as_app else Auth.Token(token),
            base_url=api_url,
            user_agent="Horizon",
            per_page=100,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        ).requester

    @property
    def graphql_url(self) -> str:
        return self._requester.graphql_url

    def send(self, verb: str, path: str, payload: object = None, parameters: Mapping[str, str] | None = None) -> Answer:
        """One request, once. `path` begins with a slash, or is `graphql_url`. Raises NoAnswer."""
        headers = {"X-GitHub-Api-Version": API_VERSION, "Accept": "application/vnd.github+json"}
        try:
            status, found, body = self._requester.requestJson(verb, path, dict(parameters or {}), headers, payload)
        except NoAnswer as error:
            loss = error.loss
        except (ValueError, OverflowError, RuntimeError):
            loss = Loss.SENSELESS  # headers that PyGithub cannot read
        else:
            return Answer(status, found, body)
        raise NoAnswer(loss)


class _WholeResponse(RequestsResponse):
    """A response that has been read within the limits."""

    def __init__(self, response: requests.Response, body: str) -> None:
        super().__init__(response)
        self._body = body

    def read(self) -> str:
        return self._body

    def getheaders(self) -> Any:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if "location" in headers:
            headers[LOCATION] = headers.pop("location")
        return headers.items()


class _Https(HTTPSRequestsConnectionClass):
    """One exchange over a connection that this thread keeps open. Acts get a fresh one: a kept one may have been closed
    by the host just now, and then nobody would know whether the act happened."""

    def getresponse(self) -> RequestsResponse:
        return _exchange(self)

    def close(self) -> None:
        self.session.close()


class _Http(HTTPRequestsConnectionClass):
    """The same without TLS, for hosts in HORIZON_INSECURE_HOSTS; `projects.remotes` refuses all others."""

    def getresponse(self) -> RequestsResponse:
        return _exchange(self)

    def close(self) -> None:
        self.session.close()


Requester.injectConnectionClasses(_Http, _Https)
# Its debug lines hold bodies, and the body of an installation token is a secret.
_silent = logging.getLogger("projects.github_transport.requester")
_silent.disabled = True
Requester.injectLogger(_silent)


def _exchange(connection: _Http | _Https) -> RequestsResponse:
    is_act = connection.verb != "GET" and not connection.url.endswith("/graphql")
    session = _new_session() if is_act else _kept_session()
    try:
        response = _request(session, connection)
        try:
            if response.status_code == 202 and connection.verb == "GET":
                raise NoAnswer(Loss.SENSELESS)
            return _WholeResponse(response, _read(response))
        finally:
            response.close()
    finally:
        if is_act:
            session.close()


def _request(session: requests.Session, connection: _Http | _Https) -> requests.Response:
    url = f"{connection.protocol}://{_bracketed(connection.host)}:{connection.port}{connection.url}"
    try:
        return session.request(
            connection.verb,
            url,
            headers=connection.headers,
            data=connection.input,
            timeout=(min(CONNECT_SECONDS, _patience.get()), min(READ_SECONDS, _patience.get())),
            allow_redirects=False,
            stream=True,
        )
    except requests.RequestException as error:
        loss = _loss_of(error)
    except (ValueError, UnicodeError):
        loss = Loss.UNFIT
    raise NoAnswer(loss)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _loss_of(error: requests.RequestException) -> Loss:
    if isinstance(error, requests.exceptions.SSLError):
        return _loss_of_tls(str(error))
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return Loss.NO_CONNECTION
    if isinstance(error, requests.Timeout):
        return Loss.TIME_OUT
    if isinstance(error, requests.exceptions.InvalidHeader | requests.exceptions.InvalidURL):
        return Loss.UNFIT
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return Loss.NO_CONNECTION if isinstance(reason, urllib3.exceptions.NewConnectionError) else Loss.DROPPED


def _loss_of_tls(text: str) -> Loss:
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text or "CertificateError" in text:
        return Loss.BAD_CERTIFICATE
    return Loss.NO_CONNECTION if "WRONG_VERSION_NUMBER" in text else Loss.DROPPED


def _read(response: requests.Response) -> str:
    """The body, within the limits of size and time. Reads what is there, so that a trickle cannot outlast the clock."""
    end = time.monotonic() + _patience.get()
    body = bytearray()
    loss = Loss.DROPPED
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                loss = Loss.TOO_LARGE
                break
            if time.monotonic() > end:
                loss = Loss.TIME_OUT
                break
        else:
            if response.raw.length_remaining in (None, 0):
                return body.decode("utf-8", "replace")
    except urllib3.exceptions.ReadTimeoutError:
        loss = Loss.TIME_OUT
    except (urllib3.exceptions.HTTPError, OSError):
        loss = Loss.DROPPED
    raise NoAnswer(loss)


class _Kept(threading.local):
    session: requests.Session | None = None
    process: int = 0


_kept = _Kept()


def _kept_session() -> requests.Session:
    """This thread's session; a process that was forked does not use its parent's connections."""
    if _kept.session is None or _kept.process != os.getpid():
        _kept.session, _kept.process = _new_session(), os.getpid()
    return _kept.session


def _new_session() -> requests.Session:
    session = requests.Session()
    session.auth = _no_netrc
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(max_retries=0, pool_connections=10, pool_maxsize=1)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Any `auth` keeps requests from looking into ~/.netrc, whose password would replace the token."""
    return request
