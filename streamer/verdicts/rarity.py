"""With which probability a payment is drawn, so that the rarer it is the more surely it is.

A payment's rarity r is the share of recent traffic above it, by its log-odds or its distance, whichever
is less.  Of those of rarity r

    q(r) = min(1, max(least, rare / r))

are drawn, and each then counts for 1/q (Horvitz and Thompson, 1952).
"""

from __future__ import annotations

import math

from streamer.compiled import compiled

__all__ = ["drawn_probability"]


@compiled
def drawn_probability(distance_rank: float, odds_rank: float, rare: float, least: float) -> float:
    """Return q of a payment by the ranks that it was given, ``odds_rank`` NaN where there was none.

    >>> ranks = 0.96, 0.95, 0.9, 0.0
    >>> [round(drawn_probability(rank, math.nan, 0.05, 0.2), 3) for rank in ranks]
    [1.0, 1.0, 0.5, 0.2]
    """
    rank = distance_rank
    if odds_rank > rank:
        rank = odds_rank
    rarity = 1.0 - rank
    # What has no rank is not known to be usual.
    if math.isnan(rarity) or rarity <= rare:
        return 1.0
    share = rare / rarity
    return share if share > least else least
