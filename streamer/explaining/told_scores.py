"""What a payment is ranked by, as `Findings` have it."""

from __future__ import annotations

import math

from streamer.compiled import compiled
from streamer.features import AMOUNT, Record
from streamer.model import Lines, LogOdds, Room, Ruler

__all__ = ["tell_loss", "tell_scores"]


@compiled
def tell_scores(found: Record, scored: Room, ruler: Ruler, odds: LogOdds, by_odds: bool) -> None:
    """Write what the first payment of ``scored`` is ranked by, and what its columns are held against.

    That is the center where they are suspicious against it, or else the mean of all traffic.
    """
    numbers, nearest = scored.numbers[:, 0], scored.nearest[0]
    found.nearest, found.distance_sq, found.log_odds = nearest, numbers[0], numbers[5]
    found.score, found.base, found.by_odds = numbers[4], 0.0, by_odds
    if by_odds:
        found.score, found.base = numbers[6], odds.coefficients[0]
    x, center = scored.parts[0, 0], ruler.centers[nearest]
    for j in range(len(x)):
        feature = ruler.features[j]
        is_beyond = (x[j] - center[j]) * feature.side >= 0
        found.usual[j] = center[j] if is_beyond else feature.average
    found.usual[AMOUNT] += found.currency_mean
    for j in range(len(x), len(found.usual)):
        found.usual[j] = odds.means[j] if by_odds else math.nan


@compiled
def tell_loss(found: Record, scored: Room, lines: Lines) -> None:
    """Write the loss that is expected of the first payment of ``scored``, and its rank if it ranks."""
    found.log_loss = scored.numbers[7, 0]
    found.by_loss = found.by_odds > 0.0 and len(lines.told) > 0
    if found.by_loss > 0.0:
        found.score = scored.numbers[8, 0]
