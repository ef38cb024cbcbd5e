"""What verdicts said of a payment's merchant and card: decayed shares of fraud.

A verdict is counted at the time at which it was decided, whenever it arrives, so the order of
arrival changes nothing.  A payment older than the latest verdict on its merchant (a replay of the
past) sees the sums as they were left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.features.catalogue import Feature, from_log1p
from streamer.features.entities import EntityKind, EntityTable

__all__ = [
    "CARD_VERDICTS",
    "MERCHANT_VERDICTS",
    "VERDICT_FEATURES",
    "add_verdicts",
    "verdict_matrix",
    "verdict_sums",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_DAY_S: Final = 86_400.0
_MERCHANT_DAYS: Final = (1, 3, 7)
_CARD_DAYS: Final = (28,)


def _twice(days: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(day * _DAY_S for day in days) * 2


# Sums at each half-life: frauds; then verdicts of either kind.
MERCHANT_VERDICTS: Final = EntityKind("merchant_verdicts", _twice(_MERCHANT_DAYS))
CARD_VERDICTS: Final = EntityKind("card_verdicts", _twice(_CARD_DAYS))

# An entity without verdicts is taken to be like one with a single verdict, one percent of it fraud.
_PRIOR_SHARE: Final = 0.01
_PRIOR_WEIGHT: Final = 1.0


def _percent(log_odds: float) -> float:
    return float(100.0 / (1.0 + np.exp(-log_odds)))


def _features(entity: str, days: tuple[int, ...]) -> list[Feature]:
    shares = [
        Feature(
            f"{entity}_fraud_share_{day}d", f"percent of the {entity}'s verdicts", _percent, 0.1,
            f"{{value}}% of this {entity}'s judged payments, mostly of the last {day} d, were fraud",
        )
        for day in days
    ]  # fmt: skip
    counts = [
        Feature(
            f"{entity}_verdicts_{day}d", f"verdicts on the {entity}", from_log1p, 0.1,
            f"{{value}} verdicts on this {entity}, mostly of the last {day} d",
        )
        for day in days
    ]  # fmt: skip
    return shares + counts


VERDICT_FEATURES: Final[tuple[Feature, ...]] = (
    *_features("merchant", _MERCHANT_DAYS),
    *_features("card", _CARD_DAYS),
)


def add_verdicts(
    table: EntityTable, keys: Sequence[str], times_ms: Integers, frauds: Floats, counts: Floats
) -> None:
    """Count verdicts on the entities ``keys`` (IN/OUT ``table``).

    ``frauds`` and ``counts`` (n,): 1 or 0 and 1 for a verdict that begins to stand, the same negated
    for one that no longer does.
    """
    if not keys:
        return
    half_lives = np.array(table.kind.half_lives_s)
    n_half = len(half_lives) // 2
    rows, index = np.unique(table.rows(keys), return_inverse=True)
    stored_times = table.times_ms[rows]
    latest = stored_times.copy()
    np.maximum.at(latest, index, times_ms)
    # A row that no verdict has reached yet is at time -1, with sums of zero.
    behind_s = np.where(stored_times >= 0, latest - stored_times, 0) / 1000
    sums = table.states[rows] * np.exp2(-behind_s[:, None] / half_lives)
    ages_s = (latest[index] - times_ms) / 1000
    addends = np.repeat(np.column_stack([frauds, counts]), n_half, axis=1)
    np.add.at(sums, index, addends * np.exp2(-ages_s[:, None] / half_lives))
    table.store(rows, latest, sums)


def verdict_sums(table: EntityTable, keys: Sequence[str | None], times_ms: Integers) -> Floats:
    """Return the decayed sums of each key at its time, (n, n_sums); NaN for a key that is None."""
    n_sums = table.kind.n_sums
    sums = np.zeros((len(keys), n_sums))
    present = [key for key in keys if key is not None]
    if not len(table):
        if len(present) < len(keys):
            sums[[i for i, key in enumerate(keys) if key is None]] = np.nan
    else:
        known = np.array([i for i, key in enumerate(keys) if key is not None], dtype=np.int64)
        rows = table.rows(present)
        age_s = np.maximum(times_ms[known] - table.times_ms[rows], 0) / 1000
        decay = np.exp2(-age_s[:, None] / np.array(table.kind.half_lives_s))
        sums[:] = np.nan
        sums[known] = table.states.take(rows, axis=0) * decay
    return sums


def verdict_matrix(merchant_sums: Floats, card_sums: Floats) -> Floats:
    """Return V, shape (n, n_verdict_features): log-odds of the shares, then ln(1 + verdicts)."""
    return np.hstack([_shares(merchant_sums), _shares(card_sums)])


def _shares(sums: Floats) -> Floats:
    n = sums.shape[1] // 2
    # What was retracted can leave a rounding error below zero.
    frauds, counts = np.maximum(sums[:, :n], 0.0), np.maximum(sums[:, n:], 0.0)
    legitimate = np.maximum(counts - frauds, 0.0)
    prior_frauds = _PRIOR_SHARE * _PRIOR_WEIGHT
    log_odds = np.log(frauds + prior_frauds) - np.log(legitimate + _PRIOR_WEIGHT - prior_frauds)
    return np.hstack([log_odds, np.log1p(counts)])
