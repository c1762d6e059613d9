"""Text that strangers wrote (commit subjects, authors, error texts of tools) made fit for a line on a page.

Pure: the standard library only. HTML stays as it is: templates escape it.
"""

import re
from collections.abc import Iterable

# Terminal sequences of ECMA-48: CSI, the string sequences (OSC, DCS, SOS, PM, APC) and the two-character ones.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]{0,2000}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_LINE_ENDS = re.compile(r"[\n\x0b\x0c\r\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
# What stands before it does not matter, and looking at it would take a time that grows with the square of the text's.
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@]+(?=@)")
# Far more than any limit needs, so that a subject of a megabyte costs nothing.
_LOOKED_AT = 10


def clean_line(text: str, limit: int = 500) -> str:
    """The first line without terminal sequences, control characters and marks that turn the direction of writing;
    runs of space become one, broken characters become U+FFFD; at most `limit` characters, the last one an ellipsis
    where something was cut off."""
    start = text.lstrip()[: limit * _LOOKED_AT]
    line = _LINE_ENDS.split(_TERMINAL.sub("", start), maxsplit=1)[0]
    line = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", line))
    line = _SPACES.sub(" ", line).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def without_secrets(text: str, secrets: Iterable[str | None]) -> str:
    """The text with every one of the secrets, and every user and password in a URL, replaced by `***`."""
    for secret in sorted((secret for secret in secrets if secret), key=len, reverse=True):
        text = text.replace(secret, "***")
    return _USER_IN_URL.sub("***", text)
