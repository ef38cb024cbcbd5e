"""The lanes of a budget: what ranks, a reserve for what labels do not know, a sample below the line.

Of the share that is asked for, most goes to what ranks.  While the log-odds rank, the *reserve* goes to
what the distance ranks highest: a new mode of fraud is like none that was judged, and the odds may take
it for legitimate, but it is unlike the other traffic.  The *sample* is drawn from below both lines
(`streamer.pipeline.drawing`), to measure what is missed.

Most of what the distance ranks highest is above the odds' line too, and then the main lane has it: of
a reserve of a fifth a tenth is spent, until something new comes.  It follows its yield.  With
n alerts of it judged and f of them frauds, p the precision of the main lane, and a prior of κ alerts,

    share = start · p' / (w p)     p' = (f + κ w p) / (n + κ)

between a floor and a ceiling in units of the start.  w is a quarter: the last alerts of the main lane
are worth less than its mean, and another of a kind that is known is worth less than the first of one
that is not.  The verdicts decay with the alerts that are judged.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums

__all__ = [
    "MAIN",
    "QUIET",
    "RESERVE",
    "SAMPLE",
    "WHOLE",
    "Split",
    "lanes_of",
    "split_of",
    "stake_of",
]

QUIET: Final = 0
MAIN: Final = 1
RESERVE: Final = 2
SAMPLE: Final = 3

# Alerts of the reserve that must have been judged before they are believed by half.
_PRIOR_ALERTS: Final = 20.0
_WORTH: Final = 0.25
# With more than it spends set aside for it, the main lane would be below its share as a rule: the pace
# saves up little.
_OWN: Final = 0.25
# What yields nothing goes on looking, with a fifth: it is what would see the next mode first.
_FLOOR: Final = 0.2
_CEILING: Final = 3.0
# Beyond this the labels would pay for what they do not know.
_MOST: Final = 0.3


class Split(NamedTuple):
    """How the share that is asked for is divided, as far as each lane has its payments alone.

    ``main`` and ``sample`` are 1 with the quarter of ``reserve`` that is taken to be its own; if that
    is more, the pace has all of them give way.
    """

    main: float
    reserve: float
    sample: float


WHOLE: Final = Split(1.0, 0.0, 0.0)


def split_of(sums: Sums, config: ModelConfig, *, by_odds: bool) -> Split:
    """Return how what is asked for is divided; while the distance ranks there is no reserve."""
    reserve = _reserve(sums, config.reserve_share) if by_odds else 0.0
    main = 1.0 - _OWN * reserve - config.sample_share
    return Split(main, reserve, config.sample_share)


@compiled
def stake_of(lane: int, weight: float) -> float:
    """Return lane and weight of a payment as one number: what it keeps for its verdict.

    0 for none, 1 for the main lane, -1 for the reserve, and for the sample the weight, above 1.

    >>> [stake_of(lane, 400.0) for lane in (QUIET, MAIN, RESERVE, SAMPLE)]
    [0.0, 1.0, -1.0, 400.0]
    """
    if lane == SAMPLE:
        return weight
    if lane == MAIN:
        return 1.0
    return -1.0 if lane == RESERVE else 0.0


def lanes_of(stakes: Floats) -> Integers:
    """Return the lanes (n,) of payments with ``stakes`` (n,)."""
    signs = np.sign(stakes).astype(np.int64)
    return np.where(stakes > 1.0, SAMPLE, np.where(signs < 0, RESERVE, signs * MAIN))


def _reserve(sums: Sums, start: float) -> float:
    legitimate, frauds = sums.lane_verdicts.T.tolist()
    main, reserve = MAIN - 1, RESERVE - 1
    precision = (frauds[main] + 1.0) / (frauds[main] + legitimate[main] + 2.0)
    expected = _WORTH * precision
    judged = frauds[reserve] + legitimate[reserve]
    own = (frauds[reserve] + _PRIOR_ALERTS * expected) / (judged + _PRIOR_ALERTS)
    share: float = start * own / expected
    return min(max(share, _FLOOR * start), max(min(_CEILING * start, _MOST), start))
