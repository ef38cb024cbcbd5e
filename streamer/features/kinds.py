"""What is kept of each kind of entity: every sum by its name, with its half-life, declared once.

The compiled loops read a row's fields by these names, and what is stored is the row.  What has to be
exact has 64 bits.  Of a card 188 bytes are kept: places are small counts (`streamer.features.places`),
and where it was is known to 6 mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from streamer.arrays import Bytes, Floats
from streamer.durations import DAY_S, HOUR_S
from streamer.features.places import PLACES
from streamer.features.records import record

__all__ = ["CARDS", "CARD_VERDICTS", "LABEL_DAYS", "MERCHANTS", "MERCHANT_VERDICTS", "EntityKind"]


@dataclass(frozen=True, eq=False)
class EntityKind:
    """One kind of entity: sums with their half-lives (s), and fields of other types after them.

    Of a rare kind most cards or merchants are none.
    """

    name: str
    sums: Mapping[str, float | tuple[float, ...]]
    others: tuple[tuple[Any, ...], ...] = ()
    is_rare: bool = False

    @cached_property
    def half_lives_s(self) -> Floats:
        """Of each sum, shape (n_sums,)."""
        return np.hstack(list(self.sums.values()))

    @cached_property
    def row(self) -> np.dtype[np.void]:
        """The fields of a row, its time first; ``sums`` are once more all sums."""
        sums = [
            (name, len(half_lives)) if isinstance(half_lives, tuple) else name
            for name, half_lives in self.sums.items()
        ]
        row: Any = record("time_ms", *sums, *self.others)
        block = np.dtype(("<f8", (len(self.half_lives_s),)))
        return np.dtype((np.record, {**row.fields, "sums": (block, 8)}))

    @cached_property
    def fresh(self) -> Bytes:
        """The row of an entity before its first event, as bytes: no number but a time of -1."""
        row = np.zeros(1, self.row)
        row["time_ms"] = -1
        return row.view(np.uint8)


LABEL_DAYS: Final = 8
"""Payments count among those that could have been judged from the eighth day after theirs on: at an
age of seven to eight days, by when reviewers and most of the quick chargebacks have spoken."""

CARDS: Final = EntityKind(
    "cards",
    {
        "payments_1h": HOUR_S,
        # By how much payments went below the habit, and above.
        "small_series": HOUR_S,
        "payments_1d": DAY_S,
        "spent_1d": DAY_S,
        "high_series": 3 * DAY_S,
        "payments_7d": 7 * DAY_S,
        # The hours of the day as a mean direction: unit vectors, as many as payments.
        "payments_30d": 30 * DAY_S,
        "hours_x": 30 * DAY_S,
        "hours_y": 30 * DAY_S,
        "spent_30d": 30 * DAY_S,
        # The habit: payments with an amount, ln amount and its square.
        "payments": 60 * DAY_S,
        "logs": 60 * DAY_S,
        "logs_sq": 60 * DAY_S,
    },
    (
        # Of the last payment at which the card was present, 0 before: units of 1e-7 degrees.
        ("present_ms", "<f8"),
        ("latitude", "<i4"),
        ("longitude", "<i4"),
        # Which currency all that is of amounts is in: its index and 1 (`cards`).
        ("currency", "<u2"),
        *PLACES,
    ),
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

# At each half-life the verdicts that said fraud, all, and the payments that are old enough for one.
MERCHANT_VERDICTS: Final = EntityKind(
    "merchant_verdicts",
    dict.fromkeys(("frauds", "verdicts", "payments"), (DAY_S, 3 * DAY_S, 7 * DAY_S)),
    # The payments that are not, by the day of each.
    (("waiting", "<u4", (LABEL_DAYS,)),),
)
# At the half-life of the card's own payments, which its known frauds are a share of.
CARD_VERDICTS: Final = EntityKind(
    "card_verdicts", dict.fromkeys(("frauds", "verdicts"), (30 * DAY_S,)), is_rare=True
)
