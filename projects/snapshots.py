"""From a sighting to the snapshot and comparisons that are stored: what pages and the API show."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from projects import compare
from projects.models import Comparison, Snapshot
from projects.reading import Commit, Head, StageUnreadable, Trouble
from projects.sighting import Pair, Reading, Sighting

State = Comparison.State
# What the host says for certain; every other trouble says nothing about the stage, and the last good answer stays.
CERTAIN_TROUBLE = {Trouble.GONE, Trouble.EMPTY}


def snapshot_of(
    sighting: Sighting,
    reading: Reading,
    comparisons: Sequence[Comparison],
    refreshed_at: datetime | None,
    now: datetime,
) -> Snapshot:
    error = _told(sighting, reading)
    read_at = None
    if error:
        read_at = sighting.current.read_at if sighting.current and sighting.current.error else refreshed_at
    released = not error and all(comparison.released for comparison in comparisons)
    return Snapshot(project=sighting.project, created_at=now, read_at=read_at, error=error, released=released)


def _told(sighting: Sighting, reading: Reading) -> str:
    """Each trouble once, after the names of what it keeps from being read: most often one token serves all stages."""
    where: dict[str, list[str]] = {}
    for stage in sighting.stages:
        answer = sighting.answers[stage.pk]
        if isinstance(answer, StageUnreadable):
            where.setdefault(answer.message, []).append(stage.name)
    for pair in sighting.pairs:
        outcome = reading.compared.get(pair.position)
        if isinstance(outcome, StageUnreadable):
            where.setdefault(outcome.message, []).append(f"{pair.ahead.name} to {pair.behind.name}")
    return "\n".join(f"{', '.join(names)}: {message}" for message, names in where.items())


def comparison_of(pair: Pair, outcome: compare.Compared | StageUnreadable | None) -> Comparison:
    for answer, state in ((pair.ahead_answer, State.AHEAD_GONE), (pair.behind_answer, State.BEHIND_GONE)):
        if isinstance(answer, StageUnreadable) and answer.trouble in CERTAIN_TROUBLE:
            return _uncompared(pair, State.EMPTY if answer.trouble is Trouble.EMPTY else state, answer.message)
    if isinstance(outcome, StageUnreadable):
        if outcome.trouble is Trouble.UNRELATED:
            return _uncompared(pair, State.UNRELATED, outcome.message)
        return _carried(pair) or _uncompared(pair, State.UNREADABLE, outcome.message)
    if pair.heads is None:
        return _carried(pair) or _uncompared(pair, State.UNREADABLE, "It was not possible to read both stages yet.")
    if outcome is None:
        return (pair.still_true and _carried(pair)) or _compared(pair, compare.Compared(behind_total=0))
    return _compared(pair, outcome)


def _uncompared(pair: Pair, state: State, explanation: str) -> Comparison:
    shas = [answer.sha if isinstance(answer, Head) else "" for answer in (pair.ahead_answer, pair.behind_answer)]
    return Comparison(
        position=pair.position, ahead=pair.ahead.name, behind=pair.behind.name,
        ahead_sha=shas[0], behind_sha=shas[1], state=state, explanation=explanation,
    )  # fmt: skip


def _carried(pair: Pair) -> Comparison | None:
    """The last good comparison, as it was, for a new snapshot."""
    if pair.known is None:
        return None
    values = {f.attname: getattr(pair.known, f.attname) for f in Comparison._meta.concrete_fields}
    return Comparison(**(values | {"id": None, "snapshot_id": None, "position": pair.position}))


def _compared(pair: Pair, outcome: compare.Compared) -> Comparison:
    ahead, behind = pair.both()
    return Comparison(
        position=pair.position, ahead=pair.ahead.name, behind=pair.behind.name,
        ahead_sha=ahead.sha, behind_sha=behind.sha,
        state=State.SQUASHED if outcome.squashed_at else State.COMPARED,
        explanation=_squash_sentence(pair, outcome.squashed_at) if outcome.squashed_at else "",
        count=outcome.count, at_least=outcome.at_least,
        drift=len(outcome.drift), behind_total=outcome.behind_total,
        oldest_at=outcome.oldest, contributors=compare.contributors(outcome.waiting),
        commits=[_json(each.commit, each.pull_request) for each in outcome.waiting],
        drift_commits=[_json(each, None) for each in outcome.drift],
        url=outcome.url or "",
    )  # fmt: skip


def _squash_sentence(pair: Pair, squashed_at: str) -> str:
    return (
        f"{pair.behind.name} holds what {pair.ahead.name} had at {squashed_at[:7]}, but squashed or rebased. "
        "Git counts the original commits as unreleased for ever; they are left out here. To heal it, merge the branch "
        f"of {pair.behind.name} back into that of {pair.ahead.name}, and release with merge commits from now on."
    )


def commits_json(commits: Iterable[Commit]) -> list[dict[str, Any]]:
    """Commits in the form of `Comparison.commits`, their pull requests not known."""
    return [_json(commit, None) for commit in commits]


def _json(commit: Commit, pull_request: int | None) -> dict[str, Any]:
    return {
        "sha": commit.sha,
        "date": commit.date.isoformat(),
        "message": commit.subject,
        "author": commit.author,
        "email": commit.email,
        "login": commit.login,
        "url": commit.url,
        "pull_request": pull_request,
    }


def commit_from_json(told: Mapping[str, Any]) -> Commit:
    return Commit(
        sha=told["sha"], date=datetime.fromisoformat(told["date"]), subject=told["message"], author=told["author"],
        email=told["email"], parents=(), login=told["login"], url=told["url"],
    )  # fmt: skip


def content(snapshot: Snapshot, comparisons: Iterable[Comparison]) -> list[Any]:
    """What makes two snapshots different."""
    skipped = {"id", "snapshot_id"}
    names = [f.attname for f in Comparison._meta.concrete_fields if f.attname not in skipped]
    return [snapshot.error, [[getattr(c, name) for name in names] for c in comparisons]]
