"""What is counted of the payments that a version scores; sums, so that partitions add up."""

from __future__ import annotations

import math
from typing import Final

import msgspec

__all__ = ["Counts"]

# Of a version that nobody watches so many payments are remembered, then half of them.
_REMEMBERED: Final = 500_000


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over payments.

    ``due`` is how many alerts were due, ``overflowed`` what the fuse held back; ``ranked`` payments are
    those past a warm-up, ``ln_distance`` the sum of their ln distances and ``not_finite`` how many of
    them have no finite score.  ``seconds`` is how long their batches took.  ``frauds`` and
    ``legitimate`` are verdicts on alerts.
    """

    payments: float = 0
    dead_letters: float = 0
    alerts: float = 0
    overflowed: float = 0
    due: float = 0
    ranked: float = 0
    not_finite: float = 0
    ln_distance: float = 0
    seconds: float = 0
    frauds: float = 0
    legitimate: float = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            **{name: getattr(self, name) + getattr(other, name) for name in _NAMES},
        )

    def faded(self) -> Counts:
        """Return half of what is counted where that is many payments, else the same."""
        if self.payments <= _REMEMBERED:
            return self
        return Counts(**{name: getattr(self, name) / 2 for name in _NAMES})

    @property
    def seconds_each(self) -> float | None:
        """Processing time of a payment; None without any."""
        return self.seconds / self.payments if self.payments else None

    @property
    def error_share(self) -> float:
        """Dead letters among all that were payments or meant to be."""
        told = self.payments + self.dead_letters
        return self.dead_letters / told if told else 0.0

    @property
    def precision(self) -> float | None:
        """Frauds among judged alerts; None without any."""
        judged = self.frauds + self.legitimate
        return self.frauds / judged if judged else None

    @property
    def mean_ln_distance(self) -> float:
        """Mean ln distance of what was ranked; NaN without any."""
        n = self.ranked - self.not_finite
        return self.ln_distance / n if n else math.nan


_NAMES: Final = Counts.__struct_fields__
