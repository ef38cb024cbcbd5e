"""The columns of an evaluation while they fill up, and what rows are ranked by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.contract.messages import Score
from streamer.datafiles import UNLABELLED
from streamer.evaluation.rows import NEVER, NO_LABEL, Rows
from streamer.features import FEATURE_NAMES
from streamer.intake.decoding import Decoded
from streamer.intake.payment_columns import CARD
from streamer.offline.offline_partition import ScoredPart

__all__ = ["RowsSoFar", "ranking_score"]

_ARRAYS: Final = (
    "times_ms",
    "cards",
    "amounts",
    "stakes",
    "scenarios",
    "scores",
    "probabilities",
    "alerted",
    "held_back",
    "sample_weights",
    "judged_ms",
    "X",
    "inputs",
)
# The log-odds of fraud of a payment at the bottom of the ranking: one in a thousand.
_BASE_LOG_ODDS: Final = -7.0
_LEAST_LOSS: Final = 1e-12


def ranking_score(score: Score, *, with_labels: bool) -> float:
    """Return what rows are ranked by, higher being more suspicious; NaN while warming.

    Without labels it is the distance.  With them it is the log-odds, or ln of the expected loss where
    that ranks, and before there are odds the distance brought to about the scale of log-odds by its
    rank among recent payments.
    """
    if score.distance is None or score.score is None:
        return float("nan")
    if not with_labels:
        return score.distance
    if score.ranked_by == "expected_loss" and score.expected_loss is not None:
        return math.log(max(score.expected_loss, _LEAST_LOSS))
    if score.ranked_by == "log_odds" and score.log_odds is not None:
        return score.log_odds
    beyond = 1e-6 * math.log1p(score.distance)
    return beyond - math.log(1.0 - score.score + 1e-6) + _BASE_LOG_ODDS


class RowsSoFar:
    """The columns of `Rows` while they fill up; ``n`` rows are expected, and there may be more."""

    def __init__(self, n: int, n_inputs: int) -> None:
        self.times_ms = np.full(n, -1, dtype=np.int64)
        self.cards = np.full(n, -1, dtype=np.int64)
        self.amounts = np.full(n, np.nan)
        self.stakes = np.full(n, np.nan)
        self.scenarios = np.full(n, -1, dtype=np.int64)
        self.scores = np.full(n, np.nan)
        self.probabilities = np.full(n, np.nan)
        self.alerted = np.zeros(n, dtype=bool)
        self.held_back = np.zeros(n, dtype=bool)
        self.sample_weights = np.zeros(n)
        self.judged_ms = np.full(n, NEVER, dtype=np.int64)
        self.inputs = np.full((n, n_inputs), np.nan, dtype=np.float32)
        self.X = np.full((n, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
        self._n = 0
        self._card_numbers: dict[str, int] = {}
        self._names: dict[str, int] = {}

    def add_labels(self, first: int, labels: Sequence[str | None]) -> None:
        self._n = first + len(labels)
        if self._n > len(self.times_ms):
            self._grow(2 * self._n)
        for row, label in enumerate(labels, first):
            if label == UNLABELLED:
                self.scenarios[row] = NO_LABEL
            elif label is not None:
                self.scenarios[row] = self._names.setdefault(label, len(self._names))

    def add(
        self,
        decoded: Decoded,
        X: Floats,
        part: ScoredPart,
        *,
        with_labels: bool,
    ) -> None:
        rows, outcome = decoded.offsets, part.outcome
        numbers = self._card_numbers
        self.times_ms[rows] = decoded.times_ms
        cards = decoded.payments.names.column(CARD).strings()
        self.cards[rows] = [numbers.setdefault(card, len(numbers)) for card in cards]
        self.amounts[rows] = decoded.columns.amounts
        values = np.exp(part.version.lines.log_values[decoded.columns.currencies])
        self.stakes[rows] = decoded.columns.amounts * values
        self.X[rows] = X
        at = [score.source.offset for score in outcome.scores]
        self.scores[at] = [
            ranking_score(score, with_labels=with_labels) for score in outcome.scores
        ]
        told = [score.probability for score in outcome.scores]
        self.probabilities[at] = np.array(told, dtype=float)
        self.alerted[at] = [score.alerted for score in outcome.scores]
        self.held_back[[alert.source.offset for alert in outcome.overflow]] = True
        for alert in outcome.alerts:
            self.sample_weights[alert.source.offset] = alert.sample_weight or 0.0
        if self.inputs.shape[1] and outcome.scored is not None:
            self.inputs[rows] = outcome.scored.inputs

    def _grow(self, n: int) -> None:
        # A message may hold several payments, and rows of a file are counted before they are read.
        more = RowsSoFar(n - len(self.times_ms), self.inputs.shape[1])
        for name in _ARRAYS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))

    def rows(self) -> Rows:
        arrays = {name: getattr(self, name)[: self._n] for name in _ARRAYS}
        return Rows(scenario_names=tuple(self._names), **arrays)
