"""What `make bench` measures, beside the budget of the design."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import times
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Cost:
    """What one run took: seconds of wall clock, seconds of CPU of this process and its children."""

    seconds: float = 0.0
    cpu: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    cost = Cost()
    began, before = perf_counter(), times()
    yield cost
    after = times()
    cost.seconds = perf_counter() - began
    cost.cpu = sum(after[:4]) - sum(before[:4])


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `budget` is empty where the design names none."""

    what: str
    budget: str
    measured: str


@dataclass(slots=True)
class Table:
    """The figures so far; each is printed as soon as it is known, and all of them at the end."""

    figures: list[Figure] = field(default_factory=list)

    def add(self, what: str, measured: str, budget: str = "") -> None:
        self.figures.append(Figure(what, budget, measured))
        print(f"{what}: {measured}" + (f"  (budget {budget})" if budget else ""), flush=True)

    def __str__(self) -> str:
        rows = [("what", "budget", "measured"), *((f.what, f.budget, f.measured) for f in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def median_of(runs: int, run: Callable[[], T], key: Callable[[T], float]) -> T:
    """The run that lies in the middle."""
    results: Sequence[T] = sorted((run() for _ in range(runs)), key=key)
    return results[len(results) // 2]


def milliseconds(samples: Sequence[float]) -> str:
    return f"{statistics.median(samples) * 1000:.0f} ms (worst {max(samples) * 1000:.0f} ms)"
