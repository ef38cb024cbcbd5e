"""What a model version is, in the units of the payment world: one description, whoever asks for it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from streamer.contract.codes import CURRENCIES
from streamer.explaining.centers import describe_center
from streamer.model import Scorer
from streamer.model.codec import VersionHeader
from streamer.reports.census_report import describe_census
from streamer.reports.delays_report import describe_delays
from streamer.reports.drift_report import describe_drift
from streamer.reports.odds_report import describe_odds

__all__ = ["describe_version"]


def describe_version(version: Scorer, header: VersionHeader | None) -> dict[str, Any]:
    """Return a version as a JSON object, with its ``header`` where it comes from somewhere.

    Its centers are told in the most frequent currency, those that most payments are nearest to first;
    while it is warming there are none, and no threshold.
    """
    sums, config, is_warming = version.sums, version.config, version.is_warming
    currency = int(sums.currency_weights.argmax())
    mean = float(version.currency_means[currency])
    usual = 0.0 if np.isnan(mean) else mean
    order = [] if is_warming else np.argsort(-sums.cluster_weights).tolist()
    return {
        "version": version.id,
        "status": "warming" if is_warming else "learning",
        **({} if header is None else msgspec.to_builtins(header)),
        "transactions_seen": sums.transactions_seen,
        "transactions_taught": sums.transactions_taught,
        "revivals": sums.revivals,
        "alert_budget": config.alert_budget,
        "alerts_per_hour": config.alerts_per_hour,
        "warmup": {"have": len(sums.warmup_X), "need": config.warmup} if is_warming else None,
        "threshold_distance": None if is_warming else version.threshold_sq**0.5,
        "currency": CURRENCIES[currency],
        "centers": [msgspec.to_builtins(describe_center(version, k, usual)) for k in order],
        "odds": describe_odds(version),
        "fraud_delays": describe_delays(sums),
        "found": describe_census(version),
        "drift": msgspec.to_builtins(describe_drift(sums, config)),
    }
