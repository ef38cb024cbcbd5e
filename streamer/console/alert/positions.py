"""Where a payment's values lie among recent traffic: a share in words, and a histogram.

Pure.  What it is drawn from is the sample of recent payments that a model version ranks by
(`streamer.model.recent`), each counting for as many as it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCY_INDEX
from streamer.contract.messages import Alert, Reason
from streamer.features import (
    AMOUNT,
    CONTEXT_FEATURES,
    CONTEXT_NAMES,
    FEATURE_NAMES,
    FEATURES,
    JUDGED,
    Feature,
    percent,
)
from streamer.model import Scorer
from streamer.model.recent import unpacked

__all__ = [
    "Position",
    "Ranked",
    "Traffic",
    "position_among",
    "position_in",
    "positions_of",
    "traffic_of",
]

WIDTH: Final = 120
HEIGHT: Final = 24
_N_BINS: Final = 30
# A drawing shows all but so much at either end.
_OUTER: Final = 0.005
# So many with the very same value are worth a word.
_MANY_EQUAL: Final = 0.05
_ALL: Final = (*FEATURES, *CONTEXT_FEATURES)
_NAMES: Final = (*FEATURE_NAMES, *CONTEXT_NAMES)


@dataclass(frozen=True, slots=True)
class Position:
    """A value among others: ``sentence`` says where; the rest is a drawing of `WIDTH` by `HEIGHT`.

    ``outline`` is the path of the bars, ``at`` where the payment's value lies; ``low`` and ``high`` are
    the values at both ends, in words.
    """

    sentence: str
    outline: str
    at: float
    low: str
    high: str


class Ranked(NamedTuple):
    """The known values of a column in ascending order, and ``below`` (n + 1,) what those before each,
    and at last all of them, count for."""

    values: Floats
    below: Floats

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> Ranked:
        known = np.flatnonzero(~np.isnan(values))
        order = known[np.argsort(values[known], kind="stable")]
        return cls(values[order], np.append(0.0, np.cumsum(weights[order])))


@dataclass(frozen=True, slots=True)
class Traffic:
    """A sample of recent payments: ``values`` (n, n_features + n_context), NaN where not known, amounts
    as ln relative to the usual one of their currency, and what each counts for, ``weights`` (n,)."""

    values: Floats
    weights: Floats
    currency_means: Floats
    _ranked: dict[int, Ranked] = field(default_factory=dict)

    def ranked(self, column: int) -> Ranked:
        """Return a column in order, which is found once."""
        if column not in self._ranked:
            self._ranked[column] = Ranked.of(self.values[:, column], self.weights)
        return self._ranked[column]

    @property
    def n_sampled(self) -> int:
        return len(self.weights)

    @property
    def n_payments(self) -> int:
        """How many payments it stands for."""
        return round(float(self.weights.sum()))


def traffic_of(version: Scorer) -> Traffic:
    """Return the recent sample of a version that has one."""
    recent = unpacked(version.sums.recent_rows, version.config)
    values = np.hstack([recent.X, recent.V])
    values[:, AMOUNT] -= version.currency_means[recent.currencies]
    return Traffic(values, recent.weights, version.currency_means)


def positions_of(alert: Alert, traffic: Traffic) -> list[Position | None]:
    """Return where the value of each of the alert's reasons lies; None where that is not known."""
    return [_position_of(reason, alert, traffic) for reason in alert.reasons]


def _position_of(reason: Reason, alert: Alert, traffic: Traffic) -> Position | None:
    column = _column_of(reason, alert)
    if column is None or _NAMES[column] not in alert.features:
        return None
    return position_in(column, alert, traffic)


def position_in(column: int, alert: Alert, traffic: Traffic) -> Position | None:
    """Return where a value that the alert knows lies, by its column among features and context."""
    feature, currency = _ALL[column], alert.transaction.currency
    # As the sample has it, so that what is equal is equal.
    value, usual = float(np.float32(alert.features[_NAMES[column]])), 0.0
    if column == AMOUNT:
        usual = float(traffic.currency_means[CURRENCY_INDEX[currency]])
    return position_among(
        traffic.ranked(column),
        value - usual,
        feature.side,
        lambda place: feature.quantity(feature.to_unit(place + usual), currency),
    )


