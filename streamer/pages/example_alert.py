"""One alert for the page "How to read an alert": a model of round numbers, and payments of one card.

The pipeline makes it as it makes any other; the numbers of the model are chosen, not learned, so that
the page does not change with every way of learning.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from streamer.arrays import Floats
from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.codes import CURRENCIES
from streamer.contract.messages import Alert
from streamer.durations import DAY_MS
from streamer.errors import InvariantError
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, FEATURES, add_verdicts
from streamer.intake.decoding import TimestampRange
from streamer.model import (
    N_BINS,
    N_STEPS,
    LogOdds,
    ModelConfig,
    Scorer,
    Sums,
    basis_size,
    odds_position,
)
from streamer.model.histogram import distribution_of
from streamer.pipeline import PartitionState, PipelineConfig, process

__all__ = ["example_alert"]

_LAST: Final = datetime(2026, 3, 14, 2, 12, tzinfo=UTC)
_N_PAYMENTS: Final = 10_000.0
_CONFIG: Final = PipelineConfig(
    model=ModelConfig(
        feature_names=FEATURE_NAMES,
        spread_floors=tuple(feature.spread_floor for feature in FEATURES),
        sides=tuple(feature.side for feature in FEATURES),
        n_currencies=len(CURRENCIES),
        context_names=CONTEXT_NAMES,
        n_clusters=1,
    ),
    believable=TimestampRange(earliest_ms=0, max_ahead_ms=DAY_MS),
)
# What is usual on the model's scale, where that is not 0: counts, gaps and distances are ln(1 + x).
_USUAL: Final = {
    "card_payments_1h": 0.7,
    "card_payments_1d": 1.1,
    "card_gap": 10.5,
    "card_hour_familiarity": 0.6,
    "travel_speed": 1.0,
    "travel_distance": 1.5,
    "card_high_series": 0.5,
    "card_small_series": 0.2,
    "card_country_familiarity": 0.9,
    "card_category_familiarity": 0.3,
    "card_merchant_familiarity": 0.2,
    "merchant_high_series": 1.0,
}
_USUAL_FRAUD_SHARE: Final = -5.5
_USUAL_JUDGEABLE: Final = 4.0
_USUAL_LN_DISTANCE: Final = 2.0


def example_alert() -> Alert:
    """Return the alert on the last payment of a card that pays in Germany, at night and in France."""
    state = PartitionState.empty(_CONFIG, 100, 100)
    judged_ms = np.full(40, (_LAST - timedelta(days=1)).timestamp() * 1_000, dtype=np.int64)
    is_fraud = np.zeros(40)
    is_fraud[:14] = 1.0
    verdicts = state.tables.merchant_verdicts
    add_verdicts(verdicts, ["shop-977"] * 40, judged_ms, is_fraud, np.ones(40))
    records = [
        StoredRecord(i, _ms(_LAST), payment["card_id"].encode(), json.dumps(payment).encode())
        for i, payment in enumerate(_payments())
    ]
    batch = Batch("transactions", 2, records, _ms(_LAST))
    outcome = process(batch, state, _version(), _CONFIG, now_ms=_ms(_LAST) + 480)
    if outcome is None or not outcome.alerts:
        raise InvariantError("the last payment of the example must be alerted, got no alert")
    return outcome.alerts[-1]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def _payments() -> list[dict[str, Any]]:
    """Return forty days of a card's payments in the afternoon, and one that is unlike them."""
    usual = [
        {
            "transaction_id": f"t-{i}",
            "card_id": "card-4711",
            "amount": 20.0 + 3 * (i % 7),
            "currency": "EUR",
            "timestamp": (_LAST + timedelta(days=i - 40, hours=14 + i % 3)).isoformat(),
            "merchant_id": f"shop-{i % 4}",
            "mcc": "5411",
            "country": "DE",
            "latitude": 52.52,
            "longitude": 13.4,
            "channel": "pos",
        }
        for i in range(39)
    ]
    last = usual[-1] | {
        "transaction_id": "t-90210",
        "amount": 489.9,
        "timestamp": _LAST.isoformat(),
        "merchant_id": "shop-977",
        "mcc": "5732",
        "country": "FR",
        "latitude": 48.86,
        "longitude": 2.35,
    }
    return [*usual, last]


def _version() -> Scorer:
    """Return a version of one center, at what is usual, whose odds rank."""
    usual = np.array([_USUAL.get(name, 0.0) for name in FEATURE_NAMES])
    spread = np.array([max(2 * feature.spread_floor, 0.5) for feature in FEATURES])
    sums = Sums.zero(_CONFIG.model)
    known = np.full((1, len(FEATURES)), _N_PAYMENTS)
    sums.cluster_weights = known[:, 0].copy()
    sums.cluster_known, sums.cluster_sums = known, known * usual
    sums.cluster_sums_sq = known * (usual**2 + spread**2)
    sums.feature_weights, sums.feature_sums = known[0], known[0] * usual
    sums.feature_sums_sq, sums.feature_addends = sums.cluster_sums_sq[0], 0.5 * known[0]
    sums.currency_weights[:], sums.currency_sums[:] = _N_PAYMENTS, _N_PAYMENTS * 3.5
    sums.transactions_seen = sums.transactions_taught = int(_N_PAYMENTS)
    version = Scorer.of("5f1c2d" + "0" * 58, sums, _CONFIG.model)
    # 99.5% of recent payments have log-odds from -9 to -3, the others more.
    counts = np.zeros(N_BINS)
    for log_odds in np.linspace(-9.0, -3.0, 199):
        counts[int(odds_position(log_odds))] += 1.0
    counts[int(odds_position(-1.0))] += 1.0
    below = distribution_of(counts, 0.25 * version.asked.share)
    return replace(
        version,
        odds=_odds(usual, spread),
        ranks_by_odds=True,
        distances_below=below,
        odds_below=below,
    )


def _odds(usual: Floats, spread: Floats) -> LogOdds:
    """Return odds that rise with every input on its suspicious side, by a line each."""
    context = [
        _USUAL_FRAUD_SHARE
        if "fraud_share" in name
        else _USUAL_JUDGEABLE
        if "judgeable" in name
        else _USUAL.get(name, 0.0)
        for name in CONTEXT_NAMES
    ]
    means = np.concatenate([usual, context, [_USUAL_LN_DISTANCE]])
    deviations = np.concatenate([spread, np.ones(len(context)), [1.0]])
    beta = np.zeros(basis_size(len(means)))
    beta[0] = -6.5
    n_hinges = (len(beta) - 1 - N_STEPS) // len(means)
    for j, side in enumerate([*(feature.side for feature in FEATURES), *(1 for _ in context), 1]):
        first = 1 + j * n_hinges
        # The line below the mean comes first, the one above it after both of those below.
        beta[first], beta[first + 2] = (-0.1, 0.14) if side > 0 else (0.14, -0.1)
    return LogOdds(means, deviations, np.full(N_STEPS, np.inf), beta)
