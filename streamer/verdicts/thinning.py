"""Which payments wait on when most have no verdict to expect: a sample, each for those like it.

Nearly all verdicts come within a month; some chargebacks take half a year.  To keep every payment for
that long would take six times the room, for little.  So from an age on (`VerdictConfig.whole_ms`) a
payment of rarity r waits on with the probability q(r) of `streamer.verdicts.rarity`, with 0.01 for what
is rare and 0.05 for the least, and counts for 1/q more: 8 in 100 where ranks are spread evenly.  Every
alert waits on.

Invariants:
* Whether a payment waits on depends on its id and its ranks alone.
* With how it was kept before, by its hash (`streamer.verdicts.buffer`), that has nothing to do; so the
  probability of both is their product.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.model import unit_hash
from streamer.verdicts.rarity import drawn_probability

__all__ = ["share_weights", "thin"]

_RARE: Final = 0.01
_LEAST: Final = 0.05
_SALT: Final = 0x5851F42D4C957F2D


@compiled
def thin(
    slots: Integers,
    prints: Integers,
    vectors: NDArray[np.float32],
    n_inputs: int,
    is_alert: Flags,
    gone: Integers,
) -> int:
    """Write those of ``slots`` (n,) that do not wait on to ``gone``, OUT (n,); return how many.

    By slot are ``prints``, which stand for payments' ids, ``vectors`` with the two ranks behind the
    inputs, and ``is_alert``.
    """
    n_gone, ranks = 0, np.empty(2)
    for i in range(len(slots)):
        slot = slots[i]
        # Single precision is widened here, compiled as in Python.
        for j in range(2):
            ranks[j] = vectors[slot, n_inputs + j]
        probability = drawn_probability(ranks[0], ranks[1], _RARE, _LEAST)
        if not (is_alert[slot] or unit_hash(prints[slot] ^ _SALT) < probability):
            gone[n_gone] = slot
            n_gone += 1
    return n_gone


@compiled
def share_weights(
    slots: Integers,
    times_ms: Integers,
    thinned_ms: int,
    vectors: NDArray[np.float32],
    n_inputs: int,
    is_alert: Flags,
    shares: Floats,
    weights: Floats,
) -> None:
    """Write for how many payments each of ``slots`` (n,) stands to ``weights``, OUT (n,).

    By slot are its time, ``vectors`` as `thin` takes them, ``is_alert`` and ``shares``, the probability
    with which it was kept at first; what is from before ``thinned_ms`` was drawn since.
    """
    ranks = np.empty(2)
    for i in range(len(slots)):
        slot = slots[i]
        weights[i] = 1.0 / shares[slot]
        if times_ms[slot] < thinned_ms and not is_alert[slot]:
            for j in range(2):
                ranks[j] = vectors[slot, n_inputs + j]
            weights[i] /= drawn_probability(ranks[0], ranks[1], _RARE, _LEAST)
