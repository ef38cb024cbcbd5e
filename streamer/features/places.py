"""How familiar merchant, country and category are to a card: decayed visits in hashed slots.

Of each kind of place a card's row has a fixed number of slots, and a place counts in the one that its
hash chooses: a count-min sketch of depth one (Cormode and Muthukrishnan, 2005).  A new place that
falls into the slot of a known one looks familiar, with a probability of about known places / slots; a
known one never looks new.  The hash is salted by the card, so that no two places collide for everybody.

Sums are kept by forward decay (Cormode et al., 2009): a visit at t counts 2^((t - t0) / half-life),
and reading at s multiplies by 2^(-(s - t0) / half-life).  What is stored then changes only in the
slots that were visited.  With a half-life of 60 days a float has room for the years 1832 to 2168.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.features.equations import familiarity

__all__ = ["CATEGORY", "COUNTRY", "MERCHANT", "PLACE_SUMS", "slot_of", "visit", "weight_of"]

# Which of a card's payments count: those that named a merchant, a country, a category.
MERCHANT: Final = 0
COUNTRY: Final = 1
CATEGORY: Final = 2

PLACE_SUMS: Final = {
    "place_payments": 3,
    "merchant_visits": 32,
    "country_visits": 16,
    "category_visits": 16,
}
"""Of a card's row: the payments of each kind that named a place; then the slots of each kind."""

Floats = NDArray[np.float64]

_HALF_LIFE_S: Final = 60 * 86_400.0
_T0_S: Final = 946_684_800.0  # 2000-01-01 UTC
# The numbers of splitmix64 (Steele, Lea and Flood, 2014), modulo 2^64.
_GOLDEN: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB
_WORD: Final = 0xFFFFFFFFFFFFFFFF


@compiled
def weight_of(time_ms: float) -> float:
    """Return what a visit at ``time_ms`` counts, 2^((t - t0) / half-life)."""
    return math.exp2((time_ms / 1000 - _T0_S) / _HALF_LIFE_S)


@compiled
def slot_of(card: np.uint64, place: np.uint64, n_slots: int) -> int:
    """Return the slot of a place, by splitmix64 of card and place, both below 2^32."""
    z = (int(card) << 32) ^ int(place)
    z = (z * _GOLDEN) & _WORD
    z = ((z ^ (z >> 30)) * _FIRST) & _WORD
    z = ((z ^ (z >> 27)) * _SECOND) & _WORD
    z ^= z >> 31
    return int((z >> 11) % np.uint64(n_slots))


@compiled
def visit(
    visits: Floats, payments: Floats, kind: int, card: np.uint64, place: float, weight: float
) -> float:
    """Return how familiar ``place`` was to the card, NaN while it is young, and count one visit more.

    ``visits`` (n_slots,) and ``payments`` (3,) are IN/OUT; ``weight`` is that of the visit.  A place
    below 0 is none.
    """
    if place < 0:
        return math.nan
    slot = slot_of(card, np.uint64(place), len(visits))
    share = familiarity(visits[slot] / weight, payments[kind] / weight)
    visits[slot] += weight
    payments[kind] += weight
    return share
