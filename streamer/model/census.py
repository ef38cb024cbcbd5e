"""What is missed: recall and precision of the alerts, from verdicts on them and on the sample below.

Every alert is judged, and of the other payments a sample, each drawn with a known probability q.
With A frauds among the alerts and the judged frauds of the sample counted by w = 1/q (Horvitz and
Thompson, 1952), those that did not alert are B = Σw in expectation, whatever ranks and wherever they
are, and

    recall = (A + m) / (A + B)

where m is how many the sample itself has found.  Draws are independent, so B is a sum of Poisson counts
with weights: its interval is the gamma one of Fay and Feuer (1997) with y = Σw and v = Σw²,

    from v / 2y · χ²(2y²/v; 2.5%)  to  v'/ 2y' · χ²(2y'²/v'; 97.5%)     y' = y + u, v' = v + u²

It holds with few frauds, and with none: then it ends at 3.7 u.  u is what one more would count, the
mean weight of those found (Tiwari, Clegg and Zou, 2006), or of the judged sample where that is more.

All of it are sums, which decay with the judged alerts; Σw² by the square.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats
from streamer.model.lanes import lanes_of
from streamer.model.sums import Sums

__all__ = [
    "Census",
    "Estimate",
    "census_of",
    "count_judged",
    "estimate",
    "weighted_interval",
    "wilson",
]

_Z: Final = 1.959964
_ALERTS: Final = 0
_SAMPLE: Final = 1
_WEIGHTS: Final = 2

Interval = tuple[float, float]


class Census(NamedTuple):
    """What is counted: ``counts`` (3, 2) are the judged alerts, those of the sample, and the weights of
    the latter, each the legitimate and the fraudulent; ``squares`` Σw² of the sample's frauds."""

    counts: Floats
    squares: float


class Estimate(NamedTuple):
    """Recall and precision with their 95% intervals; None where nothing was judged that would tell.

    ``n_sampled`` of the sample were judged and ``n_found`` were frauds; ``missed`` is how many of them
    the payments below the line have by that.
    """

    recall: float | None
    recall_interval: Interval | None
    precision: float | None
    precision_interval: Interval | None
    n_judged: float
    n_sampled: float
    n_found: float
    missed: float


def census_of(stakes: Floats, frauds: Floats, signs: Floats) -> Census:
    """Return what n verdicts count: of payments with ``stakes`` (`lanes`), ``frauds`` 1 or 0, ``signs``
    1, or -1 to take a verdict back; all (n,)."""
    counts, is_sample = np.zeros((3, 2)), stakes > 1.0
    is_fraud = frauds.astype(np.int64)
    for row, added in (
        (_ALERTS, signs * ~is_sample),
        (_SAMPLE, signs * is_sample),
        (_WEIGHTS, signs * is_sample * stakes),
    ):
        np.add.at(counts[row], is_fraud, added)
    return Census(counts, float((signs * is_sample * is_fraud * stakes * stakes).sum()))


def count_judged(delta: Sums, stakes: Floats, frauds: Floats, signs: Floats) -> None:
    """Add n verdicts on alerts and on the sample to ``delta`` (IN/OUT); the rest as for `census_of`."""
    counts, squares = census_of(stakes, frauds, signs)
    delta.census += counts
    delta.census_sq += squares
    np.add.at(delta.lane_verdicts, (lanes_of(stakes) - 1, frauds.astype(np.int64)), signs)


def estimate(census: Census) -> Estimate:
    """Return what the verdicts say.

    >>> told = estimate(Census(np.array([[20.0, 80.0], [48.0, 2.0], [48_000.0, 20.0]]), 200.0))
    >>> round(told.recall, 3), [round(end, 2) for end in told.recall_interval]
    (0.82, [0.02, 1.0])
    """
    counts = np.maximum(census.counts, 0.0)
    legitimate, caught = counts[_ALERTS].tolist()
    n_judged, n_sampled = legitimate + caught, float(counts[_SAMPLE].sum())
    found, missed = counts[_SAMPLE, 1].item(), counts[_WEIGHTS, 1].item()
    precision = precision_interval = recall = recall_interval = None
    if n_judged > 0:
        precision = caught / n_judged
        precision_interval = wilson(caught, n_judged)
    if n_sampled > 0:
        mean_weight = float(counts[_WEIGHTS].sum()) / n_sampled
        low, high = weighted_interval(missed, max(census.squares, 0.0), mean_weight)
        ours = caught + found
        if ours > 0:
            recall = ours / (caught + max(missed, found))
            recall_interval = ours / (caught + max(high, found)), ours / (caught + max(low, found))
        elif missed > 0 or high > 0:
            recall, recall_interval = None, (0.0, 1.0)
    return Estimate(
        recall,
        recall_interval,
        precision,
        precision_interval,
        n_judged,
        n_sampled,
        found,
        missed,
    )


def weighted_interval(total: float, squares: float, mean_weight: float, z: float = _Z) -> Interval:
    """Return the 95% interval of a sum of weighted counts that came to ``total``.

    ``squares`` is Σw², ``mean_weight`` what a draw counts that found nothing; ``z`` is the normal
    deviate of another level.

    >>> [round(end, 2) for end in weighted_interval(10.0, 10.0, 1.0)], weighted_interval(0, 0, 1)[0]
    ([4.79, 18.39], 0.0)
    """
    low = 0.0
    one_more = mean_weight
    if total > 0:
        low = squares / (2 * total) * chi_squared(2 * total * total / squares, -z)
        one_more = max(squares / total, mean_weight)
    y, v = total + one_more, squares + one_more * one_more
    return low, v / (2 * y) * chi_squared(2 * y * y / v, z)


def chi_squared(degrees: float, z: float) -> float:
    """Return the quantile of χ² at the normal deviate ``z`` (Wilson and Hilferty, 1931)."""
    spread = 2.0 / (9.0 * degrees)
    root = 1.0 - spread + z * math.sqrt(spread)
    return degrees * max(root, 0.0) ** 3


def wilson(hits: float, n: float, z: float = _Z) -> Interval:
    """Return the 95% interval of a share (Wilson 1927); ``z`` is the normal deviate of another level.

    >>> [round(end, 3) for end in wilson(0, 10)]
    [0.0, 0.278]
    """
    share, z_sq = hits / n, z * z
    center, spread = share + z_sq / (2 * n), math.sqrt(share * (1 - share) / n + z_sq / (4 * n * n))
    scale = 1 + z_sq / n
    return max((center - z * spread) / scale, 0.0), min((center + z * spread) / scale, 1.0)
