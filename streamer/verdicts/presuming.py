"""Which payments that nobody judged teach that they are legitimate: a sample, each for those like it.

Of n payments that are presumed legitimate nearly all are usual, and all say the same.  So one whose
rarity r (the share of recent traffic above it, by its log-odds or its distance, whichever is less)
teaches with the probability

    q(r) = min(1, max(least, s / r))     s = 0.05

and then counts for 1/q payments (Horvitz and Thompson, 1952): in expectation each is learned once, and
those near the line, where its side is not clear, are each learned.

A verdict of fraud that comes after that adds the difference between both lessons (`FOUND_OUT`),
whether or not its payment was drawn: in expectation it was learned as legitimate once.

Invariant: whether a payment is drawn depends on its id and its ranks alone: not on batches, partitions
or workers, nor on any other draw.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.model import uniform_hash, unit_hash
from streamer.verdicts.rarity import drawn_probability

__all__ = ["draw_presumed", "is_drawn_again"]

_RARE: Final = 0.05
_SALT: Final = 0x3C6EF372FE94F82B


@compiled
def draw_presumed(
    slots: Integers,
    prints: Integers,
    vectors: NDArray[np.float32],
    n_inputs: int,
    shares: Floats,
    least: float,
    drawn: Integers,
    weights: Floats,
) -> int:
    """Write which of ``slots`` (n,) teach to ``drawn``, and how many payments each stands for to
    ``weights``, both OUT (n,); return how many they are.

    By slot are ``prints``, which stand for payments' ids, ``vectors`` with the two ranks behind the
    inputs, and ``shares``, the probability with which a payment was kept.
    """
    n_drawn, ranks = 0, np.empty(2)
    for i in range(len(slots)):
        slot = slots[i]
        # Single precision is widened here, compiled as in Python.
        for j in range(2):
            ranks[j] = vectors[slot, n_inputs + j]
        probability = drawn_probability(ranks[0], ranks[1], _RARE, least)
        if unit_hash(prints[slot] ^ _SALT) < probability:
            drawn[n_drawn] = slot
            weights[n_drawn] = 1.0 / shares[slot] / probability
            n_drawn += 1
    return n_drawn


def is_drawn_again(prints: Integers, shares: Floats, weights: Floats, part: float) -> Flags:
    """Return which of n payments that `draw_presumed` drew belong to a ``part`` of them, all (n,)."""
    # Of one that was drawn with the probability q its draw is uniform below q.
    is_drawn: Flags = uniform_hash(prints ^ _SALT) * weights * shares < part
    return is_drawn
