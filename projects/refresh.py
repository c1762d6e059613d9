"""Read what changed of one project, and store it: a new snapshot only when something changed.

Two steps, so that slow hosts are asked outside of any transaction and in any thread: `read` asks, `store` writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from projects import compare, live
from projects.cleaning import clean_line
from projects.models import Comparison, Project, ProjectPoll, Snapshot, Stage, StageHead, StageMove
from projects.reading import Commit, Difference, Head, StageUnreadable, Trouble
from projects.sighting import (
    GOOD_STATES,
    Answer,
    Ask,
    Pair,
    Reading,
    Sighting,
    differs_from_stored,
    fingerprint,
    label_of,
)
from projects.snapshots import CERTAIN_TROUBLE, commit_from_json, comparison_of, content, snapshot_of

MOST = 2**31 - 1  # that a column for counts holds


def read(sighting: Sighting, asks: Mapping[int, Ask]) -> Reading:
    """Ask the hosts for what changed. `asks` is by the id of each stage that has a git remote.

    Touches no database, so it may run in any thread.
    """
    listener = _Listener(asks)
    compared = {
        pair.position: _read_pair(pair, sighting.stages, listener) for pair in sighting.pairs if pair.needs_host
    }
    forced = frozenset(
        stage.pk for stage in sighting.stages if _was_forced(stage, sighting.answers[stage.pk], listener)
    )
    return Reading(compared, forced)


class _Listener:
    """Asks hosts, and remembers which commits each answer proved to be in the history of its head."""

    def __init__(self, asks: Mapping[int, Ask]) -> None:
        self.asks = asks
        self.histories: dict[str, set[str]] = {}

    def __call__(self, stage: Stage, base: str, head: str) -> Difference:
        answer = _storable(self.asks[stage.pk].difference(base, head))
        history = self.histories.setdefault(head, set())
        for commit in answer.commits:
            history.update([commit.sha, *commit.parents])
        if answer.behind == 0:
            history.add(base)
        return answer


def _storable(told: Difference) -> Difference:
    """Readers clean what they read; this is the wall behind them: whatever comes, the database takes it and pages show
    it."""
    return replace(
        told,
        commits=tuple(_storable_commit(commit) for commit in told.commits),
        total=min(told.total, MOST),
        behind=None if told.behind is None else min(told.behind, MOST),
        url=clean_line(told.url, 2000) if told.url else None,
    )


def _storable_commit(commit: Commit) -> Commit:
    return replace(
        commit,
        subject=clean_line(commit.subject),
        author=clean_line(commit.author, 200),
        email=clean_line(commit.email, 254),
        login=clean_line(commit.login, 100) if commit.login else None,
        url=clean_line(commit.url, 2000) if commit.url else None,
    )


def _read_pair(pair: Pair, stages: Sequence[Stage], ask: _Listener) -> compare.Compared | StageUnreadable:
    """Compare in the first repository that has both commits: the one of a stage may lack the other's, e.g. Heroku's."""
    candidates = [stage for stage in dict.fromkeys([pair.ahead, pair.behind, *stages]) if stage.pk in ask.asks]
    trouble = StageUnreadable(
        Trouble.MISCONFIGURED,
        "No stage of this project has a git remote in which these commits can be compared: add one.",
    )
    for number, stage in enumerate(candidates):
        try:
            return _compare(pair, stage, ask)
        except StageUnreadable as error:
            trouble = error if number == 0 else trouble
            if error.trouble is not Trouble.GONE:
                return error
    return trouble


def _compare(pair: Pair, stage: Stage, ask: _Listener) -> compare.Compared:
    ahead, behind = pair.both()
    forward = ask(stage, behind.sha, ahead.sha)
    known = pair.known if pair.known and pair.known.state in GOOD_STATES else None
    backward = None
    if compare.backward_is_needed(
        forward,
        behind_moved=known is None or known.behind_sha != behind.sha,
        known_behind=known.behind_total if known else None,
    ):
        backward = ask(stage, ahead.sha, behind.sha)
    known_drift = [commit_from_json(each) for each in known.drift_commits] if known else []
    compared = compare.compare(behind, forward, backward, known_drift)
    if compared.may_be_squashed(behind.sha) and (squashed := ask.asks[stage.pk].squashed_head(behind.sha)):
        return compare.compare(behind, forward, backward, known_drift, squashed)
    return compared


def _was_forced(stage: Stage, answer: Answer, ask: _Listener) -> bool:
    """Whether the stage left its last commit behind: that one is not in the history of the new one."""
    head: StageHead | None = getattr(stage, "head", None)
    if head is None or not head.sha or not isinstance(answer, Head) or answer.sha == head.sha:
        return False
    if head.sha in ask.histories.get(answer.sha, ()):
        return False
    if stage.pk not in ask.asks:
        return False
    try:
        return bool(ask(stage, head.sha, answer.sha).behind)
    except StageUnreadable as error:
        return error.trouble in (Trouble.GONE, Trouble.UNRELATED)


@transaction.atomic
def store(sighting: Sighting, reading: Reading, *, lease: UUID, now: datetime) -> bool:
    """Write what changed and give the lease back; True when there is a new snapshot.

    Writes nothing when the lease was lost to another worker: what that one read is newer.
    """
    poll = ProjectPoll.objects.select_for_update().get(project=sighting.project)
    if poll.lease != lease:
        return False
    _store_heads(sighting, reading.forced, now)
    comparisons = [comparison_of(pair, reading.compared.get(pair.position)) for pair in sighting.pairs]
    snapshot = snapshot_of(sighting, reading, comparisons, poll.refreshed_at, now)
    changed = sighting.current is None or content(sighting.current, sighting.current.comparisons.all()) != content(
        snapshot, comparisons
    )
    if changed:
        _replace(sighting.project, snapshot, comparisons)
        live.announce([sighting.project.pk])
    unread = any(isinstance(each, StageUnreadable) for each in reading.compared.values())
    # A comparison that failed is asked again by the next poll, though no stage moves until then.
    poll.configuration = "" if unread else fingerprint(sighting.stages)
    poll.refreshed_at, poll.lease, poll.leased_until = now, None, now
    poll.save(update_fields=["configuration", "refreshed_at", "lease", "leased_until"])
    return changed


def _store_heads(sighting: Sighting, forced: frozenset[int], now: datetime) -> None:
    for stage in sighting.stages:
        answer = sighting.answers[stage.pk]
        if differs_from_stored(stage, answer):
            head: StageHead = getattr(stage, "head", None) or StageHead(stage=stage, since=now)
            _store_head(sighting.project, head, answer, forced=stage.pk in forced, now=now)


def _store_head(project: Project, head: StageHead, answer: Answer, *, forced: bool, now: datetime) -> None:
    if isinstance(answer, Head):
        new, head.error = answer.sha, ""
        head.tree, head.label = answer.tree or "", label_of(answer)
    else:
        new, head.error = "" if answer.trouble in CERTAIN_TROUBLE else head.sha, answer.message
    if new != head.sha:
        StageMove.objects.create(
            project=project, project_name=str(project), stage_name=head.stage.name,
            from_sha=head.sha, to_sha=new, label=head.label if new else "", forced=forced, seen_at=now,
        )  # fmt: skip
        head.sha, head.since = new, now
    head.save()


def _replace(project: Project, snapshot: Snapshot, comparisons: Sequence[Comparison]) -> None:
    project.snapshots.filter(is_current=True).update(is_current=False)
    snapshot.save()
    for comparison in comparisons:
        comparison.snapshot = snapshot
    Comparison.objects.bulk_create(comparisons)
