"""What git says when a host refuses or fails, made into sentences that say what to do.

Pure: the standard library only. git's words are matched in its C locale; those of libcurl and OpenSSH come through it.
"""

import errno
import re
from dataclasses import dataclass

from projects.reading import StageUnreadable, Trouble
from projects.remotes import Remote

_REFUSED_WITHOUT_CREDENTIALS = (
    "{host} asks for a user and a password, or does not show this repository to strangers: choose a profile for the "
    "stage, and check the address."
)


@dataclass(frozen=True, slots=True)
class _Sign:
    """git's words, as a regular expression, and what they mean for people."""

    words: str
    trouble: Trouble
    sentence: str


# The first sign that is found anywhere in git's words decides; {host} is the remote's.
_SIGNS = (
    _Sign(
        r"No space left on device|Disk quota exceeded",
        Trouble.TOO_LARGE,
        "The disk that holds Horizon's data folder is full: free some space there. The next poll tries again.",
    ),
    # A file that is too large for what is left: of refs, git says no more than that.
    _Sign(
        r"couldn't write '|nable to write (new|file|sha1|pack|object)|nable to create temporary|failed to write",
        Trouble.MISCONFIGURED,
        "git cannot write in Horizon's data folder: see that its disk has space, and that the folder belongs to the "
        "user that runs Horizon. The next poll tries again.",
    ),
    _Sign(
        r"transport '.*' not allowed",
        Trouble.UNSAFE,
        "This way of reaching a repository is not allowed: use an https:// or ssh:// remote.",
    ),
    _Sign(
        r"Permission denied \((publickey|password|keyboard)|Load key .*: ",
        Trouble.REFUSED,
        "{host} refused Horizon's SSH key: give the key of the user that runs Horizon read access to the repository, "
        "or use an https:// remote with a profile.",
    ),
    _Sign(
        r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",
        Trouble.UNREACHABLE,
        "The SSH host key of {host} is not the one that was seen before: if it was changed on purpose, take its line "
        "out of git-home/known_hosts in Horizon's data folder.",
    ),
    _Sign(
        r"returned error: 30\d|redirect",
        Trouble.UNREACHABLE,
        "{host} sends us to another address, and redirects are not followed: the repository has been renamed or moved. "
        "Enter its present address as the git remote.",
    ),
    _Sign(
        r"returned error: 404|[Rr]epository .*not found|does not appear to be a git repository|No such app"
        r"|Could not find repository|project you were looking for could not be found",
        Trouble.NOT_FOUND,
        "{host} knows no such repository, or does not show it to this profile: check the address and the profile's "
        "rights.",
    ),
    _Sign(
        r"Authentication failed|could not read (Username|Password)|returned error: 40[13]|Access denied",
        Trouble.REFUSED,
        "{host} refused the user or password of the profile: enter valid ones, with the right to read the repository.",
    ),
    _Sign(
        r"returned error: 429|[Rr]ate limit",
        Trouble.LIMITED,
        "{host} limits how often it may be asked: it will be asked again later.",
    ),
    _Sign(
        r"Could not resolve (host|hostname)|name resolution|Name or service not known",
        Trouble.UNREACHABLE,
        "The host {host} is not known: check the spelling of the remote, and this machine's name server.",
    ),
    _Sign(
        r"Could not resolve proxy",
        Trouble.UNREACHABLE,
        "The proxy that HTTPS_PROXY names is not known: check the environment of Horizon.",
    ),
    _Sign(
        r"does not match target host name|no alternative certificate subject name|hostname mismatch",
        Trouble.UNREACHABLE,
        "The TLS certificate of {host} was made for another host: check the remote, or have the certificate mended.",
    ),
    _Sign(
        r"certificate has expired",
        Trouble.UNREACHABLE,
        "The TLS certificate of {host} has expired: have it renewed.",
    ),
    _Sign(
        r"SSL certificate problem|certificate verif|self.signed certificate|unable to get local issuer",
        Trouble.UNREACHABLE,
        "The TLS certificate of {host} is not trusted here: add its authority to this machine, or name it in "
        "GIT_SSL_CAINFO.",
    ),
    _Sign(r"\bSSL\b|\bTLS\b|gnutls|OpenSSL", Trouble.UNREACHABLE, "No encrypted connection to {host} could be made."),
    _Sign(
        r"Out of memory|died of signal 25|File size limit|File too large|mmap failed",
        Trouble.TOO_LARGE,
        "{host} sent more data than is allowed for one repository.",
    ),
    _Sign(
        r"Connection refused|Failed to connect|Couldn't connect|Could not connect|No route to host|unreachable",
        Trouble.UNREACHABLE,
        "{host} cannot be reached: nothing answers at its address and port.",
    ),
    _Sign(
        r"timed out|Operation too slow|Timeout",
        Trouble.UNREACHABLE,
        "{host} did not answer in time: it will be asked again.",
    ),
    _Sign(
        r"returned error: 5\d\d",
        Trouble.UNREACHABLE,
        "{host} reports an error of its own: it will be asked again.",
    ),
    _Sign(
        r"Empty reply|[Cc]onnection (was )?(reset|closed)|hung up|early EOF|unexpected disconnect|RPC failed"
        r"|Recv failure|transfer closed",
        Trouble.UNREACHABLE,
        "{host} broke off the connection: it will be asked again.",
    ),
    _Sign(
        r"not valid: is this a git repository|bad line length|protocol error|invalid server response|[Nn]ot a git"
        r"|expected|unexpected|malformed|remote error|bad object|bad pack|inflate|corrupt",
        Trouble.BROKEN_ANSWER,
        "{host} answered something that is not git: check that the remote is the address for cloning.",
    ),
    # What remains when the part that writes the pack was ended by the limit of file size, without a word.
    _Sign(
        r"invalid index-pack output",
        Trouble.TOO_LARGE,
        "{host} sent more data than is allowed for one repository.",
    ),
    _Sign(
        r"git: not found|exec: git|ssh: not found|cannot run ssh", Trouble.MISCONFIGURED, "git or ssh is not installed."
    ),
)


def trouble_of(words: str, remote: Remote, *, with_credentials: bool) -> StageUnreadable:
    """The trouble behind git's error text; `BROKEN_ANSWER` where it is none that is known."""
    sign = next((sign for sign in _SIGNS if re.search(sign.words, words)), None)
    if sign is None:
        return StageUnreadable(
            Trouble.BROKEN_ANSWER, f"git could not read the repository on {remote.host}, and did not say why."
        )
    sentence = sign.sentence
    if sign.trouble is Trouble.REFUSED and remote.scheme != "ssh" and not with_credentials:
        sentence = _REFUSED_WITHOUT_CREDENTIALS
    return StageUnreadable(sign.trouble, sentence.format(host=remote.host))


def trouble_of_machine(error: OSError) -> StageUnreadable:
    """This machine's own trouble with the data folder or with starting git."""
    return StageUnreadable(
        Trouble.TOO_LARGE if error.errno in {errno.ENOSPC, errno.EDQUOT} else Trouble.MISCONFIGURED,
        f"git cannot work in Horizon's data folder ({error.strerror}): see that git is installed, that the disk has "
        "space, and that the folder belongs to the user that runs Horizon.",
    )
