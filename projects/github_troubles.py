"""What GitHub's refusals and errors mean, in sentences that say what is wrong and what to do.

Pure: the standard library and pure modules only. Sources: docs.github.com, "Rate limits for the REST API", "Rate limits
and query limits for the GraphQL API", "Troubleshooting the REST API".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from projects.github_answers import Answer, GraphQLError, Loss, message_of, number, server_time
from projects.reading import StageUnreadable, Trouble

SECONDARY_LIMIT_WAIT = timedelta(seconds=60)  # GitHub's advice where it does not say how long
LONGEST_WAIT = timedelta(
    hours=2
)  # no limit of GitHub's lasts longer; a wrong header must not pause a profile for years


class Passing(StageUnreadable):
    """A trouble that may be over in a second: a read is worth another try."""


class TooHeavy(Passing):
    """GitHub did not manage this query in time: less may be asked at once."""


@dataclass(frozen=True, slots=True)
class Whom:
    """How the sentences name the host and the profile whose credentials were used."""

    host: str
    profile: str

    @property
    def github(self) -> str:
        return "GitHub" if self.host == "api.github.com" else f"GitHub at {self.host}"


# --- limits ---------------------------------------------------------------------------------------------------------


def reset_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When the limit is renewed, by our clock: GitHub tells it by its own, so the difference of both is taken out."""
    seconds = number(headers.get("x-ratelimit-reset"))
    if seconds is None:
        return None
    left = seconds - (server_time(headers) or now).timestamp()
    return now + min(timedelta(seconds=max(left, 0)), LONGEST_WAIT) if left < 10**9 else now + LONGEST_WAIT


def limited(answer: Answer, whom: Whom, now: datetime) -> StageUnreadable | None:
    """The refusal because of a primary or secondary rate limit, with the time when it ends; None if it is none."""
    if answer.status not in (403, 429):
        return None
    words = message_of(answer).lower()
    seconds = number(answer.headers.get("retry-after"))
    if seconds is not None:
        return _slow_down(whom, now + min(timedelta(seconds=max(seconds, 1)), LONGEST_WAIT))
    if answer.headers.get("x-ratelimit-remaining") == "0":
        return limit_over(whom, reset_at(answer.headers, now), now)
    if answer.status == 429 or "rate limit" in words or "abuse detection" in words:
        return _slow_down(whom, now + SECONDARY_LIMIT_WAIT)
    return None


def limit_over(whom: Whom, until: datetime | None, now: datetime) -> StageUnreadable:
    """The hourly budget is spent."""
    until = until or now + SECONDARY_LIMIT_WAIT
    return _limit(f'The hourly budget of the profile "{whom.profile}" at {whom.github} is used up.', until)


def _slow_down(whom: Whom, until: datetime) -> StageUnreadable:
    return _limit(
        f'{whom.github} asks for fewer requests with the profile "{whom.profile}" (secondary rate limit).', until
    )


def _limit(what: str, until: datetime) -> StageUnreadable:
    text = f"{what} Horizon waits until {until:%H:%M:%S} UTC and goes on by itself."
    return StageUnreadable(Trouble.LIMITED, text, retry_at=until)


# --- no answer, and answers by HTTP status ----------------------------------------------------------------------------

_LOSSES = {
    Loss.NO_CONNECTION: "{github} cannot be reached: no connection to {host}. Check the network and the API address.",
    Loss.BAD_CERTIFICATE: "The certificate of {host} is not trusted, so nothing was sent. If it is your Enterprise's "
    "own, let REQUESTS_CA_BUNDLE name the file of its authority.",
    Loss.UNFIT: "The request to {host} could not be made: the token or the API address of the profile holds characters "
    "that do not belong there. Enter it again.",
    Loss.TIME_OUT: "{github} did not answer in time. Horizon asks again with the next poll.",
    Loss.DROPPED: "{github} closed the connection in the middle of its answer. Horizon asks again with the next poll.",
    Loss.TOO_LARGE: "{github} sent an answer larger than Horizon accepts (20 MB), so it was not read.",
    Loss.SENSELESS: "{github} sent an answer that makes no sense. Check that the profile's API address is that of "
    "GitHub's API.",
}
_LOSS_TROUBLES = {
    Loss.UNFIT: Trouble.MISCONFIGURED,
    Loss.TOO_LARGE: Trouble.TOO_LARGE,
    Loss.SENSELESS: Trouble.BROKEN_ANSWER,
}

