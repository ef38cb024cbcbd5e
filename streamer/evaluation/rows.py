"""What an evaluation knows of every row of a file, as columns in the order of the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.durations import DAY_MS

__all__ = ["INJECTED", "NEVER", "NO_LABEL", "Rows"]

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
    such rows.  ``probabilities`` of fraud are what was told, NaN where nothing was.  ``stakes`` are the
    amounts in the reference currency, as the version that scored them knew it.
    ``alerted`` is what reviewers got, ``held_back`` what the fuse kept from them.  ``sample_weights``
    are those of the alerts that were drawn from below the threshold, 0 for any other row.
    ``judged_ms`` is the
    event time at which a row's label is told, `NEVER` where it is not.
    ``X`` (n, n_features) float32 holds the features without anything learned from labels, NaN where
    unknown; ``inputs`` (n, n_inputs) float32 those of the odds, what verdicts said of merchant and card
    among them, NaN while warming, and without columns where nobody asked for them.
    Entries of a dead-lettered row: time -1, amount and stake NaN, card -1.
    """

    times_ms: Integers
    cards: Integers
    amounts: Floats
    stakes: Floats
    scenarios: Integers
    scenario_names: tuple[str, ...]
    scores: Floats
    probabilities: Floats
    alerted: Flags
    held_back: Flags
    sample_weights: Floats
    judged_ms: Integers
    X: NDArray[np.float32]
    inputs: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times_ms)

    @property
    def frauds(self) -> Flags:
        return self.scenarios >= 0

    @property
    def is_valid(self) -> Flags:
        """Rows that are transactions: those that were not dead-lettered."""
        return self.cards >= 0

    @property
    def is_scored(self) -> Flags:
        return ~np.isnan(self.scores)

    @property
    def is_measurable(self) -> Flags:
        """Rows that have a score, and a label to hold it against."""
        measurable: Flags = self.is_scored & (self.scenarios != NO_LABEL)
        return measurable

    @property
    def is_injected(self) -> Flags:
        """Rows that were put into the file's traffic."""
        names = [i for i, name in enumerate(self.scenario_names) if name.startswith(INJECTED)]
        injected: Flags = np.isin(self.scenarios, names)
        return injected

    @property
    def file_rows(self) -> Integers:
        """The number of each row in the file, from 0; an injected one has that of the row after it."""
        return np.cumsum(~self.is_injected) - ~self.is_injected

    @property
    def first_day(self) -> int:
        """The UTC day of the earliest transaction, in days since the epoch."""
        return int(self.times_ms[self.is_valid].min() // DAY_MS)

    @property
    def days(self) -> Integers:
        """Whole days since the day of the earliest transaction (UTC); negative for a dead letter."""
        days: Integers = self.times_ms // DAY_MS - self.first_day
        return np.where(self.is_valid, days, -1)
