"""What is noted of one run while it passes: the rank of every payment, and what its alerts said."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamer.contract.messages import Transaction
from streamer.offline.offline_partition import ScoredPart

__all__ = ["Said", "Witness"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a reviewer reads first of an alert."""

    transaction: Transaction
    severity: str
    ranked_by: str
    sentences: tuple[str, ...]


@dataclass(slots=True)
class Witness:
    """``ranks`` (n,) float32 hold the share of recent payments that each was above, NaN without one.

    ``said`` is by the row of each alert that was not drawn at random, those held back by the fuse among
    them.
    """

    ranks: NDArray[np.float32]
    said: dict[int, Said] = field(default_factory=dict)

    @classmethod
    def of(cls, n_rows: int) -> Witness:
        """Return one for about ``n_rows`` payments."""
        return cls(np.full(n_rows, np.nan, np.float32))

    def note(self, part: ScoredPart) -> None:
        """Take note of what has been scored."""
        outcome = part.outcome
        if outcome.scores:
            rows = np.array([score.source.offset for score in outcome.scores])
            self._reach(int(rows.max()) + 1)
            told = [score.score for score in outcome.scores]
            self.ranks[rows] = np.array(told, dtype=float)
        for alert in (*outcome.alerts, *outcome.overflow):
            if not alert.sampled:
                self.said[alert.source.offset] = Said(
                    alert.transaction,
                    alert.severity,
                    alert.ranked_by,
                    tuple(reason.sentence for reason in alert.reasons),
                )

    def _reach(self, n_rows: int) -> None:
        # A message may hold several payments, and rows of a file are counted before they are read.
        n_more = n_rows - len(self.ranks)
        if n_more > 0:
            more = np.full(max(n_more, len(self.ranks)), np.nan, np.float32)
            self.ranks = np.concatenate([self.ranks, more])
