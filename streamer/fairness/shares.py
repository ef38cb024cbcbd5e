"""One share with its interval, and one share over another.

A share is p = a / (a + b): a the weight of what hits, b that of what does not.  Payments of a card are
not independent, and neither are those of a merchant: its fraud comes together, and so do its alerts.

*Counted*, where every payment is known: Wilson's interval (1927) for as many independent payments as
there are worth, n / d, with the design effect d of a ratio of sums over clusters (Korn and Graubard
1998) in two ways at once (Cameron, Gelbach and Miller 2011), over cards, merchants, and pairs of both,

    d = max(1, (Σ_c r_c² + Σ_m r_m² - Σ_cm r_cm²) / (n p (1 - p)))        r = a - p n

and where p is 0 or 1, in which none differs from another, the d of all payments.

*Weighted*, where what does not alert is known from a sample: a and b are sums of weighted Poisson
counts, each with the gamma interval of Fay and Feuer (1997) that `streamer.model.census` has, its
variance in two ways likewise, and

    ln(b / a) ± √((ln b - ln b')² + (ln a'' - ln a)²)

from these intervals' ends (MOVER; Zou and Donner 2008).  The ratio of two shares is made likewise: it
takes them to be independent, and a card that pays in both makes the interval too wide, not too narrow.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.model.census import weighted_interval, wilson

__all__ = [
    "Interval",
    "Ratio",
    "Share",
    "Sums",
    "Z",
    "counted_share",
    "design_effect",
    "ratio_of",
    "squares_of",
    "weighted_share",
]

Z: Final = 1.959964
"""The normal deviate of a 95% interval."""

Interval = tuple[float, float]
Clusters = tuple[Integers, Integers, Integers]
"""Numbers of the cards, the merchants, and the pairs of both, of n payments."""


class Sums(NamedTuple):
    """Payments (n,): ``hits`` and ``misses`` are weights, 0 where a payment is the other of the two.

    ``clusters`` are the numbers of cards, merchants and pairs of both; ``one_hit`` and ``one_miss``
    are what one more of either would count.
    """

    hits: Floats
    misses: Floats
    clusters: Clusters
    one_hit: float = 1.0
    one_miss: float = 1.0

    @property
    def total(self) -> float:
        return float(self.hits.sum() + self.misses.sum())

    def squares(self, values: Floats) -> float:
        """Return `squares_of` ``values`` (n,)."""
        return squares_of(values, self.clusters)


class Share(NamedTuple):
    """A share with its interval; ``hits`` of ``of``, by weight."""

    value: float
    low: float
    high: float
    hits: float
    of: float


class Ratio(NamedTuple):
    """A ratio with its interval; infinite where it is over nothing."""

    value: float
    low: float
    high: float


def squares_of(values: Floats, clusters: Clusters) -> float:
    """Return the squares of sums of ``values`` (n,) by card and by merchant, less those by pairs.

    At least the latter.  Card 0 pays twice at shop 0 and once at shop 1, card 1 once at shop 1: by
    cards 3² + 1², by shops 2² + 2², by pairs 2² + 1² + 1².

    >>> clusters = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    >>> squares_of(np.ones(4), clusters)
    12.0
    """
    by = (np.bincount(keys, values) for keys in clusters)
    of_cards, of_merchants, of_pairs = (float((sums**2).sum()) for sums in by)
    return max(of_cards + of_merchants - of_pairs, of_pairs)


def design_effect(sums: Sums) -> float:
    """Return by how much cards and merchants widen the variance of a share, at least 1."""
    n, a = sums.total, float(sums.hits.sum())
    p = a / n if n else 0.0
    if not 0.0 < p < 1.0:
        return 1.0
    residuals = sums.hits - p * (sums.hits + sums.misses)
    return max(sums.squares(residuals) / (n * p * (1.0 - p)), 1.0)


def counted_share(sums: Sums, overall_effect: float, z: float = Z) -> Share:
    """Return the share of what was counted; ``overall_effect`` is the design effect of all payments.

    There must be a payment.
    """
    n, a = sums.total, float(sums.hits.sum())
    p = a / n
    effect = design_effect(sums) if 0.0 < p < 1.0 else overall_effect
    worth = n / effect
    return Share(p, *wilson(p * worth, worth, z), a, n)


def weighted_share(sums: Sums, z: float = Z) -> Share:
    """Return the share of what was sampled.  There must be a payment."""
    a, b = float(sums.hits.sum()), float(sums.misses.sum())
    of_a = weighted_interval(a, sums.squares(sums.hits), sums.one_hit, z)
    of_b = weighted_interval(b, sums.squares(sums.misses), sums.one_miss, z)
    misses_per_hit = _mover(b, of_b, a, of_a)
    low, high = 1.0 / (1.0 + misses_per_hit.high), 1.0 / (1.0 + misses_per_hit.low)
    return Share(a / (a + b), low, high, a, a + b)


def ratio_of(share: Share, rest: Share) -> Ratio:
    """Return one share over another, which is of other payments."""
    return _mover(share.value, (share.low, share.high), rest.value, (rest.low, rest.high))


def _mover(a: float, of_a: Interval, b: float, of_b: Interval) -> Ratio:
    """Return a / b with its interval; where either is 0 by the ends that are furthest apart.

    >>> [round(each, 3) for each in _mover(0.2, (0.1, 0.4), 0.1, (0.05, 0.2))]
    [2.0, 0.75, 5.33]
    """
    if not a > 0.0 or not b > 0.0:
        value = math.inf if a > 0.0 else 0.0 if b > 0.0 else math.nan
        low = of_a[0] / of_b[1] if of_b[1] > 0.0 else 0.0
        return Ratio(value, low, of_a[1] / of_b[0] if of_b[0] > 0.0 else math.inf)
    log = math.log(a / b)
    below = math.hypot(_log(a, of_a[0]), _log(of_b[1], b))
    above = math.hypot(_log(of_a[1], a), _log(b, of_b[0]))
    return Ratio(a / b, math.exp(log - below), math.exp(log + above) if above < 700 else math.inf)


def _log(a: float, b: float) -> float:
    return math.log(a / b) if b > 0.0 else math.inf
