"""Where stages are now: one GraphQL query for the branches and tags of up to 50 repositories."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from django.conf import settings

from projects import github_tags
from projects.github_batches import in_batches
from projects.github_client import GitHubClient
from projects.github_heads_query import (
    Entry,
    Found,
    Names,
    Outcome,
    add_tags,
    empty,
    heads_query,
    more_tags_query,
    outcome_of,
)
from projects.github_renames import as_written, name_taken, trace_by_id
from projects.reading import Head, Question, StageUnreadable, Trouble, Where
from projects.remotes import UnsafeRemote, git_host_of_api, parse_remote, repository_of, same_host

REPOSITORIES_OF_A_QUERY: Final = 50
_BRANCHES_OF_AN_ENTRY: Final = 20


def repository_at(remote: str, api_url: str) -> tuple[str, str]:
    """Owner and name of the repository that a stage's remote names on this host. Raises StageUnreadable."""
    try:
        parsed = parse_remote(remote, insecure_hosts=settings.INSECURE_HOSTS)
        host = git_host_of_api(api_url)
        if same_host(parsed, host) or (host == "github.com" and parsed.host in ("ssh.github.com", "www.github.com")):
            return repository_of(parsed)
        words = (
            f"The remote is on {parsed.host}, and the profile is for {host}: credentials go to their profile's host "
            "and to no other. Choose another profile for this stage, or correct the remote."
        )
    except UnsafeRemote as error:
        words = str(error)
    raise StageUnreadable(Trouble.UNSAFE, words)


class HeadReader:
    """One round of questions. `known` maps owner/name in lower case to the host's id of the repository."""

    def __init__(self, client: GitHubClient, known: Mapping[str, int]) -> None:
        self._client = client
        self._known = known

    def read(self, questions: Iterable[Question]) -> dict[Question, Head | StageUnreadable]:
        answers: dict[Question, Head | StageUnreadable] = {}
        groups: dict[str, tuple[tuple[str, str], list[Question]]] = {}
        for question in dict.fromkeys(questions):
            try:
                repository = self._repository(question)
            except StageUnreadable as error:
                answers[question] = error
            else:
                groups.setdefault("/".join(repository).lower(), (repository, []))[1].append(question)
        entries = {path: _entries(repository, asked) for path, (repository, asked) in groups.items()}
        outcomes = self._ask([entry for parts in entries.values() for entry in parts])
        for path, (_, asked) in groups.items():
            for question in asked:
                entry = next(part for part in entries[path] if _covers(part, question))
                answers[question] = _answer(question, outcomes[entry])
        return answers

    def _repository(self, question: Question) -> tuple[str, str]:
        if question.where is not Where.HOKUSAI:
            return repository_at(question.remote, self._client.credentials.api_url)
        raise StageUnreadable(
            Trouble.MISCONFIGURED,
            "This stage is an image tag of a container registry, and its profile is GitHub's: choose an AWS profile.",
        )

    def _ask(self, entries: Sequence[Entry]) -> dict[Entry, Outcome]:
        outcomes = self._ask_heads(entries, as_written)
        outcomes.update(self._ask_heads(self._strays(outcomes), self._client.current))
        for entry, outcome in outcomes.items():
            if isinstance(outcome, Found):
                self._client.learn(entry.owner, entry.name, outcome.facts)
        self._ask_more_tags(outcomes)
        return outcomes

    def _ask_heads(self, entries: Sequence[Entry], names: Names) -> dict[Entry, Outcome]:
        ask = partial(self._ask_batch, names)
        return in_batches(entries, ask, most=REPOSITORIES_OF_A_QUERY, use=("heads", self._client.identity))

    def _ask_batch(self, names: Names, entries: Sequence[Entry], divisible: bool) -> dict[Entry, Outcome]:
        query, variables = heads_query(entries, names)
        answer = self._client.graphql(query, variables, divisible=divisible)
        whom = self._client.whom
        return {entry: outcome_of(entry, f"r{place}", answer, whom) for place, entry in enumerate(entries)}

    # --- renamed repositories whose name was taken, or no longer leads to them ----------------------------------------

    def _strays(self, outcomes: dict[Entry, Outcome]) -> list[Entry]:
        """Those to ask again under another name. The others get their trouble: never another repository's heads."""
        strays = {entry: outcome for entry, outcome in outcomes.items() if self._is_stray(entry, outcome)}
        trace = trace_by_id(self._client, self._known, [(entry.owner, entry.name) for entry in strays])
        for entry, outcome in strays.items():
            path = entry.path.lower()
            if trouble := trace.troubles.get(path) or (name_taken(entry.path) if isinstance(outcome, Found) else None):
                outcomes[entry] = trouble
        return [entry for entry in strays if entry.path.lower() in trace.found]

    def _is_stray(self, entry: Entry, outcome: Outcome) -> bool:
        known = self._known.get(entry.path.lower())
        if known is None:
            return False
        if isinstance(outcome, Found):
            return outcome.facts.host_id != known
        return outcome.trouble is Trouble.NOT_FOUND

    # --- tags beyond the first page -----------------------------------------------------------------------------------

    def _ask_more_tags(self, outcomes: dict[Entry, Outcome]) -> None:
        for page in range(2, github_tags.MOST_PAGES + 1):
            waiting = {entry: found for entry, found in outcomes.items() if _wants_more_tags(entry, found, page)}
            if not waiting:
                return
            troubles = in_batches(
                list(waiting),
                lambda entries, divisible: self._ask_tags(entries, outcomes, divisible),
                most=REPOSITORIES_OF_A_QUERY,
                use=("tags", self._client.identity),
            )
            outcomes.update({entry: trouble for entry, trouble in troubles.items() if trouble is not None})

    def _ask_tags(
        self, entries: Sequence[Entry], outcomes: Mapping[Entry, Outcome], divisible: bool
    ) -> dict[Entry, StageUnreadable | None]:
        founds = [found for entry in entries if isinstance(found := outcomes[entry], Found)]
        query, variables = more_tags_query(entries, [found.cursor or "" for found in founds], self._client.current)
        answer = self._client.graphql(query, variables, divisible=divisible)
        for place, (entry, found) in enumerate(zip(entries, founds, strict=True)):
            add_tags(found, entry, f"r{place}", answer, self._client.whom)
        return dict.fromkeys(entries)


