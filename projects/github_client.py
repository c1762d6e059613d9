"""One profile's way to its GitHub: credentials, reads that are tried again, acts that never are, limits, renamed
repositories.

A client belongs to one thread. What goes wrong in a read is a StageUnreadable; in an act ActRefused or AnswerLost.
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from django.utils import timezone

from projects.cleaning import clean_line
from projects.github_answers import (
    MOST_OF_A_COUNT,
    MOST_OF_AN_ID,
    Answer,
    GraphQLAnswer,
    NoAnswer,
    graphql_errors,
    number,
    parse,
    whole,
)
from projects.github_budget import Budget
from projects.github_credentials import Credentials
from projects.github_transport import Wire, is_impatient
from projects.github_troubles import (
    Passing,
    TooHeavy,
    Whom,
    broken,
    limit_over,
    limited,
    lost,
    no_api,
    not_found,
    refused,
    reset_at,
    strange_redirect,
)
from projects.github_values import ActRefused, AnswerLost, RefusalCode
from projects.models import Profile
from projects.reading import RepositoryFacts, StageUnreadable, Trouble

READ_ATTEMPTS: Final = 3
BACK_OFF_SECONDS: Final = 0.25
RETRY_SECONDS: Final = 10  # no further attempt after this time
_REPOSITORY_ID: Final = re.compile(r"/repositories/([0-9]{1,18})(?:/|\?|$)")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")

Names = tuple[str, str]

# Present names of renamed repositories by the written ones, for each profile: every poll renews them.
_names: dict[tuple[str, int | None], dict[str, Names]] = {}


class GitHubClient:
    """Asks and acts with the credentials of one profile."""

    def __init__(self, profile: Profile, *, clock: Callable[[], datetime] = timezone.now) -> None:
        self.budget = Budget()
        self.headers: Mapping[str, str] = {}  # of the latest answer
        self.requests = 0
        self.whom = Whom(_host(profile.api_url), profile.name)
        self.identity: tuple[str, int | None] = (profile.api_url, profile.pk)
        self.credentials = Credentials(profile, self.whom)
        self._clock = clock
        self._wired: tuple[str, Wire] | None = None
        self._names = _names.setdefault(self.identity, {})

    # --- reads ------------------------------------------------------------------------------------------------------

    def graphql(self, query: str, variables: Mapping[str, Any], *, divisible: bool = False) -> GraphQLAnswer:
        """Data and errors together. Raises StageUnreadable where there is no data at all; TooHeavy where less may
        help."""
        answer = self._ask("POST", None, {"query": query, "variables": variables}, divisible=divisible)
        if answer.status in (404, 405, 410) or answer.is_redirect:
            raise no_api(self.whom)
        found = parse(answer.body)
        if not isinstance(found, dict):
            raise broken(self.whom, "what it was asked")
        errors = graphql_errors(found.get("errors"))
        data = found.get("data")
        if any(error.is_limit for error in errors):
            raise self._pause(limit_over(self.whom, reset_at(answer.headers, self._clock()), self._clock()))
        if isinstance(data, dict):
            return GraphQLAnswer(data, errors)
        if any(error.is_heavy for error in errors):
            raise TooHeavy(Trouble.UNREACHABLE, f"{self.whom.github} did not manage its answer in time.")
        raise broken(self.whom, "what it was asked", errors[0].words if errors else "")

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Answer:
        """An answer 2xx, 304, 404, 409, 410, 422, 451 or a redirect; raises StageUnreadable for all others."""
        return self._ask("GET", path, None, parameters)

    def get_of_repository(self, owner: str, name: str, rest: str = "") -> Answer:
        """The same below /repos/owner/name, following the repository by its id when it was renamed."""
        answer = self.get(repository_path(*self.current(owner, name), rest))
        if not answer.is_redirect:
            return answer
        host_id = self._redirected_to(answer)
        facts = self.repository_by_id(host_id) if host_id is not None else None
        if facts is None:
            raise strange_redirect(self.whom)
        self.learn(owner, name, facts)
        answer = self.get(repository_path(facts.owner, facts.name, rest))
        if answer.is_redirect:
            raise strange_redirect(self.whom)
        return answer

    def repository_by_id(self, host_id: int) -> RepositoryFacts | None:
        """What the repository is called now; None where it is gone or hidden."""
        answer = self.get(f"/repositories/{host_id}")
        if answer.is_redirect:
            raise strange_redirect(self.whom)
        if answer.status != 200:
            return None
        found = parse(answer.body)
        try:
            owner, _, name = found["full_name"].partition("/")
            return RepositoryFacts(
                whole(found["id"], MOST_OF_AN_ID),
                owner,
                name,
                found.get("default_branch"),
                archived=bool(found.get("archived")),
            )
        except (TypeError, KeyError, AttributeError, ValueError):
            pass
        raise broken(self.whom, f"the repository with the id {host_id}")

    def current(self, owner: str, name: str) -> Names:
        """What the repository is called now, as far as this process has seen with this profile."""
        return self._names.get(f"{owner}/{name}".lower(), (owner, name))

    def learn(self, owner: str, name: str, facts: RepositoryFacts) -> None:
        written = f"{owner}/{name}".lower()
        if written == f"{facts.owner}/{facts.name}".lower():
            self._names.pop(written, None)
        else:
            self._names[written] = (facts.owner, facts.name)

    def login(self) -> str:
        """Whose credentials these are, as pull requests name it (an App's robot without its `[bot]`); asked once, empty
        where GitHub does not say."""
        if not self.budget.login:
            try:
                viewer = self.graphql("query Viewer{viewer{login}}", {}).data.get("viewer")
            except StageUnreadable:
                return ""
            found = viewer.get("login") if isinstance(viewer, dict) else None
            self.budget = replace(self.budget, login=clean_line(str(found or ""), 100).removesuffix("[bot]"))
        return self.budget.login

    def not_found(self, owner: str, name: str) -> StageUnreadable:
        return not_found(self.whom, f"{owner}/{name}")

    # --- acts -------------------------------------------------------------------------------------------------------

    def act(self, verb: str, path: str, payload: Mapping[str, object]) -> Answer:
        """Send an act, once; the answer is below 500, and no redirect or rate limit. Raises ActRefused, AnswerLost."""
        try:
            answer = self._send(verb, path, payload)
        except StageUnreadable as error:
            raise _unsent(error) from None
        except NoAnswer as error:
            loss = error.loss
        else:
            return self._checked_act(answer)
        trouble = lost(loss, self.whom)
        if loss.was_sent:
            raise AnswerLost(f"{trouble.message} It is not known whether it did what it was told.")
        raise _unsent(trouble)

    def _checked_act(self, answer: Answer) -> Answer:
        if answer.status >= 500 or (answer.status < 300 and answer.body and parse(answer.body) is None):
            raise AnswerLost(
                f"{self.whom.github} answered with an error of its own ({answer.status}): it is not known whether it "
                "did what it was told."
            )
        if limit := limited(answer, self.whom, self._clock()):
            raise _unsent(self._pause(limit), answer.status)
        if answer.is_redirect:
            raise ActRefused(
                answer.status,
                "The repository was renamed or moved: Horizon looks for its new name and tries again.",
                code=RefusalCode.MOVED,
                transient=True,
            )
        return answer

    # --- the wire ---------------------------------------------------------------------------------------------------

    def _ask(
        self,
        verb: str,
        path: str | None,
        payload: object,
        parameters: Mapping[str, str] | None = None,
        *,
        divisible: bool = False,
    ) -> Answer:
        """A read, tried again with back-off. One that is `divisible` is not when it was too heavy: it is halved."""
        give_up_at = time.monotonic() + RETRY_SECONDS
        outcome = self._try(verb, path, payload, parameters)
        for attempt in range(1, READ_ATTEMPTS):
            if not isinstance(outcome, Passing) or time.monotonic() > give_up_at or is_impatient():
                break
            if divisible and isinstance(outcome, TooHeavy):
                break
            time.sleep(BACK_OFF_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311  no secret
            outcome = self._try(verb, path, payload, parameters)
        if isinstance(outcome, StageUnreadable):
            raise outcome
        return outcome

    def _try(
        self, verb: str, path: str | None, payload: object, parameters: Mapping[str, str] | None
    ) -> Answer | StageUnreadable:
        try:
            answer = self._send(verb, path, payload, parameters)
        except StageUnreadable as error:
            return error
        except NoAnswer as error:
            return lost(error.loss, self.whom)
        trouble = refused(answer, self.whom, self._clock())
        if trouble is None:
            return answer
        return self._pause(trouble) if trouble.trouble is Trouble.LIMITED else trouble

    def _send(
        self, verb: str, path: str | None, payload: object, parameters: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; a second one only where the App's token was refused, which means that nothing was done."""
        now = self._clock()
        paused_until = self.budget.paused_until
        if paused_until is not None and paused_until > now:
            raise StageUnreadable(Trouble.LIMITED, self.budget.pause_reason, retry_at=paused_until)
        answer = self._send_once(verb, path, payload, parameters)
        if answer.status == 401 and self.credentials.renew():
            answer = self._send_once(verb, path, payload, parameters)
        return answer

    def _send_once(self, verb: str, path: str | None, payload: object, parameters: Mapping[str, str] | None) -> Answer:
        wire = self._wire()
        self.requests += 1
        answer = wire.send(verb, path or wire.graphql_url, payload, parameters)
        self.headers = answer.headers
        self._note(answer, for_graphql=path is None)
        return answer

    def _note(self, answer: Answer, *, for_graphql: bool) -> None:
        """Keep what the answer tells of the budget. Hosts without limits (Enterprise) tell nothing."""
        headers, now = answer.headers, self._clock()
        limit, remaining = number(headers.get("x-ratelimit-limit")), number(headers.get("x-ratelimit-remaining"))
        if limit is None or remaining is None:
            return
        resource = headers.get("x-ratelimit-resource", "graphql" if for_graphql else "core")
        limit, remaining = (min(max(each, 0), MOST_OF_A_COUNT) for each in (limit, remaining))
        renewed_at = reset_at(headers, now)
        if resource == "graphql":
            self.budget = replace(
                self.budget,
                graphql_limit=limit,
                graphql_remaining=remaining,
                graphql_reset_at=renewed_at,
                measured_at=now,
            )
        elif resource == "core":
            self.budget = replace(
                self.budget, rest_limit=limit, rest_remaining=remaining, rest_reset_at=renewed_at, measured_at=now
            )

    def _pause(self, trouble: StageUnreadable) -> StageUnreadable:
        until = trouble.retry_at or self._clock() + timedelta(minutes=1)
        self.budget = replace(self.budget, paused_until=until, pause_reason=trouble.message, measured_at=self._clock())
        return trouble

    def _wire(self) -> Wire:
        token = self.credentials.token(self._clock())
        if self._wired is None or self._wired[0] != token:
            self._wired = token, Wire(self.credentials.api_url, token)
        return self._wired[1]

    def _redirected_to(self, answer: Answer) -> int | None:
        """The id of the repository that a redirect points to; None unless it is on this very host."""
        target = urlsplit(urljoin(self.credentials.api_url + "/", answer.location))
        home = urlsplit(self.credentials.api_url)
        found = _REPOSITORY_ID.search(target.path)
        if (target.scheme, target.netloc) != (home.scheme, home.netloc) or found is None:
            return None
        return int(found[1])


def _host(api_url: str) -> str:
    """For sentences only; an address that makes no sense is refused when it is used."""
    try:
        return urlsplit(api_url).hostname or "an unknown host"
    except ValueError:
        return "an unknown host"


def repository_path(owner: str, name: str, rest: str = "") -> str:
    """Where a repository is in the REST API. Raises StageUnreadable for names that GitHub does not allow."""
    if _NAME.fullmatch(owner) and _NAME.fullmatch(name) and name not in (".", ".."):
        return f"/repos/{owner}/{name}{rest}"
    raise StageUnreadable(Trouble.MISCONFIGURED, "The repository must be written as owner/name, e.g. artsy/candela.")


def _unsent(trouble: StageUnreadable, status: int = 0) -> ActRefused:
    """The act was not done, because of this."""
    is_limit = trouble.trouble is Trouble.LIMITED
    return ActRefused(
        status,
        trouble.message,
        code=RefusalCode.LIMITED if is_limit else RefusalCode.OTHER,
        transient=is_limit or isinstance(trouble, Passing),
        retry_at=trouble.retry_at,
    )
