"""Both runs in one pass over the file: it is decoded once, and each configuration scores all of it.

Each run is what a worker would have been that had started with the file: it learns as it goes, gets
verdicts when they are due, on its own alerts where labels are selective, and alerts within its own
budget.  What is measured is what follows the first quarter of the file, by when both have settled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from streamer.backtesting.comparison import Comparison, compare
from streamer.backtesting.examples import Example, examples_of
from streamer.backtesting.witness import Witness
from streamer.datafiles import FileReport
from streamer.errors import ConfigurationError
from streamer.evaluation.passing import PassConfig, run_passes
from streamer.model import Sums

__all__ = ["Backtest", "Request", "Side", "backtest"]

_SETTLING: Final = 4
"""The first of so many parts of the file is not measured."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, with what people call it."""

    name: str
    passing: PassConfig

    @property
    def budget(self) -> float:
        return self.passing.pipeline.model.alert_budget

    @property
    def sums(self) -> Sums:
        """The version that it begins with."""
        assert self.passing.start is not None  # noqa: S101 - a gate's sides are versions
        return self.passing.start


@dataclass(frozen=True, slots=True)
class Request:
    """What to compare: ``base`` is how things are, ``changed`` how they might be.

    ``changes`` says in words what differs.  ``n_examples`` are told of each kind.
    """

    base: Side
    changed: Side
    changes: tuple[str, ...]
    first_row: int | None = None
    batch_size: int = 4_000
    n_examples: int = 10


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it."""

    request: Request
    comparison: Comparison
    examples: dict[str, list[Example]]
    n_rows: int
    first_row: int
    n_verdicts: tuple[int, int]
    elapsed_s: float


def backtest(
    request: Request,
    report: FileReport,
    *,
    now_ms: int,
    on_progress: Callable[[str, int, int], None],
) -> Backtest:
    """Run both over the file of ``report``, IN/OUT.

    ``on_progress`` gets what is being done, how many rows of it are new, and how many there are in all.
    """
    started, n_rows = time.monotonic(), report.file.n_rows
    first_row = n_rows // _SETTLING if request.first_row is None else request.first_row
    if first_row >= n_rows:
        raise ConfigurationError(
            f"--from-row must be below the file's {n_rows:,} rows, got {first_row:,}"
        )
    sides = request.base, request.changed
    witnesses = [Witness.of(n_rows) for _ in sides]
    configs = [
        replace(side.passing, on_part=witness.note)
        for side, witness in zip(sides, witnesses, strict=True)
    ]
    passes = run_passes(
        report.batches(request.batch_size),
        n_rows,
        configs,
        now_ms=now_ms,
        on_progress=lambda n: on_progress("both configurations", n, n_rows),
        on_decoded=report.add,
        needs_labels=False,
    )
    report.require_payments()
    base, changed = (passed.rows for passed in passes)
    budgets = request.base.budget, request.changed.budget
    comparison = compare(base, changed, first_row, *budgets)
    found = examples_of((base, changed), witnesses, budgets, first_row, request.n_examples)
    taught = passes[0].n_verdicts, passes[1].n_verdicts
    took = time.monotonic() - started
    return Backtest(request, comparison, found, len(base), first_row, taught, took)
