"""What an evaluation knows of every row of a file, as columns in the order of the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DAY_MS", "INJECTED", "NEVER", "NO_LABEL", "Rows"]

DAY_MS = 86_400_000
NO_LABEL = -2
"""The scenario of a row of which nobody says whether it is a fraud."""
NEVER = -1
"""When a row is judged whose label nobody ever tells."""
INJECTED = "break:"
"""How the scenario of a payment begins that the file does not have."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One entry per row of the file; arrays of shape (n,), except X.

    ``cards`` numbers the cards in order of appearance.  ``scenarios`` indexes ``scenario_names``, -1
    for a legitimate row, `NO_LABEL` for an unlabelled one.  ``scores`` is the streamer's ranking score:
    NaN where a row was dead-lettered or met a model that was still warming; no detector is measured on
    such rows.
    ``alerted`` is what reviewers got, ``held_back`` what the fuse kept from them.  ``judged_ms`` is the
    event time at which a row's label is told, `NEVER` where it is not.
    ``X`` (n, n_features) float32 holds the features without anything learned from labels, NaN where
    unknown; ``inputs`` (n, n_inputs) float32 those of the odds, what verdicts said of merchant and card
    among them, NaN while warming, and without columns where nobody asked for them.
    Entries of a dead-lettered row: time -1, amount NaN, card -1.
    """

    times_ms: NDArray[np.int64]
    cards: NDArray[np.int64]
    amounts: NDArray[np.float64]
    scenarios: NDArray[np.int64]
    scenario_names: tuple[str, ...]
    scores: NDArray[np.float64]
    alerted: NDArray[np.bool_]
    held_back: NDArray[np.bool_]
    judged_ms: NDArray[np.int64]
    X: NDArray[np.float32]
    inputs: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times_ms)

    @property
    def frauds(self) -> NDArray[np.bool_]:
        return self.scenarios >= 0

    @property
    def is_valid(self) -> NDArray[np.bool_]:
        """Rows that are transactions: those that were not dead-lettered."""
        return self.cards >= 0

    @property
    def is_scored(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.scores)

    @property
    def is_measurable(self) -> NDArray[np.bool_]:
        """Rows that have a score, and a label to hold it against."""
        measurable: NDArray[np.bool_] = self.is_scored & (self.scenarios != NO_LABEL)
        return measurable

    @property
    def is_injected(self) -> NDArray[np.bool_]:
        """Rows that were put into the file's traffic."""
        names = [i for i, name in enumerate(self.scenario_names) if name.startswith(INJECTED)]
        injected: NDArray[np.bool_] = np.isin(self.scenarios, names)
        return injected

    @property
    def file_rows(self) -> NDArray[np.int64]:
        """The number of each row in the file, from 0; an injected one has that of the row after it."""
        return np.cumsum(~self.is_injected) - ~self.is_injected

    @property
    def first_day(self) -> int:
        """The UTC day of the earliest transaction, in days since the epoch."""
        return int(self.times_ms[self.is_valid].min() // DAY_MS)

    @property
    def days(self) -> NDArray[np.int64]:
        """Whole days since the day of the earliest transaction (UTC); negative for a dead letter."""
        days: NDArray[np.int64] = self.times_ms // DAY_MS - self.first_day
        return np.where(self.is_valid, days, -1)
