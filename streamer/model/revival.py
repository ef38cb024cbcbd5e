"""Re-seeding clusters that no traffic comes to any more.

A dying cluster's remaining sums go to its nearest neighbour, and the heaviest cluster is split along
its widest feature.  A normal distribution cut at its mean has halves with means at ±σ√(2/π) and
variance σ²(1 - 2/π); the two children get exactly those.  Weight, Σx and Σx² over all clusters are
the same before and after.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Floats
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums

__all__ = ["revive"]


_HALF_NORMAL_MEAN: Final = float(np.sqrt(2 / np.pi))


def revive(sums: Sums, config: ModelConfig) -> Sums:
    """Return ``sums`` with every dying cluster re-seeded; the same object when none is dying."""
    average = sums.cluster_weights.mean()
    dying = np.flatnonzero(sums.cluster_weights < config.dying_share * average)
    if not len(dying):
        return sums
    revived = sums.merged(Sums.zero(config))
    _, deviations = revived.scale(config)
    for index in dying.tolist():
        _absorb(revived, index)
        _split_heaviest(revived, index, deviations)
        revived.revivals += 1
    return revived


def _absorb(sums: Sums, dying: int) -> None:
    """Move what is left of ``dying`` to the nearest other cluster that has weight."""
    others = np.flatnonzero(sums.cluster_weights > 0)
    others = others[others != dying]
    if sums.cluster_weights[dying] > 0:
        centers = sums.cluster_sums / np.maximum(sums.cluster_known, 1e-12)
        nearest = others[((centers[others] - centers[dying]) ** 2).sum(axis=1).argmin()]
        for array in _per_cluster(sums):
            array[nearest] += array[dying]
    for array in _per_cluster(sums):
        array[dying] = 0.0


def _split_heaviest(sums: Sums, into: int, deviations: Floats) -> None:
    """Give half of the heaviest cluster to ``into``, the two moved apart along the widest feature."""
    heaviest = int(sums.cluster_weights.argmax())
    known = np.maximum(sums.cluster_known[heaviest], 1e-12)
    means = sums.cluster_sums[heaviest] / known
    variances = np.maximum(sums.cluster_sums_sq[heaviest] / known - means**2, 0.0)
    # Only a feature that most of the cluster's payments have can tell its halves apart.
    shared = sums.cluster_known[heaviest] >= 0.5 * sums.cluster_weights[heaviest]
    widest = int(np.where(shared, np.sqrt(variances) / deviations, -1.0).argmax())
    step = _HALF_NORMAL_MEAN * np.sqrt(variances[widest])
    for array in _per_cluster(sums):
        array[heaviest] *= 0.5
        array[into] = array[heaviest]
    half = sums.cluster_known[heaviest, widest]
    for child, mean in ((heaviest, means[widest] - step), (into, means[widest] + step)):
        sums.cluster_sums[child, widest] = half * mean
        sums.cluster_sums_sq[child, widest] = half * (mean**2 + variances[widest] - step**2)
    # A child is as far from its anchor as its parent was, so that no split sets anybody free.
    sums.anchor_centers[into] = sums.anchor_centers[heaviest]
    sums.anchor_centers[[heaviest, into], widest] += -step, step
    sums.anchor_variances[heaviest, widest] *= 1 - _HALF_NORMAL_MEAN**2
    sums.anchor_variances[into] = sums.anchor_variances[heaviest]


def _per_cluster(sums: Sums) -> tuple[Floats, ...]:
    return (sums.cluster_weights, sums.cluster_known, sums.cluster_sums, sums.cluster_sums_sq)
