"""Scores, one payment after the other: from its row to distance, log-odds, rank and alert.

Of a payment's features x, with its nearest center c, the mean of all traffic μ, and z_j(y) how many
standard deviations x_j is from y_j on the side that is suspicious,

    addend_j = b h(z_j(c)) + (1 - b) h(z_j(μ))       h Huber's function, b the belief in the center
    factor   = (usual + floor) / (Σ_j expected_j + floor)             over the features that are known
    distance² = Σ_j addend_j · maturity_j · factor

where maturity_j is how far a feature counts (of `Scorer` the maturities times the weights), and the
log-odds are a function (`streamer.model.odds`) of the features, of what verdicts say and of ln
distance².  What is missing is NaN and takes no part in any sum.  Where a version ranks by it, the
expected loss (`streamer.model.expected_loss`) is a function of log-odds and amount.

Invariant: a payment's scores depend on the payment and the version alone, to the last bit.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.model.budget import N_HOURS, hour_of
from streamer.model.confidence import USUAL_ADDEND
from streamer.model.expected_loss import NEVER_WORTH, log_loss_of
from streamer.model.histogram import distance_position, loss_position, share_below
from streamer.model.kmeans import fill_distances, nearest_of
from streamer.model.odds import LogOdds, log_odds_of, odds_position
from streamer.model.scored import N_OF_EACH, Room

__all__ = ["FEATURE", "HOUR", "Lines", "Ruler", "score_batch", "score_rows"]

Records = NDArray[Any]

_SMALLEST_DISTANCE_SQ: Final = 1e-3
_UNKNOWN_HOUR: Final = N_HOURS


def _record(names: str) -> np.dtype[np.void]:
    return np.dtype((np.record, [(name, "<f8") for name in names.split()]))


FEATURE: Final = _record("lowest highest average deviation side maturity expected")
HOUR: Final = _record("threshold asked due")


class Ruler(NamedTuple):
    """What a version measures distances with; d features, k clusters, c currencies.

    ``features`` (d,) are records of `FEATURE`: ``lowest`` and ``highest`` are what values are clipped
    to, ``expected`` the mean addend, as far as the feature counts.  ``centers_of`` and
    ``precisions_of`` (d, k) are by feature.
    """

    features: Records
    currency_means: Floats
    centers_of: Floats
    precisions_of: Floats
    centers: Floats
    center_deviations: Floats
    beliefs: Floats
    linear_beyond: float
    expectation_floor: float


class Lines(NamedTuple):
    """Where a version ranks scores and from where on they alert.

    ``hours`` (25,) are records of `HOUR` by hour of the day, and at last for an unknown one; thresholds
    are log-odds where those rank (``by_odds``), ln of losses where they do so with ``told``, else
    squared distances.  ``distances_below``, ``odds_below`` and ``losses_below`` are the distributions
    of recent scores.  ``told`` (n_bins,) is what is told of log-odds (`rising`), (0,) where no loss is
    to be expected, and ``log_values`` (c,) the ln of what a unit of each currency is worth.  A loss
    below ``least_log_loss`` is worth no review.
    """

    hours: Records
    distances_below: Floats
    odds_below: Floats
    by_odds: bool
    losses_below: Floats
    told: Floats
    log_values: Floats
    least_log_loss: float


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
        feature = ruler.features[j]
        from_center = suspicious(x[j] - center[j], feature.side) / deviations[j]
        from_mean = suspicious(x[j] - feature.average, feature.side) / feature.deviation
        to_center = huber(from_center, ruler.linear_beyond)
        to_mean = huber(from_mean, ruler.linear_beyond)
        own = belief * to_center + (1.0 - belief) * to_mean
        noted = own if feature.maturity > 0.0 else USUAL_ADDEND
        addends[j] = 0.0 if math.isnan(x[j]) else noted


@compiled
def comparable(x: Floats, features: Records, floor: float) -> float:
    """Return the factor that makes a sum over the known features of ``x`` comparable with others."""
    of_known = 0.0
    for j in range(len(x)):
        if not math.isnan(x[j]):
            of_known += features[j].expected
    return (USUAL_ADDEND * len(x) + floor) / (of_known + floor)


@compiled
def measure(contributions: Floats, addends: Floats, features: Records, factor: float) -> float:
    """Return the distance², and what each feature has of it, ``contributions`` OUT (d,)."""
    distance_sq = 0.0
    for j in range(len(addends)):
        contributions[j] = addends[j] * features[j].maturity * factor
        distance_sq += contributions[j]
    return distance_sq


@compiled
def fill_inputs(inputs: Floats, x: Floats, v: Floats, usual: float) -> None:
    """Write what the odds are told of a payment, ``inputs`` OUT (n_inputs,), but for the distance.

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
    room: Room,
    X: Floats,
    currencies: Integers,
    V: Floats,
    times_ms: Integers,
    ruler: Ruler,
    odds: LogOdds,
    lines: Lines,
) -> None:
    """Score payments one after the other, ``room`` OUT; ``times_ms`` is (0,) where no hour is known.

    Log-odds and their ranks are NaN where there are no ``odds``, losses and theirs without ``told``.
    """
    distances_sq, log_odds, odds_rank = np.empty(len(ruler.centers)), math.nan, math.nan
    features, log_loss, loss_rank = ruler.features, math.nan, math.nan
    by_loss = lines.by_odds and len(lines.told) > 0
    for i in range(len(X)):
        inputs, numbers = room.inputs[i], room.numbers[:, i]
        x, contributions, addends = room.parts[0, i], room.parts[1, i], room.parts[2, i]
        fill_inputs(inputs, X[i], V[i], ruler.currency_means[currencies[i]])
        for j in range(len(x)):
            x[j] = clipped(inputs[j], features[j].lowest, features[j].highest)
        fill_distances(distances_sq, x, ruler.centers_of, ruler.precisions_of)
        nearest = nearest_of(distances_sq)
        fill_addends(addends, x, nearest, ruler)
        factor = comparable(x, features, ruler.expectation_floor)
        distance_sq = measure(contributions, addends, features, factor)
        rank = share_below(lines.distances_below, distance_position(distance_sq))
        inputs[-1] = math.log(max(distance_sq, _SMALLEST_DISTANCE_SQ))
        if len(odds.coefficients) > 0:
            log_odds = log_odds_of(inputs, odds)
            odds_rank = share_below(lines.odds_below, odds_position(log_odds))
            if len(lines.told) > 0:
                value = lines.log_values[currencies[i]]
                log_loss = log_loss_of(log_odds, X[i, 0], value, lines.told)
                loss_rank = share_below(lines.losses_below, loss_position(log_loss))
        hour = lines.hours[hour_of(times_ms[i]) if len(times_ms) > 0 else _UNKNOWN_HOUR]
        numbers[0], numbers[1], numbers[2] = distance_sq, hour.threshold, hour.asked
        numbers[3], numbers[4], numbers[5] = hour.due, rank, log_odds
        numbers[6] = odds_rank
        if len(numbers) > N_OF_EACH:
            numbers[7], numbers[8] = log_loss, loss_rank
        room.nearest[i] = nearest
        ranked = log_odds if lines.by_odds else distance_sq
        room.alerted[i] = (log_loss if by_loss else ranked) > hour.threshold


