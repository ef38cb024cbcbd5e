"""A center in the units of the payment world: what the model thought a payment was closest to."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from streamer.contract.messages import Center, CenterValue
from streamer.features import AMOUNT, FEATURES
from streamer.model import Scorer

__all__ = ["center_of", "describe_center"]

# A center says nothing of a feature that next to none of its payments have.
_DESCRIBED_SHARE: Final = 0.05
# What has been described of each version that is in use, by center and usual ln amount: a version
# does not change, and many of its alerts are nearest to the same.
_DESCRIBED: Final[WeakKeyDictionary[Scorer, dict[tuple[int, float], Center]]] = WeakKeyDictionary()


def center_of(version: Scorer, nearest: int, currency_mean: float) -> Center:
    """Return `describe_center`, made once per version, center and currency."""
    described = _DESCRIBED.setdefault(version, {})
    center = described.get((nearest, currency_mean))
    if center is None:
        center = describe_center(version, nearest, currency_mean)
        described[nearest, currency_mean] = center
    return center


def describe_center(version: Scorer, nearest: int, currency_mean: float) -> Center:
    """Return center ``nearest`` in the units of the payment world.

    ``currency_mean`` is the mean ln amount of the currency that its amount is told in.
    """
    weights = version.sums.cluster_weights
    weight, known = float(weights[nearest]), version.sums.cluster_known[nearest].tolist()
    center = version.centers[nearest].tolist()
    center[AMOUNT] += currency_mean
    values = [
        CenterValue(feature.name, feature.to_unit(center[j]), feature.unit)
        for j, feature in enumerate(FEATURES)
        if known[j] >= _DESCRIBED_SHARE * weight and known[j] > 0
    ]
    return Center(nearest, weight / float(weights.sum()), values)
