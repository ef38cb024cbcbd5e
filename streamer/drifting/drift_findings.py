"""What the drift report tells: a version's histograms against its reference, and its latest payments.

Three stretches of traffic are told apart.  The reference is what was remembered when it was frozen;
recent traffic is what the histograms remember now, over the half-life; the latest payments are the
version's recent sample, some tens of thousands of payments, each counting for its weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np

from streamer.arrays import Floats
from streamer.features import AMOUNT, FEATURES
from streamer.features.catalogue import FEATURE_NAMES
from streamer.model import MOVED_PSI, ModelConfig, Sums
from streamer.model.drift import shares_of
from streamer.model.feature_histogram import bin_edges
from streamer.model.recent import unpacked
from streamer.reports.drift_report import FeatureDrift, Reference, describe_drift

__all__ = ["WATCHED_PSI", "Level", "drift_findings", "has_drifted"]

WATCHED_PSI: Final = 0.1
"""Half of what counts as moved: the lower mark of the same rule of thumb."""
_CHANCE: Final = 1.628
"""Two samples of one distribution differ by more than this times sqrt(1/n + 1/m) in 1% of cases
(Kolmogorov's distribution)."""
_ENDS: Final = (0.05, 0.5, 0.95)

Level = Literal["moved", "watch", "steady", "not settled"]


def drift_findings(
    version_id: str,
    sums: Sums,
    config: ModelConfig,
    lineage: Sequence[dict[str, str]] = (),
) -> dict[str, Any]:
    """Return the drift of a version as a JSON object, what has moved most first.

    ``lineage`` are the changes of the head, from which the time of the reference is taken: that of the
    version that had seen as many payments.  Edges of bins are on the model's scale, their shares sum to
    1 with the first, which is of payments in which the feature was not known.
    """
    report = describe_drift(sums, config)
    frozen = [each["at"] for each in lineage if _seen(each) == report.reference_transactions > 0]
    remembered = [
        float(histograms[0].sum())
        for histograms in (sums.reference_histograms, sums.feature_histograms)
    ]
    return {
        "version": version_id,
        "transactions_seen": sums.transactions_seen,
        "reference": report.reference,
        "reference_transactions": report.reference_transactions,
        "reference_frozen_at": frozen[-1] if frozen else None,
        "half_life_transactions": config.half_life,
        "currency": report.currency,
        "remembered": {"reference": round(remembered[0]), "now": round(remembered[1])},
        "latest_payments": round(float(unpacked(sums.recent_rows, config).weights.sum())),
        "limits": {
            "psi_watched": WATCHED_PSI,
            "psi_moved": MOVED_PSI,
            "ks_by_chance": _by_chance(*remembered),
        },
        "moved": [each.feature for each in report.features if each.has_moved],
        "features": [
            _feature(each, sums, config, report.reference, report.currency)
            for each in report.features
        ],
    }


def has_drifted(sums: Sums, config: ModelConfig) -> tuple[str, ...]:
    """Return the sentences of the features that have moved; none before the reference has settled."""
    return tuple(each.sentence for each in describe_drift(sums, config).features if each.has_moved)


def _seen(entry: dict[str, str]) -> int:
    text = entry.get("transactions_seen", "")
    return int(text) if text.isdigit() else -1


def _by_chance(n: float, m: float) -> float | None:
    return None if not n or not m else min(_CHANCE * (1 / n + 1 / m) ** 0.5, 1.0)


def _feature(
    drift: FeatureDrift, sums: Sums, config: ModelConfig, reference: Reference, currency: str
) -> dict[str, Any]:
    index = FEATURE_NAMES.index(drift.feature)
    shift = _shift(sums) if index == AMOUNT else 0.0
    edges = bin_edges(config.spread_floors[index])
    return {
        **msgspec.to_builtins(drift),
        "level": _level(drift, reference),
        "latest": _latest(index, sums, config, currency, shift),
        "bins": {
            "edges": (edges + shift).tolist(),
            "reference": shares_of(sums.reference_histograms[index]).tolist(),
            "now": shares_of(sums.feature_histograms[index]).tolist(),
        },
    }


def _shift(sums: Sums) -> float:
    """Return the usual ln amount of the main currency, which amounts are counted against."""
    return float(sums.reference_currency_means[int(sums.currency_weights.argmax())])


def _level(drift: FeatureDrift, reference: Reference) -> Level:
    if reference != "settled":
        return "not settled"
    if drift.has_moved:
        return "moved"
    return "watch" if drift.psi > WATCHED_PSI else "steady"


def _latest(
    index: int, sums: Sums, config: ModelConfig, currency: str, shift: float
) -> dict[str, Any] | None:
    """Return where the latest payments lie: 5%, half and 95% of them are below; None without any."""
    recent = unpacked(sums.recent_rows, config)
    values, weights = recent.X[:, index], recent.weights
    if index == AMOUNT:
        usual = sums.reference_currency_means[recent.currencies]
        values = np.where(usual == 0.0, np.nan, values - usual)
    is_known = ~np.isnan(values)
    total = float(weights.sum())
    if not total or not is_known.any():
        return None
    scaled = _quantiles(values[is_known], weights[is_known]) + shift
    feature = FEATURES[index]
    units = [feature.to_unit(float(value)) for value in scaled]
    told = [feature.quantity(value, currency) for value in units]
    return {
        "known": float(weights[is_known].sum()) / total,
        "low": units[0],
        "median": units[1],
        "high": units[2],
        "scaled": scaled.tolist(),
        "sentence": f"latest payments: half below {told[1]}, nine of ten from {told[0]} to {told[2]}",
    }


def _quantiles(values: Floats, weights: Floats) -> Floats:
    """Return the values below which `_ENDS` of the weight lie, (3,)."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.array(_ENDS) * reached[-1])
    return np.asarray(values[order][np.minimum(places, len(values) - 1)])
