"""How much of the model can be one card's: what cannot be taken out again, and how soon it is nothing.

Everything learned is a sum that fades with every payment: with the half-life H, in payments, one that a
payments ago was learned counts γ^a, γ = 0.5^(1/H).  A card's own part of all sums is its *weight*

    w = Σ γ^(a_i)        over its payments i

Nothing says which part of a sum that is, so that it cannot be subtracted.  What it can have done:

* A mean over payments of weight W moves by at most D w / (W - w) for the card's own terms, where D is
  how far apart two payments can be: values are cut off at R deviations from the mean, D = 2R.
* Without its payments all others would have faded less: each of them made what came before count γ as
  much beside what came after.  For a cluster of weight W_k, of W in all, that moves its mean by at most
  D (2^(1/H) - 1) w W / W_k.

Both together bound the shift of a center, in deviations of each feature, as long as no other payment
would have been nearest to another center without the card: that is a second step which no formula
bounds, and which a test measures.

The weight is bounded by the card's own state: its payments within a month, say, are Σ 0.5^(age/30 d),
and H payments take H / λ days at λ payments a day: a sum that fades more slowly than the model is no
less than w.  A delta is merged whole, so that up to as many payments as it may have count as none
passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from streamer.durations import DAY_MS, DAY_S
from streamer.features import CARDS
from streamer.model import ModelConfig, Sums

__all__ = ["Bound", "bound_of", "payments_a_day", "weight_bound"]

_COUNTS: Final = ("payments_1h", "payments_1d", "payments_7d", "payments_30d")
_LEAST: Final = 0.01


@dataclass(frozen=True, slots=True)
class Bound:
    """What a card of ``weight`` can have done to a version, at most.

    ``scale_shift`` of the means of all traffic, ``center_shifts`` (k,) of each center, in deviations of
    a feature, infinite where a cluster may be the card's alone; ``rank_shift`` of what scores rank
    among; ``half_life_days`` until half of it is left, None where that is not known, and
    ``days_to_a_hundredth`` until no mean of traffic can be moved by 0.01 deviations.
    """

    weight: float
    scale_shift: float
    center_shifts: list[float]
    rank_shift: float
    half_life_days: float | None
    days_to_a_hundredth: float | None

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON's terms; an infinite shift is null."""
        told = asdict(self)
        told["center_shifts"] = [x if math.isfinite(x) else None for x in self.center_shifts]
        if not math.isfinite(self.scale_shift):
            told["scale_shift"] = None
        return told


def weight_bound(
    numbers: Mapping[str, Any],
    half_life: float,
    per_day: float | None,
    now_ms: int,
    delta_limit: int = 0,
) -> float | None:
    """Return what a card's weight is at most; None where its state does not bound it.

    ``numbers`` are those of its row (`streamer.privacy.card_words`), ``per_day`` how many payments the
    model learns a day.  A model whose half-life takes more than a month is bounded by no count of a
    card's: then its payments have to be counted.
    """
    if per_day is None or per_day <= 0 or not math.isfinite(half_life):
        return None
    days = half_life / per_day
    fitting = [
        float(numbers[name]) for name in _COUNTS if float(np.max(CARDS.sums[name])) / DAY_S >= days
    ]
    if not fitting:
        return None
    age_days = max(now_ms - float(numbers["time_ms"]), 0.0) / DAY_MS
    return float(min(fitting) * 0.5 ** (age_days / days) * 2.0 ** (delta_limit / half_life))


def bound_of(sums: Sums, config: ModelConfig, weight: float, per_day: float | None = None) -> Bound:
    """Return what a card of ``weight`` can have done to a version at most."""
    reach = 2.0 * config.clip_deviations
    step = 2.0 ** (1.0 / config.half_life) - 1.0 if math.isfinite(config.half_life) else 0.0
    weights = sums.cluster_weights
    total = float(weights.sum())
    per_feature = float(sums.feature_weights.min()) if sums.feature_weights.size else 0.0
    scale = _shift(reach, weight, per_feature, step * total)
    days = None if not per_day else config.half_life / per_day
    return Bound(
        weight=weight,
        scale_shift=scale,
        center_shifts=[_shift(reach, weight, float(w), step * total) for w in weights],
        rank_shift=min(weight / max(float(sums.scored_weight), weight, 1.0), 1.0),
        half_life_days=days,
        days_to_a_hundredth=_days_until(scale, days),
    )


def payments_a_day(first: tuple[int, int], last: tuple[int, int]) -> float | None:
    """Return how many payments a day a model learned between two versions, each its time in epoch ms
    and the payments that it had seen; None where that is not known.

    >>> payments_a_day((0, 1_000), (86_400_000, 3_000))
    2000.0
    """
    days = (last[0] - first[0]) / DAY_MS
    n = last[1] - first[1]
    return n / days if days > 0 and n > 0 else None


def _shift(reach: float, weight: float, of: float, fading: float) -> float:
    if weight <= 0:
        return 0.0
    if of <= weight:
        return math.inf
    return reach * weight * (1.0 / (of - weight) + fading / of)


def _days_until(shift: float, half_life_days: float | None) -> float | None:
    if half_life_days is None or not math.isfinite(shift):
        return None
    return half_life_days * max(math.log2(shift / _LEAST), 0.0) if shift > 0 else 0.0
