"""Log lines: one an event, and no secrets in them, whoever wrote them."""

import logging
import re
from datetime import UTC, datetime

STRUCK_OUT = "[secret]"
LONGEST_LINE = 4000  # characters: an outage must not fill the disk with the same traceback
SECRETS = re.compile(
    r"""
    gh[pousr]_[A-Za-z0-9]{16,} | github_pat_[A-Za-z0-9_]{20,}           # GitHub
    | (?:AKIA|ASIA)[A-Z0-9]{16}                                         # AWS
    | xox[abeprs]-[A-Za-z0-9-]{10,}                                     # Slack tokens
    | (?:(?<=/services/)|(?<=/triggers/))[A-Z0-9]+/[A-Z0-9]+/[A-Za-z0-9]+   # Slack webhooks
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                                   # user:password@ in addresses
    | (?i:(?<=basic\ )|(?<=bearer\ )|(?<=token\ ))[A-Za-z0-9+/=._~-]{12,}   # Authorization
    | gAAAA[A-Za-z0-9_=-]{40,}                                          # what Fernet encrypted
    """,
    re.VERBOSE | re.DOTALL,
)

# What ends a line, turns its writing or makes a terminal do something.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def strike_secrets(text: str) -> str:
    return SECRETS.sub(STRUCK_OUT, text)


class StrikeSecrets(logging.Filter):
    """Replaces what looks like a secret in the message; `OneLine` does so in the traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = strike_secrets(record.getMessage()), None
        return True


class OneLine(logging.Formatter):
    """`2026-11-24T08:00:00Z WARNING projects.poll: what happened`; a traceback follows on the same line, after `|`."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  (logging's name)
        return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {record.message}"
        if record.exc_info and record.exc_info[0] is not None:
            line += f"\n{self.formatException(record.exc_info)}"
        line = strike_secrets(line).replace("\r", "").replace("\n", " | ").replace("\t", " ")
        line = CONTROLS.sub(lambda found: ascii(found[0])[1:-1], line)
        return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE // 2]} ... {line[-LONGEST_LINE // 2 :]}"
