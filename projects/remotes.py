"""Git remotes as people type them: what is accepted, what it means, and the refusals, in words.

Pure: the standard library only. A remote is data from a form, so everything that is not plainly an https or ssh address
is refused before it comes near git. No message repeats what was typed: it may hold a password.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote

from projects import tag_globs

LONGEST_REMOTE = 2000
LONGEST_REF_NAME = 255

DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}

_CONTROL_OR_SPACE = re.compile(r"[\s\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_SEGMENT = re.compile(r"[A-Za-z0-9._~+@,=-]+")
# Of percent-encodings only the space and what is not ASCII: never a dot, a slash, a percent sign, a control character.
_WEB_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~+@,=-]|%20|%[89A-Fa-f][0-9A-Fa-f])+")
_SCP = re.compile(r"(?P<user>[^@:/]+)@(?P<host>\[[^\]]*\]|[^:/@\[\]]+):(?P<path>.*)")
# GitHub's own rules (docs.github.com, "Usernames" and "Repository names"); `_` is for managed users of enterprises.
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")


class UnsafeRemote(ValueError):
    """What was typed is refused; the text says what is wrong and what to do, and repeats no secret."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a repository is. `port` is None where it is the scheme's own; `path` has no slash at either end;
    `user` is for ssh only; an IPv6 `host` stands without brackets."""

    scheme: str
    host: str
    port: int | None
    path: str
    user: str | None = None

    @property
    def url(self) -> str:
        """The one spelling of this remote: fit for git, and for telling whether two remotes are the same."""
        user = f"{self.user}@" if self.user else ""
        return f"{self.scheme}://{user}{self.address}/{self.path}"

    @property
    def address(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse_remote(text: str, *, insecure_hosts: Collection[str]) -> Remote:
    """Read a remote as a person typed it, `git@host:owner/name.git` included; raise `UnsafeRemote` for all else."""
    _check_text(text, "git remote")
    scheme, separator, rest = text.partition("://")
    if separator:
        return _parse_url(scheme.lower(), rest, insecure_hosts)
    scp = _SCP.fullmatch(text)
    if scp is None:
        _refuse("The git remote must begin with https:// or ssh://, or look like git@host:owner/name.git.")
    host, port = _parse_address(scp["host"], "ssh")
    return Remote("ssh", host, port, _parse_path(scp["path"].removeprefix("/"), "ssh"), _parse_user(scp["user"]))


def _parse_url(scheme: str, rest: str, insecure_hosts: Collection[str]) -> Remote:
    authority, _, path = rest.partition("/")
    userinfo, at, address = authority.rpartition("@")
    if scheme not in DEFAULT_PORTS:
        _refuse("The git remote must begin with https:// or ssh://: other ways to a repository are not allowed.")
    if at and (scheme != "ssh" or ":" in userinfo):
        _refuse(
            "The git remote must not hold a user name, password or token: take away what stands before the @, and put "
            "it into a profile, where it is kept encrypted."
        )
    host, port = _parse_address(address, scheme)
    _check_insecure(scheme, host, insecure_hosts)
    return Remote(scheme, host, port, _parse_path(path, scheme), _parse_user(userinfo) if at else None)


def check_api_url(text: str, insecure_hosts: Collection[str]) -> str:
    """The canonical form of a host's API address, e.g. `https://api.github.com`; raise `UnsafeRemote`."""
    _check_text(text, "API address")
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("https", "http"):
        _refuse("The API address must begin with https://, for example https://api.github.com.")
    authority, _, path = rest.partition("/")
    if "@" in authority:
        _refuse("The API address must not hold a user name or token: put the token into the profile's secret.")
    host, port = _parse_address(authority, scheme)
    _check_insecure(scheme, host, insecure_hosts)
    root = Remote(scheme, host, port, "")
    return root.url + _parse_path(path, scheme) if path else root.url.removesuffix("/")


def repository_of(remote: Remote) -> tuple[str, str]:
    """Owner and name of a repository on GitHub (or a host like it); raise `UnsafeRemote` where the path is no such."""
    owner, _, name = remote.path.partition("/")
    name = name.removesuffix(".git")
    if not _OWNER.fullmatch(owner) or not _REPOSITORY.fullmatch(name) or name in (".", ".."):
        _refuse("The path of the git remote must be owner/name, for example https://github.com/artsy/candela.git.")
    return owner, name


