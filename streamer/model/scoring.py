"""Scores, one payment after the other: from its row to distance, log-odds, rank and alert.

Of a payment's features x, with its nearest center c, the mean of all traffic μ, and z_j(y) how many
standard deviations x_j is from y_j on the side that is suspicious,

    addend_j = b h(z_j(c)) + (1 - b) h(z_j(μ))       h Huber's function, b the belief in the center
    factor   = (usual + floor) / (Σ_j expected_j + floor)             over the features that are known
    distance² = Σ_j addend_j · maturity_j · factor

and the log-odds are the head's (`streamer.model.odds`) of the features, of what verdicts say and of ln
distance².  What is missing is NaN and takes no part in any sum.

Invariant: a payment's scores depend on the payment and the version alone, to the last bit.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.model.budget import N_HOURS, hour_of
from streamer.model.confidence import USUAL_ADDEND
from streamer.model.histogram import distance_position, share_below
from streamer.model.kmeans import nearest_center
from streamer.model.odds import LogOdds, log_odds_of, odds_position

__all__ = ["Lines", "Ruler", "Scored", "score_rows"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_SMALLEST_DISTANCE_SQ: Final = 1e-3
_UNKNOWN_HOUR: Final = N_HOURS


class Ruler(NamedTuple):
    """What a version measures distances with; d features, k clusters, c currencies.

    ``lowest`` and ``highest`` (d,) are what values are clipped to.  ``expected`` (d,) are the mean
    addends, as far as each feature counts.
    """

    currency_means: Floats
    lowest: Floats
    highest: Floats
    centers: Floats
    precisions: Floats
    center_deviations: Floats
    beliefs: Floats
    means: Floats
    deviations: Floats
    sides: Floats
    linear_beyond: float
    maturities: Floats
    expected: Floats
    expectation_floor: float


class Lines(NamedTuple):
    """Where a version ranks scores and from where on they alert.

    ``distances_below`` and ``odds_below`` are the distributions of recent scores.  ``thresholds``,
    ``asked`` and ``due`` (25,) are by hour of the day, and at last for an unknown one; thresholds are
    log-odds where those rank (``by_odds``), else squared distances.
    """

    distances_below: Floats
    odds_below: Floats
    by_odds: bool
    thresholds: Floats
    asked: Floats
    due: Floats


class Scored(NamedTuple):
    """The scores of n transactions.

    ``X`` (n, n_features) are the clipped, centred rows that were compared, NaN where an entry is
    missing, and ``nearest`` (n,) the centers that they were compared with.

    ``contributions`` (n, n_features) sum to ``distances_sq`` (n,) over features.  ``addends`` (n,
    n_features) are what they were in full, and before they were made comparable between payments of
    which more and less is known.

    ``thresholds`` (n,) is what was exceeded where ``alerted``, in the units of what ranks: log-odds
    where the head is active (``by_odds``), else squared distances.  ``asked`` (n,) is the share of
    recent scores that was to alert at the payment's hour, ``due`` (n,) the same without the hour's
    correction (`Asked`).  ``distance_ranks`` and ``odds_ranks`` (n,) lie in [0, 1].

    ``inputs`` (n, n_inputs) are the head's, NaN where unknown; ``log_odds`` and their ranks None where
    there is no head.
    """

    X: Floats
    nearest: Integers
    contributions: Floats
    addends: Floats
    distances_sq: Floats
    alerted: Flags
    by_odds: bool
    thresholds: Floats
    asked: Floats
    due: Floats
    distance_ranks: Floats
    inputs: Floats
    log_odds: Floats | None
    odds_ranks: Floats | None

    @property
    def values(self) -> Floats:
        """Return what ranks, (n,): log-odds or squared distances."""
        return self.log_odds if self.by_odds and self.log_odds is not None else self.distances_sq

    @property
    def scores(self) -> Floats:
        """Return the ranks in [0, 1] of what ranks, shape (n,)."""
        ranks = self.odds_ranks if self.by_odds else None
        return self.distance_ranks if ranks is None else ranks

    @property
    def ranks(self) -> Floats:
        """Return the ranks of distance and head, shape (n, 2), NaN where there is no head."""
        none = np.full(len(self.distance_ranks), np.nan)
        ranks = none if self.odds_ranks is None else self.odds_ranks
        return np.column_stack([self.distance_ranks, ranks])


@compiled
def clipped(value: float, lowest: float, highest: float) -> float:
    """Return ``value`` within its bounds; NaN stays NaN."""
    if value < lowest:
        return lowest
    return highest if value > highest else value


@compiled
def suspicious(deviation: float, side: float) -> float:
    """Return how far a deviation goes on the side that counts: 1 above, -1 below, 0 either."""
    return 0.0 if side * deviation < 0.0 else abs(deviation)


@compiled
def huber(z: float, linear_beyond: float) -> float:
    """Return z² up to c = ``linear_beyond``, and from there on its tangent c(2z - c) (Huber 1964).

    c(2z - c) is z² - (z - c)²; z >= 0.
    """
    beyond = z - linear_beyond
    return z * z - (beyond * beyond if beyond > 0.0 else 0.0)


@compiled
def fill_addends(addends: Floats, x: Floats, k: int, ruler: Ruler) -> None:
    """Write every feature's addend, OUT (d,), of ``x`` with the nearest center ``k``; 0 if missing.

    It is b h(z(c)) + (1 - b) h(z(μ)).  Of a feature of which nothing was learned the usual addend is
    noted: its own would be measured against nothing.
    """
    center, deviations, belief = ruler.centers[k], ruler.center_deviations[k], ruler.beliefs[k]
    for j in range(len(x)):
        from_center = suspicious(x[j] - center[j], ruler.sides[j]) / deviations[j]
        from_mean = suspicious(x[j] - ruler.means[j], ruler.sides[j]) / ruler.deviations[j]
        to_center = huber(from_center, ruler.linear_beyond)
        to_mean = huber(from_mean, ruler.linear_beyond)
        own = belief * to_center + (1.0 - belief) * to_mean
        noted = own if ruler.maturities[j] > 0.0 else USUAL_ADDEND
        addends[j] = 0.0 if math.isnan(x[j]) else noted


@compiled
def comparable(x: Floats, expected: Floats, floor: float) -> float:
    """Return the factor that makes a sum over the known features of ``x`` comparable with others."""
    of_known = 0.0
    for j in range(len(x)):
        if not math.isnan(x[j]):
            of_known += expected[j]
    return (USUAL_ADDEND * len(x) + floor) / (of_known + floor)


@compiled
def measure(contributions: Floats, addends: Floats, maturities: Floats, factor: float) -> float:
    """Return the distance², and what each feature has of it, ``contributions`` OUT (d,)."""
    distance_sq = 0.0
    for j in range(len(addends)):
        contributions[j] = addends[j] * maturities[j] * factor
        distance_sq += contributions[j]
    return distance_sq


@compiled
def fill_inputs(inputs: Floats, x: Floats, v: Floats, usual: float) -> None:
    """Write what the head is told of a payment, ``inputs`` OUT (n_inputs,), but for the distance.

    ``x`` (d,) are its features, ``v`` (n_context,) is what verdicts say, ``usual`` the usual ln amount
    of its currency, NaN where there is none.
    """
    d = len(x)
    for j in range(d):
        inputs[j] = x[j]
    inputs[0] -= usual
    for j in range(len(v)):
        inputs[d + j] = v[j]


@compiled
def score_rows(
    X: Floats,
    currencies: Integers,
    V: Floats,
    times_ms: Integers,
    ruler: Ruler,
    head: LogOdds,
    lines: Lines,
) -> Scored:
    """Score payments one after the other; ``times_ms`` is (0,) where no hour is known.

    Log-odds and their ranks are (0,) where there is no head.
    """
    n, d = X.shape
    has_head = len(head.coefficients) > 0
    rows, contributions, addends = np.empty((n, d)), np.empty((n, d)), np.empty((n, d))
    inputs = np.empty((n, d + V.shape[1] + 1))
    functions = np.empty(inputs.shape[1])
    nearest, alerted = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.bool_)
    distances_sq, ranks = np.empty(n), np.empty(n)
    log_odds, odds_ranks = np.empty(n * has_head), np.empty(n * has_head)
    thresholds, asked, due = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        fill_inputs(inputs[i], X[i], V[i], ruler.currency_means[currencies[i]])
        for j in range(d):
            rows[i, j] = clipped(inputs[i, j], ruler.lowest[j], ruler.highest[j])
        k = nearest_center(rows[i], ruler.centers, ruler.precisions)
        fill_addends(addends[i], rows[i], k, ruler)
        factor = comparable(rows[i], ruler.expected, ruler.expectation_floor)
        distance_sq = measure(contributions[i], addends[i], ruler.maturities, factor)
        nearest[i], distances_sq[i] = k, distance_sq
        ranks[i] = share_below(lines.distances_below, distance_position(distance_sq))
        inputs[i, -1] = math.log(max(distance_sq, _SMALLEST_DISTANCE_SQ))
        if has_head:
            log_odds[i] = log_odds_of(functions, inputs[i], head)
            odds_ranks[i] = share_below(lines.odds_below, odds_position(log_odds[i]))
        hour = hour_of(times_ms[i]) if len(times_ms) > 0 else _UNKNOWN_HOUR
        thresholds[i], asked[i], due[i] = lines.thresholds[hour], lines.asked[hour], lines.due[hour]
        alerted[i] = (log_odds[i] if lines.by_odds else distance_sq) > thresholds[i]
    return Scored(
        rows,
        nearest,
        contributions,
        addends,
        distances_sq,
        alerted,
        lines.by_odds,
        thresholds,
        asked,
        due,
        ranks,
        inputs,
        log_odds,
        odds_ranks,
    )