def _entries(repository: tuple[str, str], questions: Sequence[Question]) -> list[Entry]:
    """What to ask of one repository, in parts where it has very many stages; the tags are asked for once."""
    branches = [question.name for question in questions if question.where is Where.BRANCH]
    patterns = tuple(question.name for question in questions if question.where is Where.TAG_PATTERN)
    cut = [
        tuple(branches[start : start + _BRANCHES_OF_AN_ENTRY])
        for start in range(0, len(branches), _BRANCHES_OF_AN_ENTRY)
    ]
    return [Entry(*repository, names, patterns if part == 0 else (), part) for part, names in enumerate(cut or [()])]


def _covers(entry: Entry, question: Question) -> bool:
    return question.name in (entry.branches if question.where is Where.BRANCH else entry.patterns)


def _wants_more_tags(entry: Entry, outcome: Outcome, page: int) -> bool:
    if not isinstance(outcome, Found) or outcome.cursor is None:
        return False
    tags = outcome.tags
    return page <= github_tags.SURE_PAGES or any(github_tags.newest(name, tags) is None for name in entry.patterns)


def _answer(question: Question, outcome: Outcome) -> Head | StageUnreadable:
    if isinstance(outcome, StageUnreadable):
        return outcome
    if question.where is Where.BRANCH:
        return outcome.branches[question.name]
    if outcome.tags_trouble is not None:
        return outcome.tags_trouble
    facts = outcome.facts
    if tag := github_tags.newest(question.name, outcome.tags):
        return Head(tag.sha, tag.tree, tag.name, facts)
    if outcome.is_empty:
        return empty(facts)
    bound = "" if outcome.cursor is None else f" among its newest {len(outcome.tags)}"
    return StageUnreadable(
        Trouble.GONE,
        f'{facts.owner}/{facts.name} has no tag that matches "{question.name}"{bound}. Push one, or correct the tag '
        "pattern of the stage.",
    )
