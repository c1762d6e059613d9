"""Many questions in few queries: batches that are halved when GitHub cannot manage them, and an end to asking a host
that does not answer."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from projects.github_troubles import TooHeavy
from projects.reading import StageUnreadable, Trouble

Item = TypeVar("Item")
Found = TypeVar("Found")
Answers = dict[Item, Found | StageUnreadable]

LEAST: Final = 5  # to begin with: one repository that GitHub cannot manage must not slow all the others down
LOST_SECONDS: Final = 30  # spent on queries that failed: then the rest is not asked
MOST_FAILURES: Final = 3  # in a row
_ONE_BATCH: Final = (Trouble.BROKEN_ANSWER, Trouble.TOO_LARGE)

# How many items a query may hold, as learned for each use of each profile. A process starts with the most and
# approaches it again after every round that went well.
_learned: dict[tuple[object, ...], int] = {}


def in_batches(
    items: Sequence[Item],
    ask: Callable[[Sequence[Item], bool], Mapping[Item, Found | StageUnreadable]],
    *,
    most: int,
    use: tuple[object, ...],
) -> Answers[Item, Found]:
    """An answer for each item. `ask(batch, divisible)` answers every item or raises StageUnreadable for all of them."""
    size = min(_learned.get(use, most), most)
    went_well = True
    answers: Answers[Item, Found] = {}
    waiting: deque[Sequence[Item]] = deque(items[start : start + size] for start in range(0, len(items), size))
    failures, lost_seconds = 0, 0.0
    while waiting:
        batch = waiting.popleft()
        began = time.monotonic()
        heavy, trouble = _ask(batch, ask, answers)
        if trouble is None and not heavy:
            failures = 0
            continue
        lost_seconds += time.monotonic() - began
        if not heavy:
            failures += 1
        elif len(heavy) == 1:
            went_well = False
            waiting.append(heavy)  # alone, where its answer is final
        else:
            went_well = False
            size = max(1, min(size, (len(batch) + 1) // 2))
            waiting = deque(_cut([*heavy, *(item for rest in waiting for item in rest)], size))
        if _is_hopeless(trouble, failures, lost_seconds):
            end = trouble or StageUnreadable(Trouble.UNREACHABLE, "GitHub does not manage its answers in time.")
            answers.update({item: end for rest in waiting for item in rest})
            waiting.clear()
    _learned[use] = min(size * 2, most) if went_well else max(size, LEAST)
    return answers


def _cut(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _ask(
    batch: Sequence[Item],
    ask: Callable[[Sequence[Item], bool], Mapping[Item, Found | StageUnreadable]],
    answers: Answers[Item, Found],
) -> tuple[list[Item], StageUnreadable | None]:
    """Fill in the answers; what is to be asked again in smaller batches, and the trouble of the whole batch."""
    divisible = len(batch) > 1
    try:
        found = ask(batch, divisible)
    except StageUnreadable as error:
        if divisible and isinstance(error, TooHeavy):
            return list(batch), error
        answers.update(dict.fromkeys(batch, error))
        return [], error
    heavy = [item for item in batch if divisible and isinstance(found[item], TooHeavy)]
    answers.update({item: found[item] for item in batch if item not in heavy})
    return heavy, None


def _is_hopeless(trouble: StageUnreadable | None, failures: int, lost_seconds: float) -> bool:
    if failures >= MOST_FAILURES or lost_seconds > LOST_SECONDS:
        return True
    return trouble is not None and not isinstance(trouble, TooHeavy) and trouble.trouble not in _ONE_BATCH
