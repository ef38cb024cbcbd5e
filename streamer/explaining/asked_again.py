"""What a model version says of an alert's payment with another amount, hour or distance.

All else is as it was: the features that follow from what is changed are computed again by the stream's
own equations from the sums that the alert carries, the others are the alert's, and the version scores
them as it scores any payment.

Invariant: asked with nothing changed, the alert's own version gives the alert's score to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Literal

import msgspec
import numpy as np

from streamer.arrays import Flags, Floats
from streamer.contract.codes import CURRENCY_INDEX
from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError
from streamer.explaining.before import Before, read_before
from streamer.explaining.read_parameters import unpacked_parameters
from streamer.features import (
    CONTEXT_NAMES,
    FEATURE_NAMES,
    FEATURE_ROW,
    Record,
    angle_of,
    compare_amount,
    hour_familiarity,
    speed_kmh,
)
from streamer.model import Scored, Scorer

__all__ = ["Change", "Changed", "asked_again", "changeable", "distance_km_of"]

What = Literal["amount", "hour", "distance"]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """Other values of a payment, None for its own.

    ``amount`` in its currency, above 0; ``hour`` of the producer's clock, 0 to 24; ``distance_km`` from
    where the card was last present, travelled in the same time.
    """

    amount: float | None = None
    hour: float | None = None
    distance_km: float | None = None


class Changed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version says of a changed payment.

    ``value`` and ``threshold`` are in the units that an alert has; ``is_alert`` is whether it is of the
    share of recent traffic that was asked for in the alert's lane.
    """

    change: Change
    is_alert: bool
    score: float
    value: float
    threshold: float
    ranked_by: Literal["distance", "log_odds", "expected_loss"]
    probability: float | None = None


def changeable(alert: Alert) -> tuple[What, ...]:
    """Return what an alert carries enough for to be asked about."""
    before, found = read_before(alert.before), list[What]()
    if before is not None and alert.transaction.amount > 0:
        found.append("amount")
    if before is not None and before.hours is not None and _has(alert, "card_hour_familiarity"):
        found.append("hour")
    # A card that has not moved tells nothing of the time that it had.
    if _has(alert, "travel_speed") and alert.features.get("travel_distance", 0.0) > 0:
        found.append("distance")
    return tuple(found)


def distance_km_of(alert: Alert) -> float:
    """Return how far the payment was from where its card was last present, NaN where unknown."""
    return math.expm1(alert.features.get("travel_distance", math.nan))


def asked_again(alert: Alert, version: Scorer, changes: Sequence[Change]) -> list[Changed]:
    """Return what ``version``, which must not be warming, says of each change.

    Raises `ConfigurationError` where the alert has not got the features of this release, or not what a
    change needs.
    """
    currency, before = alert.transaction.currency, read_before(alert.before)
    unknown = alert.features.keys() - {*FEATURE_NAMES, *CONTEXT_NAMES}
    if unknown or not alert.features:
        raise ConfigurationError(
            f"features of {alert.alert_id} must be this release's, got "
            f"{', '.join(sorted(unknown)) or 'none'}"
        )
    n = len(changes)
    X, V = (
        np.tile([alert.features.get(name, np.nan) for name in names], (n, 1))
        for names in (FEATURE_NAMES, CONTEXT_NAMES)
    )
    possible = changeable(alert)
    for change, x in zip(changes, X.reshape(-1).view(FEATURE_ROW), strict=True):
        _describe(alert, before, possible, change, x)
    index = CURRENCY_INDEX[currency]
    times_ms = np.full(n, round(alert.event_time.timestamp() * 1000))
    scored = version.score(X, np.full(n, index), V, times_ms)
    by_distance = alert.ranked_by == "distance" and alert.log_odds is not None
    asked = _asked_of(alert, version, scored, index, by_distance=by_distance)
    return _told(changes, version, scored, asked, by_distance=by_distance)


def _has(alert: Alert, feature: str) -> bool:
    return not math.isnan(alert.features.get(feature, math.nan))


def _describe(
    alert: Alert, before: Before | None, possible: Sequence[What], change: Change, x: Record
) -> None:
    """Write the features that follow from a change to the payment's row ``x`` (IN/OUT)."""
    told = change.amount, change.hour, change.distance_km
    wanted = [
        what
        for what, value in zip(("amount", "hour", "distance"), told, strict=True)
        if value is not None
    ]
    if not set(wanted) <= set(possible):
        raise ConfigurationError(
            f"another {' or '.join(wanted)} of {alert.alert_id} must be one that it carries enough "
            f"for, which is {' and '.join(possible) or 'none'}"
        )
    if change.amount is not None and before is not None:
        # One payment at a time, and not as rows: the loops' Python, which gives the same bits.
        compared = SimpleNamespace()
        compare_amount.py_func(change.amount, before.habit, before.merchant, compared)
        for name, value in vars(compared).items():
            x[name] = value
    if change.hour is not None and before is not None and before.hours is not None:
        x["card_hour_familiarity"] = hour_familiarity.py_func(
            angle_of.py_func(change.hour), *before.hours
        )
    if change.distance_km is not None:
        # km over km/h, as the alert tells them, is the time that the card had.
        took_h = distance_km_of(alert) / math.expm1(alert.features["travel_speed"])
        x["travel_distance"] = math.log1p(change.distance_km)
        x["travel_speed"] = math.log1p(speed_kmh.py_func(change.distance_km, 3600 * took_h))


def _asked_of(
    alert: Alert, version: Scorer, scored: Scored, currency: int, *, by_distance: bool
) -> float:
    """Return the share of recent traffic that the alert had to be of, else what its hour asks for."""
    if alert.parameters is not None:
        return unpacked_parameters(alert.parameters, currency, alert.alert_id).asked
    split = version.split.reserve if by_distance else version.split.main
    return float(scored.asked[0]) * split


def _told(
    changes: Sequence[Change],
    version: Scorer,
    scored: Scored,
    asked: float,
    *,
    by_distance: bool,
) -> list[Changed]:
    by = "distance" if by_distance else version.ranked_by
    values, ranks = _ranking(scored, by)
    [threshold] = version.thresholds_at(np.array([asked]), np.array([by_distance])).tolist()
    loud: Flags = 1.0 - ranks < asked
    if by == "expected_loss":
        loud &= scored.log_losses >= version.lines.least_log_loss
        threshold = math.exp(threshold)
    elif by == "distance":
        threshold **= 0.5
    probabilities: list[float | None] = [None] * len(changes)
    if len(scored.log_odds):
        probabilities = version.probabilities_of(scored.log_odds).tolist()
    rows = zip(
        changes,
        loud.tolist(),
        ranks.tolist(),
        values.tolist(),
        probabilities,
        strict=True,
    )
    return [
        Changed(change, is_alert, score, value, threshold, by, probability)
        for change, is_alert, score, value, probability in rows
    ]


def _ranking(scored: Scored, by: str) -> tuple[Floats, Floats]:
    """Return what ranks, in the units of an alert, and its ranks."""
    if by == "expected_loss":
        return np.exp(scored.log_losses), scored.loss_ranks
    if by == "log_odds":
        return scored.log_odds, scored.odds_ranks
    return np.sqrt(scored.distances_sq), scored.distance_ranks
