"""What came of payments that were given: scores, alerts and what was refused, in the order given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.contract.messages import Alert, FeatureRow, Score

__all__ = ["Refused", "Results"]

_UNKNOWN: Final = float("nan")


class Refused(NamedTuple):
    """A payment that cannot be scored: its row, and the reason, path and sentence of a dead letter."""

    row: int
    reason: str
    path: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True)
class Results:
    """Of ``n`` payments; rows count from 0.

    ``scores`` are those of what could be scored, by row.  ``alerts`` are those within the budget,
    ``overflow`` those that the fuse held back.  ``passed_over`` counts refunds, declines and the like
    by reason, ``n_repeated`` payments that had been there before; neither was scored or learned.
    ``features`` is empty unless asked for.
    """

    n: int = 0
    scores: dict[int, Score] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    overflow: list[Alert] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    passed_over: Mapping[str, int] = field(default_factory=dict)
    n_repeated: int = 0
    features: dict[int, FeatureRow] = field(default_factory=dict)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a column each of what is known of every payment, (n,): for a data frame.

        ``status`` is "scored", "warming" (the model has no centers yet), "refused", or "skipped" where
        it came again or was passed over.  ``score``, ``distance`` and ``probability`` are NaN where
        there is none.  ``alerted`` is true of what alerted, within the budget or not.
        """
        status = np.full(self.n, "skipped", dtype="U8")
        numbers = {name: np.full(self.n, _UNKNOWN) for name in ("score", "distance", "probability")}
        alerted = np.zeros(self.n, dtype=np.bool_)
        for refused in self.refused:
            status[refused.row] = "refused"
        for row, score in self.scores.items():
            status[row], alerted[row] = score.status, score.alerted
            for name, column in numbers.items():
                value = getattr(score, name)
                column[row] = _UNKNOWN if value is None else value
        return {"status": status, **numbers, "alerted": alerted}
