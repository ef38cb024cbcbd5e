"""Each group's shares beside those of the rest: which differ by more than chance, and by how much.

Of a dimension every group that has enough is held against all other payments of which the group is
known.  Of the m such comparisons of a report some differ by chance: a difference is a *finding* only
where the interval of the ratio leaves 1 out at the level 1 - 0.05 / m (Bonferroni).  Where a dimension
has two groups either is the other's rest: that is one comparison, told of both, and one finding.

The four-fifths convention (US Uniform Guidelines on Employee Selection Procedures, 1978, section
1607.4 D) calls a ratio below 4/5 noteworthy; here also one above 5/4, since the rest may be the one
that is worse off.  It is a rule of thumb for hiring: no test, no limit of the law on payments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final, Literal

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.fairness.observed import NOT_KNOWN, Grouping, Observed
from streamer.fairness.shares import (
    Ratio,
    Share,
    Sums,
    counted_share,
    design_effect,
    ratio_of,
    weighted_share,
)

__all__ = ["MEASURES", "Compared", "FourFifths", "Group", "Limits", "Measure", "compare_groups"]

Measure = Literal["alert_rate", "precision", "recall", "false_alarm_rate", "honest_alarmed"]
FourFifths = Literal["below", "within", "above"]

MEASURES: Final[dict[Measure, str]] = {
    "alert_rate": "payments that alert",
    "precision": "judged alerts that are frauds",
    "recall": "frauds that alert",
    "false_alarm_rate": "legitimate payments that alert",
    "honest_alarmed": "cards without any fraud, mostly of the group, that have a false alarm",
}
"""What each share is of."""
_FOUR_FIFTHS: Final = 0.8
_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """The least of each for a group to be told.

    Of a sample ``payments`` are those that it stands for; of those read there must be ``alerts``, and
    ``drawn`` of what the sample tells: of draws for the alert rate, of judged ones for recall, of those
    without fraud for false alarms.  Recall takes ``drawn_frauds`` among them, too: what was not looked
    at has not missed nothing.
    """

    payments: int = 1_000
    alerts: int = 30
    frauds: int = 30
    cards: int = 100
    drawn: int = 10
    drawn_frauds: int = 5

    def least(self, measure: Measure, *, is_sample: bool) -> int:
        """Return how many there must be of what the measure is a share of."""
        own = {"precision": self.alerts, "recall": self.frauds, "honest_alarmed": self.cards}
        return own.get(measure, self.alerts if is_sample else self.payments)


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of one group: its share, that of the rest, and the former over the latter.

    ``adjusted`` is the ratio with the interval of its level among all comparisons of the report.
    ``is_mirror`` where the rest is a group that is told, too, before this one.
    """

    measure: Measure
    share: Share
    rest: Share
    ratio: Ratio
    adjusted: Ratio
    n: int
    is_mirror: bool = False

    @property
    def is_finding(self) -> bool:
        """Whether the difference is beyond chance."""
        return self.adjusted.low > 1.0 or self.adjusted.high < 1.0

    @property
    def four_fifths(self) -> FourFifths:
        """Where the ratio lies by the convention, whatever chance would do."""
        if self.ratio.value < _FOUR_FIFTHS:
            return "below"
        return "above" if self.ratio.value > 1.0 / _FOUR_FIFTHS else "within"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a dimension: how many payments it has by weight, and what was compared."""

    dimension: str
    name: str
    payments: float
    n_rows: int
    compared: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a measure counts: of which payments, which of them hit, and by which weights; all (n,).

    What could have been one more miss is in ``pool``: of frauds below the line all that was judged.
    """

    of: Flags
    hits: Flags
    weights: Floats
    pool: Flags


def compare_groups(observed: Observed, limits: Limits) -> dict[str, list[Group]]:
    """Return the groups of each dimension that have enough payments, the largest first."""
    counted = _counted(observed)

    def told(z: float) -> dict[str, list[Group]]:
        return {
            dimension: _of_dimension(observed, dimension, counted, limits, z)
            for dimension in observed.groupings
        }

    # How many comparisons there are does not go by their level.
    found = told(_deviate(1))
    every = [each for groups in found.values() for group in groups for each in group.compared]
    n = sum(not each.is_mirror for each in every)
    return told(_deviate(n)) if n > 1 else found


def _deviate(n: int) -> float:
    """Return the normal deviate of an interval's end among ``n`` comparisons."""
    return NormalDist().inv_cdf(1.0 - _LEVEL / n / 2)


def _counted(observed: Observed) -> dict[Measure, _Counted]:
    alerted, labels, judged = observed.alerted, observed.labels, observed.judged
    weights, of_judged = observed.weights, observed.judged_weights
    is_fraud, is_legitimate = labels == 1, labels == 0
    found: dict[Measure, _Counted] = {
        "alert_rate": _Counted(np.ones(len(observed), bool), alerted, weights, ~alerted)
    }
    if not judged.any():
        return found
    of_alerts = alerted & judged
    found["precision"] = _Counted(of_alerts, is_fraud, of_judged, of_alerts)
    found["recall"] = _Counted(is_fraud, alerted, of_judged, judged & ~alerted)
    passed = is_legitimate & ~alerted
    found["false_alarm_rate"] = _Counted(is_legitimate, alerted, of_judged, passed)
    return found