@compiled
def score_batch(
    numbers: Floats,
    nearest: Integers,
    alerted: Flags,
    parts: Floats,
    inputs: Floats,
    X: Floats,
    currencies: Integers,
    V: Floats,
    times_ms: Integers,
    features: Records,
    of_currencies: Floats,
    centers_of: Floats,
    precisions_of: Floats,
    centers: Floats,
    center_deviations: Floats,
    beliefs: Floats,
    linear_beyond: float,
    expectation_floor: float,
    input_means: Floats,
    input_deviations: Floats,
    steps: Floats,
    coefficients: Floats,
    hours: Records,
    below: Floats,
    by_odds: bool,
    told: Floats,
) -> None:
    """Do as `score_rows` does, for callers in Python, who hand over arrays one by one (`compiled`).

    ``of_currencies`` (2, c) are the ruler's usual amounts and the lines' values, ``below`` (3, n_bins +
    1) the distributions of distances, log-odds and losses.
    """
    ruler = Ruler(
        features,
        of_currencies[0],
        centers_of,
        precisions_of,
        centers,
        center_deviations,
        beliefs,
        linear_beyond,
        expectation_floor,
    )
    room = Room(numbers, nearest, alerted, parts, inputs)
    odds = LogOdds(input_means, input_deviations, steps, coefficients)
    of_losses = below[2], told, of_currencies[1], NEVER_WORTH
    lines = Lines(hours, below[0], below[1], by_odds, *of_losses)
    score_rows(room, X, currencies, V, times_ms, ruler, odds, lines)