def _column_of(reason: Reason, alert: Alert) -> int | None:
    """Return the column of a reason; of the fraud shares of an entity that whose value is told."""
    if reason.feature in _NAMES:
        return _NAMES.index(reason.feature)
    for judged in JUDGED:
        if reason.feature == f"{judged.entity}_fraud_share":
            first = len(FEATURES) + judged.first
            columns: Sequence[int] = range(first, first + judged.n_half_lives)
            known = [c for c in columns if _NAMES[c] in alert.features]
            return min(known, key=lambda c: _off(_ALL[c], c, alert, reason), default=None)
    return None


def _off(feature: Feature, column: int, alert: Alert, reason: Reason) -> float:
    return abs(feature.to_unit(alert.features[_NAMES[column]]) - reason.value)


def position_among(
    others: Ranked, value: float, side: int, told: Callable[[float], str]
) -> Position | None:
    """Return where ``value`` lies among ``others``.

    ``side`` is 1 where high values are suspicious and -1 where low ones are, and decides where as many
    are higher as lower; ``told`` puts a value into words.  None where nothing is known of the others,
    or of it.
    """
    values, below = others
    total = float(below[-1])
    if not total > 0 or np.isnan(value):
        return None
    first, last = (int(np.searchsorted(values, value, side=end)) for end in ("left", "right"))
    lower, higher = float(below[first]), total - float(below[last])
    # Told is the side on which more lie: "lower than 99.9%", not "higher than less than 0.1%".
    is_high = lower > higher or (lower == higher and side > 0)
    beyond = lower if is_high else higher
    equal = 100 * float(below[last] - below[first]) / total
    sentence = f"{'Higher' if is_high else 'Lower'} than {_of_payments(100 * beyond / total)}"
    if equal >= 100 * _MANY_EQUAL:
        sentence += f"; {percent(equal)} have the same"
    outer = np.searchsorted(below[1:], [_OUTER * total, (1 - _OUTER) * total])
    low, high = values[np.minimum(outer, len(values) - 1)].tolist()
    low, high = min(low, value), max(high, value)
    if low == high:
        low, high = low - 0.5, high + 0.5
    # What lies further out is in the first and last bar.
    inner = np.searchsorted(values, np.linspace(low, high, _N_BINS + 1)[1:-1])
    counts = np.diff(below[np.concatenate([[0], inner, [len(values)]])])
    at = WIDTH * (value - low) / (high - low)
    return Position(f"{sentence}.", _outline(counts), round(at, 1), told(low), told(high))


def _of_payments(share: float) -> str:
    """Return a share in percent, as what a value is higher than.

    >>> [_of_payments(share) for share in (0.0, 0.01, 45.2, 99.97, 100.0)][:3]
    ['no recent payment', 'less than 0.1% of recent payments', '45% of recent payments']
    >>> _of_payments(99.97), _of_payments(100.0)
    ('99.9% of recent payments', 'all recent payments')
    """
    if share <= 0:
        return "no recent payment"
    if share >= 100:
        return "all recent payments"
    return f"{percent(share).removeprefix('more than ')} of recent payments"


def _outline(counts: Floats) -> str:
    """Return the bars as one path; one with anything in it is a pixel high at least."""
    width, most = WIDTH / _N_BINS, float(counts.max())
    parts, y = [f"M0 {HEIGHT}"], float(HEIGHT)
    for count in counts.tolist():
        height = max(HEIGHT * count / most, 1.0) if count > 0 else 0.0
        top = round(HEIGHT - height, 1)
        parts.append(f"V{top:g}h{width:g}" if top != y else f"h{width:g}")
        y = top
    return "".join([*parts, f"V{HEIGHT}z"])
