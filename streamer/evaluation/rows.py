"""What an evaluation knows of every row of a file, as columns in the order of the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["DAY_MS", "NO_LABEL", "Rows"]

DAY_MS = 86_400_000
NO_LABEL = -2
"""The scenario of a row of which nobody says whether it is a fraud."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One entry per row of the file; arrays of shape (n,), except X.

    ``cards`` numbers the cards in order of appearance.  ``scenarios`` indexes ``scenario_names``, -1
    for a legitimate row, `NO_LABEL` for an unlabelled one.  ``scores`` is the streamer's ranking score:
    NaN where a row was dead-lettered or met a model that was still warming; no detector is measured on
    such rows.
    ``X`` (n, n_features) float32 holds the features without anything learned from labels, NaN where
    unknown.  Entries of a dead-lettered row: time -1, amount NaN, card -1.
    """

    times_ms: NDArray[np.int64]
    cards: NDArray[np.int64]
    amounts: NDArray[np.float64]
    scenarios: NDArray[np.int64]
    scenario_names: tuple[str, ...]
    scores: NDArray[np.float64]
    alerted: NDArray[np.bool_]
    X: NDArray[np.float32]

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
    def first_day(self) -> int:
        """The UTC day of the earliest transaction, in days since the epoch."""
        return int(self.times_ms[self.is_valid].min() // DAY_MS)

    @property
    def days(self) -> NDArray[np.int64]:
        """Whole days since the day of the earliest transaction (UTC); negative for a dead letter."""
        days: NDArray[np.int64] = self.times_ms // DAY_MS - self.first_day
        return np.where(self.is_valid, days, -1)
