"""Scores, one payment after the other: from its row to distance, log-odds, rank and alert.

Of a payment's features x, with its nearest center c, the mean of all traffic μ, and z_j(y) how many
standard deviations x_j is from y_j on the side that is suspicious,

    addend_j = b h(z_j(c)) + (1 - b) h(z_j(μ))       h Huber's function, b the belief in the center
    factor   = (usual + floor) / (Σ_j expected_j + floor)             over the features that are known
    distance² = Σ_j addend_j · maturity_j · factor

and the log-odds are a function (`streamer.model.odds`) of the features, of what verdicts say and of ln
distance².  What is missing is NaN and takes no part in any sum.

Invariant: a payment's scores depend on the payment and the version alone, to the last bit.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.model.budget import N_HOURS, hour_of
from streamer.model.confidence import USUAL_ADDEND
from streamer.model.histogram import distance_position, share_below
from streamer.model.kmeans import fill_distances, nearest_of
from streamer.model.odds import LogOdds, log_odds_of, odds_position

__all__ = ["FEATURE", "HOUR", "Lines", "Room", "Ruler", "Scored", "score_rows"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Records = NDArray[Any]

_SMALLEST_DISTANCE_SQ: Final = 1e-3
_UNKNOWN_HOUR: Final = N_HOURS


def _record(floats: str, *others: tuple[str, str]) -> np.dtype[np.void]:
    """Return the type of records with these fields, each where a processor reads it at once."""
    fields = [*((name, "<f8") for name in floats.split()), *others]
    return np.dtype((np.record, np.dtype(fields, align=True)))


FEATURE: Final = _record("lowest highest mean deviation side maturity expected")
HOUR: Final = _record("threshold asked due")
_ROW: Final = _record(
    "distance_sq threshold asked due distance_rank log_odds odds_rank",
    ("nearest", "<i8"),
    ("alerted", "?"),
)


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
    are log-odds where those rank (``by_odds``), else squared distances.  ``distances_below`` and
    ``odds_below`` are the distributions of recent scores.
    """

    hours: Records
    distances_below: Floats
    odds_below: Floats
    by_odds: bool


class Room(NamedTuple):
    """Where the scores of n payments are written: what `Scored` shows by name.

    ``rows`` (n,); ``parts`` (3, n, n_features) are clipped rows, contributions and addends.
    """

    rows: Records
    parts: Floats
    inputs: Floats

    @classmethod
    def of(cls, n: int, n_features: int, n_inputs: int) -> Room:
        return cls(np.empty(n, _ROW), np.empty((3, n, n_features)), np.empty((n, n_inputs)))


class Scored(NamedTuple):
    """The scores of n transactions.

    ``X`` (n, n_features) are the clipped, centred rows that were compared, NaN where an entry is
    missing, and ``nearest`` (n,) the centers that they were compared with.

    ``contributions`` (n, n_features) sum to ``distances_sq`` (n,) over features.  ``addends`` (n,
    n_features) are what they were in full, and before they were made comparable between payments of
    which more and less is known.

    ``thresholds`` (n,) is what was exceeded where ``alerted``, in the units of what ranks: log-odds
    where the odds are active (``by_odds``), else squared distances.  ``asked`` (n,) is the share of
    recent scores that was to alert at the payment's hour, ``due`` (n,) the same without the hour's
    correction (`Asked`).  ``distance_ranks`` and ``odds_ranks`` (n,) lie in [0, 1].

    ``inputs`` (n, n_inputs) are the odds', NaN where unknown; ``log_odds`` and their ranks are
    (n,), or (0,) where there are no odds.
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
    log_odds: Floats
    odds_ranks: Floats

    @classmethod
    def of(cls, room: Room, *, has_odds: bool, by_odds: bool) -> Scored:
        """Return what was written to ``room``, in the same memory."""
        rows, (X, contributions, addends), inputs = room
        of_odds = rows if has_odds else rows[:0]
        return cls(
            X,
            rows["nearest"],
            contributions,
            addends,
            rows["distance_sq"],
            rows["alerted"],
            by_odds,
            rows["threshold"],
            rows["asked"],
            rows["due"],
            rows["distance_rank"],
            inputs,
            of_odds["log_odds"],
            of_odds["odds_rank"],
        )

    @property
    def values(self) -> Floats:
        """Return what ranks, (n,): log-odds or squared distances."""
        return self.log_odds if self.by_odds else self.distances_sq

    @property
    def scores(self) -> Floats:
        """Return the ranks in [0, 1] of what ranks, shape (n,)."""
        return self.odds_ranks if self.by_odds else self.distance_ranks

    @property
    def ranks(self) -> Floats:
        """Return the ranks of distance and odds, shape (n, 2), NaN where there are no odds."""
        ranks = np.empty((len(self.distance_ranks), 2))
        ranks[:, 0] = self.distance_ranks
        ranks[:, 1] = self.odds_ranks if len(self.odds_ranks) else np.nan
        return ranks

    def log_odds_of(self, index: int) -> float | None:
        """Return the log-odds of one transaction, None where there are no odds."""
        return float(self.log_odds[index]) if len(self.log_odds) else None


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
        from_mean = suspicious(x[j] - feature.mean, feature.side) / feature.deviation
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

    Nothing is written of log-odds where there are no ``odds``.
    """
    distances_sq, log_odds = np.empty(len(ruler.centers)), math.nan
    features = ruler.features
    for i in range(len(X)):
        row, inputs = room.rows[i], room.inputs[i]
        x, contributions, addends = room.parts[0, i], room.parts[1, i], room.parts[2, i]
        fill_inputs(inputs, X[i], V[i], ruler.currency_means[currencies[i]])
        for j in range(len(x)):
            x[j] = clipped(inputs[j], features[j].lowest, features[j].highest)
        fill_distances(distances_sq, x, ruler.centers_of, ruler.precisions_of)
        nearest = nearest_of(distances_sq)
        fill_addends(addends, x, nearest, ruler)
        factor = comparable(x, features, ruler.expectation_floor)
        distance_sq = measure(contributions, addends, features, factor)
        row.nearest, row.distance_sq = nearest, distance_sq
        row.distance_rank = share_below(lines.distances_below, distance_position(distance_sq))
        inputs[-1] = math.log(max(distance_sq, _SMALLEST_DISTANCE_SQ))
        if len(odds.coefficients) > 0:
            log_odds = log_odds_of(inputs, odds)
            row.log_odds = log_odds
            row.odds_rank = share_below(lines.odds_below, odds_position(log_odds))
        hour = lines.hours[hour_of(times_ms[i]) if len(times_ms) > 0 else _UNKNOWN_HOUR]
        row.asked, row.due, row.threshold = hour.asked, hour.due, hour.threshold
        row.alerted = (log_odds if lines.by_odds else distance_sq) > hour.threshold
