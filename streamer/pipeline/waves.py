"""Waves: alerts that tell of one card or of one merchant, so that a reviewer has one item for them.

A wave is of a card, for a day from the first of its alerts, or of a merchant, within six hours that are
cut at 0, 6, 12 and 18 o'clock UTC.  An alert joins its card's wave where an alert is in that already;
else its merchant's, where there was an alert on another card; else it opens its card's.

Partitions are by card, so a card's wave lies in one of them and may begin with its first alert.  A
merchant's lies in several: what they agree on without a word is the clock.

Invariants:
* 512 cards and merchants are kept, in a table of 20 kB: of more, those that began first are let go.
* A wave depends on the alerts of its partition in their order alone: not on batches, and not on whether
  an alert was out already before a crash.  What the sample drew is no member.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Integers
from streamer.compiled import compiled
from streamer.durations import DAY_MS, HOUR_MS
from streamer.model import QUIET, SAMPLE

__all__ = ["forget_waves", "join_waves", "no_waves", "packed_waves", "unpacked_waves"]

_CARD_MS: Final = DAY_MS
# Of one, two, four, six and twelve hours and a day: docs/decisions/0046.
_MERCHANT_MS: Final = 6 * HOUR_MS
_N_PLACES: Final = 512
_NONE: Final = -1
_LONG_AGO: Final = -(1 << 62)
# Where a merchant has its window, a card has this.
_OF_CARD: Final = -1
_KEY, _WINDOW, _BEGAN, _ALERTS, _CARD, _N_COLUMNS = range(6)
# Of a merchant's alerts, that they are on several cards; of a card's, that none is in its own wave yet.
_SEVERAL: Final = -2
_UNOPENED: Final = -3
# A card that is to be known no more; it is no other's.
_ERASED: Final = -4


def no_waves() -> Integers:
    """Return an empty table, (512, 5): who, window, when the first alert was (ms), alerts, card."""
    waves = np.zeros((_N_PLACES, _N_COLUMNS), dtype=np.int64)
    waves[:, _KEY], waves[:, _BEGAN] = _NONE, _LONG_AGO
    return waves


def packed_waves(waves: Integers) -> bytes:
    """Return what is in the table, in its order: 40 bytes of each."""
    packed: bytes = waves[waves[:, _KEY] != _NONE].astype("<i8").tobytes()
    return packed


def unpacked_waves(stored: bytes) -> Integers:
    """Return the table that `packed_waves` returned."""
    waves = no_waves()
    n = min(len(stored) // (8 * _N_COLUMNS), _N_PLACES)
    waves[:n] = np.frombuffer(stored, "<i8", n * _N_COLUMNS).reshape(n, _N_COLUMNS)
    return waves


def forget_waves(waves: Integers, card: int) -> None:
    """Let go of a card's waves in ``waves`` (IN/OUT), and of its name in those of merchants.

    A merchant's wave that it alone was in so far is of several cards with the next one.
    """
    is_own = (waves[:, _KEY] == card) & (waves[:, _WINDOW] == _OF_CARD)
    waves[is_own] = 0
    waves[is_own, _KEY], waves[is_own, _BEGAN] = _NONE, _LONG_AGO
    waves[waves[:, _CARD] == card, _CARD] = _ERASED


@compiled
def join_waves(
    waves: Integers,
    rows: Integers,
    lanes: Integers,
    cards: Integers,
    merchants: Integers,
    times_ms: Integers,
    found: Integers,
) -> None:
    """Let the alerts among ``rows`` (m,) join their waves; ``waves`` is IN/OUT.

    ``lanes``, ``cards``, ``merchants`` and ``times_ms`` are those of the batch (n,).  ``found`` OUT
    (m, 4) are what `Wave` of `streamer.explaining` has of each, 0 for the sample and what is no alert.
    """
    for m in range(len(rows)):
        i = rows[m]
        found[m] = 0
        if lanes[i] == QUIET or lanes[i] == SAMPLE:
            continue
        time_ms, card = times_ms[i], cards[i]
        at, window, is_joined = -1, time_ms // _MERCHANT_MS, False
        if merchants[i] >= 0:
            at = _place(waves, merchants[i], window, time_ms)
            if waves[at, _ALERTS] == 0:
                waves[at, _CARD] = card
            elif waves[at, _CARD] != card:
                waves[at, _CARD] = _SEVERAL
            waves[at, _ALERTS] += 1
            is_joined = waves[at, _CARD] == _SEVERAL
        own = _place(waves, card, _OF_CARD, time_ms)
        if waves[own, _ALERTS] == 0:
            waves[own, _CARD] = _UNOPENED
        waves[own, _ALERTS] += 1
        # With one place left the card has taken its merchant's.
        if is_joined and waves[own, _CARD] == _UNOPENED and at != own:
            found[m, 0], found[m, 1] = 1, window * _MERCHANT_MS
            found[m, 2], found[m, 3] = waves[at, _BEGAN], waves[at, _ALERTS]
        else:
            waves[own, _CARD] = card
            found[m, 1] = found[m, 2] = waves[own, _BEGAN]
            found[m, 3] = waves[own, _ALERTS]


@compiled
def _place(waves: Integers, key: int, window: int, time_ms: int) -> int:
    """Return the place of a card or merchant: its own, or a new one, instead of what began first."""
    at = 0
    for i in range(len(waves)):
        if waves[i, _KEY] == key and waves[i, _WINDOW] == window:
            if window == _OF_CARD and abs(time_ms - waves[i, _BEGAN]) >= _CARD_MS:
                # A card has one wave at a time.
                at = i
                break
            return i
        if waves[i, _BEGAN] < waves[at, _BEGAN]:
            at = i
    waves[at, _KEY], waves[at, _WINDOW], waves[at, _BEGAN] = key, window, time_ms
    waves[at, _ALERTS] = 0
    return at
