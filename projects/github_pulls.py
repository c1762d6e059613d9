"""Releases on GitHub: how they stand, and the acts that move them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from projects import github_assign, github_queue, github_upkeep
from projects.cleaning import clean_line
from projects.github_acts import create_pull_request, merge_pull_request
from projects.github_answers import GraphQLAnswer, parse
from projects.github_batches import in_batches
from projects.github_budget import Budget
from projects.github_checks import Checks, ChecksQuestion, checks_of
from projects.github_client import GitHubClient
from projects.github_pulls_answers import own_pulls, page_of, pull_request_of, release_state_of
from projects.github_pulls_query import Names, latest_pulls_query, more_pulls_query, pull_query, releases_query
from projects.github_queue import QueueResult, QueueStatus
from projects.github_removal import Removal, removal_of
from projects.github_renames import as_written, name_taken, trace_by_id
from projects.github_squash import was_rebased
from projects.github_troubles import broken, unreadable
from projects.github_upkeep import Status
from projects.github_values import (
    ActRefused,
    AnswerLost,
    Check,
    CheckState,
    PullRequest,
    RefusalCode,
    ReleaseQuestion,
    ReleaseState,
)
from projects.models import Profile
from projects.reading import StageUnreadable, Trouble

__all__ = [
    "ActRefused",
    "AnswerLost",
    "Check",
    "CheckState",
    "GitHub",
    "PullRequest",
    "QueueResult",
    "QueueStatus",
    "RefusalCode",
    "ReleaseQuestion",
    "ReleaseState",
    "Removal",
    "Status",
]

RELEASES_OF_A_QUERY: Final = 50
MOST_PAGES: Final = 20  # of open pull requests; forks may have opened many from branches of the same name


@dataclass(slots=True)
class _Found:
    """A release without its checks. `cursor` leads to further pull requests, wanted while none of our own was found."""

    state: ReleaseState
    cursor: str | None


Outcome = _Found | StageUnreadable


class GitHub:
    """Reads release states and acts on pull requests with the credentials of one profile, for one thread."""

    def __init__(self, profile: Profile) -> None:
        self._client = GitHubClient(profile)

    @property
    def budget(self) -> Budget:
        """As the latest answer told it."""
        return self._client.budget

    def login(self) -> str:
        """Whose credentials these are, in the form of `PullRequest.merged_by`; one request, empty where GitHub does not
        say."""
        return self._client.login()

    # --- reads ------------------------------------------------------------------------------------------------------

    def release_states(
        self, questions: Iterable[ReleaseQuestion], known: Mapping[str, int] | None = None
    ) -> dict[ReleaseQuestion, ReleaseState | StageUnreadable]:
        """How these releases stand now; a trouble with one of them is its own answer.

        `known` maps owner/name (lower case) to the host's id of the repository, as in `GitHubReader.heads`: acts that
        follow go to the repository that was found, whatever its name is now.
        """
        wanted = list(dict.fromkeys(questions))
        outcomes = self._ask(wanted, as_written)
        outcomes.update(self._ask(self._strays(outcomes, known or {}), self._client.current))
        for question, outcome in outcomes.items():
            if isinstance(outcome, _Found):
                self._client.learn(question.owner, question.name, outcome.state.repository)
        self._ask_more_pulls(outcomes)
        return self._with_checks(outcomes)

    def pull_request(self, owner: str, name: str, number: int) -> PullRequest:
        """One pull request with its checks, open or not. Raises StageUnreadable."""
        path = f"{owner}/{name}"
        answer = self._client.graphql(*pull_query(*self._client.current(owner, name), number))
        repository = answer.data.get("r0")
        if not isinstance(repository, dict):
            raise unreadable(answer.error_at("r0"), self._client.whom, path)
        found = repository.get("pullRequest")
        if found is None:
            error = answer.error_at("r0", "pullRequest")
            if error is None or error.kind == "NOT_FOUND":
                raise StageUnreadable(Trouble.GONE, f"{path} has no pull request {number}.")
            raise unreadable(error, self._client.whom, path)
        pull = pull_request_of(found)
        if pull is None:
            raise broken(self._client.whom, path)
        question = ChecksQuestion(owner, name, pull.head_sha, pull.number)
        return _checked(pull, checks_of(self._client, [question])[question])

    def latest_pull_requests(self, owner: str, name: str, head: str) -> tuple[PullRequest, ...]:
        """The newest pull requests from this branch of the repository itself, newest first, open or not, without their
        checks. Raises StageUnreadable."""
        path = f"{owner}/{name}"
        answer = self._client.graphql(*latest_pulls_query(*self._client.current(owner, name), head))
        repository = answer.data.get("r0")
        page = page_of(repository.get("pullRequests")) if isinstance(repository, dict) else None
        if repository is None or page is None:
            raise unreadable(answer.error_at("r0"), self._client.whom, path)
        return tuple(pull for pull in page.pulls if pull.head_repository_id == repository.get("databaseId"))

    def closer(self, owner: str, name: str, number: int) -> str:
        """Who closed the pull request; empty where GitHub does not say. Raises StageUnreadable."""
        found = parse(self._client.get_of_repository(owner, name, f"/issues/{number}").body)
        person = found.get("closed_by") if isinstance(found, dict) else None
        return clean_line(str(person.get("login") or ""), 100) if isinstance(person, dict) else ""

    def contributors(self, owner: str, name: str, number: int) -> tuple[str, ...]:
        """The people of its commits, those with the most commits first. Raises StageUnreadable."""
        return github_assign.contributors(self._client, owner, name, number)

    def can_be_assigned(self, owner: str, name: str, login: str) -> bool:
        """Raises StageUnreadable."""
        return github_assign.can_be_assigned(self._client, owner, name, login)

    def merge_result(self, owner: str, name: str, number: int, request_id: str) -> QueueResult:
        """What became of an asynchronous merge. Raises StageUnreadable."""
        return github_queue.result_of(self._client, owner, name, number, request_id)

    def removal(self, owner: str, name: str, number: int) -> Removal | None:
        """How it left its merge queue last; None where GitHub does not tell. Raises StageUnreadable."""
        return removal_of(self._client, owner, name, number)

    def was_rebased(self, owner: str, name: str, pull: PullRequest) -> bool:
        """Of one that was merged by a commit of one parent: rebased, else squashed. Raises StageUnreadable."""
        return was_rebased(self._client, owner, name, pull)

    # --- acts -------------------------------------------------------------------------------------------------------

    def create_pull_request(self, owner: str, name: str, *, base: str, head: str, title: str, body: str) -> PullRequest:
        """Raises ActRefused, AnswerLost. Never sent twice."""
        return create_pull_request(self._client, owner, name, base=base, head=head, title=title, body=body)

    def merge_pull_request(
        self,
        owner: str,
        name: str,
        number: int,
        *,
        sha: str,
        method: str = "merge",
        title: str | None = None,
        message: str | None = None,
    ) -> str:
        """Merge exactly this head; the sha of the merge. Raises ActRefused, AnswerLost. Never sent twice."""
        return merge_pull_request(
            self._client, owner, name, number, sha=sha, method=method, title=title, message=message
        )

    def merge_asynchronously(
        self, owner: str, name: str, number: int, *, sha: str, method: str = "merge"
    ) -> QueueResult:
        """The same, through the base's merge queue where it has one. Raises ActRefused, AnswerLost."""
        return github_queue.merge_asynchronously(self._client, owner, name, number, sha=sha, method=method)

    def dequeue(self, pull: PullRequest) -> None:
        """Take it out of its merge queue; `pull` comes from `pull_request`. Raises ActRefused, AnswerLost."""
        github_queue.dequeue(self._client, pull.node_id)

    def assign(self, owner: str, name: str, number: int, login: str) -> bool:
        """Whether this person is assigned now. Raises ActRefused, AnswerLost."""
        return github_assign.assign(self._client, owner, name, number, login)

    # --- acts around a release: all raise ActRefused, AnswerLost, and none is ever sent twice ------------------------

    def set_status(self, owner: str, name: str, sha: str, status: Status, *, target_url: str = "") -> None:
        github_upkeep.set_status(self._client, owner, name, sha, status, target_url=target_url)

    def comment(self, owner: str, name: str, number: int, body: str) -> None:
        github_upkeep.comment(self._client, owner, name, number, body)

    def edit_pull_request(self, owner: str, name: str, number: int, *, body: str) -> None:
        github_upkeep.edit_pull_request(self._client, owner, name, number, body=body)

    def create_branch(self, owner: str, name: str, branch: str, sha: str) -> None:
        github_upkeep.create_branch(self._client, owner, name, branch, sha)

    def statuses(self, owner: str, name: str, sha: str) -> tuple[Status, ...]:
        """Of a commit, newest first. Raises StageUnreadable."""
        return github_upkeep.statuses(self._client, owner, name, sha)

    def comments(self, owner: str, name: str, number: int) -> tuple[str, ...]:
        """The texts of a pull request's comments, oldest first. Raises StageUnreadable."""
        return github_upkeep.comments(self._client, owner, name, number)

    # --- asking -----------------------------------------------------------------------------------------------------

    def _ask(self, questions: Sequence[ReleaseQuestion], names: Names) -> dict[ReleaseQuestion, Outcome]:
        ask = partial(self._ask_batch, names)
        return in_batches(questions, ask, most=RELEASES_OF_A_QUERY, use=("releases", self._client.identity))

    def _ask_batch(
        self, names: Names, questions: Sequence[ReleaseQuestion], divisible: bool
    ) -> dict[ReleaseQuestion, Outcome]:
        query, variables = releases_query(questions, names)
        answer = self._client.graphql(query, variables, divisible=divisible)
        return {question: self._outcome(question, f"r{place}", answer) for place, question in enumerate(questions)}

    def _outcome(self, question: ReleaseQuestion, alias: str, answer: GraphQLAnswer) -> Outcome:
        whom, path = self._client.whom, f"{question.owner}/{question.name}"
        found = answer.data.get(alias)
        if not isinstance(found, dict):
            return unreadable(answer.error_at(alias), whom, path)
        state = release_state_of(found, alias, answer)
        page = page_of(found.get("pullRequests"))
        if state is None or page is None:
            return unreadable(answer.error_at(alias), whom, path)
        own = own_pulls(page.pulls, question, state.repository.host_id)
        return _Found(replace(state, pull_requests=own), None if own else page.next_cursor)

    def _strays(self, outcomes: dict[ReleaseQuestion, Outcome], known: Mapping[str, int]) -> list[ReleaseQuestion]:
        """Those to ask again under another name. The others get their trouble: never another repository's state."""
        strays = {question: outcome for question, outcome in outcomes.items() if _is_stray(question, outcome, known)}
        trace = trace_by_id(self._client, known, [(question.owner, question.name) for question in strays])
        for question, outcome in strays.items():
            taken = name_taken(f"{question.owner}/{question.name}") if isinstance(outcome, _Found) else None
            if trouble := trace.troubles.get(_path(question)) or taken:
                outcomes[question] = trouble
        return [question for question in strays if _path(question) in trace.found]

    def _ask_more_pulls(self, outcomes: dict[ReleaseQuestion, Outcome]) -> None:
        for _ in range(MOST_PAGES):
            waiting = [question for question, found in outcomes.items() if isinstance(found, _Found) and found.cursor]
            if not waiting:
                return
            outcomes.update(
                in_batches(
                    waiting,
                    lambda batch, divisible: self._ask_pulls(batch, outcomes, divisible),
                    most=RELEASES_OF_A_QUERY,
                    use=("pulls", self._client.identity),
                )
            )
        for question, found in outcomes.items():
            if isinstance(found, _Found) and found.cursor:
                outcomes[question] = StageUnreadable(
                    Trouble.TOO_LARGE,
                    f"{question.owner}/{question.name} has too many open pull requests from {question.head} to "
                    f"{question.base} to find Horizon's own: close those of forks.",
                )

    def _ask_pulls(
        self, batch: Sequence[ReleaseQuestion], outcomes: Mapping[ReleaseQuestion, Outcome], divisible: bool
    ) -> dict[ReleaseQuestion, Outcome]:
        founds = {question: found for question in batch if isinstance(found := outcomes[question], _Found)}
        query, variables = more_pulls_query(
            batch, [found.cursor or "" for found in founds.values()], self._client.current
        )
        answer = self._client.graphql(query, variables, divisible=divisible)
        result: dict[ReleaseQuestion, Outcome] = {}
        for place, (question, found) in enumerate(founds.items()):
            page = page_of((answer.data.get(f"r{place}") or {}).get("pullRequests"))
            if page is None:
                path = f"{question.owner}/{question.name}"
                result[question] = unreadable(answer.error_at(f"r{place}"), self._client.whom, path)
                continue
            own = own_pulls(page.pulls, question, found.state.repository.host_id)
            result[question] = _Found(replace(found.state, pull_requests=own), None if own else page.next_cursor)
        return result

    # --- checks -----------------------------------------------------------------------------------------------------

    def _with_checks(
        self, outcomes: Mapping[ReleaseQuestion, Outcome]
    ) -> dict[ReleaseQuestion, ReleaseState | StageUnreadable]:
        asked = {question: _checks_questions(question, found) for question, found in outcomes.items()}
        checks = checks_of(self._client, [each for several in asked.values() for each in several])
        answers: dict[ReleaseQuestion, ReleaseState | StageUnreadable] = {}
        for question, outcome in outcomes.items():
            if isinstance(outcome, StageUnreadable):
                answers[question] = outcome
                continue
            found = [checks[each] for each in asked[question]]
            pulls = outcome.state.pull_requests
            if pulls:
                answers[question] = replace(
                    outcome.state,
                    pull_requests=tuple(_checked(pull, each) for pull, each in zip(pulls, found, strict=True)),
                    checks=tuple(found[0].checks),
                    checks_complete=found[0].complete,
                )
            elif found:
                answers[question] = replace(
                    outcome.state, checks=tuple(found[0].checks), checks_complete=found[0].complete
                )
            else:
                answers[question] = outcome.state
        return answers


def _path(question: ReleaseQuestion) -> str:
    return f"{question.owner}/{question.name}".lower()


def _is_stray(question: ReleaseQuestion, outcome: Outcome, known: Mapping[str, int]) -> bool:
    host_id = known.get(_path(question))
    if host_id is None:
        return False
    if isinstance(outcome, _Found):
        return outcome.state.repository.host_id != host_id
    return outcome.trouble is Trouble.NOT_FOUND


def _checks_questions(question: ReleaseQuestion, outcome: Outcome) -> list[ChecksQuestion]:
    """One for each pull request, else one for the head commit where it waits for its release."""
    if isinstance(outcome, StageUnreadable):
        return []
    state = outcome.state
    if state.pull_requests:
        return [
            ChecksQuestion(question.owner, question.name, pull.head_sha, pull.number) for pull in state.pull_requests
        ]
    if state.head_sha is None or state.ahead == 0:
        return []
    return [ChecksQuestion(question.owner, question.name, state.head_sha, None)]


def _checked(pull: PullRequest, checks: Checks) -> PullRequest:
    return replace(pull, checks=tuple(checks.checks), checks_complete=checks.complete, assignees=checks.assignees)
