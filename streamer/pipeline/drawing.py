"""The sample below the line: payments that did not alert, drawn with a known probability.

Of a payment of rarity r, where the share a of traffic is asked for and σ of that for the sample,

    q(r) = min(k / √r, a / 2)     k = σ a / (2 (1 - √a))

so that all between r = a and 1 together get σ a, the likelier the rarer they are, and none 0.  If each
decade of rarity has as many frauds, a count of them by 1/q varies least with q ~ 1/√r (Neyman 1934).
By q ~ 1/r, each decade as many draws, it would vary by half more; and with a version that ranks all
payments as rare, half of what is asked for is the most that is drawn.

Invariant: a draw depends on its record's offset, rank and hour alone: not on batches, pace or fuse.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.model import uniform_hash

__all__ = ["sample_draws", "sample_probability", "sample_weights"]

# Draws of their own: what is sampled has nothing to do with what teaches or is kept as recent.
_SALT: Final = 0x71D67FFFEDA60000
_MOST: Final = 0.5
_RAREST: Final = 1e-12


def sample_draws(offsets: Integers) -> Floats:
    """Return the draw of each payment, (n,) in [0, 1)."""
    return uniform_hash(offsets ^ _SALT)


@compiled
def sample_probability(rarity: float, asked: float, share: float) -> float:
    """Return q(r); ``asked`` is a, ``share`` σ.

    >>> [round(1 / sample_probability(rarity, 0.005, 0.1)) for rarity in (0.001, 0.01, 0.1, 1.0)]
    [400, 400, 1175, 3717]
    """
    if share <= 0.0:
        return 0.0
    # Of an hour of which more is asked for than there is, as much as of any that alerts half.
    some = min(asked, _MOST)
    scale = share * some / (2.0 * (1.0 - math.sqrt(some)))
    return min(scale / math.sqrt(max(rarity, _RAREST)), _MOST * some)


@compiled
def sample_weights(rarities: Floats, asked: Floats, share: float) -> Floats:
    """Return 1/q of payments that were drawn, (n,)."""
    weights = np.empty(len(rarities))
    for i in range(len(rarities)):
        weights[i] = 1.0 / sample_probability(rarities[i], asked[i], share)
    return weights
