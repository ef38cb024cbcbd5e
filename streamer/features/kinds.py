"""What is kept of each kind of entity: every sum by its name, with its half-life, declared once.

The compiled loops read a row's fields by these names, and what is stored is the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamer.features.equations import DAY_S, HOUR_S
from streamer.features.places import PLACE_SUMS
from streamer.features.records import record

__all__ = [
    "CARDS",
    "CARD_VERDICTS",
    "MERCHANTS",
    "MERCHANT_VERDICTS",
    "SPENDING",
    "EntityKind",
]


@dataclass(frozen=True, eq=False)
class EntityKind:
    """One kind of entity: sums with their half-lives (s); sums by forward decay, as many as it says
    (`streamer.features.places`); then latest values, which do not decay."""

    name: str
    sums: Mapping[str, float | tuple[float, ...]]
    forward: Mapping[str, int] = field(default_factory=dict)
    last: tuple[str, ...] = ()

    @cached_property
    def half_lives_s(self) -> NDArray[np.float64]:
        """Of each sum that decays, shape (n_decaying,)."""
        return np.hstack(list(self.sums.values()))

    @cached_property
    def row(self) -> np.dtype[np.void]:
        """The fields of a row, its time first; ``decaying`` are once more all sums that decay."""
        decaying = [
            (name, len(half_lives)) if isinstance(half_lives, tuple) else name
            for name, half_lives in self.sums.items()
        ]
        row: Any = record("time_ms", *decaying, *self.forward.items(), *self.last)
        block = np.dtype(("<f8", (len(self.half_lives_s),)))
        return np.dtype((np.record, {**row.fields, "decaying": (block, 8)}))

    @property
    def n_sums(self) -> int:
        return len(self.half_lives_s) + sum(self.forward.values())

    @property
    def n_columns(self) -> int:
        return self.n_sums + len(self.last)


CARDS: Final = EntityKind(
    "cards",
    {
        "payments_1h": HOUR_S,
        "payments_1d": DAY_S,
        "payments_7d": 7 * DAY_S,
        # The hours of the day as a mean direction: unit vectors, as many as payments.
        "payments_30d": 30 * DAY_S,
        "hours_x": 30 * DAY_S,
        "hours_y": 30 * DAY_S,
    },
    forward=PLACE_SUMS,
    # Of the last payment at which the card was present.
    last=("latitude", "longitude", "present_ms"),
)

SPENDING: Final = EntityKind(
    "spending",
    {
        # The card's habit: payments with an amount, ln amount and its square.
        "payments": 60 * DAY_S,
        "logs": 60 * DAY_S,
        "logs_sq": 60 * DAY_S,
        "spent_1d": DAY_S,
        "spent_30d": 30 * DAY_S,
        # By how much payments went above the habit, and below.
        "high_series": 3 * DAY_S,
        "small_series": HOUR_S,
    },
)

MERCHANTS: Final = EntityKind(
    "merchants",
    {
        "payments_1h": HOUR_S,
        "payments_1d": DAY_S,
        # What is usual here, as for a card.
        "payments": 30 * DAY_S,
        "logs": 30 * DAY_S,
        "logs_sq": 30 * DAY_S,
        # By how much the payments went above their cards' habits.
        "high_series": 7 * DAY_S,
    },
)

# At each half-life the verdicts that said fraud, and all.
MERCHANT_VERDICTS: Final = EntityKind(
    "merchant_verdicts", dict.fromkeys(("frauds", "verdicts"), (DAY_S, 3 * DAY_S, 7 * DAY_S))
)
CARD_VERDICTS: Final = EntityKind(
    "card_verdicts", dict.fromkeys(("frauds", "verdicts"), (28 * DAY_S,))
)
