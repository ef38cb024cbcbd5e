"""Drift in words: which features have moved since the reference was frozen, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from streamer.contract.codes import CURRENCIES
from streamer.features import AMOUNT, FEATURES
from streamer.model import MOVED_PSI, Drift, ModelConfig, Sums, drift_of

__all__ = ["DriftReport", "FeatureDrift", "describe_drift"]

# Less than this, in deviations of the reference, is no direction that a person would name.
_DIRECTED: Final = 0.1
_KNOWN_LESS: Final = 0.1

Reference = Literal["none", "provisional", "settled"]
Direction = Literal[
    "up", "down", "wider", "narrower", "none", "known more often", "known less often"
]


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature against the reference; ``usual`` and ``now`` are means, in ``unit``.

    Means are taken on the scale of the model, mostly logarithmic.  None where nothing is known.
    """

    feature: str
    unit: str
    psi: float
    ks: float
    usual: float | None
    now: float | None
    usually_known: float
    now_known: float
    direction: Direction
    has_moved: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The features, those that moved most first.  Amounts are told in ``currency``."""

    reference: Reference
    reference_transactions: int
    currency: str
    features: tuple[FeatureDrift, ...]


def describe_drift(sums: Sums, config: ModelConfig) -> DriftReport:
    """Return the drift of ``sums`` in the units of the payment world.

    Until the reference has settled no feature ``has_moved``: young histories move by themselves.
    """
    drift = drift_of(sums, config)
    currency = int(sums.currency_weights.argmax())
    usual_amount = float(sums.reference_currency_means[currency])
    features = [
        _feature(drift, index, usual_amount, CURRENCIES[currency])
        for index in np.argsort(-drift.psi, kind="stable").tolist()
    ]
    return DriftReport(
        reference=_status(drift),
        reference_transactions=drift.reference_at,
        currency=CURRENCIES[currency],
        features=tuple(features),
    )


def _status(drift: Drift) -> Reference:
    if not drift.reference_at:
        return "none"
    return "settled" if drift.is_settled else "provisional"


def _feature(drift: Drift, index: int, usual_amount: float, currency: str) -> FeatureDrift:
    feature = FEATURES[index]
    shift = usual_amount if index == AMOUNT else 0.0
    usual, now = (
        None if np.isnan(mean) else feature.to_unit(float(mean) + shift)
        for mean in (drift.reference_means[index], drift.means[index])
    )
    return FeatureDrift(
        feature=feature.name,
        unit=currency if index == AMOUNT else feature.unit,
        psi=float(drift.psi[index]),
        ks=float(drift.ks[index]),
        usual=usual,
        now=now,
        usually_known=float(drift.reference_known[index]),
        now_known=float(drift.known[index]),
        direction=_direction(drift, index),
        has_moved=drift.is_settled and bool(drift.psi[index] > MOVED_PSI),
        sentence=_sentence(drift, index, usual, now, currency),
    )


def _direction(drift: Drift, index: int) -> Direction:
    known, usually_known = drift.known[index], drift.reference_known[index]
    if abs(known - usually_known) > _KNOWN_LESS:
        return "known more often" if known > usually_known else "known less often"
    spread, usual_spread = drift.spreads[index], drift.reference_spreads[index]
    shift = drift.means[index] - drift.reference_means[index]
    if abs(shift) > _DIRECTED * usual_spread:
        return "up" if shift > 0 else "down"
    if abs(spread - usual_spread) > _DIRECTED * usual_spread:
        return "wider" if spread > usual_spread else "narrower"
    return "none"


def _sentence(
    drift: Drift, index: int, usual: float | None, now: float | None, currency: str
) -> str:
    name = FEATURES[index].name
    direction = _direction(drift, index)
    if direction.startswith("known") or usual is None or now is None:
        shares = drift.known[index], drift.reference_known[index]
        what = "known in {:.0%} of payments, usually {:.0%}".format(*shares)
    else:
        quantity = FEATURES[index].quantity
        what = f"usual {quantity(usual, currency)}, now {quantity(now, currency)}"
        if direction in ("wider", "narrower"):
            ratio = drift.spreads[index] / max(drift.reference_spreads[index], 1e-12)
            what += f", spread {ratio:.2g} times as far"
    return f"{name}: {what}; PSI {drift.psi[index]:.2f}, KS {drift.ks[index]:.2f}"