_LOSS_KINDS = {Loss.TIME_OUT: TooHeavy, Loss.NO_CONNECTION: Passing, Loss.DROPPED: Passing}


def lost(loss: Loss, whom: Whom) -> StageUnreadable:
    text = _LOSSES[loss].format(github=whom.github, host=whom.host)
    kind = _LOSS_KINDS.get(loss, StageUnreadable)
    return kind(_LOSS_TROUBLES.get(loss, Trouble.UNREACHABLE), text)


def refused(answer: Answer, whom: Whom, now: datetime) -> StageUnreadable | None:
    """The trouble that an HTTP status means whatever was asked; None for those that depend on what was."""
    status = answer.status
    said = _said(message_of(answer))
    if status in (403, 429):
        return limited(answer, whom, now) or StageUnreadable(Trouble.REFUSED, f"{_forbidden(answer, whom)}{said}")
    if status == 401:
        return StageUnreadable(
            Trouble.REFUSED,
            f'{whom.github} refuses the credentials of the profile "{whom.profile}": they are wrong, expired or '
            f"revoked. Enter new ones in the profile.{said}",
        )
    if status in (500, 502, 504):
        return TooHeavy(Trouble.UNREACHABLE, f"{whom.github} did not manage its answer ({status}). {_AGAIN}{said}")
    if status >= 500:
        return Passing(Trouble.UNREACHABLE, f"{whom.github} has a problem of its own ({status}). {_AGAIN}{said}")
    if status in (400, 406, 415):
        return StageUnreadable(Trouble.BROKEN_ANSWER, f"{whom.github} does not understand Horizon ({status}).{said}")
    return None


def _said(words: str) -> str:
    return f" GitHub says: {words.rstrip('.')}." if words else ""


def strange_redirect(whom: Whom) -> StageUnreadable:
    return StageUnreadable(
        Trouble.UNSAFE,
        f"{whom.github} redirects to another address, which is not followed with your credentials. Correct the API "
        f'address of the profile "{whom.profile}".',
    )


def no_api(whom: Whom) -> StageUnreadable:
    return StageUnreadable(
        Trouble.MISCONFIGURED,
        f'At the API address of the profile "{whom.profile}" is no GitHub API: write https://api.github.com, or '
        "https://YOUR-HOST/api/v3 for an Enterprise.",
    )


_AGAIN = "Horizon asks again with the next poll."


def _forbidden(answer: Answer, whom: Whom) -> str:
    if "x-github-sso" in answer.headers:
        return (
            f'The token of the profile "{whom.profile}" is not authorized for the single sign-on of the organization: '
            "authorize it in GitHub's token settings (Configure SSO)."
        )
    return f'The credentials of the profile "{whom.profile}" lack a right for this at {whom.github}.'


def not_found(whom: Whom, path: str) -> StageUnreadable:
    return StageUnreadable(
        Trouble.NOT_FOUND,
        f'{whom.github} shows no repository {path} to the profile "{whom.profile}". Check the spelling, and that its '
        "token or App may read this repository (a private one is hidden from those who may not).",
    )


def broken(whom: Whom, path: str, words: str = "") -> StageUnreadable:
    said = f" It says: {words.rstrip('.')}." if words else ""
    return StageUnreadable(
        Trouble.BROKEN_ANSWER,
        f"{whom.github} gave no usable answer about {path}.{said} Horizon asks again with the next poll.",
    )


# --- GraphQL ----------------------------------------------------------------------------------------------------------


_FORBIDDEN = ("FORBIDDEN", "INSUFFICIENT_SCOPES", "UNAUTHORIZED")


def unreadable(error: GraphQLError | None, whom: Whom, path: str) -> StageUnreadable:
    """What an error of GraphQL means for the repository `path`; None stands for a null that no error explains."""
    if error is None:
        return broken(whom, path)
    if error.kind == "NOT_FOUND":
        return not_found(whom, path)
    if error.kind in _FORBIDDEN:
        return StageUnreadable(
            Trouble.REFUSED,
            f'The profile "{whom.profile}" may not read {path} at {whom.github}: give its token or App the right, or '
            f"authorize it for the organization. GitHub says: {error.words.rstrip('.')}.",
        )
    if error.is_heavy:
        return TooHeavy(Trouble.UNREACHABLE, f"{whom.github} did not manage its answer about {path} in time. {_AGAIN}")
    return broken(whom, path, error.words)