def same_host(remote: Remote | str, host: str) -> bool:
    """Whether a remote or a URL is on this host; `host` may name a port, which then counts, too."""
    if isinstance(remote, str):
        scheme, authority = _scheme_and_authority(remote)
    else:
        scheme, authority = remote.scheme, remote.address
    try:
        found, port = _parse_address(authority, scheme)
        wanted, wanted_port = _parse_address(host, "")
    except UnsafeRemote:
        return False
    if wanted_port is None:
        return found == wanted
    return (found, port or DEFAULT_PORTS.get(scheme)) == (wanted, wanted_port)


def _scheme_and_authority(text: str) -> tuple[str, str]:
    scp = None if "://" in text else _SCP.fullmatch(text)
    if scp is not None:
        return "ssh", scp["host"]
    scheme, _, rest = text.partition("://")
    return scheme.lower(), rest.partition("/")[0].rpartition("@")[2]


def git_host_of_api(api_url: str) -> str:
    """The host whose repositories an API serves: github.com for https://api.github.com, x.ghe.com for
    https://api.x.ghe.com, else the API's own host (GitHub Enterprise Server). Without port."""
    authority = api_url.partition("://")[2].partition("/")[0]
    host, _ = _parse_address(authority, "https")
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        return host.removeprefix("api.")
    return host


def _refuse(message: str) -> NoReturn:
    raise UnsafeRemote(message)


def _check_text(text: str, what: str) -> None:
    if not text:
        _refuse(f"The {what} is empty.")
    if len(text) > LONGEST_REMOTE:
        _refuse(f"The {what} is longer than {LONGEST_REMOTE} characters.")
    if text.startswith("-"):
        _refuse(f"The {what} must not begin with a hyphen.")
    if _CONTROL_OR_SPACE.search(text):
        _refuse(f"The {what} must not hold spaces, line breaks or control characters.")
    if "\\" in text:
        _refuse(f"The {what} must not hold a backslash: write / instead.")
    if "?" in text or "#" in text:
        _refuse(f"The {what} must not hold ? or #: copy the plain clone address.")


def _check_insecure(scheme: str, host: str, insecure_hosts: Collection[str]) -> None:
    if scheme == "http" and host not in {name.lower().strip("[]") for name in insecure_hosts}:
        _refuse(
            f"Plain http to {host} is not allowed: write https://, or, for development only, name the host in "
            "HORIZON_INSECURE_HOSTS."
        )


def _parse_address(address: str, scheme: str) -> tuple[str, int | None]:
    """Host (lower case) and port (None: the scheme's own) of `host`, `host:port`, `[v6]` or `[v6]:port`."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(.*))?", address)
    if bracketed:
        host, port_text = _parse_ipv6(bracketed[1]), bracketed[2]
    else:
        name, colon, digits = address.partition(":")
        host, port_text = _parse_host_name(name), digits if colon else None
    if port_text is None:
        return host, None
    if not re.fullmatch(r"[0-9]{1,5}", port_text) or not 1 <= int(port_text) <= 65535:
        _refuse("The port, after the host's colon, must be a number from 1 to 65535.")
    port = int(port_text)
    return host, None if port == DEFAULT_PORTS.get(scheme) else port


def _parse_ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        _refuse("What stands in brackets is no IPv6 address.")


def _parse_host_name(name: str) -> str:
    if not name:
        _refuse("The host is missing: write for example https://github.com/owner/name.git.")
    if not name.isascii():
        _refuse(
            "The host holds letters that are not ASCII, which can look like others: write its ASCII form, which begins "
            "with xn--."
        )
    host = name.lower()
    if len(host) > 253 or not _HOST.fullmatch(host):
        _refuse("The host is no valid host name: letters, digits, dots, and hyphens inside a part only.")
    return host


def _parse_user(user: str) -> str:
    if not _USER.fullmatch(user):
        _refuse("The user before the @ may hold letters, digits, dots, underscores and hyphens only; it is often git.")
    return user


def _parse_path(path: str, scheme: str) -> str:
    path = path.removesuffix("/")
    if not path:
        _refuse("The path is missing: after the host comes for example /owner/name.git.")
    segments = path.split("/")
    allowed = _SEGMENT if scheme == "ssh" else _WEB_SEGMENT
    if path.startswith("-") or any(segment in ("", ".", "..") for segment in segments):
        _refuse("The path must not begin with a hyphen, nor hold //, /./ or /../.")
    if not all(allowed.fullmatch(segment) for segment in segments):
        _refuse(
            "The path may hold letters, digits and . _ ~ + @ , = - only, and in https addresses %20 and encoded "
            "letters that are not ASCII."
        )
    return path


# --- names of branches and tags ---------------------------------------------------------------------------------

# The rules of git-check-ref-format(1); the glob characters are a tag pattern's own.
_FORBIDDEN_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:\\]")
_GLOB = re.compile(r"[*?\[]")
_MOST_STARS = 10


def check_branch(name: str) -> None:
    """Raise `UnsafeRemote` unless git allows this as the name of a branch."""
    _check_ref(name, "branch name")
    if _GLOB.search(name):
        _refuse("The branch name must not hold *, ? or [: name one branch, or use a tag pattern.")
    if name in {"HEAD", "@"}:
        _refuse(f"{name} is no branch name: name the branch, for example main.")
    if name.startswith("refs/heads/"):
        _refuse("Write the branch without refs/heads/ before it.")


def check_tag_pattern(pattern: str) -> None:
    """Raise `UnsafeRemote` unless this is a glob of git's (`*`, `**`, `?`, `[a-z]`) that some tag can match."""
    _check_ref(pattern, "tag pattern")
    if pattern.startswith("refs/"):
        _refuse("Write the tag pattern without refs/tags/ before it, for example v*.")
    if pattern.count("*") > _MOST_STARS or pattern.count("**") > 2:
        _refuse(f"The tag pattern holds more than {_MOST_STARS} stars, or more than two **: write a simpler one.")
    if not tag_globs.is_glob(pattern):
        _refuse("The tag pattern has brackets that do not fit: write for example v[0-9]*.")


