"""Which release of an organization is merged next, where several are ready, as after the end of a freeze: the oldest.

Only what is ready by facts of now is waited for: what is blocked, refused, or was not read for two polls holds up
nobody. One whose merge failed goes behind those whose merge did not: it may fail again and again.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from django.db.models import Count, Exists, F, OuterRef, Q

from releases.decision import Action, decide
from releases.models import Attempt, Intervention, Release
from releases.situation import Facts

Make = Callable[[Sequence[int]], Mapping[int, Facts]]  # the facts of strategies of these ids, order left aside

CHUNK = 20  # whose facts are made at a time: mostly the oldest are ready


def is_ready(facts: Facts) -> bool:
    """Whether it would be merged now, if it were the only release of its organization."""
    if not facts.is_open or (facts.released_now is None and (facts.due is None or facts.due > facts.now)):
        return False  # nearly all of them: a page of a thousand decides each only once
    return decide(replace(facts, merges_unconfirmed=0, older_ready=False)).action is Action.MERGE


def with_order(known: Mapping[int, Facts], organization_of: Mapping[int, int], make: Make) -> dict[int, Facts]:
    """The facts of strategies, by their ids, with how many merges of their organizations are unconfirmed, and whether
    an older release is merged before.

    One query; where one of them is ready, those of `make` as well, if releases that are not among them are older.
    """
    ready = {pk for pk, facts in known.items() if is_ready(facts)}
    merging, lines = _under_way(set(organization_of.values()), {organization_of[pk] for pk in ready})
    firsts = {organization_id: next(_ready(line, known, make), None) for organization_id, line in lines.items()}
    ordered = {}
    for pk, facts in known.items():
        organization_id = organization_of[pk]
        # Its own merge is not one of the others.
        others = merging[organization_id] - (facts.asked_at is not None)
        waits = pk in ready and firsts.get(organization_id) not in (pk, None)
        ordered[pk] = replace(facts, merges_unconfirmed=others, older_ready=waits) if others or waits else facts
    return ordered


def next_in_line(organization_ids: Collection[int], make: Make) -> list[int]:
    """The strategies of the releases that these organizations merge next."""
    _, lines = _under_way(organization_ids, organization_ids) if organization_ids else ({}, {})
    firsts = [next(_ready(line, {}, make), None) for line in lines.values()]
    return [pk for pk in firsts if pk is not None]


def _ready(line: Sequence[int], known: Mapping[int, Facts], make: Make) -> Iterator[int]:
    """Those of the line that are ready, in order."""
    made: dict[int, Facts] = dict(known)
    for place, pk in enumerate(line):
        if pk not in made:
            unknown = [each for each in line[place:] if each not in made]
            made.update(make(unknown[:CHUNK]))
        if pk in made and is_ready(made[pk]):
            yield pk


def _under_way(
    organization_ids: Collection[int], lined_up: Collection[int]
) -> tuple[Mapping[int, int], Mapping[int, list[int]]]:
    """By organization: how many merges are unconfirmed, and (of those that are `lined_up`) the strategies with an open
    release, in order. One query.

    Released now goes first, for that is an emergency; then what did not fail; then the oldest.
    """
    here = Q(strategy__stage__project__organization__in=organization_ids)
    waiting = Q(
        state=Release.State.OPEN,
        strategy__stage__project__organization__in=lined_up,
        strategy__stage__project__archived_at=None,
    )
    failed = Q(
        attempts__act=Attempt.Act.MERGE,
        attempts__sha=F("head_sha"),
        attempts__outcome__in=[Attempt.Outcome.REFUSED, Attempt.Outcome.UNKNOWN],
    )
    wished = Intervention.objects.filter(
        strategy=OuterRef("strategy"), kind=Intervention.Kind.RELEASE_NOW, ended_at=None
    )
    rows = Release.objects.filter(here, waiting | Q(state=Release.State.MERGING))
    rows = rows.annotate(is_rushed=Exists(wished), failures=Count("attempts", filter=failed))
    rows = rows.order_by("-is_rushed", "failures", F("opened_at").asc(nulls_last=True), "pk")
    merging: Counter[int] = Counter()
    lines: dict[int, list[int]] = defaultdict(list)
    for organization_id, state, pk in rows.values_list("strategy__stage__project__organization", "state", "strategy"):
        if state == Release.State.MERGING:
            merging[organization_id] += 1
        else:
            lines[organization_id].append(pk)
    return merging, lines
