"""What is known around a payment: inputs of the log-odds model that take no part in the distance.

What verdicts said of merchant and card, because the distance is to know no label; and the merchant's
series of payments beyond their cards' habits, because it says little by itself: in the distance it cost
average precision, in the odds it adds some (docs/decisions/0010).  How familiar the merchant is to the
card cost the distance average precision too.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from streamer.durations import DAY_S
from streamer.features.catalogue import (
    MAX_EXPONENT,
    Feature,
    from_log1p,
    share_percent,
)
from streamer.features.kinds import CARD_VERDICTS, MERCHANT_VERDICTS, EntityKind
from streamer.features.quantities import counted, measured, percent
from streamer.features.records import record

__all__ = [
    "CONTEXT_FEATURES",
    "CONTEXT_NAMES",
    "CONTEXT_ROW",
    "JUDGED",
    "VERDICT_FEATURES",
    "Judged",
]


class Judged(NamedTuple):
    """Where in a row of V is what verdicts say of one entity.

    From ``first`` on its fraud shares, one per half-life, then at the same how many payments they are
    shares of.
    """

    entity: str
    first: int
    n_half_lives: int


def _of_odds(log_odds: float) -> float:
    return 100.0 / (1.0 + math.exp(min(-log_odds, MAX_EXPONENT)))


def _days(kind: EntityKind) -> list[int]:
    days: list[int] = np.unique(kind.half_lives_s / DAY_S).astype(int).tolist()
    return days


def _last(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


def _features(entity: str, days: list[int]) -> list[Feature]:
    shares = [
        Feature(
            f"{entity}_fraud_share_{day}d", f"percent of the {entity}'s payments", _of_odds, 0.1,
            f"an estimated {{value}} of this {entity}'s payments are frauds, "
            f"mostly of the last {_last(day)}",
            phrase=f"an estimated {{value}} of frauds among this {entity}'s payments",
            quantity=percent,
        )
        for day in days
    ]  # fmt: skip
    counts = [
        Feature(
            f"{entity}_judgeable_{day}d", "payments that could have been judged", from_log1p, 0.1,
            f"{{value}} of this {entity} could have been judged, mostly of the last {_last(day)}",
            phrase=f"{{value}} of this {entity} that could have been judged",
            quantity=counted("payment", "payments"),
        )
        for day in days
    ]  # fmt: skip
    return shares + counts


_MERCHANT_DAYS: Final = _days(MERCHANT_VERDICTS)
_CARD_DAYS: Final = _days(CARD_VERDICTS)
VERDICT_FEATURES: Final[tuple[Feature, ...]] = (
    *_features("merchant", _MERCHANT_DAYS),
    *_features("card", _CARD_DAYS),
)
JUDGED: Final = (
    Judged("merchant", 0, len(_MERCHANT_DAYS)),
    Judged("card", 2 * len(_MERCHANT_DAYS), len(_CARD_DAYS)),
)
CONTEXT_FEATURES: Final[tuple[Feature, ...]] = (
    *VERDICT_FEATURES,
    Feature(
        "merchant_high_series", "standard deviations in all", from_log1p, 0.3,
        "This merchant's payments of the last days went {value} beyond their cards' habits, "
        "taken together",
        phrase="this merchant's payments of the last days went {value} beyond their cards' habits, "
        "taken together",
        quantity=measured("standard deviations"),
    ),
    Feature(
        "card_merchant_familiarity", "percent of familiarity of the merchant", share_percent, 0.1,
        "{value} of this card's payments are at this merchant",
        "below",
        phrase="{value} of this card's payments at this merchant", quantity=percent,
    ),
)  # fmt: skip
CONTEXT_NAMES: Final = tuple(feature.name for feature in CONTEXT_FEATURES)

CONTEXT_ROW: Final = record(
    ("merchant_verdicts", 2 * len(_MERCHANT_DAYS)),
    ("card_verdicts", 2 * len(_CARD_DAYS)),
    *CONTEXT_NAMES[len(VERDICT_FEATURES) :],
)
"""A row of V; what verdicts say of one entity lies together."""
