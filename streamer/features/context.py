"""What is known around a payment: inputs of the log-odds head that take no part in the distance.

What verdicts said of merchant and card, because the distance is to know no label; and the merchant's
series of payments beyond their cards' habits, because it says little by itself: in the distance it cost
average precision, in the head it adds some (`DESIGN.md`).  How familiar the merchant is to the card
cost the distance average precision too.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.features.catalogue import Feature, from_log1p
from streamer.features.history import History
from streamer.features.matrix import place_familiarity
from streamer.features.verdicts import VERDICT_FEATURES, verdict_matrix

__all__ = ["CONTEXT_FEATURES", "CONTEXT_NAMES", "context_matrix"]


def _percent(x: float) -> float:
    return float(100.0 * x)


CONTEXT_FEATURES: Final[tuple[Feature, ...]] = (
    *VERDICT_FEATURES,
    Feature(
        "merchant_high_series",
        "standard deviations in all",
        from_log1p,
        0.3,
        "this merchant's payments of the last days went {value} standard deviations beyond their "
        "cards' habits",
    ),
    Feature(
        "card_merchant_familiarity",
        "percent of familiarity of the merchant",
        _percent,
        0.1,
        "the card has hardly been at this merchant before, {value}% familiar",
        "below",
    ),
)
CONTEXT_NAMES: Final = tuple(feature.name for feature in CONTEXT_FEATURES)


def context_matrix(history: History) -> NDArray[np.float64]:
    """Return V, shape (n, n_context), NaN where nothing can be known."""
    verdicts = verdict_matrix(history.merchant_verdict_sums, history.card_verdict_sums)
    series = np.log1p(history.merchant_sums[:, 5:6])
    return np.hstack([verdicts, series, place_familiarity(history)[:, :1]])
