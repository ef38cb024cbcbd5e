"""What a rival gets: the rows, which of them to score, and the labels as they were told.

Labels are those that the streamer was taught, each from the row on at which it was known.  Where only
some payments are judged, one that nobody has judged after the delay of all labels counts as
legitimate, until a chargeback says otherwise: an operator without a model of what is missing has
nothing better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.evaluation.label_plan import LabelPlan
from streamer.evaluation.protocols import Window
from streamer.evaluation.rows import NEVER, NO_LABEL, Rows

__all__ = ["Floats", "Material", "Stretch", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """Labels in the order in which they were told: of ``rows`` (m,), known before row ``before`` (m,)
    is scored."""

    before: Integers
    rows: Integers
    frauds: Flags

    @classmethod
    def of(cls, rows: Rows, plan: LabelPlan) -> Told:
        """Return the labels of ``rows``; of one without a score nothing is told."""
        judged = np.flatnonzero(rows.is_scored & (rows.judged_ms != NEVER))
        numbers, due_ms, frauds = judged, rows.judged_ms[judged], rows.frauds[judged]
        if plan.which == "selective":
            taken_ms = rows.times_ms + plan.delay_ms
            is_waiting = (rows.judged_ms == NEVER) | (rows.judged_ms > taken_ms)
            taken = np.flatnonzero(rows.is_scored & is_waiting & (rows.scenarios != NO_LABEL))
            numbers = np.concatenate([numbers, taken])
            due_ms = np.concatenate([due_ms, taken_ms[taken]])
            frauds = np.concatenate([frauds, np.zeros(len(taken), dtype=bool)])
        clocks = np.maximum.accumulate(rows.times_ms)
        # A label without any delay is told when its own payment has been scored.
        before = np.maximum(np.searchsorted(clocks, due_ms), numbers + 1)
        order = np.lexsort((numbers, due_ms, before))
        return cls(before[order], numbers[order], frauds[order])

    def known_at(self, row: int) -> tuple[Integers, Flags]:
        """Return the rows judged before ``row`` is scored, each once, and the last said of each."""
        n = int(np.searchsorted(self.before, row, side="right"))
        latest, at = np.unique(self.rows[:n][::-1], return_index=True)
        return latest, self.frauds[:n][::-1][at]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows that one state of a detector scores: ``at`` of the compared ones, the first is ``row``."""

    row: int
    at: slice


@dataclass(frozen=True, slots=True)
class Material:
    """``compared`` (n,) are the rows to score, in order; ``on_progress`` gets rows of a stream."""

    rows: Rows
    window: Window
    compared: Integers
    plan: LabelPlan
    seed: int
    on_progress: Callable[[int], None]

    def stretches(self, n_days: int) -> Iterator[Stretch]:
        """Yield the compared rows in parts, a new one when ``n_days`` have passed since the last."""
        days = np.maximum.accumulate(self.rows.days[self.compared]).tolist()
        firsts, began = [0], days[0]
        for i, day in enumerate(days):
            if day >= began + n_days:
                firsts.append(i)
                began = day
        for first, end in pairwise([*firsts, len(days)]):
            yield Stretch(int(self.compared[first]), slice(first, end))
