"""Whether a version treats a group more unlike the rest than the version in use, on the same payments.

With a group's share p and that of the rest q, both with half a hit and half a miss added (Haldane 1956;
Anscombe 1956), the disparity is |ln(p / q)|: twice as often and half as often are equally far.  By how
much it rises is

    D = |ln(p' / q')| - |ln(p / q)|                     the candidate's less that of the version in use

With ± the sign of its ln(p / q), which is known by the data alone, D is the smaller of both values of
|ln(p' / q')| ∓ ln(p / q), and its interval begins where the lower of theirs does (Berger 1982).  The
variance of each is Σ_c u_c² + Σ_m u_m² - Σ_cm u_cm² over cards, merchants and pairs of both, of what
they add to it (Taylor's linearization, Woodruff 1971; in two ways, Cameron, Gelbach and Miller 2011).
To ln(p / q) a payment that hits (h = 1) or does not (h = 0) adds

    u_i = (h - p) / A  in the group,  -(h - q) / B  in the rest         A and B being all hits

Both versions are in one sum, so what they have in common, which is most of it, does not widen the
interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.fairness.observed import NOT_KNOWN, Grouping, pairs_of
from streamer.fairness.shares import Clusters, squares_of

__all__ = ["Rise", "Runs", "rises", "worst_rise"]

_LEVEL: Final = 0.05
_LEAST_HITS: Final = 20
"""Hits in both runs together, of group and of rest, below which an interval of ln says little."""


class Runs(NamedTuple):
    """The same payments in two runs, all (n,): which alerted in either; the rest as in `Observed`."""

    base: Flags
    candidate: Flags
    labels: Integers
    cards: Integers
    merchants: Integers

    @property
    def clusters(self) -> Clusters:
        """The numbers of cards, merchants and pairs of both."""
        return self.cards, self.merchants, pairs_of(self.cards, self.merchants)


class Rise(NamedTuple):
    """Ratios of a group's share to that of the rest; ``factor`` is by how many times the candidate's is
    further from 1, with the interval of its level among ``n_compared``."""

    dimension: str
    group: str
    measure: str
    base: float
    candidate: float
    factor: float
    low: float
    high: float
    n_compared: int


class _Log(NamedTuple):
    """ln(p / q), what each payment adds to it (n,), and the hits of group or rest, the fewer."""

    value: float
    parts: Floats
    hits: float


def worst_rise(runs: Runs, groupings: Mapping[str, Grouping], least: int) -> Rise | None:
    """Return the rise whose interval begins highest; None where no group has ``least`` payments."""
    return max(rises(runs, groupings, least), key=lambda each: each.low, default=None)


def rises(runs: Runs, groupings: Mapping[str, Grouping], least: int) -> list[Rise]:
    """Return the rises of all groups that have ``least`` payments, and as many beside them.

    They are of the alert rate, and where labels tell of recall and of false alarms.
    """
    found = list(_differences(runs, groupings, least))
    if not found:
        return []
    z = NormalDist().inv_cdf(1.0 - _LEVEL / len(found) / 2)
    clusters = runs.clusters
    return [_rise(clusters, *each, z, len(found)) for each in found]


def _differences(
    runs: Runs, groupings: Mapping[str, Grouping], least: int
) -> Iterator[tuple[tuple[str, str, str], _Log, _Log]]:
    measures = {"alert_rate": np.ones(len(runs.base), bool)}
    if (runs.labels != NOT_KNOWN).any():
        measures |= {"recall": runs.labels == 1, "false_alarm_rate": runs.labels == 0}
    for dimension, grouping in groupings.items():
        known = grouping.codes != NOT_KNOWN
        sizes = np.bincount(grouping.codes[known], minlength=len(grouping.names))
        for code in np.flatnonzero((sizes >= least) & (known.sum() - sizes >= least)).tolist():
            is_own = grouping.codes == code
            for measure, of in measures.items():
                masks = is_own & of, known & ~is_own & of
                if not masks[0].any() or not masks[1].any():
                    continue
                logs = [_log_ratio(hits, *masks) for hits in (runs.base, runs.candidate)]
                if sum(log.hits for log in logs) >= _LEAST_HITS:
                    yield (dimension, grouping.names[code], measure), logs[0], logs[1]


def _log_ratio(hits: Flags, own: Flags, rest: Flags) -> _Log:
    """Return ln of the share of hits in ``own`` over that in ``rest``, all (n,); both have payments."""
    parts, logs = np.zeros(len(hits)), []
    for sign, rows in ((1.0, own), (-1.0, rest)):
        a, n = float((rows & hits).sum()) + 0.5, float(rows.sum()) + 1.0
        parts[rows] = sign * (hits[rows] - a / n) / a
        logs.append(math.log(a / n))
    return _Log(logs[0] - logs[1], parts, float(min((own & hits).sum(), (rest & hits).sum())))


def _rise(
    clusters: Clusters,
    names: tuple[str, str, str],
    base: _Log,
    candidate: _Log,
    z: float,
    n: int,
) -> Rise:
    sign = math.copysign(1.0, candidate.value)
    lows, difference, above = [], 0.0, 0.0
    for sign_in_use in (1.0, -1.0):
        value = abs(candidate.value) - sign_in_use * base.value
        parts = sign * candidate.parts - sign_in_use * base.parts
        error = z * math.sqrt(squares_of(parts, clusters))
        lows.append(value - error)
        if sign_in_use * base.value == abs(base.value):
            difference, above = value, value + error
    low, factor, high = (math.exp(min(end, 700.0)) for end in (min(lows), difference, above))
    ratios = math.exp(base.value), math.exp(candidate.value)
    return Rise(*names, *ratios, factor, low, high, n)