def _of_dimension(
    observed: Observed,
    dimension: str,
    counted: Mapping[Measure, _Counted],
    limits: Limits,
    z: float,
) -> list[Group]:
    """Return the groups with enough payments, each compared with the rest where both have enough."""
    grouping = observed.groupings[dimension]
    known = grouping.codes != NOT_KNOWN
    n_rows = np.bincount(grouping.codes[known], minlength=len(grouping.names))
    payments = np.bincount(
        grouping.codes[known], observed.weights[known], minlength=len(grouping.names)
    )
    shown = [
        code
        for code in np.argsort(-payments, kind="stable").tolist()
        if n_rows[code] and payments[code] >= limits.payments
    ]
    compared: dict[int, list[Compared]] = {code: [] for code in shown}

    def compare(measure: Measure, of: Observed, codes: Integers, what: _Counted) -> None:
        for code, found in _measured(of, codes, what, measure, shown, limits, z).items():
            is_mirror = n_groups == 2 and len(shown) == 2 and code == shown[1]
            compared[code].append(replace(found, is_mirror=is_mirror))

    n_groups = len(np.unique(grouping.codes[known]))
    # A group that is all there is has nothing to be held against.
    if n_groups > 1:
        for measure, what in counted.items():
            compare(measure, observed, grouping.codes, what)
        # Who had no alert is not known from a sample of payments.
        if observed.judged.any() and not observed.is_sample:
            cards = _honest_cards(observed)
            of_all = _Counted(
                np.ones(len(cards), bool), cards.alerted, cards.weights, ~cards.alerted
            )
            compare("honest_alarmed", cards, _main_groups(observed, grouping)[cards.cards], of_all)
    return [
        Group(
            dimension,
            grouping.names[code],
            float(payments[code]),
            int(n_rows[code]),
            tuple(compared[code]),
        )
        for code in shown
    ]


def _measured(
    observed: Observed,
    codes: Integers,
    what: _Counted,
    measure: Measure,
    shown: list[int],
    limits: Limits,
    z: float,
) -> dict[int, Compared]:
    """Return how each group compares with the rest by one measure, where both have enough."""
    least, known = limits.least(measure, is_sample=observed.is_sample), codes != NOT_KNOWN
    pairs = {}
    for code in shown:
        is_own = codes == code
        own, rest = _sums(observed, is_own, what), _sums(observed, known & ~is_own, what)
        is_known = all(
            _is_drawn(observed, group, what, measure, limits) for group in (is_own, known & ~is_own)
        )
        if is_known and min(len(own.hits), len(rest.hits)) >= least:
            pairs[code] = own, rest
    if not pairs:
        return {}
    overall = 1.0 if observed.is_sample else design_effect(_sums(observed, known, what))
    return {
        code: _compared(observed, measure, own, rest, overall, z)
        for code, (own, rest) in pairs.items()
    }


def _is_drawn(
    observed: Observed, group: Flags, what: _Counted, measure: Measure, limits: Limits
) -> bool:
    """Return whether enough of a group was drawn from below the line to tell what did not alert."""
    if not observed.is_sample or measure == "precision":
        return True
    if int((group & what.pool).sum()) < limits.drawn:
        return False
    is_enough = int((group & what.of & ~observed.alerted).sum()) >= limits.drawn_frauds
    return measure != "recall" or is_enough


def _honest_cards(observed: Observed) -> Observed:
    """Return the cards of which payments are known and none is a fraud, each as one payment.

    It alerted where any of its payments did; ``cards`` are its number.
    """
    n_cards, cards = observed.n_cards, observed.cards
    n_known = np.bincount(cards[observed.labels == 0], minlength=n_cards)
    n_frauds = np.bincount(cards[observed.labels == 1], minlength=n_cards)
    false_alarms = np.bincount(cards[observed.alerted & (observed.labels == 0)], minlength=n_cards)
    honest = np.flatnonzero((n_known > 0) & (n_frauds == 0))
    ones = np.ones(len(honest))
    labels, apart = np.zeros(len(honest), np.int64), np.arange(len(honest))
    alarmed = false_alarms[honest] > 0
    return Observed(ones, ones, alarmed, labels, honest, apart, {}, is_sample=False)


def _main_groups(observed: Observed, grouping: Grouping) -> Integers:
    """Return the group that most payments of each card are in, (n_cards,)."""
    known = grouping.codes != NOT_KNOWN
    n_groups = len(grouping.names)
    pairs, counts = np.unique(
        observed.cards[known] * n_groups + grouping.codes[known], return_counts=True
    )
    order = np.lexsort((-counts, pairs // n_groups))
    owners, firsts = np.unique((pairs // n_groups)[order], return_index=True)
    found = np.full(observed.n_cards, NOT_KNOWN)
    found[owners] = (pairs % n_groups)[order][firsts]
    return found


def _sums(observed: Observed, group: Flags, what: _Counted) -> Sums:
    """Return what of a group hits and what does not."""
    rows = group & what.of
    weights, hits = what.weights[rows], what.hits[rows]
    one_miss = _mean(what.weights, group & what.pool) or _mean(what.weights, what.pool)
    return Sums(
        weights * hits,
        weights * ~hits,
        (observed.cards[rows], observed.merchants[rows], observed.pairs[rows]),
        _mean(weights, hits) or 1.0,
        one_miss or 1.0,
    )


def _mean(weights: Floats, rows: Flags) -> float:
    return float(weights[rows].mean()) if rows.any() else 0.0


def _compared(
    observed: Observed, measure: Measure, own: Sums, rest: Sums, overall: float, z: float
) -> Compared:
    def share(sums: Sums, *deviate: float) -> Share:
        if observed.is_sample:
            return weighted_share(sums, *deviate)
        return counted_share(sums, overall, *deviate)

    return Compared(
        measure,
        share(own),
        share(rest),
        ratio_of(share(own), share(rest)),
        ratio_of(share(own, z), share(rest, z)),
        len(own.hits),
    )
