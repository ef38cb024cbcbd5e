"""Does a probability mean what it says?  What was told of ten groups of rows, and what they were.

Groups of equal size say it of usual traffic, where a probability is a fraction of a percent.  Groups
of equal weight, in frauds that are expected, say it where frauds are: the last of them may be a
thousand times smaller than the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers

__all__ = ["Group", "Reliability", "reliability_of"]

_N_GROUPS: Final = 10


class Group(NamedTuple):
    """``n`` rows: their mean ``probability``, and the share of them that are frauds."""

    n: int
    probability: float
    fraud_share: float


class Reliability(NamedTuple):
    """Groups of rows in ascending order of their probability; none where nothing had one."""

    by_rows: tuple[Group, ...]
    by_expected_frauds: tuple[Group, ...]


def reliability_of(probabilities: Floats, frauds: Flags) -> Reliability:
    """Compare probabilities (n,), NaN where none was told, with what ``frauds`` (n,) says.

    >>> found = reliability_of(np.array([0.2, 0.2, 0.6, np.nan]), np.array([True, False, True, True]))
    >>> found.by_expected_frauds[-1]
    Group(n=1, probability=0.6, fraud_share=1.0)
    """
    is_told = ~np.isnan(probabilities)
    told, are_frauds = probabilities[is_told], frauds[is_told]
    order = np.argsort(told, kind="stable")
    if not len(order):
        return Reliability((), ())
    expected = np.cumsum(told[order])
    # A sum that is short of its tenth by a rounding is at it.
    tenths = expected[-1] * (np.arange(1, _N_GROUPS) / _N_GROUPS + 1e-9)
    ends = np.searchsorted(expected, tenths, "right")
    return Reliability(
        _groups(np.array_split(order, _N_GROUPS), told, are_frauds),
        _groups(np.split(order, ends), told, are_frauds),
    )


def _groups(parts: Sequence[Integers], told: Floats, frauds: Flags) -> tuple[Group, ...]:
    return tuple(
        Group(len(part), float(told[part].mean()), float(frauds[part].mean()))
        for part in parts
        if len(part)
    )
