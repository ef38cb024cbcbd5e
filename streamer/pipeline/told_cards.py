"""Cards that the reserve told of within a day: another of its alerts would tell nobody of anything.

A burst has some ten payments of a card, all of them unlike the other traffic, and each would alert
until a verdict comes.  The room goes to other cards and to the main lane, which may alert such a card
all the same.

Invariants:
* 128 cards are kept, in a table of 2 kB: of more, those told of longest ago are let go.
* What is told depends on payments in their order alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from streamer.arrays import Integers
from streamer.compiled import compiled
from streamer.durations import DAY_MS

__all__ = ["forget_card", "is_told", "no_cards", "note_told", "packed", "unpacked"]

# By then its alert has been judged; with a week the other cards had no more of it (decision 0041).
_WITHIN_MS: Final = DAY_MS
_N_CARDS: Final = 128
_NONE: Final = -1
_LONG_AGO: Final = -(1 << 62)


def no_cards() -> Integers:
    """Return an empty table, (128, 2): the fingerprint of a card, and the time of its alert in ms."""
    told = np.empty((_N_CARDS, 2), dtype=np.int64)
    told[:] = _NONE, _LONG_AGO
    return told


def packed(told: Integers) -> tuple[int, ...]:
    """Return what is in the table, in its order: card and time in turn."""
    return tuple(told[told[:, 0] != _NONE].ravel().tolist())


def unpacked(stored: Sequence[int]) -> Integers:
    """Return the table that `packed` returned."""
    told = no_cards()
    n = min(len(stored) // 2, _N_CARDS)
    told[:n] = np.array(stored[: 2 * n], dtype=np.int64).reshape(n, 2)
    return told


def forget_card(told: Integers, card: int) -> None:
    """Let go of a card in ``told`` (IN/OUT)."""
    told[told[:, 0] == card] = _NONE, _LONG_AGO


@compiled
def is_told(told: Integers, card: int, time_ms: int) -> bool:
    """Return whether the reserve told of ``card`` within a day before or after ``time_ms``."""
    for i in range(len(told)):
        if told[i, 0] == card:
            is_recent: bool = abs(time_ms - told[i, 1]) < _WITHIN_MS
            return is_recent
    return False


@compiled
def note_told(told: Integers, card: int, time_ms: int) -> None:
    """Note an alert in ``told`` (IN/OUT): in the card's place, else in that of the longest ago."""
    at = 0
    for i in range(len(told)):
        if told[i, 0] == card:
            at = i
            break
        if told[i, 1] < told[at, 1]:
            at = i
    told[at, 0], told[at, 1] = card, time_ms
