"""The pace: which of a partition's payments alert, so that a budget holds whatever the model gives.

A version's own line may be wrong: its scores move, traffic changes.  So a partition keeps its *debt*,
the alerts that it gave less those that were due, payment by payment, and alerts where the rarity r of
a payment (the share of recent traffic above it) is below

    share = asked · pace(x)     pace(x) = exp(-A x - B x³),  x = debt / alerts due in 5,000 payments

With x = 0 the line is the version's own.  A quarter too many halves what may alert, and from 0.7 on
it is next to nothing: beyond all that was ever seen, rarity goes on falling exponentially
(`distribution_of`), so that there is always a rarer one to wait for.  Nor does a quiet stretch save up
more than x = -0.3.  So over any 5,000 payments there are at most 1 + 0.7 + 0.3 times the alerts due,
and over any 50,000 at most 1.1 times, where more than ten are due in 5,000; else the fuse bounds it.

Where a review costs more than a payment lets lose (`streamer.model.expected_loss`), the main lane has
none of it, and what is due is less by as much (`Scorer`).

The share is divided among lanes (`streamer.model.lanes`): what ranks, a reserve by the distance, and a
sample below both lines, whose draws keep no pace: they are in the debt, which the others pay.
The reserve alerts a card once a day.

Invariants:
* Debt and decisions depend on the payments in their order alone, not on how they are cut.
* What is on a topic already, from before a crash, counts where it stands.
"""

from __future__ import annotations

import math
from typing import Final

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.model import MAIN, QUIET, RESERVE, SAMPLE, Split
from streamer.pipeline.drawing import sample_draw, sample_probability
from streamer.pipeline.fuse import WINDOW
from streamer.pipeline.told_cards import is_told, note_told

__all__ = ["alerts_due", "pace", "paced"]


# Twice the pull cost 1% of precision and of real alerts' recall (docs/decisions/0038).
_PULL: Final = 1.0
_WALL: Final = 20.0
_MOST_SAVED: Final = 0.3
# Where no score is rarer than another only the fuse holds, and what it held back is not paid off.
_MOST_OWED: Final = 1.0
# A budget of one alert in thousands of payments would otherwise have none for two that come together.
_FEWEST_DUE: Final = 10.0


def alerts_due(share: float) -> float:
    """Return what the debt is measured in: the alerts due in 5,000 payments, 10 at least."""
    return max(share * WINDOW, _FEWEST_DUE)


@compiled
def pace(debt: float, unit: float) -> float:
    """Return by what to multiply the share that is asked for.

    >>> [round(pace(debt, 25.0), 3) for debt in (-7.5, 0.0, 6.25, 12.5, 17.5)]
    [2.316, 1.0, 0.57, 0.05, 0.001]
    """
    x = debt / unit
    return math.exp(-_PULL * x - _WALL * x * x * x)


@compiled
def paced(
    debt: float,
    lanes: Integers,
    weights: Floats,
    shares: Floats,
    scores: Floats,
    distance_ranks: Floats,
    offsets: Integers,
    asked: Floats,
    due: Floats,
    unit: float,
    split: Split,
    cards: Integers,
    times_ms: Integers,
    told: Integers,
    losses: Floats,
    least: float,
) -> float:
    """Decide on n payments one after the other, and return the debt that ``debt`` has become.

    ``lanes`` IN/OUT (n,): `SAMPLE` for one that is on a topic already as such, `MAIN` for any other
    that is, else `QUIET`.  ``weights`` IN/OUT (n,) are how many each of the sample stands for.
    ``shares`` OUT (n,) are the shares of recent traffic that were to alert when each came, over all
    lanes.  ``scores``, ``distance_ranks``, ``asked`` and ``due`` (n,) are as in `Scored`.  ``cards``
    (n,) are fingerprints, ``told`` the cards that the reserve told of (`told_cards`), IN/OUT.
    ``losses`` (n,) are ln of expected losses, of which the main lane has none below ``least``; (0,)
    where none is expected.
    """
    for i in range(len(scores)):
        shares[i] = asked[i] * pace(debt, unit)
        rarity, is_out = 1.0 - scores[i], lanes[i] != QUIET
        if lanes[i] != SAMPLE:
            is_worth = len(losses) == 0 or losses[i] >= least
            if rarity < shares[i] * split.main and is_worth:
                lanes[i] = MAIN
            elif 1.0 - distance_ranks[i] < shares[i] * split.reserve and (
                is_out or not is_told(told, cards[i], times_ms[i])
            ):
                lanes[i] = RESERVE
                note_told(told, cards[i], times_ms[i])
            elif not is_out:
                drawn = sample_probability(rarity, asked[i], split.sample)
                if sample_draw(offsets[i]) < drawn:
                    lanes[i], weights[i] = SAMPLE, 1.0 / drawn
        owed = debt - due[i] + (1.0 if lanes[i] != QUIET else 0.0)
        debt = min(max(owed, -_MOST_SAVED * unit), _MOST_OWED * unit)
    return debt
