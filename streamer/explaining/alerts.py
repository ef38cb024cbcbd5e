"""From a score to something that a person can act on: an alert with reasons in words.

The reasons are exact (`reasons`): with the base and the rest they sum to what the alert is ranked by.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.contract.messages import (
    Alert,
    Center,
    CenterValue,
    Counterfactual,
    Mode,
    Severity,
    Source,
    Transaction,
)
from streamer.contract.pseudonyms import pseudonym
from streamer.explaining.counterfactual import smaller_amounts
from streamer.explaining.reasons import parts_of, reasons_of
from streamer.features import AMOUNT, CONTEXT_NAMES, FEATURE_NAMES, FEATURES, Columns, History
from streamer.model import Scored, Scorer

__all__ = ["AlertContext", "alert_id", "build_alert", "build_alerts", "pseudonym"]

# Severity is the rank among what the budget admits: the top twentieth, the top quarter, the rest.
_CRITICAL_SHARE: Final = 1 / 20
_HIGH_SHARE: Final = 1 / 4
# A center says nothing of a feature that next to none of its payments have.
_DESCRIBED_SHARE: Final = 0.05
_NAMES: Final = (*FEATURE_NAMES, *CONTEXT_NAMES)
# One takes some tenths of a millisecond: so many between two steps.
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What a batch's alerts are built from; ``epoch`` is that of its offsets (`Source`).

    ``rows`` are those of which there may be one.
    """

    topic: str
    partition: int
    epoch: int
    version: Scorer
    columns: Columns
    history: History
    scored: Scored
    mode: Mode
    scored_at_ms: int
    card_key: bytes | None
    rows: list[int]
    _smaller: dict[int, Counterfactual | None] = field(default_factory=dict)
    _centers: dict[tuple[int, float], Center] = field(default_factory=dict)

    def center(self, nearest: int, currency_mean: float) -> Center:
        """Return `describe_center`, once for all alerts that are nearest to one in a currency."""
        key = nearest, currency_mean
        if key not in self._centers:
            self._centers[key] = describe_center(self.version, nearest, currency_mean)
        return self._centers[key]

    def counterfactual(self, index: int) -> Counterfactual | None:
        """Return that of one of ``rows``; of those behind it some are asked about in the same call."""
        if index not in self._smaller:
            at = bisect_left(self.rows, index)
            some = self.rows[at : at + _AT_ONCE]
            found = smaller_amounts(self.version, self.columns, self.history, some)
            self._smaller.update(zip(some, found, strict=True))
        return self._smaller[index]


def alert_id(source: Source) -> str:
    """Return the id of the alert on the transaction of ``source``: the same whoever computes it.

    No topic's name contains an @, so that an epoch is never taken for a part of one.

    >>> alert_id(Source("transactions", 2, 25_262)), alert_id(Source("transactions", 2, 25_262, 1))
    ('transactions-2-25262', 'transactions-2-25262@1')
    """
    place = f"{source.topic}-{source.partition}-{source.offset}"
    return f"{place}@{source.epoch}" if source.epoch else place


def build_alerts(
    context: AlertContext,
    offsets: NDArray[np.int64],
    transaction_of: Callable[[int], Transaction],
    chosen: NDArray[np.bool_],
) -> Generator[None, None, list[Alert]]:
    """Return the alerts on the ``chosen`` of a batch's transactions, with a step after every few.

    ``transaction_of`` returns that of a row.
    """
    alerts: list[Alert] = []
    for i in np.flatnonzero(chosen).tolist():
        alerts.append(build_alert(context, i, offsets.item(i), transaction_of(i)))
        if len(alerts) % _AT_ONCE == 0:
            yield
    return alerts


def build_alert(context: AlertContext, index: int, offset: int, transaction: Transaction) -> Alert:
    """Return the alert on the batch's transaction ``index``."""
    version, scored = context.version, context.scored
    nearest = int(scored.nearest[index])
    distance_sq = float(scored.distances_sq[index])
    log_odds = scored.log_odds_of(index)
    by_odds = version.ranks_by_odds and log_odds is not None
    base = version.odds.base if by_odds and version.odds is not None else 0.0
    threshold = float(scored.thresholds[index])
    ranked_value = log_odds if by_odds and log_odds is not None else distance_sq
    currency_mean = _currency_mean(context, index)
    reasons = reasons_of(
        parts_of(version, scored, index, context.history.X, transaction.currency, currency_mean)
    )
    source = Source(context.topic, context.partition, offset, context.epoch)
    shown = transaction
    if context.card_key is not None:
        shown = msgspec.structs.replace(
            transaction, card_id=pseudonym(transaction.card_id, context.card_key)
        )
    return Alert(
        alert_id=alert_id(source),
        transaction=shown,
        score=float(scored.scores[index]),
        distance=distance_sq**0.5,
        distance_sq=distance_sq,
        threshold=threshold if by_odds else threshold**0.5,
        severity=_severity(float(scored.scores[index]), float(scored.asked[index])),
        reasons=reasons,
        other_contribution=ranked_value - base - sum(r.contribution for r in reasons),
        nearest_center=context.center(nearest, currency_mean),
        model_version=version.id,
        source=source,
        event_time=transaction.timestamp,
        scored_at=datetime.fromtimestamp(context.scored_at_ms / 1000, tz=UTC),
        mode=context.mode,
        counterfactual=context.counterfactual(index),
        ranked_by="log_odds" if by_odds else "distance",
        log_odds=log_odds,
        base_log_odds=base,
        probability=None if log_odds is None else 1.0 / (1.0 + math.exp(-log_odds)),
        features=_known_features(context, index),
    )


def _known_features(context: AlertContext, index: int) -> dict[str, float]:
    values = context.history.X[index].tolist() + context.history.V[index].tolist()
    named = zip(_NAMES, values, strict=True)
    return {name: value for name, value in named if not math.isnan(value)}


def describe_center(version: Scorer, nearest: int, currency_mean: float) -> Center:
    """Return center ``nearest`` in the units of the payment world.

    ``currency_mean`` is the mean ln amount of the currency that its amount is told in.
    """
    weights = version.sums.cluster_weights
    known = version.sums.cluster_known[nearest]
    is_described = (known >= _DESCRIBED_SHARE * weights[nearest]) & (known > 0)
    center = version.centers[nearest].tolist()
    center[AMOUNT] += currency_mean
    values = [
        CenterValue(FEATURES[j].name, FEATURES[j].to_unit(center[j]), FEATURES[j].unit)
        for j in np.flatnonzero(is_described).tolist()
    ]
    return Center(nearest, float(weights[nearest] / weights.sum()), values)


def _currency_mean(context: AlertContext, index: int) -> float:
    mean = float(context.version.currency_means[context.columns.currencies[index]])
    return 0.0 if np.isnan(mean) else mean


def _severity(score: float, asked: float) -> Severity:
    """Return the band of a payment by its rank among those that are to alert at its hour.

    ``asked`` is the share of recent scores that is to alert; a flood of fraud ranks above the recent
    ones, so that its bands are fuller and nothing is cut off.
    """
    rarity = (1.0 - score) / asked
    if rarity <= _CRITICAL_SHARE:
        return "critical"
    return "high" if rarity <= _HIGH_SHARE else "medium"
