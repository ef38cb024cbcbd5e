"""What is known of payments whose groups are compared: columns, one entry per payment.

A payment of the random sample below the threshold stands for several, and is no alert: it was drawn by
its rarity alone, so its draw says nothing about a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers

__all__ = [
    "DIMENSIONS",
    "MOST_GROUPS",
    "NOT_KNOWN",
    "OTHERS",
    "Grouping",
    "Observed",
    "numbered",
    "pairs_of",
]

DIMENSIONS: Final = ("country", "channel", "category", "currency")
"""What payments are grouped by; a category is a merchant category code (ISO 18245)."""
MOST_GROUPS: Final = 1_000
"""Names of a dimension that are groups; a channel is any text of 32 characters."""
OTHERS: Final = "(others)"
"""The group of payments whose name came when there were so many."""
NOT_KNOWN: Final = -1
"""The group of a payment that names none, and the label of one that nobody has judged."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The group of each payment: ``codes`` (n,) are places in ``names``, `NOT_KNOWN` without one."""

    names: tuple[str, ...]
    codes: Integers


@dataclass(frozen=True)
class Observed:
    """n payments; all arrays (n,).

    ``weights`` are how many payments each stands for, ``judged_weights`` for how many judged ones: more
    where others like it were not judged.  ``labels`` are 1 for a fraud, 0 for none, `NOT_KNOWN` where
    nobody has judged.  ``cards`` and ``merchants`` are numbers from 0; ``is_sample`` where weights are
    of a sample.  ``n_held`` of those that alerted were held back by the fuse.
    """

    weights: Floats
    judged_weights: Floats
    alerted: Flags
    labels: Integers
    cards: Integers
    merchants: Integers
    groupings: dict[str, Grouping]
    is_sample: bool
    n_held: int = 0

    def __len__(self) -> int:
        return len(self.weights)

    @cached_property
    def pairs(self) -> Integers:
        """Numbers of the pairs of card and merchant."""
        return pairs_of(self.cards, self.merchants)

    @property
    def n_cards(self) -> int:
        return int(self.cards.max(initial=-1)) + 1

    @property
    def judged(self) -> Flags:
        judged: Flags = self.labels != NOT_KNOWN
        return judged


def numbered(values: Integers, none: int) -> Integers:
    """Return numbers from 0 in place of ``values`` (n,); what is ``none`` has a number of its own.

    >>> numbered(np.array([7, -1, 9, 7, -1]), -1).tolist()
    [0, 2, 1, 0, 3]
    """
    named = values != none
    names, numbers = np.unique(values[named], return_inverse=True)
    found = np.empty(len(values), np.int64)
    found[named] = numbers
    found[~named] = len(names) + np.arange(len(values) - len(numbers))
    return found


def pairs_of(cards: Integers, merchants: Integers) -> Integers:
    """Return numbers from 0 for pairs of card and merchant, all (n,).

    >>> pairs_of(np.array([0, 1, 0, 0]), np.array([5, 5, 5, 6])).tolist()
    [0, 2, 0, 1]
    """
    _, found = np.unique(cards * (merchants.max(initial=0) + 1) + merchants, return_inverse=True)
    return np.asarray(found, np.int64)
