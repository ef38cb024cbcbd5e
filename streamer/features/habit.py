"""An amount against what its card or merchant usually sees."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["YOUNG", "against_habit", "surprise"]

Floats = NDArray[np.float64]

YOUNG: Final = 0.49
"""A habit of fewer than about this many payments says nothing yet.

Not 0.5: a single payment weighs just that one half-life later, and then rounding, which depends on
where a batch ends, would decide.
"""

# Until a card or merchant has shown its own spread of ln amount, one like the whole population's
# is mixed in, with the weight of this many payments.
_PRIOR_SPREAD: Final = 0.8
_PRIOR_WEIGHT: Final = 3.0
# One payment in 15 of a normal habit lies further up than this; what is below is no surprise.
_SURPRISING: Final = 1.5
# One payment alone, however high, is not yet a series.
_MOST_SURPRISE: Final = 3.0


def against_habit(
    log_amounts: Floats, weights: Floats, sums: Floats, sums_sq: Floats
) -> tuple[Floats, Floats]:
    """Return ln(amount / usual amount), and the same in standard deviations.

    The deviation divides by the entity's own spread, mixed with `_PRIOR_SPREAD` while it is young,
    and widened by the uncertainty of the habit itself, √(1 + 1/weight).
    """
    known = weights > YOUNG
    safe = np.where(known, weights, 1.0)
    mean = sums / safe
    variance = np.maximum(sums_sq / safe - mean**2, 0.0)
    mixed = (safe * variance + _PRIOR_WEIGHT * _PRIOR_SPREAD**2) / (safe + _PRIOR_WEIGHT)
    ratio = np.where(known, log_amounts - mean, np.nan)
    return ratio, ratio / np.sqrt(mixed * (1 + 1 / safe))


def surprise(deviations: Floats) -> Floats:
    """Return by how many deviations each amount goes beyond what is usual, from 0 to 3.

    NaN, for an entity without a habit, is no surprise.

    >>> surprise(np.array([np.nan, -4.0, 1.5, 2.5, 9.0])).tolist()
    [0.0, 0.0, 0.0, 1.0, 3.0]
    """
    # Of NaN and a number fmax takes the number.
    return np.asarray(np.minimum(np.fmax(deviations - _SURPRISING, 0.0), _MOST_SURPRISE))
