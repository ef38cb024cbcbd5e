"""The draws of a payment, and the sample below the line.

The sample is of payments that did not alert, each drawn with a known probability.

Of a payment of rarity r, where the share a of traffic is asked for and σ of that for the sample,

    q(r) = min(k / √r, a / 2)     k = σ a / (2 (1 - √a))

so that all between r = a and 1 together get σ a, the likelier the rarer they are, and none 0.  If each
decade of rarity has as many frauds, a count of them by 1/q varies least with q ~ 1/√r (Neyman 1934).
By q ~ 1/r, each decade as many draws, it would vary by half more; and with a version that ranks all
payments as rare, half of what is asked for is the most that is drawn.

Invariant: whether a payment is drawn depends on its record's offset, its rank and hour alone: not on
batches, pace or fuse.
"""

from __future__ import annotations

import math
from typing import Final

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.model import uniform_hash, unit_hash

__all__ = ["fill_draws", "sample_draw", "sample_probability"]

# Draws of their own: what teaches, what is kept as recent and what is sampled have nothing to do with
# each other.
_RECENT_SALT: Final = 0x2545F4914F6CDD1D
_SAMPLE_SALT: Final = 0x71D67FFFEDA60000
_MOST: Final = 0.5
_RAREST: Final = 1e-12


@compiled
def fill_draws(offsets: Integers, draws: Floats, recent_draws: Floats) -> None:
    """Write what decides whether payments teach and wait, and which are kept as recent, OUT (n,)."""
    draws[:] = uniform_hash(offsets)
    recent_draws[:] = uniform_hash(offsets ^ _RECENT_SALT)


@compiled
def sample_draw(offset: int) -> float:
    """Return the draw of a payment for the sample, in [0, 1)."""
    return unit_hash(offset ^ _SAMPLE_SALT)


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
