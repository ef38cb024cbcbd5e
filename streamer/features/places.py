"""How familiar merchant, country and category are to a card: counts of visits in hashed slots.

Of each kind of place a card's row has a fixed number of slots, and a place counts in the one that its
hash chooses: a count-min sketch of depth one (Cormode and Muthukrishnan, 2005).  A new place that
falls into the slot of a known one looks familiar, with a probability of about known places / slots; a
known one never looks new.  The hash is salted by the card, so that no two places collide for everybody.

Counts are halved every 60 days, on a day that is each card's own.  So a visit counts from half to
twice as much as if it decayed by itself with that half-life, and all of one period alike.  What is kept
are halves of visits: a single one is forgotten after 60 to 120 days.  Places of one kind are halved
once more before one of them has more than 127 visits; their shares stay as they were.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.compiled import compiled
from streamer.durations import DAY_MS
from streamer.features.equations import familiarity
from streamer.features.records import Record

__all__ = [
    "CATEGORY",
    "COUNTRY",
    "MERCHANT",
    "PLACES",
    "add_visits",
    "forget",
    "salt_of",
    "slot_of",
    "visit",
]

Kind = tuple[int, int, int]
"""Where payments that name a place of this kind are counted, its first slot, the one behind them."""

MERCHANT: Final[Kind] = (0, 0, 24)
COUNTRY: Final[Kind] = (1, 24, 38)
CATEGORY: Final[Kind] = (2, 38, 52)
_KINDS: Final = (MERCHANT, COUNTRY, CATEGORY)

PLACES: Final = (("place_payments", "<u2", (3,)), ("visits", "<u1", (52,)))
"""Of a card's row: the payments of each kind that named a place; then the slots of all kinds."""

_HALF_LIFE_MS: Final = 60.0 * DAY_MS
_SALTS: Final = 2.0**32
_VISIT: Final = 2
_MOST: Final = 255
# After so many halvings nothing is left of anything.
_ALL_BITS: Final = 16
# The numbers of splitmix64 (Steele, Lea and Flood, 2014), modulo 2^64.
_GOLDEN: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB
_WORD: Final = 0xFFFFFFFFFFFFFFFF


@compiled
def salt_of(print_: int) -> np.uint64:
    """Return 32 bits of what stands for a card or a merchant."""
    return np.uint64(print_ & 0xFFFF_FFFF)


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
def forget(card: Record, time_ms: float, salt: np.uint64) -> None:
    """Halve a card's counts (IN/OUT) as often as a period of it ends between its time and this one."""
    phase = float(salt) / _SALTS
    n_ended = math.floor(time_ms / _HALF_LIFE_MS + phase) - math.floor(
        card.time_ms / _HALF_LIFE_MS + phase
    )
    if n_ended > 0:
        for kind in _KINDS:
            _halve(card, kind, min(n_ended, _ALL_BITS))


@compiled
def _halve(card: Record, kind: Kind, n: int) -> None:
    named, first, end = kind
    card.place_payments[named] >>= n
    for slot in range(first, end):
        card.visits[slot] >>= n


@compiled
def visit(card: Record, kind: Kind, salt: np.uint64, place: float) -> float:
    """Return how familiar ``place`` was to the card, NaN while it is young, and count one visit more.

    A place below 0 is none.
    """
    if place < 0:
        return math.nan
    named, first, end = kind
    slot = first + slot_of(salt, np.uint64(place), end - first)
    share = familiarity(card.visits[slot] / _VISIT, card.place_payments[named] / _VISIT)
    if card.visits[slot] > _MOST - _VISIT:
        _halve(card, kind, 1)
    card.visits[slot] += _VISIT
    card.place_payments[named] += _VISIT
    return share


@compiled
def add_visits(card: Record, stored: Record) -> None:
    """Add counts of the same period to a card's (both IN/OUT)."""
    for kind in _KINDS:
        named, first, end = kind
        for slot in range(first, end):
            if int(card.visits[slot]) + int(stored.visits[slot]) > _MOST:
                _halve(card, kind, 1)
                _halve(stored, kind, 1)
        for slot in range(first, end):
            card.visits[slot] += stored.visits[slot]
        card.place_payments[named] += stored.place_payments[named]