def _check_ref(name: str, what: str) -> None:
    if not name:
        _refuse(f"The {what} is empty.")
    if len(name) > LONGEST_REF_NAME:
        _refuse(f"The {what} is longer than {LONGEST_REF_NAME} characters.")
    if name.startswith("-"):
        _refuse(f"The {what} must not begin with a hyphen.")
    if _FORBIDDEN_IN_REFS.search(name) or any("\ud800" <= letter <= "\udfff" for letter in name):
        _refuse(f"The {what} must not hold spaces, control characters, ~, ^, : or \\.")
    if ".." in name or "@{" in name or name.endswith("."):
        _refuse(f"The {what} must not hold .. or @{{, nor end with a dot.")
    if any(not part or part.startswith(".") or part.endswith(".lock") for part in name.split("/")):
        _refuse(
            f"The {what} must not begin or end with /, nor hold //, a part that begins with a dot or ends in .lock."
        )


# --- pages for people -------------------------------------------------------------------------------------------


def web_url(remote: Remote) -> str | None:
    """The repository's page, always an https link; None where none is known (plain http, other hosts' ssh)."""
    if remote.host == "git.heroku.com":
        return f"https://dashboard.heroku.com/apps/{quote(remote.path.removesuffix('.git'))}"
    if remote.scheme == "http" or (remote.scheme == "ssh" and _pages(remote) is None):
        return None
    address = remote.host if remote.scheme == "ssh" else remote.address
    return f"https://{address}/{remote.path.removesuffix('.git')}"


def commit_url(remote: Remote, sha: str) -> str | None:
    """The page of one commit, on hosts whose addresses are known."""
    page, pages = web_url(remote), _pages(remote)
    return f"{page}/{pages.commit.format(sha=quote(sha))}" if page and pages else None


def compare_url(remote: Remote, base: str, head: str) -> str | None:
    """The page that shows what `head` has and `base` has not; both are branches, tags or shas."""
    page, pages = web_url(remote), _pages(remote)
    return f"{page}/{pages.compare.format(base=quote(base), head=quote(head))}" if page and pages else None


@dataclass(frozen=True, slots=True)
class _Pages:
    commit: str
    compare: str


_GITHUB_PAGES = _Pages("commit/{sha}", "compare/{base}...{head}")
_GITLAB_PAGES = _Pages("-/commit/{sha}", "-/compare/{base}...{head}")
_BITBUCKET_PAGES = _Pages("commits/{sha}", "branches/compare/{head}..{base}")


def _pages(remote: Remote) -> _Pages | None:
    if remote.host == "git.heroku.com":
        return None
    if remote.host == "bitbucket.org":
        return _BITBUCKET_PAGES
    if "gitlab" in remote.host.split("."):
        return _GITLAB_PAGES
    return _GITHUB_PAGES if remote.path.count("/") == 1 and not remote.path.startswith("~") else None
